"""Host mode: no namespace of its own. A server inside is simply on the host's ports, so there is nothing to do."""

from __future__ import annotations

from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.steps import Plan


def plan(sandbox: ResolvedSandbox) -> Plan:
    """No steps: the host's namespace is there already."""
    return Plan()
