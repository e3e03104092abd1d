"""What is told of sandboxes and networks, as JSON values; the tables are drawn from the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from netbuilder import recipes
from netbuilder.host import Host, LiveSandbox
from netbuilder.kernel import namespaces
from netbuilder.recipes import network
from netbuilder.recipes.units import FIREWALL, FORWARDING, FORWARDING6, Key
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedNetwork, ResolvedSandbox
from netbuilder.steps import AddElement, Plan, PublishPort, Step
from netbuilder.values.addresses import Family
from netbuilder.values.ports import ALL_OF

Missing = Mapping[tuple[str, str], Plan]
"""What does not hold of each network and sandbox that stands, and of what all networks share."""

_TRANSLATED = {f"{set_}{version}" for set_ in ("masqueraded", "snat") for version in (4, 6)}
"""The sets by which what leaves a network gets another source address."""


def is_gone(sandbox: LiveSandbox) -> bool:
    """Whether its namespace was taken away by somebody else."""
    pin = sandbox.resolved.namespace
    return pin is not None and not namespaces.pinned(pin)


def sandboxes(host: Host) -> list[dict[str, Any]]:
    """What `ps` tells."""
    missing = host.missing()
    return [_summary(one, missing) for one in host.sandboxes() if Key("sandbox", one.name) in missing]


def networks(host: Host) -> list[dict[str, Any]]:
    """What `networks` tells."""
    missing, members = host.missing(), [(one.name, one.resolved.networks) for one in host.sandboxes()]
    return [
        {
            "name": one.name,
            "bridge": one.bridge,
            "adopted": one.adopted,
            "subnets": list(map(str, one.subnets)),
            "gateways": [str(gateway.ip) for gateway in one.gateways],
            "gateway_modes": [pool.mode for pool in one.pools],
            "mac": one.mac,
            "mtu": one.mtu,
            "masquerade": one.masquerade,
            "internal": one.internal,
            "icc": one.icc,
            "labels": {label.name: label.value for label in one.labels},
            "sandboxes": [name for name, its_networks in members if one.name in its_networks],
            **_state(_facts([one.name], None, one.has_ipv6, missing)),
        }
        for one in host.networks()
        if Key("network", one.name) in missing
    ]


def details(sandbox: LiveSandbox) -> dict[str, Any]:
    """What `inspect` tells."""
    missing = sandbox.host.missing()
    owner = sandbox.host.owner_of(sandbox.resolved)
    its_networks = [one for one in sandbox.host.networks() if one.name in owner.networks]
    return {
        **_summary(sandbox, missing),
        "adopted": sandbox.resolved.adopted,
        "missing": _explained(_facts_of(owner, missing)),
        "packets_in": _explained(step for step in recipes.plan(owner) if isinstance(step, PublishPort)),
        "packets_out": _explained(_masquerade(its_networks)),
        "commands": _explained(recipes.plan(sandbox.resolved)),
    }


def _summary(sandbox: LiveSandbox, missing: Missing) -> dict[str, Any]:
    owner = sandbox.host.owner_of(sandbox.resolved)
    gone: dict[str, Any] = {"state": "gone", "broken": None}
    return {
        "name": sandbox.name,
        "mode": sandbox.mode,
        "shares": sandbox.resolved.shares,
        "namespace": sandbox.namespace and str(sandbox.namespace),
        **wiring(owner),
        **(gone if is_gone(sandbox) else _state(_facts_of(owner, missing))),
    }


def wiring(sandbox: ResolvedSandbox) -> dict[str, Any]:
    """Where a sandbox is reached."""
    return {
        "endpoints": list(map(_endpoint, sandbox.endpoints)),
        "ports": list(_ports(sandbox)),
        "waiting": list(sandbox.waiting),
    }


def _ports(sandbox: ResolvedSandbox) -> Iterator[dict[str, Any]]:
    """The published ports: on which of the host's addresses each is open, and its number there; None where it is
    reached at the sandbox's own address alone."""
    for port in sandbox.ports:
        for is_routed, kinds in groupby(port.families, lambda kind: _is_routed(sandbox, kind)):
            yield {
                "host_ip": port.host_ip and str(port.host_ip),
                "open_on": [str(port.host_ip or ALL_OF[kind]) for kind in kinds if sandbox.gateway_endpoint(kind)],
                "host_port": None if is_routed else port.host_port,
                "sandbox_port": port.sandbox_port,
                "protocol": port.protocol,
                "count": port.count,
            }


def _is_routed(sandbox: ResolvedSandbox, kind: Family) -> bool:
    endpoint = sandbox.gateway_endpoint(kind)
    return endpoint is not None and kind in endpoint.routed


def _endpoint(endpoint: ResolvedEndpoint) -> dict[str, Any]:
    return {
        "network": endpoint.network,
        "bridge": endpoint.bridge,
        "veth": endpoint.veth,
        "interface": endpoint.interface,
        "addresses": list(map(str, endpoint.addresses)),
        "link_local": list(map(str, endpoint.link_local)),
        "gateways": list(map(str, endpoint.gateways)),
        "gw_priority": endpoint.gw_priority,
        "mac": endpoint.mac,
        "mtu": endpoint.mtu,
    }


def _facts_of(sandbox: ResolvedSandbox, missing: Missing) -> Iterator[Step]:
    has_ipv6 = any(address.version == 6 for endpoint in sandbox.endpoints for address in endpoint.addresses)
    return _facts(sandbox.networks, sandbox.name, has_ipv6, missing)


def _facts(its_networks: Iterable[str], sandbox: str | None, has_ipv6: bool, missing: Missing) -> Iterator[Step]:
    """What does not hold of networks and a sandbox on them, in the order in which it would be done."""
    on = [Key(kind, name) for name in sorted(its_networks) for kind in ("network", "localnet")]
    its_own = [Key("sandbox", sandbox)] if sandbox else []
    keys = [FIREWALL, *on, *its_own, FORWARDING, *([FORWARDING6] if has_ipv6 else [])] if on else its_own
    return (step for key in keys for step in missing.get(key, ()))


def _state(facts: Iterator[Step]) -> dict[str, Any]:
    """Whether all is as it should be, and if not, the first thing that is not, in the words of its step."""
    first = next(facts, None)
    return {"state": "broken" if first else "ok", "broken": first and first.because}


def _masquerade(its_networks: Iterable[ResolvedNetwork]) -> Iterable[Step]:
    """The MASQUERADE of its networks, or their SNAT."""
    steps = (step for one in its_networks for step in network.plan(one))
    return (step for step in steps if isinstance(step, AddElement) and step.set in _TRANSLATED)


def _explained(steps: Iterable[Step]) -> list[dict[str, str]]:
    return [{"why": step.because, "command": step.command()} for step in steps]
