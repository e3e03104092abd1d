"""What stands already and is somebody else's is refused under its name, with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from netbuilder import firewall
from netbuilder.engine.preflight import HOME, Preflight
from netbuilder.errors import SpecError
from netbuilder.recipes.units import FIREWALL, Key, units
from netbuilder.resolve import resolve
from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox
from netbuilder.steps.link import IndexOf
from netbuilder.steps.state import AddressesOf, Link, LinkOf, NamespaceOf, PinOf, Query, State, TableOf

HOST, SEVEN, EIGHT = 1, 7, 8
"""Namespaces, by their inodes: the host's, and those of the processes of these numbers."""
NETWORK = Network(name="lab", bridge="br9", subnet="10.9.0.0/24")
BRIDGE, ETH0, VETH = LinkOf(None, "br9"), LinkOf("web", "eth0"), "veth18926d6"
TABLE = TableOf("netbuilder")
NEW = Link(3, "bridge", True, "02:42:0a:09:00:01", 1500, 0, "", False, False)
MAC = "02:42:0a:09:00:02"

Answers = Mapping[Query[Any], Any]


def web(**fields: Any) -> Sandbox:
    return Sandbox(name="web", mode=Bridge(network="lab"), **fields)


def room(name: str = "web", **fields: Any) -> Sandbox:
    return Sandbox(name=name, mode=NoNetwork(), **fields)


def own(name: str) -> ResolvedSandbox:
    return ResolvedSandbox(name=name, mode="none", namespace=name)


def check(
    *specs: Network | Sandbox,
    seen: Answers = {},  # noqa: B006
    standing: tuple[ResolvedSandbox, ...] = (),
    stood: tuple[Key, ...] = (),
    arriving: Mapping[str, Answers] = {},
) -> None:
    """Look at specs on a host with nothing on it but what is seen; process 7 and 8 have namespaces of their own."""
    parts = units(resolve(specs))
    preflight = Preflight(parts, {one.name: one for one in standing}, stood)
    asked = {query for unit in parts for query in unit.plan.queries()} | preflight.queries()
    paths = {HOME: HOST, NamespaceOf("/proc/7/ns/net"): SEVEN, NamespaceOf("/proc/8/ns/net"): EIGHT}
    state = {query: {**paths, **seen}.get(query, query.absent) for query in asked}
    there = {
        name: State({query: answers.get(query, query.absent) for query in asked}) for name, answers in arriving.items()
    }
    preflight.check(State(state), there)


def refusal(*specs: Network | Sandbox, **host: Any) -> tuple[str, str]:
    with pytest.raises(SpecError) as caught:
        check(*specs, **host)
    return str(caught.value), caught.value.hint


def test_on_a_host_with_nothing_on_it_all_is_well() -> None:
    check(NETWORK, web(), room("empty"), Sandbox(name="top", mode=HostNetwork()), room("seven", namespace=7))


# Names


@pytest.mark.parametrize("inode", [0, 12])
@pytest.mark.parametrize("sandbox", [web(), room(), web(namespace=7)], ids=["bridge", "none", "adopted"])
def test_a_pin_of_that_name_is_somebody_elses(sandbox: Sandbox, inode: int) -> None:
    assert refusal(NETWORK, sandbox, seen={PinOf("web"): inode}) == (
        "sandbox web.name: is taken by /run/netns/web, a namespace that netbuilder did not make",
        "choose another name, adopt it from Python with namespace='/run/netns/web', or delete it: ip netns del web",
    )


def test_a_pin_may_be_adopted_under_its_very_name() -> None:
    here = {PinOf("web"): 12, NamespaceOf("/run/netns/web"): 12}
    check(NETWORK, web(namespace="/run/netns/web"), seen=here)
    check(room(namespace="/run/netns/web"), seen=here)


@pytest.mark.parametrize("mode", [HostNetwork(), Container(sandbox="db")], ids=lambda mode: mode.kind)
def test_who_has_no_namespace_of_its_own_needs_no_pin(mode: HostNetwork | Container) -> None:
    check(room("db"), Sandbox(name="web", mode=mode), seen={PinOf("web"): 12})


def test_a_pin_of_ours_is_ours() -> None:
    check(NETWORK, web(), seen={PinOf("web"): 12}, standing=(own("web"),), stood=(Key("sandbox", "web"),))


# Bridges and the table


@pytest.mark.parametrize(
    ("kind", "told"), [("veth", "veth"), ("", "physical"), ("dummy", "dummy")], ids=["veth", "a card", "dummy"]
)
@pytest.mark.parametrize("stood", [(), (Key("network", "lab"),)], ids=["new", "stood"])
def test_an_interface_that_is_no_bridge_is_in_the_way(kind: str, told: str, stood: tuple[Key, ...]) -> None:
    assert refusal(NETWORK, seen={BRIDGE: NEW._replace(kind=kind)}, stood=stood) == (
        f"network lab.bridge: br9 is taken by an interface that is not a bridge ({told})",
        "",
    )


@pytest.mark.parametrize("alias", ["", "netbuilder:lab", "theirs"])
def test_a_bridge_that_is_there_is_used(alias: str) -> None:
    check(NETWORK, seen={BRIDGE: NEW._replace(alias=alias)})


@pytest.mark.parametrize("seen", [{}, {"": ("theirs",)}, {"": ("",)}, {"forward": ("netbuilder ruleset 2",)}])
def test_a_table_of_somebody_else_is_in_the_way(seen: Mapping[str, tuple[str, ...]]) -> None:
    assert refusal(NETWORK, seen={TABLE: seen}) == (
        "table inet netbuilder: is there and is not netbuilder's",
        "delete it: nft delete table inet netbuilder",
    )


@pytest.mark.parametrize("seen", [None, firewall.outline(), {"": ("made by netbuilder",)}])
def test_a_table_of_ours_of_whatever_version_is_not_in_the_way(seen: Mapping[str, tuple[str, ...]] | None) -> None:
    check(NETWORK, seen={TABLE: seen})


@pytest.mark.parametrize("stood", [(), (FIREWALL,)])
def test_a_table_of_somebody_else_is_refused_also_in_the_place_of_ours(stood: tuple[Key, ...]) -> None:
    with pytest.raises(SpecError, match="is there and is not netbuilder's"):
        check(NETWORK, seen={TABLE: {"": ("changed by somebody",)}}, stood=stood)


# Adopted namespaces


def test_a_path_that_leads_to_no_network_namespace_is_refused() -> None:
    assert refusal(room(namespace=9)) == (
        "sandbox web.namespace: /proc/9/ns/net is not a network namespace",
        "check the path, or the process",
    )


def test_the_hosts_own_namespace_is_not_adopted() -> None:
    assert refusal(room(namespace=9), seen={NamespaceOf("/proc/9/ns/net"): HOST}) == (
        "sandbox web.namespace: /proc/9/ns/net is the host's own",
        "leave it out, or use host mode",
    )


@pytest.mark.parametrize(
    ("name", "path", "hint"),
    [("db", "/run/netns/db", "share it in container mode with db"), ("db", 7, "share it in container mode with db")],
)
def test_a_namespace_that_another_sandbox_has_is_not_adopted(name: str, path: str | int, hint: str) -> None:
    where = path if isinstance(path, str) else f"/proc/{path}/ns/net"
    seen = {PinOf(name): SEVEN, NamespaceOf(where): SEVEN}
    assert refusal(room(namespace=path), seen=seen, standing=(own(name),)) == (
        f"sandbox web.namespace: {where} is the namespace of sandbox {name} already",
        hint,
    )


def test_a_sandbox_does_not_adopt_its_own_pin() -> None:
    seen = {PinOf("web"): SEVEN, NamespaceOf("/run/netns/web"): SEVEN}
    told, hint = refusal(
        room(namespace="/run/netns/web"), seen=seen, standing=(own("web"),), stood=(Key("sandbox", "web"),)
    )
    assert told == "sandbox web.namespace: /run/netns/web is the namespace of sandbox web already"
    assert hint == "leave it out"


def test_what_was_attached_by_hand_is_adopted() -> None:
    # As by running the script of a diff: under the sandbox's name is the namespace that is asked for.
    seen = {PinOf("web"): SEVEN}
    check(room(namespace=7), seen=seen, standing=(own("web"),), stood=(Key("sandbox", "web"),))


def test_a_namespace_is_adopted_once_in_a_call() -> None:
    told, hint = refusal(
        room("a", namespace=7), room("b", namespace="/run/netns/x"), seen={NamespaceOf("/run/netns/x"): SEVEN}
    )
    assert told == "sandbox b.namespace: /run/netns/x is the namespace of sandbox a already"
    assert hint == "share it in container mode with a"


def test_what_is_adopted_already_is_not_looked_at_again() -> None:
    adopted = own("web").replace(adopted="/proc/7/ns/net")
    gone = {NamespaceOf("/proc/7/ns/net"): None, PinOf("web"): SEVEN}
    check(room(namespace=7), seen=gone, standing=(adopted,), stood=(Key("sandbox", "web"),))
    assert Preflight(units(resolve([room(namespace=7)])), {"web": adopted}, ()).queries() == set()


def test_who_leaves_an_adopted_namespace_may_come_back_to_it_by_another_path() -> None:
    adopted = own("web").replace(adopted="/proc/8/ns/net")
    seen = {NamespaceOf("/proc/7/ns/net"): EIGHT, PinOf("web"): EIGHT}
    check(room(namespace=7), seen=seen, standing=(adopted,), stood=(Key("sandbox", "web"),), arriving={"web": {}})


def test_a_namespace_that_is_left_in_this_call_may_be_adopted_by_another() -> None:
    adopted = own("web").replace(adopted="/proc/7/ns/net")
    check(
        room("web", namespace=8),
        room("db", namespace=7),
        seen={PinOf("web"): SEVEN},
        standing=(adopted,),
        stood=(Key("sandbox", "web"),),
        arriving={"web": {}},
    )


def test_who_shares_a_namespace_does_not_have_it() -> None:
    mate = ResolvedSandbox(name="mate", mode="container", namespace="db", shares="db")
    top = ResolvedSandbox(name="top", mode="host", namespace=None)
    parts = units(resolve([room(namespace=7)]))
    asked = Preflight(parts, {one.name: one for one in (own("db"), mate, top)}, ()).queries()
    assert asked == {HOME, NamespaceOf("/proc/7/ns/net"), PinOf("db")}


def test_whoever_adopts_nothing_asks_nothing_more() -> None:
    assert Preflight(units(resolve([NETWORK, web()])), {"db": own("db")}, ()).queries() == set()


# What is in an adopted namespace

EXPLAINED = (
    "sandbox web.namespace: there is an eth0 in /proc/7/ns/net already, where bridge mode puts its own",
    "use none mode to adopt it as it is, or rename the interface: ip link set eth0 name NAME",
)
THEIRS = NEW._replace(kind="veth", mac="02:42:ff:ff:ff:ff")


def test_an_eth0_that_is_there_is_in_the_way_of_bridge_mode() -> None:
    assert refusal(NETWORK, web(namespace=7), seen={ETH0: THEIRS}) == EXPLAINED
    check(room(namespace=7), seen={ETH0: THEIRS})


def test_it_is_looked_for_where_the_sandbox_goes() -> None:
    host: dict[str, Any] = {"standing": (own("web"),), "stood": (Key("sandbox", "web"),)}
    assert refusal(NETWORK, web(namespace=7), arriving={"web": {ETH0: THEIRS}}, **host) == EXPLAINED
    check(NETWORK, web(namespace=7), seen={ETH0: THEIRS}, arriving={"web": {}}, **host)


def test_the_very_pair_may_be_there() -> None:
    outer = NEW._replace(kind="veth", ifindex=9, master=3)
    seen = {ETH0: NEW._replace(kind="veth", mac=MAC), LinkOf(None, VETH): outer, IndexOf(None, BRIDGE.dev): NEW.ifindex}
    check(NETWORK, web(namespace=7), seen=seen)
    assert refusal(NETWORK, web(namespace=7), seen={**seen, LinkOf(None, VETH): outer._replace(master=4)}) == EXPLAINED


def test_an_address_that_is_there_is_no_matter() -> None:
    check(NETWORK, web(namespace=7), seen={AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24"})})
