"""Container mode: a flatmate. It lives in another sandbox's room, with its address, its ports and its localhost, as
the containers of a Kubernetes pod do, so there is nothing to do."""

from __future__ import annotations

from netbuilder.plan import Plan
from netbuilder.resolved import ResolvedSandbox


def plan(sandbox: ResolvedSandbox) -> Plan:
    """No steps: the other sandbox's namespace is there already."""
    return Plan()
