"""A network as `docker network inspect` has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from netbuilder.compose import keys
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedNetwork, ResolvedPool, ResolvedSandbox
from netbuilder.values.addresses import Family, family


def network(seen: ResolvedNetwork, sandboxes: Iterable[ResolvedSandbox]) -> dict[str, Any]:
    """A network and who is on it, under Docker's keys; a sandbox is known by its name, where Docker has an id."""
    versions = {pool.subnet.version for pool in seen.pools}
    on = ((one.name, endpoint) for one in sandboxes for endpoint in one.endpoints if endpoint.network == seen.name)
    return {
        "Name": seen.name,
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv4": 4 in versions,
        "EnableIPv6": 6 in versions,
        "IPAM": {"Driver": "default", "Options": {}, "Config": list(map(_pool, seen.pools))},
        "Internal": seen.internal,
        "Containers": {name: _container(name, endpoint) for name, endpoint in on},
        "Options": dict(_options(seen)),
        "Labels": {label.name: label.value for label in seen.labels},
    }


def _pool(pool: ResolvedPool) -> dict[str, Any]:
    kept = {"Subnet": pool.subnet, "IPRange": pool.ip_range, "Gateway": pool.address}
    aux = {"AuxiliaryAddresses": {str(address): str(address) for address in pool.reserved}} if pool.reserved else {}
    return {key: str(value) for key, value in kept.items() if value is not None} | aux


def _container(name: str, endpoint: ResolvedEndpoint) -> dict[str, str]:
    kinds: dict[str, Family] = {"IPv4Address": "ipv4", "IPv6Address": "ipv6"}
    addresses = {
        key: next((str(address) for address in endpoint.addresses if family(address) == kind), "")
        for key, kind in kinds.items()
    }
    return {"Name": name, "MacAddress": endpoint.mac, **addresses}


def _options(seen: ResolvedNetwork) -> Iterator[tuple[str, str]]:
    """The driver options of what is not as by default, and the bridge's name."""
    modes = {4: keys.GATEWAY_MODE, 6: keys.GATEWAY_MODE6}
    snat = {4: keys.HOST_IPV4, 6: keys.HOST_IPV6}
    said: dict[str, object] = {
        keys.BRIDGE: seen.bridge,
        **{modes[pool.subnet.version]: pool.mode for pool in seen.pools if pool.mode != "nat"},
        **{snat[pool.subnet.version]: pool.snat for pool in seen.pools},
        keys.HOST_BINDING: seen.host_binding,
        keys.ICC: None if seen.icc else "false",
        keys.INHIBIT: "true" if any(pool.bare and pool.mode != "isolated" for pool in seen.pools) else None,
        keys.MASQUERADE: None if seen.masquerade else "false",
        keys.MTU: seen.mtu,
        keys.PREFIX: None if seen.interface_prefix == "eth" else seen.interface_prefix,
        keys.TRUSTED: ":".join(seen.trusted_interfaces) or None,
    }
    return ((key, str(value)) for key, value in said.items() if value is not None)
