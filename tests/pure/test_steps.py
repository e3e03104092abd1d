"""Each kind of step: its command, its queries, its answer, its deed, and how that is taken back."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

import pytest

from netbuilder import firewall
from netbuilder.steps import (
    AcceptAdvertisements,
    AddAddress,
    AddBridge,
    AddElement,
    AddLocalRoute,
    AddNamespace,
    AddRoute,
    AddTable,
    AddVeth,
    AttachNamespace,
    DisableLinkLocal,
    EnableForwarding,
    EnableIPv6Forwarding,
    ExchangeTable,
    Plan,
    PublishPort,
    SetAlias,
    SetHairpin,
    SetIsolated,
    SetMac,
    SetMtu,
    SetNeighbour,
    SetOffload,
    SetSysctl,
    SetUp,
    Step,
    Undo,
    UndoRecord,
)
from netbuilder.steps.base import PlannedRoute
from netbuilder.steps.forwarding import NAT, Forwarding, ForwardingAlone
from netbuilder.steps.link import IndexOf
from netbuilder.steps.neighbour import NeighbourOf
from netbuilder.steps.offload import OffloadOf
from netbuilder.steps.state import (
    TABLE,
    AddressesOf,
    ElementOf,
    Link,
    LinkOf,
    NamespaceOf,
    PinOf,
    Query,
    Route,
    RoutesOf,
    State,
    SysctlOf,
    TableCommentOf,
    TableOf,
    Thing,
    is_part_of,
)
from netbuilder.values.addresses import IPAddress

MAC, OTHER_MAC = "02:42:0a:09:00:02", "02:42:0a:09:00:03"
GATEWAY = IPv4Address("10.9.0.1")
INSIDE, OUTSIDE = IPv4Interface("10.9.0.2/24"), IPv4Interface("10.9.0.1/24")
GATEWAY6, INSIDE6 = IPv6Address("fd00:9::1"), IPv6Interface("fd00:9::2/64")

Answers = Mapping[Query[Any], Any]
Call = tuple[object, ...]


class Recorder:
    """A kernel that writes down what it is told to do."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def call(*given: object, **named: object) -> None:
            self.calls.append((name, *given, *named.items()))

        return call


def calls(effect: Callable[[Any], None]) -> list[Call]:
    recorder = Recorder()
    effect(recorder)
    return recorder.calls


def link(kind: str = "veth", **seen: Any) -> Link:
    """An interface as it is when it is new."""
    new = Link(7, kind, up=False, mac=MAC, mtu=1500, master=0, alias="", hairpin=False, link_local=True)
    return new._replace(**seen)


@dataclass(frozen=True)
class Case:
    """A step, and what is expected of it: states in which it holds, and states in which it does not."""

    step: Step
    subject: str
    command: str
    holds: list[Answers]
    lacks: list[Answers]
    does: Call
    undoes: Call
    undo_command: str
    provides: tuple[Thing, ...] = ()
    overwrites: bool = False

    def __str__(self) -> str:
        return f"{type(self.step).__name__} {self.command.split()[-1]}"


def setting(step: Step, command: str, back: str, on: tuple[str, Any], off: Any, then: tuple[str, Any]) -> list[Case]:
    """A setting of an interface, on the host and in a namespace."""
    option, value = then
    cases = []
    for netns, ip, home in ((None, "ip", "link/veth1"), ("web", "ip -n web", "link/veth1@web")):
        query = LinkOf(netns, "veth1")
        cases.append(
            Case(
                step=step.replace(netns=netns),
                subject=f"{home}/{step.kind}",
                command=f"{ip} link set veth1 {command}",
                holds=[{query: link(**{option: on[1]})}],
                lacks=[{query: link(**{option: off})}, {query: None}],
                does=("set_link", netns, "veth1", (option, on[1])),
                undoes=("set_link", netns, "veth1", (option, value)),
                undo_command=f"{ip} link set veth1 {back}",
                overwrites=True,
            )
        )
    return cases


VETH = LinkOf(None, "veth1"), LinkOf("web", "eth0"), IndexOf(None, "br9")
NAMESPACE, OTHER_NAMESPACE = 4026531840, 4026532000
PIN, PROCESS = PinOf("web"), NamespaceOf("/proc/7/ns/net")


def veth(outer: Link | None, inner: Link | None, bridge: Link | None) -> Answers:
    return dict(zip(VETH, (outer, inner, bridge.ifindex if bridge else None), strict=True))


def routes(*seen: Route, dev: Link | None = link(ifindex=5)) -> Answers:  # noqa: B008
    return {RoutesOf("web"): frozenset(seen), LinkOf("web", "eth0"): dev}


def known(mac: str | None, of: str = OTHER_MAC, at: IPAddress = INSIDE.ip) -> Answers:
    """What the bridge with a MAC address knows of a sandbox."""
    return {NeighbourOf(None, "br9", at): mac, LinkOf(None, "br9"): link("bridge", mac=of)}


def forwards(router: str, redirects: str, *alone: str) -> Answers:
    keys = ("net/ipv4/ip_forward", "net/ipv4/conf/all/accept_redirects")
    settings = {SysctlOf(None, key): value for key, value in zip(keys, (router, redirects), strict=True)}
    return {**settings, ForwardingAlone(): alone}


BRIDGE_LINK = link("bridge", ifindex=3)
TABLE_QUERY = TableOf("netbuilder")
PORT = ElementOf("publish_any4", "tcp . 8088")
ELEMENT = "element inet netbuilder"
DEFAULT_ROUTE = Route("0.0.0.0/0", "10.9.0.1", 5, 0)
DEFAULT_ROUTE6 = Route("::/0", "fd00:9::1", 5, 1024)  # the kernel's metric, where none is given
LOOPBACK_ROUTE = Route("::1/128", None, 3, 2000)
OLD_TABLE = {"": ("netbuilder ruleset 1",), "forward": ("some rule",)}
LINK, OTHER_LINK = ("link", None, "veth1"), ("link", "web", "eth0")
PUBLISHED = PublishPort(
    host_ip=IPv4Address("0.0.0.0"),
    host_port=8088,
    protocol="tcp",
    address=IPv4Address("10.9.0.2"),
    sandbox_port=80,
)
PUBLISHED_AT = PublishPort(
    host_ip=IPv4Address("127.0.0.1"),
    host_port=5353,
    protocol="udp",
    address=IPv4Address("10.9.0.2"),
    sandbox_port=53,
)
RANGE = PUBLISHED.replace(host_port=8000, sandbox_port=8000, count=10_000)
SHIFTED = PUBLISHED.replace(host_port=8000, sandbox_port=9000, count=2)
OF_RANGE = ElementOf("publish_ranges_any4", "tcp . 8000-17999")
OF_SHIFTED = ElementOf("publish_any4", "tcp . 8000"), ElementOf("publish_any4", "tcp . 8001")
SHIFTED_HOLDS = dict(zip(OF_SHIFTED, ("10.9.0.2 . 9000", "10.9.0.2 . 9001"), strict=True))
IN_BRIDGES = AddElement(set="bridges", key='"br9"')
EXCHANGED = (
    "delete table inet netbuilder\n"
    f"{firewall.ruleset()}"
    f'add {ELEMENT} bridges {{ "br9" }}\n'
    f"add {ELEMENT} publish_any4 {{ tcp . 8088 : 10.9.0.2 . 80 }}\n"
)

CASES = [
    Case(
        AddNamespace(name="web"),
        "netns/web",
        "ip netns add web",
        holds=[{PIN: NAMESPACE}],
        lacks=[{PIN: None}, {PIN: 0}],
        does=("add_namespace", "web"),
        undoes=("unpin_namespace", "web"),
        undo_command="ip netns del web",
        provides=(("netns", None, "web"),),
    ),
    Case(
        AttachNamespace(name="web", path="/proc/7/ns/net"),
        "netns/web",
        "mkdir -p /run/netns\ntouch /run/netns/web\nmount --bind /proc/7/ns/net /run/netns/web",
        holds=[{PIN: NAMESPACE, PROCESS: NAMESPACE}, {PIN: NAMESPACE, PROCESS: None}],
        lacks=[
            {PIN: None, PROCESS: NAMESPACE},
            {PIN: None, PROCESS: None},
            {PIN: 0, PROCESS: NAMESPACE},
            {PIN: 0, PROCESS: None},
            {PIN: OTHER_NAMESPACE, PROCESS: NAMESPACE},
        ],
        does=("attach_namespace", "web", "/proc/7/ns/net"),
        undoes=("unpin_namespace", "web"),
        undo_command="ip netns del web",
    ),
    Case(
        AddBridge(name="br9", alias="netbuilder:lab"),
        "link/br9",
        "ip link add br9 type bridge\nip link set br9 alias netbuilder:lab",
        holds=[{LinkOf(None, "br9"): link("bridge")}, {LinkOf(None, "br9"): link("bridge", alias="theirs")}],
        lacks=[{LinkOf(None, "br9"): None}, {LinkOf(None, "br9"): link("veth")}],
        does=("add_bridge", "br9", "netbuilder:lab"),
        undoes=("delete_link", "br9"),
        undo_command="ip link del br9",
        provides=(("link", None, "br9"),),
    ),
    Case(
        AddBridge(name="br9", alias="two words"),
        "link/br9",
        "ip link add br9 type bridge\nip link set br9 alias 'two words'",
        holds=[{LinkOf(None, "br9"): link("bridge")}],
        lacks=[{LinkOf(None, "br9"): None}],
        does=("add_bridge", "br9", "two words"),
        undoes=("delete_link", "br9"),
        undo_command="ip link del br9",
        provides=(("link", None, "br9"),),
    ),
    Case(
        AddVeth(name="veth1", bridge="br9", peer="eth0", netns="web", mac=MAC),
        "link/veth1",
        "ip link add veth1 numtxqueues 1 numrxqueues 1 master br9 type veth \\\n"
        f"    peer name eth0 numtxqueues 1 numrxqueues 1 address {MAC} netns web",
        holds=[veth(link(master=3), link(), BRIDGE_LINK)],
        lacks=[
            veth(None, None, None),
            veth(None, None, BRIDGE_LINK),
            veth(None, link(), BRIDGE_LINK),
            veth(link(master=3), None, BRIDGE_LINK),
            veth(link(master=3), link(), None),
            veth(link(master=4), link(), BRIDGE_LINK),
            veth(link(), link(), BRIDGE_LINK),
            veth(link("macvlan", master=3), link(), BRIDGE_LINK),
            veth(link(master=3), link(mac=OTHER_MAC), BRIDGE_LINK),
        ],
        does=("add_veth", "veth1", "br9", "eth0", "web", MAC),
        undoes=("delete_link", "veth1"),
        undo_command="ip link del veth1",
        provides=(LINK, OTHER_LINK),
    ),
    *setting(SetUp(dev="veth1"), "up", "down", on=("up", True), off=False, then=("up", False)),
    *setting(
        SetMac(dev="veth1", mac=OTHER_MAC),
        f"address {OTHER_MAC}",
        "address 0",
        on=("mac", OTHER_MAC),
        off=MAC,
        then=("mac", "0"),
    ),
    *setting(SetMtu(dev="veth1", mtu=1400), "mtu 1400", "mtu 0", on=("mtu", 1400), off=1500, then=("mtu", 0)),
    *setting(
        SetAlias(dev="veth1", alias="a:b"), "alias a:b", "alias ''", on=("alias", "a:b"), off="", then=("alias", "")
    ),
    *setting(
        DisableLinkLocal(dev="veth1"),
        "addrgenmode none",
        "addrgenmode eui64",
        on=("link_local", False),
        off=True,
        then=("link_local", True),
    ),
    *setting(
        SetHairpin(dev="veth1"),
        "type bridge_slave hairpin on",
        "type bridge_slave hairpin off",
        on=("hairpin", True),
        off=False,
        then=("hairpin", False),
    ),
    *setting(
        SetIsolated(dev="veth1"),
        "type bridge_slave isolated on",
        "type bridge_slave isolated off",
        on=("isolated", True),
        off=False,
        then=("isolated", False),
    ),
    Case(
        AddAddress(netns="web", dev="eth0", address=INSIDE),
        "link/eth0@web/10.9.0.2/24",
        "ip -n web address add 10.9.0.2/24 brd + dev eth0",
        holds=[{AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24", "10.9.0.7/24"})}],
        lacks=[{AddressesOf("web", "eth0"): frozenset()}, {AddressesOf("web", "eth0"): frozenset({"10.9.0.2/16"})}],
        does=("add_address", "web", "eth0", INSIDE),
        undoes=("delete_address", "web", "eth0", INSIDE),
        undo_command="ip -n web address del 10.9.0.2/24 dev eth0",
    ),
    Case(
        AddAddress(dev="br9", address=OUTSIDE),
        "link/br9/10.9.0.1/24",
        "ip address add 10.9.0.1/24 brd + dev br9",
        holds=[{AddressesOf(None, "br9"): frozenset({"10.9.0.1/24"})}],
        lacks=[{AddressesOf(None, "br9"): frozenset()}],
        does=("add_address", None, "br9", OUTSIDE),
        undoes=("delete_address", None, "br9", OUTSIDE),
        undo_command="ip address del 10.9.0.1/24 dev br9",
    ),
    Case(
        AddAddress(netns="web", dev="eth0", address=INSIDE6),
        "link/eth0@web/fd00:9::2/64",
        "ip -n web address add fd00:9::2/64 dev eth0 nodad",
        holds=[{AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24", "fe80::1/64", "fd00:9::2/64"})}],
        lacks=[{AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24", "fd00:9::2/128"})}],
        does=("add_address", "web", "eth0", INSIDE6),
        undoes=("delete_address", "web", "eth0", INSIDE6),
        undo_command="ip -n web address del fd00:9::2/64 dev eth0",
    ),
    Case(
        SetNeighbour(dev="br9", dev_mac=OTHER_MAC, address=INSIDE6.ip, mac=MAC),
        "link/br9/neighbour/fd00:9::2",
        f"ip neigh replace fd00:9::2 lladdr {MAC} dev br9 nud permanent",
        holds=[known(MAC, at=INSIDE6.ip)],
        lacks=[known(None, at=INSIDE6.ip)],
        does=("set_neighbour", None, "br9", INSIDE6.ip, MAC),
        undoes=("set_neighbour", None, "br9", INSIDE6.ip, "0"),
        undo_command="ip neigh replace fd00:9::2 lladdr 0 dev br9 nud permanent",
        overwrites=True,
    ),
    Case(
        SetNeighbour(dev="br9", dev_mac=OTHER_MAC, address=INSIDE.ip, mac=MAC),
        "link/br9/neighbour/10.9.0.2",
        f"ip neigh replace 10.9.0.2 lladdr {MAC} dev br9 nud permanent",
        holds=[known(MAC)],
        lacks=[known(None), known(OTHER_MAC), known(MAC, of=MAC), {**known(MAC), LinkOf(None, "br9"): None}],
        does=("set_neighbour", None, "br9", INSIDE.ip, MAC),
        undoes=("set_neighbour", None, "br9", INSIDE.ip, "0"),
        undo_command="ip neigh replace 10.9.0.2 lladdr 0 dev br9 nud permanent",
        overwrites=True,
    ),
    *(
        Case(
            SetOffload(netns=netns, dev="veth1", offload="tso", on=on),
            f"{home}/tso",
            f"{inside}ethtool -K veth1 tso {'on' if on else 'off'}",
            holds=[{OffloadOf(netns, "veth1", "tso"): on}],
            lacks=[{OffloadOf(netns, "veth1", "tso"): not on}, {OffloadOf(netns, "veth1", "tso"): None}],
            does=("set_offload", netns, "veth1", "tso", on),
            undoes=("set_offload", netns, "veth1", "tso", not on),
            undo_command=f"{inside}ethtool -K veth1 tso {'off' if on else 'on'}",
            overwrites=True,
        )
        for netns, home, inside in ((None, "link/veth1", ""), ("web", "link/veth1@web", "ip netns exec web "))
        for on in (True, False)
    ),
    Case(
        AddRoute(netns="web", via=GATEWAY, dev="eth0"),
        "route/0.0.0.0/0/0@web",
        "ip -n web route add default via 10.9.0.1 dev eth0",
        holds=[routes(DEFAULT_ROUTE), routes(DEFAULT_ROUTE, Route("10.7.0.0/16", "10.9.0.7", 5, 10))],
        lacks=[
            routes(),
            routes(DEFAULT_ROUTE._replace(via="10.9.0.7")),
            routes(DEFAULT_ROUTE._replace(ifindex=6)),
            routes(DEFAULT_ROUTE._replace(metric=10)),
            routes(DEFAULT_ROUTE._replace(dst="10.7.0.0/16")),
            routes(DEFAULT_ROUTE, dev=None),
            routes(dev=None),
        ],
        does=("add_route", "web", "eth0", PlannedRoute(IPv4Network("0.0.0.0/0"), GATEWAY)),
        undoes=("delete_route", "web", "eth0", PlannedRoute(IPv4Network("0.0.0.0/0"), GATEWAY)),
        undo_command="ip -n web route del default via 10.9.0.1 dev eth0",
    ),
    Case(
        AddRoute(dst=IPv4Network("10.7.0.0/16"), via=GATEWAY, dev="br9", metric=10),
        "route/10.7.0.0/16/10@None",
        "ip route add 10.7.0.0/16 via 10.9.0.1 dev br9 metric 10",
        holds=[
            {
                RoutesOf(None): frozenset({Route("10.7.0.0/16", "10.9.0.1", 3, 10)}),
                LinkOf(None, "br9"): BRIDGE_LINK,
            }
        ],
        lacks=[
            {
                RoutesOf(None): frozenset({Route("10.7.0.0/16", "10.9.0.1", 3, 0)}),
                LinkOf(None, "br9"): BRIDGE_LINK,
            }
        ],
        does=("add_route", None, "br9", PlannedRoute(IPv4Network("10.7.0.0/16"), GATEWAY, 10)),
        undoes=("delete_route", None, "br9", PlannedRoute(IPv4Network("10.7.0.0/16"), GATEWAY, 10)),
        undo_command="ip route del 10.7.0.0/16 via 10.9.0.1 dev br9 metric 10",
    ),
    Case(
        AddRoute(netns="web", via=GATEWAY6, dev="eth0"),
        "route/::/0/0@web",
        "ip -n web -6 route add default via fd00:9::1 dev eth0",
        holds=[routes(DEFAULT_ROUTE, DEFAULT_ROUTE6)],
        lacks=[routes(DEFAULT_ROUTE), routes(DEFAULT_ROUTE6._replace(metric=0))],
        does=("add_route", "web", "eth0", PlannedRoute(IPv6Network("::/0"), GATEWAY6)),
        undoes=("delete_route", "web", "eth0", PlannedRoute(IPv6Network("::/0"), GATEWAY6)),
        undo_command="ip -n web -6 route del default via fd00:9::1 dev eth0",
    ),
    Case(
        AddRoute(netns="web", dst=IPv4Network("10.7.0.0/16"), dev="eth0"),
        "route/10.7.0.0/16/0@web",
        "ip -n web route add 10.7.0.0/16 dev eth0",
        holds=[routes(Route("10.7.0.0/16", None, 5, 0))],
        lacks=[routes(Route("10.7.0.0/16", "10.9.0.1", 5, 0))],
        does=("add_route", "web", "eth0", PlannedRoute(IPv4Network("10.7.0.0/16"))),
        undoes=("delete_route", "web", "eth0", PlannedRoute(IPv4Network("10.7.0.0/16"))),
        undo_command="ip -n web route del 10.7.0.0/16 dev eth0",
    ),
    Case(
        AddLocalRoute(dst=IPv6Network("::1/128"), dev="br9", metric=2000),
        "local route/::1/128/2000@None",
        "ip -6 route append local ::1/128 dev br9 table local metric 2000",
        holds=[{RoutesOf(None, local=True): frozenset({LOOPBACK_ROUTE}), LinkOf(None, "br9"): BRIDGE_LINK}],
        lacks=[
            {RoutesOf(None, local=True): frozenset(), LinkOf(None, "br9"): BRIDGE_LINK},
            {RoutesOf(None, local=True): frozenset({LOOPBACK_ROUTE}), LinkOf(None, "br9"): None},
        ],
        does=("add_route", None, "br9", PlannedRoute(IPv6Network("::1/128"), None, 2000, is_local=True)),
        undoes=("delete_route", None, "br9", PlannedRoute(IPv6Network("::1/128"), None, 2000, is_local=True)),
        undo_command="ip -6 route del local ::1/128 dev br9 table local metric 2000",
    ),
    Case(
        SetSysctl(key="net/ipv4/ip_forward", value="1"),
        "sysctl/net/ipv4/ip_forward@None",
        "sysctl -q -w net/ipv4/ip_forward=1",
        holds=[{SysctlOf(None, "net/ipv4/ip_forward"): "1"}],
        lacks=[{SysctlOf(None, "net/ipv4/ip_forward"): "0"}, {SysctlOf(None, "net/ipv4/ip_forward"): None}],
        does=("write_sysctl", None, "net/ipv4/ip_forward", "1"),
        undoes=("write_sysctl", None, "net/ipv4/ip_forward", "0"),
        undo_command="sysctl -q -w net/ipv4/ip_forward=0",
        overwrites=True,
    ),
    Case(
        SetSysctl(netns="web", key="net/ipv6/conf/eth0.1/disable_ipv6", value="1"),
        "sysctl/net/ipv6/conf/eth0.1/disable_ipv6@web",
        "ip netns exec web sysctl -q -w net/ipv6/conf/eth0.1/disable_ipv6=1",
        holds=[{SysctlOf("web", "net/ipv6/conf/eth0.1/disable_ipv6"): "1"}],
        lacks=[{SysctlOf("web", "net/ipv6/conf/eth0.1/disable_ipv6"): "0"}],
        does=("write_sysctl", "web", "net/ipv6/conf/eth0.1/disable_ipv6", "1"),
        undoes=("write_sysctl", "web", "net/ipv6/conf/eth0.1/disable_ipv6", "0"),
        undo_command="ip netns exec web sysctl -q -w net/ipv6/conf/eth0.1/disable_ipv6=0",
        overwrites=True,
    ),
    Case(
        EnableForwarding(),
        "sysctl/net/ipv4/ip_forward",
        "sysctl -q -w net/ipv4/ip_forward=1",
        holds=[forwards("1", "0"), forwards("1", "1")],
        lacks=[forwards("0", "1"), forwards("0", "0")],
        does=("write_sysctl", None, "net/ipv4/ip_forward", "1"),
        undoes=("write_sysctl", None, "net/ipv4/ip_forward", "0"),
        undo_command="sysctl -q -w net/ipv4/ip_forward=0 net/ipv4/conf/all/accept_redirects=0",
        overwrites=True,
    ),
    Case(
        EnableIPv6Forwarding(),
        "sysctl/net/ipv6/conf/all/forwarding",
        "sysctl -q -w net/ipv6/conf/all/forwarding=1",
        holds=[{SysctlOf(None, "net/ipv6/conf/all/forwarding"): "1", ForwardingAlone(6): ()}],
        lacks=[
            {SysctlOf(None, "net/ipv6/conf/all/forwarding"): one, ForwardingAlone(6): ("x",)} for one in ("0", None)
        ],
        does=("write_sysctl", None, "net/ipv6/conf/all/forwarding", "1"),
        undoes=("write_sysctl", None, "net/ipv6/conf/all/forwarding", "0"),
        undo_command="sysctl -q -w net/ipv6/conf/all/forwarding=0",
        overwrites=True,
    ),
    Case(
        AcceptAdvertisements(dev="eth0.1"),
        "sysctl/net/ipv6/conf/eth0.1/accept_ra",
        "sysctl -q -e -w net/ipv6/conf/eth0.1/accept_ra=2",
        holds=[{SysctlOf(None, "net/ipv6/conf/eth0.1/accept_ra"): one} for one in ("2", None)],
        lacks=[{SysctlOf(None, "net/ipv6/conf/eth0.1/accept_ra"): one} for one in ("1", "0")],
        does=("write_sysctl", None, "net/ipv6/conf/eth0.1/accept_ra", "2", ("if_there", True)),
        undoes=("write_sysctl", None, "net/ipv6/conf/eth0.1/accept_ra", "0", ("if_there", True)),
        undo_command="sysctl -q -e -w net/ipv6/conf/eth0.1/accept_ra=0",
        overwrites=True,
    ),
    Case(
        Undo(undone_step=AddNamespace(name="web")),
        "netns/web",
        "ip netns del web",
        holds=[{PIN: None}],
        lacks=[{PIN: NAMESPACE}, {PIN: 0}],
        does=("unpin_namespace", "web"),
        undoes=("add_namespace", "web"),
        undo_command="ip netns add web",
    ),
    Case(
        Undo(undone_step=SetMtu(dev="veth1", mtu=1400), was="1300"),
        "link/veth1/SetMtu",
        "ip link set veth1 mtu 1300",
        holds=[{LinkOf(None, "veth1"): None}, {LinkOf(None, "veth1"): link(mtu=1500)}],
        lacks=[{LinkOf(None, "veth1"): link(mtu=1400)}],
        does=("set_link", None, "veth1", ("mtu", 1300)),
        undoes=("set_link", None, "veth1", ("mtu", 1400)),
        undo_command="ip link set veth1 mtu 1400",
    ),
    Case(
        AddTable(),
        "table/netbuilder",
        f"nft -f - <<'EOF'\n{firewall.ruleset()}EOF",
        holds=[{TABLE_QUERY: firewall.outline()}],
        lacks=[
            {TABLE_QUERY: None},
            {TABLE_QUERY: {}},
            {TABLE_QUERY: OLD_TABLE},
            {TABLE_QUERY: {**firewall.outline(), "": ("netbuilder ruleset 1",)}},
            {TABLE_QUERY: {**firewall.outline(), "forward": ()}},
        ],
        does=("nft", firewall.ruleset()),
        undoes=("nft", "delete table inet netbuilder"),
        undo_command="nft 'delete table inet netbuilder'",
        provides=(TABLE,),
        overwrites=True,
    ),
    Case(
        ExchangeTable(elements=(IN_BRIDGES, PUBLISHED)),
        "table/netbuilder",
        f"nft -f - <<'EOF'\n{EXCHANGED}EOF",
        holds=[{TABLE_QUERY: firewall.outline()}],
        lacks=[{TABLE_QUERY: None}, {TABLE_QUERY: OLD_TABLE}],
        does=("nft", EXCHANGED),
        undoes=("nft", "delete table inet netbuilder"),
        undo_command="nft 'delete table inet netbuilder'",
        provides=(TABLE,),
        overwrites=True,
    ),
    Case(
        IN_BRIDGES,
        'element/bridges/"br9"',
        f"""nft 'add {ELEMENT} bridges {{ "br9" }}'""",
        holds=[{ElementOf("bridges", '"br9"'): ""}],
        lacks=[{ElementOf("bridges", '"br9"'): None}],
        does=("add_element", "bridges", '"br9"', ""),
        undoes=("delete_element", "bridges", '"br9"'),
        undo_command="nft 'delete element inet netbuilder bridges { \"br9\" }'",
    ),
    Case(
        AddElement(set="publish_any4", key="tcp . 8088", data="10.9.0.2 . 80"),
        "element/publish_any4/tcp . 8088",
        f"nft 'add {ELEMENT} publish_any4 {{ tcp . 8088 : 10.9.0.2 . 80 }}'",
        holds=[{PORT: "10.9.0.2 . 80"}],
        lacks=[{PORT: None}, {PORT: "10.9.0.3 . 80"}],
        does=("add_element", "publish_any4", "tcp . 8088", "10.9.0.2 . 80"),
        undoes=("delete_element", "publish_any4", "tcp . 8088"),
        undo_command="nft 'delete element inet netbuilder publish_any4 { tcp . 8088 }'",
    ),
    Case(
        PUBLISHED,
        "element/publish_any4/tcp . 8088",
        f"nft 'add {ELEMENT} publish_any4 {{ tcp . 8088 : 10.9.0.2 . 80 }}'",
        holds=[{PORT: "10.9.0.2 . 80"}],
        lacks=[{PORT: None}, {PORT: "10.9.0.3 . 80"}],
        does=("add_element", "publish_any4", "tcp . 8088", "10.9.0.2 . 80"),
        undoes=("delete_element", "publish_any4", "tcp . 8088"),
        undo_command="nft 'delete element inet netbuilder publish_any4 { tcp . 8088 }'",
    ),
    Case(
        PUBLISHED_AT,
        "element/publish_at4/127.0.0.1 . udp . 5353",
        f"nft 'add {ELEMENT} publish_at4 {{ 127.0.0.1 . udp . 5353 : 10.9.0.2 . 53 }}'",
        holds=[{ElementOf("publish_at4", "127.0.0.1 . udp . 5353"): "10.9.0.2 . 53"}],
        lacks=[{ElementOf("publish_at4", "127.0.0.1 . udp . 5353"): None}],
        does=("add_element", "publish_at4", "127.0.0.1 . udp . 5353", "10.9.0.2 . 53"),
        undoes=("delete_element", "publish_at4", "127.0.0.1 . udp . 5353"),
        undo_command="nft 'delete element inet netbuilder publish_at4 { 127.0.0.1 . udp . 5353 }'",
    ),
    Case(
        RANGE,
        "element/publish_ranges_any4/tcp . 8000-17999",
        f"nft 'add {ELEMENT} publish_ranges_any4 {{ tcp . 8000-17999 : 10.9.0.2 }}'",
        holds=[{OF_RANGE: "10.9.0.2"}],
        lacks=[{OF_RANGE: None}, {OF_RANGE: "10.9.0.3"}],
        does=("add_element", "publish_ranges_any4", "tcp . 8000-17999", "10.9.0.2"),
        undoes=("delete_element", "publish_ranges_any4", "tcp . 8000-17999"),
        undo_command="nft 'delete element inet netbuilder publish_ranges_any4 { tcp . 8000-17999 }'",
    ),
]
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_kind_of_step_is_tried_here() -> None:
    assert {case.step.kind for case in CASES} == set(Step.kinds)


def test_the_names_of_the_kinds_are_a_file_format_and_stay() -> None:
    assert {name: kind.__name__ for name, kind in Step.kinds.items()} == {
        "AcceptAdvertisements": "AcceptAdvertisements",
        "AddAddress": "AddAddress",
        "AddBridge": "AddBridge",
        "AddElement": "AddElement",
        "AddLocalRoute": "AddLocalRoute",
        "AddNamespace": "AddNamespace",
        "AddRoute": "AddRoute",
        "AddTable": "AddTable",
        "AddVeth": "AddVeth",
        "AttachNamespace": "AttachNamespace",
        "ExchangeTable": "ExchangeTable",
        "Forward": "EnableForwarding",
        "ForwardIPv6": "EnableIPv6Forwarding",
        "Hairpin": "SetHairpin",
        "Isolated": "SetIsolated",
        "NoLinkLocal": "DisableLinkLocal",
        "PublishPort": "PublishPort",
        "SetAlias": "SetAlias",
        "SetMac": "SetMac",
        "SetMtu": "SetMtu",
        "SetNeighbour": "SetNeighbour",
        "SetOffload": "SetOffload",
        "SetSysctl": "SetSysctl",
        "SetUp": "SetUp",
        "Undo": "Undo",
    }


@each_case
def test_the_command_is_what_a_person_would_type(case: Case) -> None:
    assert case.step.command() == case.command


@each_case
def test_a_step_asks_all_that_it_looks_at(case: Case) -> None:
    assert all(set(case.step.queries()) == state.keys() for state in case.holds + case.lacks)


@each_case
def test_whether_it_holds(case: Case) -> None:
    assert [case.step.holds(State(answers)) for answers in case.holds] == [True] * len(case.holds)
    assert [case.step.holds(State(answers)) for answers in case.lacks] == [False] * len(case.lacks)


@each_case
def test_what_it_does(case: Case) -> None:
    assert calls(case.step.do) == [case.does]


@each_case
def test_how_it_is_taken_back(case: Case) -> None:
    assert case.step.undo_command("0") == case.undo_command
    assert calls(lambda kernel: case.step.undo(kernel, "0"))[0] == case.undoes


@each_case
def test_what_it_is_about_and_what_comes_into_being_by_it(case: Case) -> None:
    assert (case.step.subject(), case.step.provides()) == (case.subject, case.provides)
    assert case.step.overwrites == case.overwrites


@each_case
def test_a_step_survives_json_and_its_reason_does_where_it_is_asked_for(case: Case) -> None:
    step = case.step.replace(because="a reason")
    assert Step.from_json(step.as_json()).because == "a reason"
    assert Step.from_json(step.as_json(why=False)) == case.step
    assert "because" not in step.as_json(why=False)
    assert step.as_json()["step"] == case.step.kind


@each_case
def test_taking_it_back_is_a_step_as_well(case: Case) -> None:
    undo = UndoRecord(case.step, "0").undo("why")
    assert (undo.because, undo.subject(), undo.queries()) == ("why", case.subject, case.step.queries())
    assert (undo.command(), undo.undo_command(None)) == (case.undo_command, case.command)
    assert calls(undo.do)[0] == case.undoes
    assert calls(lambda kernel: undo.undo(kernel, None)) == [case.does]
    assert not any(undo.holds(State(answers)) for answers in case.holds if case.step.is_present(State(answers)))


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({}, "there is no kind of step 'None'"),
        ({"step": "Rename"}, "there is no kind of step 'Rename'"),
        ({"step": "_Setting"}, "there is no kind of step '_Setting'"),
        ({"step": "EnableForwarding"}, "there is no kind of step 'EnableForwarding'"),
        ({"step": "AddNamespace"}, "name"),
        ({"step": "AddNamespace", "name": "web", "colour": "red"}, "has no field 'colour'"),
        ({"step": "ExchangeTable", "elements": [{"step": "SetUp", "dev": "br9"}]}, "SetUp is no _InSet"),
        ({"step": "ExchangeTable", "elements": [{"step": "Rename"}]}, "there is no kind of step"),
        ({"step": "Undo", "undone_step": {"step": "Rename"}}, "there is no kind of step"),
        ({"step": "Undo", "undone_step": {"step": "AddNamespace", "name": "web"}, "was": "1;reboot"}, "was"),
    ],
)
def test_what_is_no_step_is_refused(item: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Step.from_json(item)


@pytest.mark.parametrize("redirects", ["0", "1"])
def test_what_the_kernel_changes_along_with_forwarding_is_put_back(redirects: str) -> None:
    before = EnableForwarding().before(State(forwards("0", redirects)))
    assert before == redirects
    assert calls(lambda kernel: EnableForwarding().undo(kernel, before)) == [
        ("write_sysctl", None, "net/ipv4/ip_forward", "0"),
        ("write_sysctl", None, "net/ipv4/conf/all/accept_redirects", redirects, ("if_there", True)),
    ]


def test_what_forwarded_by_itself_does_so_again() -> None:
    """An interface that is gone by then is left out; one whose name is no plain text is not remembered."""
    alone = ("default", "eth0.5", "wan@5", "e\x1b[2J", "a b", "x;reboot", NAT)
    before = EnableForwarding().before(State(forwards("0", "1", *alone)))
    assert before == "1 default eth0.5 wan@5 :nat"
    record = UndoRecord(EnableForwarding(), before)
    assert UndoRecord.from_json(record.to_json()) == record
    assert record.undo("").command() == (
        "sysctl -q -e -w net/ipv4/ip_forward=0 net/ipv4/conf/all/accept_redirects=1"
        " net/ipv4/conf/default/forwarding=1 net/ipv4/conf/eth0.5/forwarding=1 net/ipv4/conf/wan@5/forwarding=1"
    )
    assert [call[2:] for call in calls(lambda kernel: EnableForwarding().undo(kernel, before))[2:]] == [
        (f"net/ipv4/conf/{name}/forwarding", "1", ("if_there", True)) for name in ("default", "eth0.5", "wan@5")
    ]


def test_of_ipv6_it_is_the_interfaces_alone() -> None:
    state = State({SysctlOf(None, "net/ipv6/conf/all/forwarding"): "0", ForwardingAlone(6): ("default", "vpn0", "a b")})
    before = EnableIPv6Forwarding().before(state)
    assert before == "- default vpn0"
    off = "sysctl -q -e -w net/ipv6/conf/all/forwarding=0"
    keys = "net/ipv6/conf/default/forwarding=1 net/ipv6/conf/vpn0/forwarding=1"
    assert EnableIPv6Forwarding().undo_command(before) == f"{off} {keys}"
    assert UndoRecord.from_json(UndoRecord(EnableIPv6Forwarding(), before).to_json()).before == before


@pytest.mark.parametrize("before", ["", "-", None])
def test_where_nothing_is_known_of_what_it_changes_along_that_is_left(before: str | None) -> None:
    step = EnableForwarding()
    assert step.before(State(dict.fromkeys(step.queries(), ()))) == "-"
    assert len(calls(lambda kernel: step.undo(kernel, before))) == 1
    assert step.undo_command(before) == "sysctl -q -w net/ipv4/ip_forward=0"


def test_an_exchanged_table_is_also_the_table_alone() -> None:
    exchange = ExchangeTable(elements=(IN_BRIDGES,))
    assert exchange.table() == AddTable()
    assert exchange != AddTable()


# What is left of a step that does not hold, or whose fact somebody else made

BRIDGE = LinkOf(None, "br9")
ADD_NAMESPACE, ATTACH, ADD_BRIDGE, ADD_VETH = CASES[0].step, CASES[1].step, CASES[2].step, CASES[4].step
OTHER_BRIDGE = AddBridge(name="br9", alias="netbuilder:two")
OTHER_ATTACH, CHILD = AttachNamespace(name="web", path="/proc/70/ns/net"), NamespaceOf("/proc/70/ns/net")


@pytest.mark.parametrize(
    ("step", "answers", "present", "in_part"),
    [
        (ADD_NAMESPACE, {PIN: 0}, True, True),  # an empty file, left by a maker that was killed
        (ADD_NAMESPACE, {PIN: None}, False, False),
        (ADD_NAMESPACE, {PIN: NAMESPACE}, True, False),
        (ATTACH, {PIN: 0, PROCESS: NAMESPACE}, True, True),
        (ATTACH, {PIN: None, PROCESS: NAMESPACE}, False, False),
        (ATTACH, {PIN: NAMESPACE, PROCESS: NAMESPACE}, True, False),
        (ATTACH, {PIN: NAMESPACE, PROCESS: None}, True, False),  # the process may end
        (ATTACH, {PIN: NAMESPACE, PROCESS: OTHER_NAMESPACE}, True, True),
        (ADD_BRIDGE, {BRIDGE: link("bridge", alias="netbuilder:lab")}, True, False),
        (ADD_BRIDGE, {BRIDGE: link("bridge", alias="theirs")}, False, False),
        (ADD_BRIDGE, {BRIDGE: link("veth", alias="netbuilder:lab")}, False, False),
        (ADD_BRIDGE, {BRIDGE: None}, False, False),
        (ADD_VETH, veth(link(), None, BRIDGE_LINK), True, True),  # pulled out of the bridge, or its namespace is gone
        (ADD_VETH, veth(link(), link(), None), True, True),  # its bridge is gone
        (ADD_VETH, veth(link(master=3), link(mac=OTHER_MAC), BRIDGE_LINK), True, True),
        (ADD_VETH, veth(link("macvlan"), None, BRIDGE_LINK), False, False),
        (ADD_VETH, veth(None, link(), BRIDGE_LINK), False, False),
        (AddTable(), {TABLE_QUERY: {"": ("netbuilder ruleset 2",)}}, True, False),  # read again, it is mended
        (AddTable(), {TABLE_QUERY: OLD_TABLE}, True, False),
        (AddTable(), {TABLE_QUERY: {"": ("theirs",)}}, False, False),
        (AddTable(), {TABLE_QUERY: None}, False, False),
        (PUBLISHED, {PORT: "10.9.0.3 . 80"}, True, True),
        (PUBLISHED, {PORT: "10.9.0.2 . 80"}, True, False),
        (PUBLISHED, {PORT: None}, False, False),
        (IN_BRIDGES, {ElementOf("bridges", '"br9"'): ""}, True, False),
        (SetUp(dev="br9"), {BRIDGE: link(up=True)}, True, False),
        (SetUp(dev="br9"), {BRIDGE: link()}, False, False),
    ],
)
def test_what_is_present_and_what_is_there_in_part(step: Step, answers: Answers, present: bool, in_part: bool) -> None:
    state = State(answers)
    assert step.is_present(state) == present
    assert step.is_present(State({query: answers[query] for query in step.traces()})) == present
    assert (not step.overwrites and not step.holds(state) and step.is_present(state)) == in_part


@pytest.mark.parametrize(
    ("step", "wanted", "answers", "gives_way"),
    [
        (ADD_VETH, ADD_VETH.replace(mac=OTHER_MAC), veth(link(master=3), link(), BRIDGE_LINK), False),
        (
            ADD_VETH,
            ADD_VETH.replace(mac=OTHER_MAC),
            veth(link(master=3), link(mac=OTHER_MAC), BRIDGE_LINK),
            True,
        ),
        (PUBLISHED, PUBLISHED.replace(sandbox_port=81), {PORT: "10.9.0.2 . 80"}, False),
        (PUBLISHED, PUBLISHED.replace(sandbox_port=81), {PORT: "10.9.0.2 . 81"}, True),
        (PUBLISHED, PUBLISHED.replace(sandbox_port=81), {PORT: None}, False),
        # A bridge of our own for another network: its alias tells whose it is.
        (ADD_BRIDGE, OTHER_BRIDGE, {BRIDGE: link("bridge", alias="netbuilder:lab")}, False),
        (ADD_BRIDGE, OTHER_BRIDGE, {BRIDGE: link("bridge", alias="netbuilder:two")}, True),
        (ADD_BRIDGE, OTHER_BRIDGE, {BRIDGE: None}, False),
        (ATTACH, OTHER_ATTACH, {PIN: NAMESPACE, PROCESS: NAMESPACE, CHILD: OTHER_NAMESPACE}, False),
        (ATTACH, OTHER_ATTACH, {PIN: OTHER_NAMESPACE, PROCESS: NAMESPACE, CHILD: OTHER_NAMESPACE}, True),
        (ATTACH, OTHER_ATTACH, {PIN: NAMESPACE, PROCESS: NAMESPACE, CHILD: NAMESPACE}, True),  # another path to it
        (ADD_NAMESPACE, ATTACH, {PIN: NAMESPACE, PROCESS: OTHER_NAMESPACE}, False),
        (ADD_NAMESPACE, ATTACH, {PIN: NAMESPACE, PROCESS: NAMESPACE}, True),
        (ADD_NAMESPACE, ATTACH, {PIN: None, PROCESS: NAMESPACE}, False),
        # A new namespace under the same name is told from the one that was attached, as that one is elsewhere too.
        (ATTACH, ADD_NAMESPACE, {PIN: NAMESPACE, PROCESS: NAMESPACE}, False),
        (ATTACH, ADD_NAMESPACE, {PIN: OTHER_NAMESPACE, PROCESS: NAMESPACE}, True),
        (ATTACH, ADD_NAMESPACE, {PIN: NAMESPACE, PROCESS: None}, False),
        (ATTACH, ADD_NAMESPACE, {PIN: None, PROCESS: NAMESPACE}, False),
    ],
)
def test_a_step_gives_way_to_what_stands_in_its_place(
    step: Step, wanted: Step, answers: Answers, gives_way: bool
) -> None:
    assert step.gives_way_to(wanted, State(answers)) == gives_way


# What else changes when it is undone

TWO_ADDRESSES = frozenset({"10.9.0.2/24", "10.9.0.7/24"})
BOTH = frozenset({"10.9.0.2/24", "fd00:9::2/64"})
OTHER_ROUTE = Route("10.7.0.0/16", "10.8.0.1", 6, 0)


@pytest.mark.parametrize(
    ("step", "answers", "undone"),
    [
        (ADD_NAMESPACE, {PIN: NAMESPACE}, {PIN: None}),
        (ATTACH, {PIN: NAMESPACE, PROCESS: NAMESPACE}, {PIN: None}),
        (PUBLISHED, {PORT: "10.9.0.2 . 80"}, {PORT: None}),
        (IN_BRIDGES, {ElementOf("bridges", '"br9"'): ""}, {ElementOf("bridges", '"br9"'): None}),
        (
            AddRoute(netns="web", via=GATEWAY, dev="eth0"),
            routes(DEFAULT_ROUTE, OTHER_ROUTE),
            {RoutesOf("web"): frozenset({OTHER_ROUTE})},
        ),
        (
            AddAddress(netns="web", dev="eth0", address=INSIDE),
            {AddressesOf("web", "eth0"): TWO_ADDRESSES, **routes(DEFAULT_ROUTE)},
            {AddressesOf("web", "eth0"): frozenset({"10.9.0.7/24"})},
        ),
        # With its last address an interface loses its routes.
        (
            AddAddress(netns="web", dev="eth0", address=INSIDE),
            {AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24"}), **routes(DEFAULT_ROUTE, OTHER_ROUTE)},
            {AddressesOf("web", "eth0"): frozenset(), RoutesOf("web"): frozenset({OTHER_ROUTE})},
        ),
        # With its last IPv4 address, it loses those of IPv4; of IPv6, nothing of the kind.
        (
            AddAddress(netns="web", dev="eth0", address=INSIDE),
            {AddressesOf("web", "eth0"): BOTH, **routes(DEFAULT_ROUTE, DEFAULT_ROUTE6)},
            {AddressesOf("web", "eth0"): frozenset({"fd00:9::2/64"}), RoutesOf("web"): frozenset({DEFAULT_ROUTE6})},
        ),
        (
            AddAddress(netns="web", dev="eth0", address=INSIDE6),
            {AddressesOf("web", "eth0"): BOTH, **routes(DEFAULT_ROUTE, DEFAULT_ROUTE6)},
            {AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24"})},
        ),
        (
            AddAddress(netns="web", dev="eth0", address=INSIDE),
            {AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24"})},
            {AddressesOf("web", "eth0"): frozenset()},
        ),
        (ADD_VETH, veth(link(master=3), link(), BRIDGE_LINK), {}),  # what it provides goes: that says it all
        (SetMtu(dev="br9", mtu=1400), {BRIDGE: link(mtu=1400)}, {}),
    ],
)
def test_the_answers_that_are_others_once_it_is_undone(step: Step, answers: Answers, undone: Answers) -> None:
    assert step.undone(State(answers)) == undone


WEB = ("netns", None, "web")


@pytest.mark.parametrize(
    ("query", "things"),
    [
        (PIN, (WEB,)),
        (PROCESS, ()),
        (LinkOf(None, "veth1"), (LINK,)),
        (LinkOf("web", "eth0"), (OTHER_LINK, WEB)),
        (IndexOf(None, "veth1"), (LINK,)),
        (AddressesOf(None, "veth1"), (LINK,)),
        (AddressesOf("web", "eth0"), (OTHER_LINK, WEB)),
        (RoutesOf(None), ()),
        (RoutesOf("web"), (WEB,)),
        (SysctlOf(None, "net/ipv4/ip_forward"), ()),
        (SysctlOf(None, "net/ipv4/conf/veth1/route_localnet"), (LINK,)),
        (SysctlOf(None, "net/ipv4/conf/all/route_localnet"), ()),
        (SysctlOf("web", "net/ipv6/conf/default/disable_ipv6"), (WEB,)),
        (SysctlOf("web", "net/ipv6/conf/eth0/disable_ipv6"), (OTHER_LINK, WEB)),
        (SysctlOf("web", "net/ipv6/conf/eth0.1/disable_ipv6"), (("link", "web", "eth0.1"), WEB)),
        (PORT, (TABLE,)),
        (TABLE_QUERY, (TABLE,)),
        (TableCommentOf("netbuilder"), ()),
    ],
)
def test_what_an_answer_is_part_of(query: Query[Any], things: tuple[Thing, ...]) -> None:
    assert query.part_of() == things
    assert query.inside == ("web" if WEB in things and query != PIN else None)
    assert is_part_of([PROCESS, query], set(things)) == bool(things)
    assert not is_part_of([query], {("link", None, "other")})


def test_a_state_gives_answers_and_none_to_what_was_not_asked() -> None:
    state = State({PIN: NAMESPACE})
    assert (state[PIN], state.get(PIN), state.get(PORT)) == (NAMESPACE, NAMESPACE, None)
    assert list(state.items()) == [(PIN, NAMESPACE)]
    with pytest.raises(KeyError):
        state[PORT]


# What was there before


@pytest.mark.parametrize(("value", "before"), [("0", "0"), ("1", "1"), (None, "0")])
def test_a_setting_remembers_what_was_there_before(value: str | None, before: str) -> None:
    step = SetSysctl(key="net/ipv4/ip_forward", value="1")
    assert step.before(State({SysctlOf(None, "net/ipv4/ip_forward"): value})) == before
    undone = calls(lambda kernel: step.undo(kernel, before))
    assert undone == [("write_sysctl", None, "net/ipv4/ip_forward", before)]
    assert calls(lambda kernel: step.undo(kernel, None)) == [("write_sysctl", None, "net/ipv4/ip_forward", "0")]


@pytest.mark.parametrize(("seen", "mtu"), [(link(mtu=1300), 1300), (None, 1500)], ids=["old", "new"])
def test_an_interface_that_was_there_gets_its_mtu_back(seen: Link | None, mtu: int) -> None:
    step = SetMtu(dev="br9", mtu=1400)
    before = step.before(State({BRIDGE: seen}))
    assert calls(lambda kernel: step.undo(kernel, before)) == [("set_link", None, "br9", ("mtu", mtu))]
    assert step.undo_command(before) == f"ip link set br9 mtu {mtu}"
    assert step.undo_command(None) == "ip link set br9 mtu 1500"


@pytest.mark.parametrize(
    ("before", "undone", "typed"),
    [
        (None, ("delete_neighbour", "web", "eth0", GATEWAY), "ip -n web neigh del 10.9.0.1 dev eth0"),
        (
            OTHER_MAC,
            ("set_neighbour", "web", "eth0", GATEWAY, OTHER_MAC),
            f"ip -n web neigh replace 10.9.0.1 lladdr {OTHER_MAC} dev eth0 nud permanent",
        ),
    ],
    ids=["new", "old"],
)
def test_a_neighbour_that_somebody_entered_comes_back(before: str | None, undone: Call, typed: str) -> None:
    step = SetNeighbour(netns="web", dev="eth0", dev_mac=MAC, address=GATEWAY, mac=MAC)
    assert step.before(State({NeighbourOf("web", "eth0", GATEWAY): before})) == before
    assert calls(lambda kernel: step.undo(kernel, before)) == [undone]
    assert step.undo_command(before) == typed


@pytest.mark.parametrize(("seen", "mac"), [(link(), MAC), (None, OTHER_MAC)], ids=["old", "new"])
def test_an_interface_that_was_there_gets_its_mac_back(seen: Link | None, mac: str) -> None:
    step = SetMac(dev="br9", mac=OTHER_MAC)
    before = step.before(State({BRIDGE: seen}))
    assert calls(lambda kernel: step.undo(kernel, before)) == [("set_link", None, "br9", ("mac", mac))]
    assert step.undo_command(before) == f"ip link set br9 address {mac}"


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if not isinstance(case.step, SetSysctl | SetMtu | SetMac | SetNeighbour | Forwarding | AcceptAdvertisements)
    ],
    ids=str,
)
def test_other_steps_have_nothing_to_remember(case: Case) -> None:
    assert case.step.before(State({})) is None


@pytest.mark.parametrize(
    ("record", "item"),
    [
        (
            UndoRecord(SetSysctl(key="net/ipv4/ip_forward", value="1", because="why"), "0"),
            {"step": "SetSysctl", "key": "net/ipv4/ip_forward", "value": "1", "before": "0"},
        ),
        (
            UndoRecord(AddNamespace(name="web", because="why"), None),
            {"step": "AddNamespace", "name": "web", "before": None},
        ),
        (
            UndoRecord(SetUp(netns="web", dev="lo"), None),
            {"step": "SetUp", "netns": "web", "dev": "lo", "before": None},
        ),
        (
            UndoRecord(SetHairpin(dev="veth1"), None),
            {"step": "Hairpin", "dev": "veth1", "before": None},
        ),
    ],
)
def test_a_record_survives_json(record: UndoRecord, item: dict[str, str | None]) -> None:
    assert record.to_json() == item
    assert UndoRecord.from_json(item) == record
    assert list(item)[-1] == "before"  # reading it took nothing away


@pytest.mark.parametrize("before", [0, [], {}, True])
def test_what_was_there_before_is_text(before: object) -> None:
    with pytest.raises(ValueError, match="is not text"):
        UndoRecord.from_json({"step": "AddNamespace", "name": "web", "before": before})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"dst": "10.7.0.0/16", "via": "fd00::1"},
        {"dst": "fd00::/64", "via": "10.9.0.1"},
    ],
)
def test_a_route_that_leads_nowhere_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"a route needs|no router for"):
        AddRoute(dev="eth0", **fields)


@pytest.mark.parametrize(("field", "text"), [("via", "fe80::1%eth0"), ("dst", "10.7.0.1/16"), ("dst", "fd00::1/64")])
def test_a_route_is_to_a_subnet_by_a_plain_address(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: "):
        AddRoute(dev="eth0", **{field: text})


@pytest.mark.parametrize(
    ("seen", "is_taken"),
    [
        (DEFAULT_ROUTE6, True),
        (Route("::/0", None, 7, 1024), True),
        (DEFAULT_ROUTE6._replace(metric=1), False),
        (Route("0.0.0.0/0", None, 7, 1024), False),
    ],
)
def test_to_a_subnet_there_is_one_route_of_a_metric(seen: Route, is_taken: bool) -> None:
    assert AddRoute(via=GATEWAY6, dev="eth0").is_taken_by(seen) is is_taken


# Hostile fields

HOSTILE = [
    "a; reboot",
    "$(reboot)",
    "`reboot`",
    "a\nreboot",
    "a'b\"c",
    "} ; flush ruleset ; {",
    "a\\",
    "é",
    "#",
    "\x00",
]
QUOTED = ["AddBridge.alias", "SetAlias.alias"]
FIELDS = {
    f"{type(case.step).__name__}.{name}": case.step
    for case in CASES
    for name, value in vars(case.step).items()
    if value != ""
}


def with_text(step: Step, field: str, text: str) -> Step:
    return step.replace(**{field.partition(".")[2]: text})


@pytest.mark.parametrize("field", sorted(FIELDS.keys() - QUOTED))
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_refused(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=field.partition(".")[2]):
        with_text(FIELDS[field], field, text)


OF_BOTH = ["fd00::1", '"br9" . fd00::/64', "::1 . sctp . 8000-8999", "tcp . 80-80"]
LONGEST = " . ".join(['"br-0123456789ab"', "fd00:1111:2222:3333:4444:5555:6666:7777/128", "sctp", "60000-65535"])


@pytest.mark.parametrize("field", ["key", "data"])
@pytest.mark.parametrize(
    "text", ['"br9"', '"br9" . 10.9.0.0/24', "10.9.0.1", "127.0.0.1 . udp . 65535", "ipv6", *OF_BOTH, LONGEST]
)
def test_the_parts_of_an_element(field: str, text: str) -> None:
    assert text in AddElement(**{"set": "bridges", "key": "10.9.0.1", field: text}).command()


@pytest.mark.parametrize("field", ["key", "data"])
@pytest.mark.parametrize(
    "text",
    [
        "br9",
        '"a name of sixteen"',
        "dccp . 80",
        "tcp . 81-80",
        "tcp . 80-",
        "tcp . 80-65536",
        "tcp . 80-90-100",
        "fe80::1%eth0",
        "fd00::1/64",
        "fd00::/129",
        "fd00::g",
        "tcp . 65536",
        "tcp . 999999999999999999999",
        "tcp . \u0661",
        "tcp.80",
        "10.9.0.1/33",
        "10.9.0.1 .",
        " . ".join(["tcp"] * 30),
    ],
)
def test_what_can_be_no_element_is_refused(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: "):
        AddElement(**{"set": "bridges", "key": "10.9.0.1", field: text})


@pytest.mark.parametrize("item", [{"step": "Undo", "undone_step": {"step": "AddNamespace", "name": "web"}}])
def test_to_undo_is_not_remembered(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no step to take back"):
        UndoRecord.from_json({**item, "before": None})


@pytest.mark.parametrize("before", ["1; reboot", "1 eth0;reboot", "1 ../x", "1 eth0 " * 2, "$(reboot)", "a=b", "é"])
def test_what_no_step_remembers_is_refused(before: str) -> None:
    with pytest.raises(ValueError, match="can have remembered"):
        UndoRecord.from_json({"step": "SetUp", "dev": "lo", "before": before})


@pytest.mark.parametrize("before", ["a:b", "99999999999999", "-1", ""])
def test_an_mtu_that_can_be_none_is_the_kernels(before: str) -> None:
    assert SetMtu(dev="veth1", mtu=1400).undo_command(before) == "ip link set veth1 mtu 1500"


@pytest.mark.parametrize("field", QUOTED)
@pytest.mark.parametrize("text", HOSTILE)
def test_where_any_text_may_stand_it_is_one_word_of_the_command(field: str, text: str) -> None:
    step = FIELDS[field]
    words = shlex.split(with_text(step, field, text).command())
    usual = shlex.split(step.command())
    assert [word for word, was in zip(words, usual, strict=True) if word != was] == [text]


@pytest.mark.parametrize("text", [*HOSTILE, "a\n\nreboot\n", "a\rreboot"])
def test_a_hostile_reason_is_a_comment_of_the_script(text: str) -> None:
    for step in FIELDS.values():
        script = Plan([with_text(step, ".because", text)]).script()
        lines = [line for line in script.splitlines() if not line.startswith("# ")]
        usual = [line for line in Plan([step]).script().splitlines() if not line.startswith("# ")]
        assert lines == usual


@pytest.mark.parametrize(
    "key",
    ["kernel/hostname", "net", "net/", "/net/ipv4/x", "net/../kernel/x", "net/./x", "net/a b", "net//x", "net/x\n"],
)
def test_a_setting_is_one_of_the_network_stack(key: str) -> None:
    with pytest.raises(ValueError, match="key: "):
        SetSysctl(key=key, value="1")


@pytest.mark.parametrize(
    "value", ["-1", "cubic", "reno cubic", "8080,9000-9100", "fd00::1", "0.5", "4096 87380 6291456"]
)
def test_a_setting_is_words(value: str) -> None:
    step = SetSysctl(key="net/ipv4/ip_forward", value=value)
    assert shlex.split(step.command())[-1] == f"net/ipv4/ip_forward={value}"
    assert Undo(undone_step=step, was=value).was == value


@pytest.mark.parametrize("value", ["", "1\n", "1  2", "1 ", " 1", "1\t2", "../x", "a=b", "1;2", "a" * 5000])
def test_a_setting_is_nothing_else(value: str) -> None:
    with pytest.raises(ValueError, match="value: "):
        SetSysctl(key="net/ipv4/ip_forward", value=value)


@pytest.mark.parametrize("was", ["0", "1500", "02:42:0a:09:00:02", "", None, "32768\t60999", "-1"])
def test_what_is_put_back_is_a_number_or_an_address(was: str | None) -> None:
    assert Undo(undone_step=SetUp(dev="br9"), was=was).was == was


def test_a_step_has_no_other_fields_and_is_frozen() -> None:
    with pytest.raises(ValueError, match="color"):
        AddNamespace(name="web", color="red")  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="because"):
        ADD_NAMESPACE.because = "another reason"  # type: ignore[misc]


# A range that is shifted: several elements, one step


def test_a_shifted_range_is_one_step_of_several_elements() -> None:
    entries = "tcp . 8000 : 10.9.0.2 . 9000, tcp . 8001 : 10.9.0.2 . 9001"
    assert SHIFTED.command() == f"nft 'add {ELEMENT} publish_any4 {{ {entries} }}'"
    assert SHIFTED.undo_command(None) == f"nft 'delete {ELEMENT} publish_any4 {{ tcp . 8000, tcp . 8001 }}'"
    assert SHIFTED.queries() == OF_SHIFTED
    assert calls(SHIFTED.do) == [
        ("add_element", "publish_any4", "tcp . 8000", "10.9.0.2 . 9000"),
        ("add_element", "publish_any4", "tcp . 8001", "10.9.0.2 . 9001"),
    ]
    assert calls(lambda kernel: SHIFTED.undo(kernel, None)) == [
        ("delete_elements", "publish_any4", ["tcp . 8000", "tcp . 8001"])
    ]


def test_a_shifted_range_holds_where_all_of_it_does_and_is_present_where_any_is() -> None:
    assert SHIFTED.holds(State(SHIFTED_HOLDS))
    assert not SHIFTED.is_present(State(dict.fromkeys(OF_SHIFTED)))
    for query in OF_SHIFTED:
        part = State(SHIFTED_HOLDS | {query: None})
        assert (SHIFTED.holds(part), SHIFTED.is_present(part)) == (False, True)


def test_a_shifted_range_is_not_about_the_same_thing_as_its_first_port() -> None:
    """Or that one would stand in its place, and the others be forgotten."""
    first = SHIFTED.replace(count=1)
    more = SHIFTED.replace(count=3)
    assert len({one.subject() for one in (first, SHIFTED, more, RANGE)}) == 4


def test_a_command_too_long_for_an_argument_is_read_by_nft() -> None:
    step = SHIFTED.replace(count=5000)
    assert step.command().startswith(f"nft -f - <<'EOF'\nadd {ELEMENT} publish_any4 {{ tcp . 8000 : ")
    assert step.command().endswith(" . 13999 }\nEOF")
    assert step.undo_command(None).startswith(f"nft -f - <<'EOF'\ndelete {ELEMENT} publish_any4 {{ tcp . 8000, ")
