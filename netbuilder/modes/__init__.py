"""One recipe a mode, each read as the story of that mode. How long a plan is tells the subject in one line:
host 0 steps, container 0, none 2, bridge about a dozen."""

from __future__ import annotations

from netbuilder.modes import bridge, container, host, none
from netbuilder.plan import Plan
from netbuilder.resolved import ResolvedSandbox

_RECIPES = {"bridge": bridge.plan, "host": host.plan, "container": container.plan, "none": none.plan}


def plan(sandbox: ResolvedSandbox) -> Plan:
    """The steps that make a sandbox, in the order a person would type them."""
    return _RECIPES[sandbox.mode](sandbox)
