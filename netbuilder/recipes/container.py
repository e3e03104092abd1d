"""Container mode: it lives in another sandbox's namespace, with its address, its ports and its localhost, as the
containers of a Kubernetes pod do, so there is nothing to do."""

from __future__ import annotations

from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.steps import Plan


def plan(sandbox: ResolvedSandbox) -> Plan:
    """No steps: the other sandbox's namespace is there already."""
    return Plan()
