"""A plan prints as a script, is diffed, added to, and survives JSON; a step's reason is no part of its fact."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

import pytest

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
from netbuilder.steps.state import LinkOf, PinOf, State, SysctlOf

NAMESPACE = AddNamespace(name="web", because="a namespace")
FORWARDING = SetSysctl(key="net/ipv4/ip_forward", value="1")
UP = SetUp(netns="web", dev="lo")
BRIDGE = AddBridge(name="br9", alias="netbuilder:lab")
OLD = AttachNamespace(name="old", path="/proc/7/ns/net")
PORT = PublishPort(
    host_ip=IPv4Address("0.0.0.0"), host_port=8088, protocol="tcp", address=IPv4Address("10.9.0.2"), sandbox_port=80
)

ALL = Plan(
    [
        NAMESPACE,
        FORWARDING,
        UP,
        BRIDGE,
        OLD,
        AddBridge(name="br9", alias="x", because="a switch"),
        AddVeth(name="veth1", bridge="br9", peer="eth0", netns="web", mac="02:42:0a:09:00:02"),
        SetAlias(dev="veth1", alias="netbuilder:web"),
        SetMac(dev="br9", mac="02:42:0a:09:00:01"),
        SetMtu(dev="veth1", mtu=1400),
        SetHairpin(dev="veth1"),
        SetIsolated(dev="veth1"),
        DisableLinkLocal(dev="veth1"),
        SetUp(dev="veth1"),
        SetSysctl(netns="web", key="net/ipv6/conf/eth0/disable_ipv6", value="1"),
        AddAddress(netns="web", dev="eth0", address=IPv4Interface("10.9.0.2/24")),
        AddAddress(netns="web", dev="eth0", address=IPv6Interface("fd00:9::2/64")),
        AddRoute(netns="web", via=IPv4Address("10.9.0.1"), dev="eth0"),
        AddRoute(netns="web", via=IPv6Address("fd00:9::1"), dev="eth0"),
        AddRoute(netns="web", dst=IPv6Network("fd00:8::/64"), dev="eth0"),
        AddLocalRoute(dst=IPv6Network("::1/128"), dev="br9", metric=2000),
        AddRoute(dst=IPv4Network("10.8.0.0/16"), via=IPv4Address("10.9.0.1"), dev="eth0", metric=7),
        SetOffload(dev="veth1", offload="tso", on=False),
        SetNeighbour(dev="br9", dev_mac="02:42:0a:09:00:01", address=IPv4Address("10.9.0.2"), mac="02:42:0a:09:00:02"),
        EnableForwarding(),
        AcceptAdvertisements(dev="eth0"),
        EnableIPv6Forwarding(),
        Undo(undone_step=FORWARDING, was="0"),
        AddTable(),
        AddElement(set="bridges", key='"br9"'),
        AddElement(set="publish_any4", key="tcp . 8088", data="10.9.0.2 . 80"),
        PORT,
        ExchangeTable(elements=(AddElement(set="bridges", key='"br9"'), PORT)),
    ]
)

SCRIPT = """\
#!/bin/sh
set -eu

# a namespace
ip netns add web

sysctl -q -w net/ipv4/ip_forward=1

ip link add br9 type bridge
ip link set br9 alias netbuilder:lab
"""


def test_a_plan_prints_as_a_script() -> None:
    assert Plan([NAMESPACE, FORWARDING, BRIDGE]).script() == SCRIPT


def test_an_empty_plan_prints_as_a_script_that_does_nothing() -> None:
    assert Plan().script() == "#!/bin/sh\nset -eu\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\u2028"])
def test_a_reason_stays_a_comment(end: str) -> None:
    script = Plan([AddNamespace(name="web", because=f"a{end}reboot")]).script()
    assert script.splitlines()[2:] == ["", "# a", "# reboot", "ip netns add web"]


def test_a_plan_asks_what_its_steps_ask() -> None:
    assert Plan([NAMESPACE, UP, UP, FORWARDING]).queries() == {
        PinOf("web"),
        LinkOf("web", "lo"),
        SysctlOf(None, "net/ipv4/ip_forward"),
    }
    assert Plan().queries() == set()


def test_a_plan_knows_the_paths_of_namespaces_that_it_adopts() -> None:
    assert Plan([NAMESPACE, OLD, FORWARDING]).namespace_paths() == {"old": "/proc/7/ns/net"}


@pytest.mark.parametrize(
    ("forwarding", "pin", "missing"),
    [("1", 5, []), ("0", 5, [FORWARDING]), ("1", None, [NAMESPACE]), ("0", None, [NAMESPACE, FORWARDING])],
)
def test_what_is_missing_is_what_does_not_hold(forwarding: str, pin: int | None, missing: list[Step]) -> None:
    state = State({SysctlOf(None, "net/ipv4/ip_forward"): forwarding, PinOf("web"): pin})
    left = Plan([NAMESPACE, FORWARDING]).missing(state)
    assert isinstance(left, Plan)
    assert left == tuple(missing)


def test_plans_add_up_to_a_plan() -> None:
    both = Plan([NAMESPACE]) + iter([FORWARDING])
    assert isinstance(both, Plan)
    assert both == (NAMESPACE, FORWARDING)


# JSON


def test_every_kind_of_step_is_tried_here() -> None:
    assert {step.kind for step in ALL} == Step.kinds.keys()


def test_what_was_written_is_read_by_these_names() -> None:
    assert Step.kinds == {
        "AcceptAdvertisements": AcceptAdvertisements,
        "AddAddress": AddAddress,
        "AddBridge": AddBridge,
        "AddElement": AddElement,
        "AddLocalRoute": AddLocalRoute,
        "AddNamespace": AddNamespace,
        "AddRoute": AddRoute,
        "AddTable": AddTable,
        "AddVeth": AddVeth,
        "AttachNamespace": AttachNamespace,
        "ExchangeTable": ExchangeTable,
        "Forward": EnableForwarding,
        "ForwardIPv6": EnableIPv6Forwarding,
        "Hairpin": SetHairpin,
        "Isolated": SetIsolated,
        "NoLinkLocal": DisableLinkLocal,
        "PublishPort": PublishPort,
        "SetAlias": SetAlias,
        "SetMac": SetMac,
        "SetMtu": SetMtu,
        "SetNeighbour": SetNeighbour,
        "SetOffload": SetOffload,
        "SetSysctl": SetSysctl,
        "SetUp": SetUp,
        "Undo": Undo,
    }


def test_a_plan_survives_json() -> None:
    back = Plan.from_json(ALL.to_json())
    assert isinstance(back, Plan)
    assert back == ALL
    assert back.script() == ALL.script()  # with every reason


@pytest.mark.parametrize(
    ("step", "why", "item"),
    [
        (NAMESPACE, True, {"step": "AddNamespace", "name": "web", "because": "a namespace"}),
        (NAMESPACE, False, {"step": "AddNamespace", "name": "web"}),
        (UP, True, {"step": "SetUp", "netns": "web", "dev": "lo"}),
        (
            AddAddress(dev="br9", address=IPv4Interface("10.9.0.1/24")),
            True,
            {"step": "AddAddress", "dev": "br9", "address": "10.9.0.1/24"},
        ),
        (EnableForwarding(), True, {"step": "Forward"}),
        (
            AddRoute(via=IPv4Address("10.9.0.1"), dev="eth0"),
            True,
            {"step": "AddRoute", "via": "10.9.0.1", "dev": "eth0"},
        ),
        (
            PORT,
            True,
            {
                "step": "PublishPort",
                "host_ip": "0.0.0.0",
                "host_port": 8088,
                "protocol": "tcp",
                "address": "10.9.0.2",
                "sandbox_port": 80,
            },
        ),
        (
            Undo(undone_step=NAMESPACE, because="gone"),
            True,
            {
                "step": "Undo",
                "because": "gone",
                "undone_step": {"step": "AddNamespace", "name": "web", "because": "a namespace"},
            },
        ),
    ],
)
def test_a_step_as_json(step: Step, why: bool, item: dict[str, Any]) -> None:
    assert step.as_json(why) == item
    assert json.loads(json.dumps(item)) == item
    assert Step.from_json(item) == step


@pytest.mark.parametrize("item", [{}, {"step": "Dance"}, {"step": "_InSet", "set": "bridges"}])
def test_what_is_no_kind_of_step_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"there is no kind of step '{item.get('step')}'"):
        Step.from_json(item)


@pytest.mark.parametrize(
    "item",
    [
        {"step": "SetUp"},
        {"step": "SetUp", "dev": "lo", "loud": True},
        {"step": "SetUp", "dev": "lo; reboot"},
        {"step": "Undo", "undone_step": {"step": "SetUp"}},
        {"step": "ExchangeTable", "elements": [{"step": "SetUp", "dev": "lo"}]},
    ],
)
def test_a_step_that_is_not_written_right_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"dev|loud|elements"):
        Step.from_json(item)


@pytest.mark.parametrize("before", [None, "0", "02:42:0a:09:00:01"])
@pytest.mark.parametrize("step", [step for step in ALL if not isinstance(step, Undo)], ids=str)
def test_a_record_survives_json(step: Step, before: str | None) -> None:
    record = UndoRecord(step, before)
    written = record.to_json()
    assert "because" not in written
    assert UndoRecord.from_json(json.loads(json.dumps(written))) == record


@pytest.mark.parametrize("before", [0, True, ["0"], {}])
def test_what_is_remembered_is_text(before: object) -> None:
    with pytest.raises(ValueError, match=r"before: .* is not text"):
        UndoRecord.from_json({"step": "SetUp", "dev": "lo", "before": before})


# Equality


@pytest.mark.parametrize("step", ALL, ids=range(len(ALL)))
def test_a_reason_is_no_part_of_the_fact(step: Step) -> None:
    other = step.replace(because="another reason")
    assert other == step
    assert hash(other) == hash(step)


def test_other_facts_are_other_steps() -> None:
    assert len(set(ALL)) == len(ALL)
    assert SetUp(dev="lo") != DisableLinkLocal(dev="lo")  # the same fields, another kind
    assert SetUp(dev="lo") != SetUp(netns="web", dev="lo")
    assert UP != "SetUp"
