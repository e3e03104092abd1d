"""What is told of a sandbox, as JSON values; the tables are drawn from the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netbuilder import modes
from netbuilder.kernel import namespaces
from netbuilder.modes import network
from netbuilder.resolved import Endpoint
from netbuilder.sandbox import LiveSandbox
from netbuilder.steps import AddElement, Step


def is_gone(sandbox: LiveSandbox) -> bool:
    """Whether its namespace was taken away by somebody else."""
    pin = sandbox.resolved.namespace
    return pin is not None and not namespaces.pinned(pin)


def summary(sandbox: LiveSandbox) -> dict[str, Any]:
    """What `ps` tells."""
    return _summary(sandbox, sandbox.endpoint)


def details(sandbox: LiveSandbox) -> dict[str, Any]:
    """What `inspect` tells."""
    endpoint = sandbox.endpoint
    return {
        **_summary(sandbox, endpoint),
        **_wiring(endpoint),
        "adopted": sandbox.resolved.adopted,
        "packets_in": _explained(_doors(sandbox)),
        "packets_out": _explained(_way_out(sandbox, endpoint)),
        "commands": _explained(modes.plan(sandbox.resolved)),
    }


def _summary(sandbox: LiveSandbox, endpoint: Endpoint | None) -> dict[str, Any]:
    return {
        "name": sandbox.name,
        "mode": sandbox.mode,
        "shares": sandbox.resolved.shares,
        "network": endpoint and endpoint.network,
        "address": endpoint and str(endpoint.address),
        "mac": endpoint and endpoint.mac,
        "ports": [port.model_dump(mode="json") for port in endpoint.publish] if endpoint else [],
        "namespace": sandbox.namespace and str(sandbox.namespace),
        "state": "gone" if is_gone(sandbox) else "ok",
    }


def _wiring(endpoint: Endpoint | None) -> dict[str, Any]:
    fields = {"prefix", "gateway", "bridge", "veth", "mtu"}
    return endpoint.model_dump(mode="json", include=fields) if endpoint else dict.fromkeys(sorted(fields))


def _doors(sandbox: LiveSandbox) -> Iterable[Step]:
    """The DNAT of its published ports, or of those of the sandbox it lives with."""
    owner = sandbox.host[sandbox.resolved.namespace] if sandbox.endpoint and sandbox.resolved.namespace else sandbox
    return (step for step in modes.plan(owner.resolved) if isinstance(step, AddElement))


def _way_out(sandbox: LiveSandbox, endpoint: Endpoint | None) -> Iterable[Step]:
    """The MASQUERADE of its network."""
    mine = (one for one in sandbox.host.networks() if endpoint and one.name == endpoint.network)
    return (
        step for one in mine for step in network.plan(one) if isinstance(step, AddElement) and step.set == "leaving"
    )


def _explained(steps: Iterable[Step]) -> list[dict[str, str]]:
    return [{"why": step.because, "command": step.command()} for step in steps]
