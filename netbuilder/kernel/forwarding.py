"""Who has packets forwarded besides netbuilder: interfaces by their own setting, bridges, and rules that translate.

One switch of each family sets those of all interfaces; each can be set by itself then (ip-sysctl: forwarding).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator

from netbuilder import firewall
from netbuilder.firewall.chains import INET, POSTROUTING, Chain, Expression
from netbuilder.kernel import addressing, host_routes, nftrules, rtnetlink, sysctl
from netbuilder.kernel.message import DUMP, Message, attributes
from netbuilder.kernel.netlink import Netlink
from netbuilder.steps.forwarding import IP_FORWARD, IPV6_FORWARDING

_FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
_SWITCHES = {4: IP_FORWARD, 6: IPV6_FORWARDING}
_TRANSLATING = ("MASQUERADE", "SNAT")  # targets of iptables
_GETNETCONF, _IFINDEX, _FORWARDING, _DEFAULT = 82, 1, 2, -2  # RTM_GETNETCONF, NETCONFA_…


def is_on(version: int = 4) -> bool:
    """Whether the host forwards what is of a family."""
    return sysctl.read(_SWITCHES[version]) not in (None, "0")


def interfaces_that_forward(route: Netlink, version: int = 4) -> list[str]:
    """The interfaces that forward what comes in by them, and "default" if new ones will."""
    return sorted(_settings(route, _FAMILIES[version]))


def _settings(route: Netlink, family: int) -> Iterator[str]:
    for body in route.ask([Message(_GETNETCONF, DUMP, struct.pack("=B3x", family))])[0].bodies:
        seen = attributes(body, 4)
        index, forwards = (struct.unpack("=i", seen[kind])[0] for kind in (_IFINDEX, _FORWARDING))
        name = "default" if index == _DEFAULT else route.name(index)
        if forwards and name:
            yield name


def interfaces_advertised_to(route: Netlink) -> list[str]:
    """The interfaces by which the host has a route that a router advertised, and that take no more once it forwards.

    On the others nothing is lost, and what they are set to stays.
    """
    routes = route.ask([host_routes.get_all_routes()])[0].bodies
    by = {index for body in routes if (index := host_routes.advertised(body))}
    settings = rtnetlink.FORWARDING, rtnetlink.ACCEPT_RA
    links = route.ask([rtnetlink.get_links()])[0].bodies if by else []
    return sorted(
        rtnetlink.read_name(body)
        for body in links
        if addressing.read_index(body) in by
        and tuple(rtnetlink.read_ipv6_setting(body, one) for one in settings) == (0, 1)
    )


def interfaces_that_do_not(route: Netlink, but: frozenset[str]) -> tuple[str, ...]:
    """Those with an IPv4 address that do not forward though the host does."""
    if not is_on():
        return ()
    names = (name for name in addressed(route) if name not in but)
    return tuple(name for name in names if sysctl.read(f"net/ipv4/conf/{name}/forwarding") == "0")


def addressed(route: Netlink, version: int = 4) -> list[str]:
    """The interfaces that have an address of a family, but for the loopback; IPv6 link-local ones are on any."""
    found = {
        addressing.read_index(body)
        for body in route.ask([addressing.get_addresses()])[0].bodies
        if body[0] == _FAMILIES[version] and not (version == 6 and body[3] == addressing.RT_SCOPE_LINK)
    }
    return sorted(filter(None, map(route.name, found - {1})))


def bridges(route: Netlink, version: int = 4) -> list[str]:
    """The bridges that have an address of a family."""
    names = addressed(route, version)
    replies = route.ask([rtnetlink.get_link(name) for name in names])
    seen = ((name, body) for name, reply in zip(names, replies, strict=True) for body in reply.bodies)
    return [name for name, body in seen if rtnetlink.read_link(body).kind == "bridge"]


def is_translated(netfilter: Netlink, chains: Iterable[Chain], version: int = 4) -> bool:
    """Whether rules of somebody else's give what is forwarded of a family another source (SNAT, MASQUERADE)."""
    families = INET, _FAMILIES[version]
    nat = {
        (one.table, one.family)
        for one in chains
        if (one.type, one.hook) == ("nat", POSTROUTING) and one.family in families
    }
    replies = netfilter.ask([nftrules.get_rules(*table) for table in sorted(nat - {firewall.KEY})])
    rules = (nftrules.read_rule(body) for reply in replies for body in reply.bodies)
    if any(_translates(one) for _, rule in rules for one in rule.expressions):
        return True
    from netbuilder.kernel import iptables  # late: asked for the first network of a host and for the last

    tables = (table for table in iptables.tables() if table.family == _FAMILIES[version])
    return any(target.name in _TRANSLATING for table in tables for target in table.targets())


def _translates(one: Expression) -> bool:
    if one.name == "target":  # by iptables (NFTA_TARGET_NAME)
        return one.text(1) in _TRANSLATING
    return one.name == "masq" or (one.name == "nat" and one.number(1) == 0)  # NFTA_NAT_TYPE: NFT_NAT_SNAT
