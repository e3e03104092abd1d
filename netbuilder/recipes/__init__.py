"""What makes networks and sandboxes, one recipe a mode, each read as the story of that mode.

    network      what bridge mode stands on: the rules, a bridge, forwarding
    bridge, none, container, host      the four modes
    units        the parts of a host, in the order in which they are made

How long a plan is tells the subject in one line: host 0 steps, container 0, none 4, bridge about a dozen.
"""

from __future__ import annotations

from netbuilder.recipes import bridge, container, host, none
from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.steps import Plan

_RECIPES = {"bridge": bridge.plan, "host": host.plan, "container": container.plan, "none": none.plan}


def plan(sandbox: ResolvedSandbox) -> Plan:
    """The steps that make a sandbox, in the order a person would type them."""
    return _RECIPES[sandbox.mode](sandbox)
