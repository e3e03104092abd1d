"""What was done is taken back in order; a forecast shows what goes, what falls with it, and what comes."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import pytest

from netbuilder import receipts
from netbuilder.plan import Plan
from netbuilder.receipts import Receipt
from netbuilder.resolved import ResolvedSandbox
from netbuilder.state import AddressesOf, ElementOf, GatewaysOf, Link, LinkOf, PinOf, Question, State
from netbuilder.steps import AddAddress, AddDefaultRoute, AddElement, AddNamespace, AddVeth, SetSysctl, SetUp, Step
from netbuilder.units import Key, Unit

MAC, OTHER_MAC = "02:42:0a:09:00:02", "02:42:0a:09:00:03"
KEY = Key("sandbox", "web")
ROOM = AddNamespace(name="web")
CABLE = AddVeth(name="veth1", bridge="br9", peer="eth0", netns="web", mac=MAC)
ON = SetUp(dev="veth1")
LOOPBACK = SetUp(netns="web", dev="lo")
ADDRESS = AddAddress(netns="web", dev="eth0", address=IPv4Interface("10.9.0.2/24"))
ROUTE = AddDefaultRoute(netns="web", via=IPv4Address("10.9.0.1"))
PORT = AddElement(set="publish_any", key="udp . 53", data="10.9.0.2 . 53")
ALL = (ROOM, CABLE, ON, ADDRESS, LOOPBACK, ROUTE, PORT)


def link(**seen: Any) -> Link:
    new = Link(7, "veth", up=True, mac=MAC, mtu=1500, master=3, alias="", hairpin=False, link_local=False)
    return new._replace(**seen)


STANDING: dict[Question, Any] = {
    PinOf("web"): 4026531840,
    LinkOf(None, "veth1"): link(),
    LinkOf("web", "eth0"): link(),
    LinkOf("web", "lo"): link(kind=""),
    LinkOf(None, "br9"): link(kind="bridge", ifindex=3),
    AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24"}),
    GatewaysOf("web"): frozenset({"10.9.0.1"}),
    ElementOf("publish_any", "udp . 53"): "10.9.0.2 . 53",
}


def unit(*steps: Step) -> Unit:
    return Unit(KEY, ResolvedSandbox(name="web", mode="bridge", namespace="web"), Plan(steps))


def done(*steps: Step) -> list[Receipt]:
    return [Receipt(step, None) for step in steps]


def forecast(wanted: Unit, had: list[Receipt], **changed: Any) -> list[str]:
    plan = receipts.forecast([wanted], {KEY: had}, State({**STANDING, **changed.pop("state", {})}))
    return [step.command().partition(" type ")[0] for step in plan]


@pytest.mark.parametrize(
    ("receipt", "item"),
    [
        (
            Receipt(SetSysctl(key="net/ipv4/ip_forward", value="1", because="why"), "0"),
            {"step": "SetSysctl", "key": "net/ipv4/ip_forward", "value": "1", "before": "0"},
        ),
        (
            Receipt(AddNamespace(name="web", because="why"), None),
            {"step": "AddNamespace", "name": "web", "before": None},
        ),
        (Receipt(SetUp(netns="web", dev="lo"), None), {"step": "SetUp", "netns": "web", "dev": "lo", "before": None}),
    ],
)
def test_a_receipt_survives_json(receipt: Receipt, item: dict[str, str | None]) -> None:
    assert receipt.to_json() == item
    assert Receipt.from_json(json.loads(json.dumps(item))) == receipt


def test_what_is_new_is_remembered_and_what_was_ours_is_not_remembered_twice() -> None:
    assert receipts.new(Plan(ALL), None, State(STANDING)) == done(*ALL)
    assert receipts.new(Plan((ROOM, CABLE)), done(ROOM), State(STANDING)) == done(CABLE)


def test_what_the_plan_lost_is_stale() -> None:
    assert receipts.stale(unit(*ALL), None) == []
    assert receipts.stale(unit(ROOM, CABLE), done(ROOM, CABLE, PORT)) == done(PORT)


def test_in_another_room_all_is_stale() -> None:
    assert receipts.stale(unit(CABLE), done(ROOM, CABLE)) == done(ROOM, CABLE)


def test_merged_receipts_are_in_order_and_remember_what_was_first() -> None:
    had, more = [Receipt(CABLE, "first"), Receipt(PORT, None)], [Receipt(ROOM, None), Receipt(CABLE, "second")]
    assert receipts.merged(unit(ROOM, CABLE), had, more) == [Receipt(ROOM, None), Receipt(CABLE, "first")]


def test_what_falls_with_another_is_not_taken_back_by_itself() -> None:
    sandboxes = {KEY: done(*ALL), Key("network", "lab"): done(SetUp(dev="br9"))}
    *_, walk, networks, rules = receipts.waves(sandboxes)
    assert [one.step for one in walk] == [PORT, CABLE, ROOM]
    assert ([one.step for one in networks], rules) == ([SetUp(dev="br9")], [])


def test_nothing_is_left_to_do_where_all_stands() -> None:
    assert forecast(unit(*ALL), done(*ALL)) == []


def test_what_is_missing_is_done() -> None:
    down = {LinkOf(None, "veth1"): link(up=False)}
    assert forecast(unit(*ALL), done(*ALL), state=down) == ["ip link set veth1 up"]


def test_a_change_takes_back_what_goes_and_does_again_what_falls_with_it() -> None:
    other = CABLE.model_copy(update={"mac": OTHER_MAC})
    assert forecast(unit(ROOM, other, ON, ADDRESS, LOOPBACK, ROUTE), done(*ALL)) == [
        "nft 'delete element inet netbuilder publish_any { udp . 53 }'",
        "ip link del veth1",
        "ip link add veth1 master br9",
        "ip link set veth1 up",
        "ip -n web address add 10.9.0.2/24 brd + dev eth0",
        "ip -n web route add default via 10.9.0.1",
    ]


def test_what_is_broken_is_taken_back_and_done_again() -> None:
    unplugged = {LinkOf(None, "veth1"): link(master=0)}
    first, second, *_ = forecast(unit(*ALL), done(*ALL), state=unplugged)
    assert (first, second) == ("ip link del veth1", "ip link add veth1 master br9")


def test_what_is_gone_already_is_not_taken_back() -> None:
    gone = {ElementOf("publish_any", "udp . 53"): None}
    assert forecast(unit(ROOM), done(ROOM, PORT), state=gone) == []


def test_why_it_goes_is_said() -> None:
    plan = receipts.forecast([unit(ROOM)], {KEY: done(ROOM, PORT)}, State(STANDING))
    assert [step.because for step in plan] == [receipts.STALE]


def test_the_udp_ports_that_turn() -> None:
    assert receipts.turned(ALL) == {53}
