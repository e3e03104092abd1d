"""From specs to a Compose file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import yaml

from netbuilder.compose import keys
from netbuilder.compose.read import refuse_twins
from netbuilder.errors import SpecError
from netbuilder.spec import DEFAULT_NETWORK, Bridge, Container, Endpoint, Network, Sandbox

_WITHOUT_WORDS = {"namespace": "an adopted namespace", "routes": "routes"}


def dump(specs: Iterable[Network | Sandbox]) -> str:
    """Write specs as a Compose file; `parse` reads them back, networks first.

    Raises:
        SpecError: If Compose has no words for one: an adopted namespace, routes, bridge mode on no network,
            more of an external network than its name, or a network that is not among the specs.
    """
    specs = tuple(specs)
    for kind in (Network, Sandbox):
        refuse_twins((f"specs[{i}]", spec.name) for i, spec in enumerate(specs) if isinstance(spec, kind))
    networks = {spec.name: _network(spec) for spec in specs if isinstance(spec, Network)}
    names = {spec.name for spec in specs if isinstance(spec, Sandbox)}
    services = {spec.name: _service(spec, networks, names) for spec in specs if isinstance(spec, Sandbox)}
    return yaml.safe_dump(_escaped(_given(networks=networks, services=services)), sort_keys=False)


def _given(**values: object) -> dict[str, Any]:
    """The values that say something."""
    return {key: value for key, value in values.items() if value is False or value}


def _network(network: Network) -> dict[str, Any] | None:
    if network.external:
        return _external(network)
    pools = [_pool(network, 4), _pool(network, 6)]
    return (
        _given(
            enable_ipv4=None if network.ipv4 else False,
            enable_ipv6=True if network.has_ipv6 else network.ipv6,
            driver_opts=_options(network),
            ipam=_given(config=[pool for pool in pools if pool]),
            internal=network.internal or None,
            labels=dict(network.labels),
        )
        or None
    )


def _external(network: Network) -> dict[str, Any]:
    if network != Network(network.name, external=True):
        problem = "a Compose file has no words for an external network but its name"
        raise SpecError(f"{network.name}.external", problem, "leave out what else is said of it")
    return {"external": True}


def _options(network: Network) -> dict[str, Any]:
    options = {
        keys.BRIDGE: network.bridge,
        keys.MTU: network.mtu,
        keys.MASQUERADE: "" if network.masquerade else "false",
        keys.ICC: "" if network.icc else "false",
        keys.GATEWAY_MODE: _unless("nat", network.gateway_mode),
        keys.GATEWAY_MODE6: _unless("nat", network.gateway_mode6),
        keys.INHIBIT: "true" if network.inhibit_ipv4 else "",
        keys.HOST_IPV4: str(network.host_ipv4 or ""),
        keys.HOST_IPV6: str(network.host_ipv6 or ""),
        keys.HOST_BINDING: str(network.host_binding or ""),
        keys.TRUSTED: ":".join(network.trusted_interfaces),
        keys.PREFIX: _unless("eth", network.interface_prefix),
    }
    return _given(**options)


def _unless(default: str, value: str) -> str:
    return "" if value == default else value


def _pool(network: Network, version: int) -> dict[str, Any]:
    """What a network asks for in one family."""
    six = "6" if version == 6 else ""
    aux = {name: str(address) for name, address in network.aux_addresses.items() if address.version == version}
    fields = {field: str(getattr(network, f"{field}{six}") or "") for field in ("subnet", "gateway", "ip_range")}
    return _given(**fields, aux_addresses=aux)


def _service(sandbox: Sandbox, networks: Collection[str], names: Collection[str]) -> dict[str, Any]:
    for field, value in (("namespace", sandbox.namespace), ("routes", sandbox.routes)):
        if value:
            problem = f"a Compose file has no words for {_WITHOUT_WORDS[field]}"
            raise SpecError(f"{sandbox.name}.{field}", problem, "leave that sandbox out")
    settings = dict(map(_setting, sandbox.sysctls.items()))
    return _mode(sandbox, networks, names) | _given(sysctls=settings, labels=dict(sandbox.labels))


def _mode(sandbox: Sandbox, networks: Collection[str], names: Collection[str]) -> dict[str, Any]:
    match sandbox.mode:
        case Bridge() as bridge:
            return _attachments(sandbox.name, bridge, networks) | _given(ports=[str(port) for port in bridge.publish])
        case Container(sandbox=name):
            return {"network_mode": f"{'service' if name in names else 'container'}:{name}"}
        case mode:
            return {"network_mode": mode.kind}


def _attachments(name: str, bridge: Bridge, networks: Collection[str]) -> dict[str, Any]:
    on = [endpoint.network for endpoint in bridge.attachments]
    if not on:
        problem = "a Compose file has no words for bridge mode on no network"
        raise SpecError(f"{name}.mode.endpoints", problem, "use none mode, or leave that sandbox out")
    if on == [DEFAULT_NETWORK] and DEFAULT_NETWORK not in networks:
        [endpoint] = bridge.attachments
        if endpoint == Endpoint(mac=endpoint.mac):
            return {"network_mode": "bridge", **_given(mac_address=endpoint.mac)}
    for i, network in enumerate(on):
        if network not in networks:
            field = f"mode.endpoints[{i}].network" if bridge.endpoints is not None else "mode.network"
            hint = f"add Network(name={network!r}) to them"
            raise SpecError(f"{name}.{field}", f"network {network} is not among the specs", hint)
    # Compose connects by priority, and then by name: only another order has to be said.
    priorities = range(len(on) - 1, -1, -1) if on != sorted(on) else [0] * len(on)
    said = [
        _attachment(one) | _given(priority=first) for one, first in zip(bridge.attachments, priorities, strict=True)
    ]
    return {"networks": {network: one or None for network, one in zip(on, said, strict=True)}}


def _attachment(endpoint: Endpoint) -> dict[str, Any]:
    sysctls = ",".join(f"{key}={value}" for key, value in map(_setting, endpoint.sysctls.items()))
    return _given(
        ipv4_address=str(endpoint.address or ""),
        ipv6_address=str(endpoint.address6 or ""),
        mac_address=endpoint.mac,
        interface_name=endpoint.interface,
        gw_priority=endpoint.gw_priority,
        link_local_ips=[str(address) for address in endpoint.link_local],
        driver_opts=_given(**{keys.ENDPOINT_SYSCTLS: sysctls}),
    )


def _setting(setting: tuple[str, str]) -> tuple[str, str]:
    """A setting of the kernel with dots between the parts of its name, as Docker has it."""
    key, value = setting
    return key.translate(str.maketrans("./", "/.")), value


def _escaped(value: Any) -> Any:
    """A value whose texts say what they say, with variables filled in."""
    if isinstance(value, dict):
        return {key: _escaped(said) for key, said in value.items()}
    if isinstance(value, list):
        return [_escaped(entry) for entry in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
