"""From specs to a Compose file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import yaml

from netbuilder.compose import keys
from netbuilder.compose.read import refuse_twins
from netbuilder.errors import SpecError
from netbuilder.spec import DEFAULT_NETWORK, Bridge, Container, Network, Sandbox


def dump(specs: Iterable[Network | Sandbox]) -> str:
    """Write specs as a Compose file; `parse` reads them back, networks first.

    Raises:
        SpecError: If Compose has no words for one: an adopted namespace, or a network that is not among the specs.
    """
    specs = tuple(specs)
    for kind in (Network, Sandbox):
        refuse_twins((f"specs[{i}]", spec.name) for i, spec in enumerate(specs) if isinstance(spec, kind))
    networks = {spec.name: _network(spec) for spec in specs if isinstance(spec, Network)}
    names = {spec.name for spec in specs if isinstance(spec, Sandbox)}
    services = {spec.name: _service(spec, networks, names) for spec in specs if isinstance(spec, Sandbox)}
    return yaml.safe_dump(_given(networks=networks, services=services), sort_keys=False)


def _given(**values: object) -> dict[str, Any]:
    """The values that say something."""
    return {key: value for key, value in values.items() if value}


def _network(network: Network) -> dict[str, Any] | None:
    masquerade = "" if network.masquerade else "false"
    options = {keys.BRIDGE: network.bridge, keys.MTU: network.mtu, keys.MASQUERADE: masquerade}
    pool = _given(subnet=str(network.subnet or ""), gateway=str(network.gateway or ""))
    ipam = _given(config=[pool] if pool else None)
    return _given(driver_opts=_given(**options), ipam=ipam, internal=network.internal) or None


def _service(sandbox: Sandbox, networks: Collection[str], names: Collection[str]) -> dict[str, Any]:
    if sandbox.namespace is not None:
        problem = "a Compose file has no words for an adopted namespace"
        raise SpecError(f"{sandbox.name}.namespace", problem, "leave that sandbox out")
    match sandbox.mode:
        case Bridge() as bridge:
            return _attachment(sandbox.name, bridge, networks) | _given(ports=[str(port) for port in bridge.publish])
        case Container(sandbox=name):
            return {"network_mode": f"{'service' if name in names else 'container'}:{name}"}
        case mode:
            return {"network_mode": mode.kind}


def _attachment(name: str, bridge: Bridge, networks: Collection[str]) -> dict[str, Any]:
    address, mac = str(bridge.address or ""), bridge.mac
    if bridge.network in networks:
        return {"networks": {bridge.network: _given(ipv4_address=address, mac_address=mac) or None}}
    if bridge.network == DEFAULT_NETWORK and not address:
        return {"network_mode": "bridge", **_given(mac_address=mac)}
    hint = f"add Network(name={bridge.network!r}) to them"
    raise SpecError(f"{name}.mode.network", f"network {bridge.network} is not among the specs", hint)
