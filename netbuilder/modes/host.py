"""Host mode: no room of its own. A server inside is simply on the host's ports, so there is nothing to do."""

from __future__ import annotations

from netbuilder.plan import Plan
from netbuilder.resolved import ResolvedSandbox


def plan(sandbox: ResolvedSandbox) -> Plan:
    """No steps: the host's namespace is there already."""
    return Plan()
