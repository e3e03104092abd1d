"""A plan prints as a script, is diffed, added to, and survives JSON; a step's reason is no part of its fact."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Interface

import pytest

from netbuilder.plan import Plan
from netbuilder.state import LinkOf, PinOf, State, SysctlOf
from netbuilder.steps import (
    AddAddress,
    AddBridge,
    AddDefaultRoute,
    AddElement,
    AddNamespace,
    AddTable,
    AddVeth,
    AttachNamespace,
    Forward,
    Hairpin,
    NoLinkLocal,
    SetAlias,
    SetMtu,
    SetSysctl,
    SetUp,
    Step,
    TakeBack,
)

ROOM = AddNamespace(name="web", because="a room")
KNOB = SetSysctl(key="net/ipv4/ip_forward", value="1")
UP = SetUp(netns="web", dev="lo")
BRIDGE = AddBridge(name="br9", mac="02:42:0a:09:00:01", alias="netbuilder:lab")
OLD = AttachNamespace(name="old", path="/proc/7/ns/net")

ALL = Plan(
    [
        ROOM,
        KNOB,
        UP,
        BRIDGE,
        OLD,
        AddBridge(name="br9", mac="02:42:0a:09:00:01", alias="x", because="a switch"),
        AddVeth(name="veth1", bridge="br9", peer="eth0", netns="web", mac="02:42:0a:09:00:02"),
        SetAlias(dev="veth1", alias="netbuilder:web"),
        SetMtu(dev="veth1", mtu=1400),
        Hairpin(dev="veth1"),
        NoLinkLocal(dev="veth1"),
        SetUp(dev="veth1"),
        SetSysctl(netns="web", key="net/ipv6/conf/eth0/disable_ipv6", value="1"),
        AddAddress(netns="web", dev="eth0", address=IPv4Interface("10.9.0.2/24")),
        AddDefaultRoute(netns="web", via=IPv4Address("10.9.0.1")),
        Forward(),
        TakeBack(undone=KNOB, was="0"),
        AddTable(was_router=False),
        AddElement(set="bridges", key='"br9"'),
        AddElement(set="publish_any", key="tcp . 8088", data="10.9.0.2 . 80"),
    ]
)

SCRIPT = """\
#!/bin/sh
set -eu

# a room
ip netns add web

sysctl -q -w net/ipv4/ip_forward=1

ip link add br9 address 02:42:0a:09:00:01 type bridge
ip link set br9 alias netbuilder:lab
"""


def test_a_plan_prints_as_a_script() -> None:
    assert Plan([ROOM, KNOB, BRIDGE]).script() == SCRIPT


def test_an_empty_plan_prints_as_a_script_that_does_nothing() -> None:
    assert Plan().script() == "#!/bin/sh\nset -eu\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\u2028"])
def test_a_reason_stays_a_comment(end: str) -> None:
    script = Plan([AddNamespace(name="web", because=f"a{end}reboot")]).script()
    assert script.splitlines()[2:] == ["", "# a", "# reboot", "ip netns add web"]


def test_a_plan_asks_what_its_steps_ask() -> None:
    assert Plan([ROOM, UP, UP, KNOB]).questions() == {
        PinOf("web"),
        LinkOf("web", "lo"),
        SysctlOf(None, "net/ipv4/ip_forward"),
    }
    assert Plan().questions() == set()


def test_a_plan_knows_the_doors_of_namespaces_that_it_adopts() -> None:
    assert Plan([ROOM, OLD, KNOB]).doors() == {"old": "/proc/7/ns/net"}


@pytest.mark.parametrize(
    ("forwarding", "pin", "missing"),
    [("1", 5, []), ("0", 5, [KNOB]), ("1", None, [ROOM]), ("0", None, [ROOM, KNOB])],
)
def test_what_is_missing_is_what_does_not_hold(forwarding: str, pin: int | None, missing: list[Step]) -> None:
    state = State({SysctlOf(None, "net/ipv4/ip_forward"): forwarding, PinOf("web"): pin})
    left = Plan([ROOM, KNOB]).missing(state)
    assert isinstance(left, Plan)
    assert left == tuple(missing)


def test_plans_add_up_to_a_plan() -> None:
    both = Plan([ROOM]) + iter([KNOB])
    assert isinstance(both, Plan)
    assert both == (ROOM, KNOB)


# JSON


def test_every_kind_of_step_is_tried_here() -> None:
    assert {type(step).__name__ for step in ALL} == {name for name in Step.kinds if not name.startswith("_")}


def test_a_plan_survives_json() -> None:
    back = Plan.from_json(ALL.to_json())
    assert isinstance(back, Plan)
    assert back == ALL
    assert back.script() == ALL.script()  # with every reason


@pytest.mark.parametrize(
    ("step", "why", "item"),
    [
        (ROOM, True, {"step": "AddNamespace", "name": "web", "because": "a room"}),
        (ROOM, False, {"step": "AddNamespace", "name": "web"}),
        (UP, True, {"step": "SetUp", "netns": "web", "dev": "lo"}),
        (
            AddAddress(dev="br9", address=IPv4Interface("10.9.0.1/24")),
            True,
            {"step": "AddAddress", "dev": "br9", "address": "10.9.0.1/24"},
        ),
    ],
)
def test_a_step_as_json(step: Step, why: bool, item: dict[str, str]) -> None:
    assert step.as_json(why) == item
    assert json.loads(json.dumps(item)) == item
    assert Step.from_json(item) == step


# Equality


@pytest.mark.parametrize("step", ALL, ids=range(len(ALL)))
def test_a_reason_is_no_part_of_the_fact(step: Step) -> None:
    other = step.model_copy(update={"because": "another reason"})
    assert other == step
    assert hash(other) == hash(step)


def test_other_facts_are_other_steps() -> None:
    assert len(set(ALL)) == len(ALL)
    assert SetUp(dev="lo") != NoLinkLocal(dev="lo")  # the same fields, another kind
    assert SetUp(dev="lo") != SetUp(netns="web", dev="lo")
    assert UP != "SetUp"
