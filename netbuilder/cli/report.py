"""What is told of a sandbox, as JSON values; the tables are drawn from the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netbuilder import recipes
from netbuilder.host import LiveSandbox
from netbuilder.kernel import namespaces
from netbuilder.recipes import network
from netbuilder.resolve.resolved import ResolvedEndpoint
from netbuilder.steps import AddElement, PublishPort, Step


def is_gone(sandbox: LiveSandbox) -> bool:
    """Whether its namespace was taken away by somebody else."""
    pin = sandbox.resolved.namespace
    return pin is not None and not namespaces.pinned(pin)


def summary(sandbox: LiveSandbox) -> dict[str, Any]:
    """What `ps` tells."""
    endpoint = next(iter(sandbox.endpoints), None)
    return {
        "name": sandbox.name,
        "mode": sandbox.mode,
        "shares": sandbox.resolved.shares,
        "network": endpoint and endpoint.network,
        "address": endpoint and str(sandbox.address),
        "mac": endpoint and endpoint.mac,
        "ports": [port.model_dump(mode="json") for port in sandbox.ports],
        "namespace": sandbox.namespace and str(sandbox.namespace),
        "state": "gone" if is_gone(sandbox) else "ok",
    }


def details(sandbox: LiveSandbox) -> dict[str, Any]:
    """What `inspect` tells."""
    endpoint = next(iter(sandbox.endpoints), None)
    owner = sandbox.host.owner_of(sandbox.resolved)
    return {
        **summary(sandbox),
        **_wiring(endpoint),
        "adopted": sandbox.resolved.adopted,
        "packets_in": _explained(step for step in recipes.plan(owner) if isinstance(step, PublishPort)),
        "packets_out": _explained(_masquerade(sandbox, endpoint)),
        "commands": _explained(recipes.plan(sandbox.resolved)),
    }


def _wiring(endpoint: ResolvedEndpoint | None) -> dict[str, Any]:
    if endpoint is None:
        return dict.fromkeys(("prefix", "gateway", "bridge", "veth", "mtu"))
    return {
        "prefix": endpoint.addresses[0].network.prefixlen,
        "gateway": str(endpoint.gateways[0]) if endpoint.gateways else None,
        "bridge": endpoint.bridge,
        "veth": endpoint.veth,
        "mtu": endpoint.mtu,
    }


def _masquerade(sandbox: LiveSandbox, endpoint: ResolvedEndpoint | None) -> Iterable[Step]:
    """The MASQUERADE of its network."""
    mine = (one for one in sandbox.host.networks() if endpoint and one.name == endpoint.network)
    return (
        step for one in mine for step in network.plan(one) if isinstance(step, AddElement) and step.set == "masqueraded"
    )


def _explained(steps: Iterable[Step]) -> list[dict[str, str]]:
    return [{"why": step.because, "command": step.command()} for step in steps]
