"""The bytes of `netbuilder.kernel.rtnetlink` against pyroute2's: what we send, and what we read in the answers."""

from __future__ import annotations

import errno
import json
import socket
import struct
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2 import IPBatch
from pyroute2.netlink import nlmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from netbuilder import Bridge, Host, Network, Sandbox, firewall
from netbuilder.kernel import addressing, message, neighbour_table, nfnetlink, nftrules, rtnetlink
from netbuilder.kernel.message import Message
from netbuilder.kernel.netlink import NETFILTER, Netlink, Refused
from netbuilder.steps.base import PlannedRoute
from netbuilder.steps.state import Route
from tests.kernel.helpers import shell

MAC, PEER_MAC = "02:42:0a:09:00:01", "02:42:0a:09:00:02"
ADDRESS, ROUTER = IPv4Interface("10.9.0.2/24"), IPv4Address("10.9.0.1")
ADDRESS6, ROUTER6 = IPv6Interface("fd00:9::2/64"), IPv6Address("fd00:9::1")
DEFAULT, DEFAULT6 = PlannedRoute(IPv4Network("0.0.0.0/0"), ROUTER), PlannedRoute(IPv6Network("::/0"), ROUTER6)
LOOPBACK = PlannedRoute(IPv6Network("::1/128"), metric=2000, is_local=True)
ONE_QUEUE = {"num_tx_queues": 1, "num_rx_queues": 1}
PEER = {"ifname": "eth0", **ONE_QUEUE, "address": PEER_MAC, "net_ns_fd": 5}
ON_LINE = {"index": 3, "address": "10.9.0.2", "prefixlen": 24, "broadcast": "10.9.0.255"}
BY_ROUTER = {"dst": "default", "gateway": "10.9.0.1", "oif": 3, "proto": "boot", "scope": "universe"}
NEIGHBOUR = {"ifindex": 3, "dst": "10.9.0.1", "state": "permanent"}
ON_LINE6 = {"index": 3, "address": "fd00:9::2", "local": "fd00:9::2", "prefixlen": 64, "family": 10}
NEIGHBOUR6 = {**NEIGHBOUR, "dst": "fd00:9::1", "family": 10}
ROUTE6 = {"oif": 3, "proto": "boot", "scope": "universe", "family": 10}

# Ours, and how pyroute2 is asked for the same.
SAME = {
    "a bridge": (rtnetlink.add_bridge("br0"), "link", "add", {"ifname": "br0", "kind": "bridge"}),
    "a veth pair": (
        rtnetlink.add_veth("veth0", 7, "eth0", 5, PEER_MAC),
        "link",
        "add",
        {"ifname": "veth0", **ONE_QUEUE, "master": 7, "kind": "veth", "peer": PEER},
    ),
    "an address": (addressing.add_address(3, ADDRESS), "addr", "add", ON_LINE),
    "no address": (addressing.delete_address(3, ADDRESS), "addr", "delete", ON_LINE),
    "an IPv6 address": (addressing.add_address(3, ADDRESS6), "addr", "add", {**ON_LINE6, "flags": 2}),
    "no IPv6 address": (addressing.delete_address(3, ADDRESS6), "addr", "delete", ON_LINE6),
    "an IPv6 default route": (
        addressing.add_route(3, DEFAULT6),
        "route",
        "add",
        {**ROUTE6, "dst": "default", "gateway": "fd00:9::1"},
    ),
    "an IPv6 route without a router": (
        addressing.add_route(3, PlannedRoute(IPv6Network("fd00:8::/56"), metric=7)),
        "route",
        "add",
        {**ROUTE6, "dst": "fd00:8::", "dst_len": 56, "priority": 7},
    ),
    "a route without a router": (
        addressing.add_route(3, PlannedRoute(IPv4Network("10.8.0.0/16"))),
        "route",
        "add",
        {"dst": "10.8.0.0", "dst_len": 16, "oif": 3, "proto": "boot", "scope": "link"},
    ),
    "an IPv6 neighbour": (
        neighbour_table.set_neighbour(3, ROUTER6, MAC),
        "neigh",
        "replace",
        {**NEIGHBOUR6, "lladdr": MAC},
    ),
    "no IPv6 neighbour": (neighbour_table.delete_neighbour(3, ROUTER6), "neigh", "delete", NEIGHBOUR6),
    "a default route": (addressing.add_route(3, DEFAULT), "route", "add", BY_ROUTER),
    "a neighbour": (neighbour_table.set_neighbour(3, ROUTER, MAC), "neigh", "replace", {**NEIGHBOUR, "lladdr": MAC}),
    "no neighbour": (neighbour_table.delete_neighbour(3, ROUTER), "neigh", "delete", NEIGHBOUR),
    "a route with a metric": (
        addressing.add_route(3, PlannedRoute(IPv4Network("10.8.0.0/16"), ROUTER, 100)),
        "route",
        "add",
        {**BY_ROUTER, "dst": "10.8.0.0", "dst_len": 16, "priority": 100},
    ),
}
LINK = {
    "up": (rtnetlink.set_link("veth0", up=True), {"flags": 1, "change": 1}),
    "down": (rtnetlink.set_link("veth0", up=False), {"change": 1}),
    "mac": (rtnetlink.set_link("br0", mac=MAC), {"IFLA_IFNAME": "br0", "IFLA_ADDRESS": MAC}),
    "mtu": (rtnetlink.set_link("veth0", mtu=1400), {"IFLA_MTU": 1400}),
    "alias": (rtnetlink.set_link("veth0", alias="netbuilder:web"), {"IFLA_IFALIAS": "netbuilder:web"}),
    "hairpin on": (
        rtnetlink.set_link("veth0", hairpin=True),
        {"IFLA_LINKINFO": {"IFLA_INFO_SLAVE_KIND": "bridge", "IFLA_INFO_SLAVE_DATA": {"IFLA_BRPORT_MODE": 1}}},
    ),
    "hairpin off": (
        rtnetlink.set_link("veth0", hairpin=False),
        {"IFLA_LINKINFO": {"IFLA_INFO_SLAVE_KIND": "bridge", "IFLA_INFO_SLAVE_DATA": {"IFLA_BRPORT_MODE": 0}}},
    ),
    "isolated": (
        rtnetlink.set_link("veth0", isolated=True),
        {"IFLA_LINKINFO": {"IFLA_INFO_SLAVE_KIND": "bridge", "IFLA_INFO_SLAVE_DATA": {"IFLA_BRPORT_ISOLATED": 1}}},
    ),
    "no link-local address": (
        rtnetlink.set_link("veth0", link_local=False),
        {"IFLA_AF_SPEC": {"AF_INET6": {"IFLA_INET6_ADDR_GEN_MODE": 1}}},
    ),
    "a link-local address": (
        rtnetlink.set_link("veth0", link_local=True),
        {"IFLA_AF_SPEC": {"AF_INET6": {"IFLA_INET6_ADDR_GEN_MODE": 0}}},
    ),
}
KINDS: dict[str, type[nlmsg]] = {"link": ifinfmsg, "addr": ifaddrmsg, "route": rtmsg, "neigh": ndmsg}


def read(data: bytes, kind: type[nlmsg]) -> dict[str, Any]:
    """A message as pyroute2 reads it: type and flags, and whatever is not zero."""
    parsed = kind(data)
    parsed.decode()
    assert parsed["header"]["length"] == len(data)
    return {"type": parsed["header"]["type"], "header flags": parsed["header"]["flags"], **_values(parsed)}


def _values(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    fields = {name: value[name] for name in value if name not in ("attrs", "header", "state", "event") and value[name]}
    return fields | {name: _values(inner) for name, inner in value.get("attrs", [])}


@pytest.mark.parametrize(("ours", "what", "verb", "wanted"), SAME.values(), ids=SAME)
def test_what_we_send_is_what_pyroute2_sends(ours: Message, what: str, verb: str, wanted: dict[str, Any]) -> None:
    batch = IPBatch()
    try:
        getattr(batch, what)(verb, **wanted)
        theirs = bytes(batch.batch)
    finally:
        batch.close()
    assert read(ours.encode(1), KINDS[what]) == read(theirs, KINDS[what])


@pytest.mark.parametrize(("ours", "wanted"), LINK.values(), ids=LINK)
def test_what_we_set_of_a_link(ours: Message, wanted: dict[str, Any]) -> None:
    head = {"type": rtnetlink.NEWLINK, "header flags": message.REQUEST | message.ACK, "IFLA_IFNAME": "veth0"}
    assert read(ours.encode(1), ifinfmsg) == {**head, **wanted}


def test_what_we_ask_for_and_delete() -> None:
    asked = message.REQUEST | message.ACK
    assert read(rtnetlink.delete_link(7).encode(1), ifinfmsg) == {
        "type": rtnetlink.DELLINK,
        "header flags": asked,
        "index": 7,
    }
    assert read(rtnetlink.set_group(7, 70_000).encode(1), ifinfmsg) == {
        "type": rtnetlink.NEWLINK,
        "header flags": asked,
        "index": 7,
        "IFLA_GROUP": 70_000,
    }
    assert read(rtnetlink.touch(7).encode(1), ifinfmsg) == {
        "type": rtnetlink.NEWLINK,
        "header flags": asked,
        "index": 7,
    }
    assert read(rtnetlink.delete_group(70_000).encode(1), ifinfmsg) == {
        "type": rtnetlink.DELLINK,
        "header flags": asked,
        "IFLA_GROUP": 70_000,
    }
    assert read(rtnetlink.get_link("veth0").encode(1), ifinfmsg) == {
        "type": rtnetlink.GETLINK,
        "header flags": asked,
        "IFLA_IFNAME": "veth0",
        "IFLA_EXT_MASK": 8,
    }
    dump = message.REQUEST | message.DUMP
    assert read(addressing.get_addresses(3).encode(1), ifaddrmsg) == {
        "type": addressing.GETADDR,
        "header flags": dump,
        "index": 3,
    }
    assert read(addressing.get_routes().encode(1), rtmsg) == {
        "type": addressing.GETROUTE,
        "header flags": dump,
        "table": 254,
    }
    local = {"type": 2, "table": 255}  # the route's type, in the place of the message's
    assert read(addressing.get_routes(local=True).encode(1), rtmsg) == {**local, "header flags": dump}
    assert read(addressing.add_route(3, LOOPBACK).encode(1), rtmsg) == {
        **local,
        "header flags": asked | message.CREATE | 0x800,  # NLM_F_APPEND
        "family": 10,
        "proto": 3,
        "dst_len": 128,
        "RTA_DST": "::1",
        "RTA_OIF": 3,
        "RTA_PRIORITY": 2000,
    }
    gone, made = addressing.delete_route(3, DEFAULT), addressing.add_route(3, DEFAULT)
    assert (gone.kind, gone.flags, gone.body) == (addressing.DELROUTE, asked, made.body)


@given(st.integers(min_value=0, max_value=2**14 - 1), st.binary(max_size=50))
def test_attributes_come_back(kind: int, data: bytes) -> None:
    encoded = message.attribute(kind, data)
    assert len(encoded) % 4 == 0
    assert message.attributes(encoded) == {kind: data}
    assert message.attributes(b"head" + encoded + message.text(kind ^ 1, "x"), 4) == {kind: data, kind ^ 1: b"x\0"}


@given(st.binary(max_size=200))
def test_no_answer_hangs_or_breaks_the_reader(data: bytes) -> None:
    """The kernel sends no such thing; a reader that does not move on would never end."""
    for at in range(len(data) - 3):
        size = struct.unpack_from("=H", data, at)[0]
        if size < 4:
            return
    message.attributes(data)


# What the kernel answers


@pytest.fixture
def built(host: Host) -> Host:
    host.apply(
        Network(name="lab", subnet="10.9.0.0/24", mtu=1400),
        Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80", "127.0.0.1:9090:90/udp"])),
        Sandbox(name="db", mode=Bridge(network="lab")),
    )
    return host


def answers(host: Host, *asked: Message, protocol: int = 0) -> list[list[bytes]]:
    def ask() -> list[list[bytes]]:
        netlink = Netlink(protocol)
        try:
            replies = netlink.ask(asked)
        finally:
            netlink.close()
        assert [reply.errno for reply in replies] == [0] * len(asked)
        return [reply.bodies for reply in replies]

    return host._call(ask)


def as_pyroute2_reads(kind: type[nlmsg], number: int, body: bytes) -> nlmsg:
    parsed = kind(struct.pack("=IHHII", 16 + len(body), number, 0, 1, 0) + body)
    parsed.decode()
    return parsed


def test_links_as_the_kernel_shows_them(built: Host) -> None:
    names = [link["ifname"] for link in json.loads(shell(built, "ip -j link"))]
    assert len(names) == 4
    for (body,) in answers(built, *(rtnetlink.get_link(name) for name in names)):
        parsed = as_pyroute2_reads(ifinfmsg, rtnetlink.NEWLINK, body)
        theirs, info = _values(parsed), _values(parsed).get("IFLA_LINKINFO", {})
        assert rtnetlink.read_link(body)._asdict() == {
            "ifindex": theirs["index"],
            "kind": info.get("IFLA_INFO_KIND", ""),
            "up": parsed["state"] == "up",
            "mac": theirs["IFLA_ADDRESS"],
            "mtu": theirs["IFLA_MTU"],
            "master": theirs.get("IFLA_MASTER", 0),
            "alias": theirs.get("IFLA_IFALIAS", ""),
            "hairpin": bool(info.get("IFLA_INFO_SLAVE_DATA", {}).get("IFLA_BRPORT_MODE")),
            "isolated": bool(info.get("IFLA_INFO_SLAVE_DATA", {}).get("IFLA_BRPORT_ISOLATED")),
            "link_local": theirs["IFLA_AF_SPEC"]["AF_INET6"]["IFLA_INET6_ADDR_GEN_MODE"] != 1,
        }
    alias = {link["ifname"]: link.get("ifalias") for link in json.loads(shell(built, "ip -d -j link"))}
    assert {rtnetlink.read_link(body).alias or None for (body,) in answers(built, *map(rtnetlink.get_link, names))} == {
        *alias.values()
    }


def test_addresses_and_routes_as_the_kernel_shows_them(built: Host) -> None:
    with built["web"].enter():
        netlink = Netlink()
    try:
        addresses, routes = netlink.ask([addressing.get_addresses(netlink.index("eth0")), addressing.get_routes()])
    finally:
        netlink.close()
    assert [addressing.read_address(body) for body in addresses.bodies] == [f"{built['web'].address}/24"]
    assert as_pyroute2_reads(ifaddrmsg, addressing.NEWADDR, addresses.bodies[0]).get("local") == str(
        built["web"].address
    )
    theirs = (as_pyroute2_reads(rtmsg, addressing.NEWROUTE, body) for body in routes.bodies)
    seen = list(zip(map(addressing.read_route, routes.bodies), theirs, strict=True))
    assert [route for route, _ in seen] == [Route("0.0.0.0/0", "10.9.0.1", 2, 0), None]
    assert [theirs.get("gateway") for _, theirs in seen] == ["10.9.0.1", None]


def test_a_route_with_a_metric_as_the_kernel_shows_it(built: Host) -> None:
    shell(built["web"], "ip route add 10.8.0.0/16 via 10.9.0.1 dev eth0 metric 100")
    with built["web"].enter():
        netlink = Netlink()
    try:
        routes = {addressing.read_route(body) for body in netlink.ask([addressing.get_routes()])[0].bodies}
        assert Route("10.8.0.0/16", "10.9.0.1", 2, 100) in routes
        netlink.tell([addressing.delete_route(2, PlannedRoute(IPv4Network("10.8.0.0/16"), ROUTER, 100))])
    finally:
        netlink.close()
    assert "10.8.0.0" not in shell(built["web"], "ip route")


def test_ipv6_addresses_and_routes_as_the_kernel_shows_them(built: Host) -> None:
    """One question has the answers of both families."""
    shell(
        built["web"],
        """
        echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6
        ip address add fe80::42/64 dev eth0 nodad
        ip address add fd00:9::2/64 dev eth0 nodad
        ip -6 route add default via fd00:9::1 dev eth0
        ip -6 route add fd00:8::/64 dev eth0 metric 7
        ip -6 route append local ::1/128 dev eth0 table local metric 2000
        """,
    )
    with built["web"].enter():
        netlink = Netlink()
    try:
        asked = addressing.get_addresses(2), addressing.get_routes(), addressing.get_routes(local=True)
        addresses, routes, local = netlink.ask(asked)
    finally:
        netlink.close()
    both = {f"{built['web'].address}/24", "fe80::42/64", "fd00:9::2/64"}
    shown = json.loads(shell(built["web"], "ip -j -6 address show dev eth0"))[0]["addr_info"]
    kernels = {f"{one['local']}/64" for one in shown if one["scope"] == "link"}
    assert set(map(addressing.read_address, addresses.bodies)) == both | kernels
    assert set(filter(None, map(addressing.read_route, routes.bodies))) == {
        Route("0.0.0.0/0", "10.9.0.1", 2, 0),
        Route("::/0", "fd00:9::1", 2, 1024),
        Route("fd00:8::/64", None, 2, 7),
    }
    assert set(filter(None, map(addressing.read_route, local.bodies))) == {Route("::1/128", None, 2, 2000)}


def test_our_table_as_the_kernel_shows_it(built: Host) -> None:
    table, rules = answers(
        built, nfnetlink.get_table(firewall.NAME), nftrules.get_rules(firewall.NAME), protocol=NETFILTER
    )
    listing = json.loads(shell(built, "nft -j list table inet netbuilder"))["nftables"]
    shown = [(one["rule"]["chain"], one["rule"].get("comment", "")) for one in listing if "rule" in one]
    assert sorted(nftrules.read_comment(body) for body in rules) == sorted(shown)
    assert f'comment "{nfnetlink.read_table(table[0])[0]}"' in shell(built, "nft list table inet netbuilder")


def test_elements_as_the_kernel_shows_them(built: Host) -> None:
    port = nfnetlink.element("tcp . 8088", "10.9.0.2 . 80")
    subnet = nfnetlink.element(f'"{built.networks()[0].bridge}" . 10.9.0.0/24')
    (one,), (other,) = answers(
        built,
        nfnetlink.get_element(firewall.NAME, "publish_any4", port),
        nfnetlink.get_element(firewall.NAME, "subnets4", subnet),
        protocol=NETFILTER,
    )
    assert nfnetlink.read_element(one) == port
    assert nfnetlink.data_of(port) == "10.9.0.2 . 80"
    assert nfnetlink.read_element(other) == subnet
    assert subnet.last.endswith(IPv4Address("10.9.0.255").packed)


# What sets and maps of both families hold, as in a table that has them.
SETS_OF_BOTH = """
table inet netbuilder {
    set try_addresses { type ipv6_addr; }
    set try_families { type ifname . nf_proto; }
    set try_subnets { type ifname . ipv6_addr; flags interval; }
    set try_ranges { type ipv6_addr . inet_proto . inet_service; flags interval; }
    map try_snat { type ifname : ipv6_addr; }
    map try_snat4 { type ifname : ipv4_addr; }
    map try_at { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
    map try_ports { type inet_proto . inet_service : ipv6_addr; flags interval; }
    map try_ports4 { type inet_proto . inet_service : ipv4_addr; flags interval; }
}
"""
OF_BOTH = [
    ("try_addresses", "fd00:9::1", ""),
    ("try_families", '"br9" . ipv6', ""),
    ("try_subnets", '"br9" . fd00:9::/64', ""),
    ("try_subnets", '"br9" . ::', ""),
    ("try_subnets", '"br9" . fe80::/10', ""),
    ("try_ranges", "fd00:9::1 . tcp . 8000-8999", ""),
    ("try_ranges", "fd00:9::1 . sctp . 80", ""),
    ("try_snat", '"br9"', "fd00:9::1"),
    ("try_snat4", '"br9"', "192.0.2.1"),
    ("try_at", "fd00:9::1 . udp . 53", "fd00:9::2 . 5353"),
    ("try_ports", "tcp . 8000-8999", "fd00:9::2"),
    ("try_ports4", "tcp . 1-65535", "10.9.0.2"),
]

ELEMENTS = [
    ("bridges", '"br9"', ""),
    ("icc", '"br9" . "br9"', ""),
    ("gateways4", "10.9.0.1", ""),
    ("gateways6", "fd00:9::1", ""),
    ("subnets4", '"br9" . 10.7.0.0/16', ""),
    ("subnets6", '"br9" . fd00:9::/64', ""),
    ("publish_any4", "udp . 53", "10.9.0.2 . 5353"),
    ("publish_any6", "sctp . 53", "fd00::2 . 5353"),
    ("publish_at6", "::1 . tcp . 9090", "fd00::2 . 80"),
    ("publish_ranges_any4", "tcp . 8000-17999", "10.9.0.2"),
    ("publish_ranges_any6", "tcp . 1-65535", "fd00::2"),
    ("publish_ranges_at4", "127.0.0.1 . udp . 8000-8009", "10.9.0.2"),
    ("publish_ranges_at6", "fd00::1 . udp . 8000-8009", "fd00::2"),
    ("made_router", "ipv6", ""),
    ("publish_at4", "127.0.0.1 . tcp . 9090", "10.9.0.2 . 80"),
]


@pytest.mark.parametrize(("set_", "key", "data"), ELEMENTS, ids=[set_ for set_, _, _ in ELEMENTS])
def test_elements_are_added_and_deleted_as_nft_does(built: Host, set_: str, key: str, data: str) -> None:
    """What nft adds is found and deleted by ours, and what ours adds is shown by nft as what was asked for."""
    entry = f"{key} : {data}" if data else key
    shell(built, f"nft 'delete element inet netbuilder {set_} {{ {key} }}' 2>/dev/null || true")
    without = shell(built, f"nft list {KIND[bool(data)]} inet netbuilder {set_}")
    shell(built, f"nft 'add element inet netbuilder {set_} {{ {entry} }}'")
    by_nft = shell(built, f"nft list {KIND[bool(data)]} inet netbuilder {set_}")
    element = nfnetlink.element(key, data)
    commit(built, nfnetlink.delete_element(firewall.NAME, set_, element))
    assert shell(built, f"nft list {KIND[bool(data)]} inet netbuilder {set_}") == without != by_nft
    commit(built, nfnetlink.add_element(firewall.NAME, set_, element))
    assert shell(built, f"nft list {KIND[bool(data)]} inet netbuilder {set_}") == by_nft


@pytest.mark.parametrize(("set_", "key", "data"), OF_BOTH, ids=[f"{set_} {key}" for set_, key, _ in OF_BOTH])
def test_elements_of_both_families(built: Host, set_: str, key: str, data: str) -> None:
    """They are written as nft writes them, and are read back in the words they came in."""
    shell(built, f"nft -f - <<'EOF'\n{SETS_OF_BOTH}EOF")
    test_elements_are_added_and_deleted_as_nft_does(built, set_, key, data)
    element = nfnetlink.element(key, data)
    ((body,),) = answers(built, nfnetlink.get_element(firewall.NAME, set_, element), protocol=NETFILTER)
    seen = nfnetlink.read_element(body)
    assert (seen.first, seen.last) == (element.first, element.last)
    assert nfnetlink.data_of(seen) == data


KIND = {False: "set", True: "map"}


def commit(host: Host, *changes: Message) -> None:
    """One transaction, on the host."""

    def send() -> None:
        netlink = Netlink(NETFILTER)
        try:
            netlink.commit(nfnetlink.transaction(changes))
        finally:
            netlink.close()

    host._inside(send)


def port_at(number: int, data: str = "10.9.0.2 . 80") -> Message:
    return nfnetlink.add_element(firewall.NAME, "publish_any4", nfnetlink.element(f"tcp . {number}", data))


def test_a_transaction_names_what_was_refused_and_nothing_of_it_is_done(built: Host) -> None:
    taken = port_at(8088, "10.9.0.77 . 80")
    for at in range(3):
        changes = [port_at(1), port_at(2)]
        changes.insert(at, taken)
        with pytest.raises(Refused) as caught:
            commit(built, *changes)
        assert (caught.value.at, caught.value.errno) == (at + 1, errno.EEXIST)
    assert shell(built, "nft list map inet netbuilder publish_any4").count(" : ") == 2  # the type's, and the one port


def test_a_transaction_of_which_all_is_refused(built: Host) -> None:
    """The answers to all of it fit into the socket's buffer, and none is left for the next question."""

    def work() -> None:
        netlink = Netlink(NETFILTER)
        try:
            with pytest.raises(Refused) as caught:
                absent = [nfnetlink.delete_element("absent", "bridges", nfnetlink.element('"br9"'))] * 200
                netlink.commit(nfnetlink.transaction(absent))
            assert (caught.value.at, caught.value.errno) == (1, errno.ENOENT)
            netlink.commit(nfnetlink.transaction([port_at(1)]))
        finally:
            netlink.close()

    built._inside(work)


# The netlink


def test_what_a_socket_has_no_room_for_is_not_taken_for_an_answer_later(built: Host) -> None:
    absent = nfnetlink.transaction([nfnetlink.delete_element("absent", "bridges", nfnetlink.element('"br9"'))] * 200)

    def work() -> list[int]:
        netlink = Netlink(NETFILTER)
        try:
            netlink._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with pytest.raises(OSError, match="No buffer space"):
                netlink.commit(absent)
            netlink.commit(nfnetlink.transaction([port_at(1)]))
            replies = netlink.ask([nfnetlink.get_table("absent"), nfnetlink.get_table(firewall.NAME)])
            return [len(reply.bodies) for reply in replies]
        finally:
            netlink.close()

    assert built._call(work) == [0, 1]


def test_a_batch_names_what_was_refused(host: Host) -> None:
    """Also when it is longer than one send, and what comes after it is done all the same."""

    def tell() -> Refused:
        netlink = Netlink()
        bridges = [rtnetlink.add_bridge(f"b{number}") for number in range(50)]
        bridges[7:7] = [rtnetlink.set_link("absent", up=True)]
        bridges[40:40] = [rtnetlink.add_bridge("b3")]
        try:
            with pytest.raises(Refused) as caught:
                netlink.tell(bridges)
            replies = netlink.ask([rtnetlink.get_link(f"b{number}") for number in range(50)])
            assert [reply.errno for reply in replies] == [0] * 50
            return caught.value
        finally:
            netlink.close()

    refused = host._call(tell)
    assert (refused.at, refused.errno) == (7, 19)


def test_the_kernels_own_words_for_an_error(host: Host) -> None:
    def ask() -> tuple[int, str]:
        netlink = Netlink()
        try:
            (reply,) = netlink.ask([addressing.add_route(1, DEFAULT)])
            return reply.errno, reply.detail
        finally:
            netlink.close()

    assert host._call(ask) == (101, "Nexthop has invalid gateway")


def test_indexes(host: Host) -> None:
    def indexes() -> tuple[int, int]:
        netlink = Netlink()
        try:
            return netlink.index("lo"), netlink.index("absent")
        finally:
            netlink.close()

    assert host._call(indexes) == (1, 0)


def test_flows_of_both_families_are_read_and_forgotten(built: Host) -> None:
    """As the kernel lists them, and each by itself."""
    shell(
        built["web"],
        """
        ip -6 address add fd00:9::2/64 dev lo nodad
        nft add table inet track
        nft 'add chain inet track out { type filter hook output priority 0; }'
        nft add rule inet track out ct state new accept
        """,
    )
    sockets = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "fd00:9::2")):
        sockets.append(built["web"].socket(family, socket.SOCK_DGRAM))
        sockets[-1].sendto(b"x", (address, 53))
        sockets[-1].sendto(b"x", (address, 54))
    with built["web"].enter():
        netlink = Netlink(NETFILTER)

    def flows() -> dict[tuple[str, int], bytes]:
        bodies = netlink.ask([nfnetlink.get_flows()])[0].bodies
        seen = [(nfnetlink.read_flow(body), body) for body in bodies]
        return {
            (str(flow.dst.address), flow.dst.port): body for flow, body in seen if flow and flow.dst == flow.answered_by
        }

    try:
        before = flows()
        assert set(before) == {(address, port) for address in ("127.0.0.1", "fd00:9::2") for port in (53, 54)}
        netlink.tell([nfnetlink.delete_flow(before["fd00:9::2", 53]), nfnetlink.delete_flow(before["127.0.0.1", 54])])
        assert set(flows()) == {("127.0.0.1", 53), ("fd00:9::2", 54)}
    finally:
        netlink.close()
        for one in sockets:
            one.close()
