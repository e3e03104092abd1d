"""From what stands back to what would ask for it: the inverse of `resolve`, so that a change begins with what there is.

    resolve([spec_of(standing)], what stands) == standing

Everything that was chosen is written out, so that none of it is chosen anew: addresses, interfaces, the numbers of
ports. A MAC address is, where it does not follow from the address.
"""

from __future__ import annotations

from netbuilder.resolve.defaults import mac_of
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedPort, ResolvedSandbox
from netbuilder.spec import Bridge, Container, Endpoint, HostNetwork, NoNetwork, PublishedPort, Sandbox
from netbuilder.spec.endpoint import IFNAME
from netbuilder.spec.route import Route


def spec_of(sandbox: ResolvedSandbox) -> Sandbox:
    """The spec that asks for a sandbox as it stands."""
    return Sandbox(
        sandbox.name,
        mode=_mode(sandbox),
        namespace=sandbox.adopted,
        sysctls={one.key: one.value for one in sandbox.sysctls},
        routes=[Route(one.dst, via=one.via, metric=one.metric) for one in sandbox.routes],
        labels={one.name: one.value for one in sandbox.labels},
    )


def _mode(sandbox: ResolvedSandbox) -> Bridge | HostNetwork | Container | NoNetwork:
    match sandbox.mode:
        case "host":
            return HostNetwork()
        case "container":
            assert sandbox.shares is not None
            return Container(sandbox.shares)
        case "none":
            return NoNetwork()
    waiting = (port for text in sandbox.waiting for port in PublishedPort.parse(text))
    return Bridge(endpoints=list(map(_endpoint, sandbox.endpoints)), publish=[*map(_port, sandbox.ports), *waiting])


def _endpoint(endpoint: ResolvedEndpoint) -> Endpoint:
    static = {address.version: address.ip for address in endpoint.addresses}
    follows = endpoint.mac == mac_of(endpoint.addresses[0].ip)
    return Endpoint.model_validate(
        {
            "network": endpoint.network,
            "address": static.get(4),
            "address6": static.get(6),
            "mac": None if follows else endpoint.mac,
            "interface": endpoint.interface,
            "gw_priority": endpoint.gw_priority,
            "link_local": [address.ip for address in endpoint.link_local],
            "sysctls": {_of_any(one.key, endpoint.interface): one.value for one in endpoint.sysctls},
        }
    )


def _of_any(key: str, interface: str) -> str:
    """A setting of an interface, with what stands for its name."""
    return "/".join(IFNAME if part == interface else part for part in key.split("/"))


def _port(port: ResolvedPort) -> PublishedPort:
    return PublishedPort(
        port.sandbox_port, host_port=port.host_port, host_ip=port.host_ip, protocol=port.protocol, count=port.count
    )
