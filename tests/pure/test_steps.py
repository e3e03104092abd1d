"""Each kind of step: its command, its question, its answer, its deed, and how that is taken back."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import pytest
from pydantic import ValidationError

from netbuilder import firewall
from netbuilder.plan import Plan
from netbuilder.state import (
    AddressesOf,
    ElementOf,
    GatewaysOf,
    Link,
    LinkOf,
    PinOf,
    Question,
    State,
    SysctlOf,
    TableOf,
)
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

GATEWAY_MAC, MAC, OTHER_MAC = "02:42:0a:09:00:01", "02:42:0a:09:00:02", "02:42:0a:09:00:03"
GATEWAY = IPv4Address("10.9.0.1")
INSIDE, OUTSIDE = IPv4Interface("10.9.0.2/24"), IPv4Interface("10.9.0.1/24")

Answers = Mapping[Question, Any]
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
    command: str
    holds: list[Answers]
    lacks: list[Answers]
    does: Call
    undoes: Call
    undo_command: str
    makes: tuple[str, ...] = ()
    hangs_on: str | None = None

    def __str__(self) -> str:
        return f"{type(self.step).__name__} {self.command.split()[-1]}"


def knob(step: Step, command: str, back: str, on: tuple[str, Any], off: Any, then: tuple[str, Any]) -> list[Case]:
    """A setting of an interface, on the host and in a namespace."""
    option, value = then
    cases = []
    for netns, ip, home in ((None, "ip", "link/veth1"), ("web", "ip -n web", "link/veth1@web")):
        question = LinkOf(netns, "veth1")
        cases.append(
            Case(
                step=step.model_copy(update={"netns": netns}),
                command=f"{ip} link set veth1 {command}",
                holds=[{question: link(**{option: on[1]})}],
                lacks=[{question: link(**{option: off})}, {question: None}],
                does=("set_link", netns, "veth1", (option, on[1])),
                undoes=("set_link", netns, "veth1", (option, value)),
                undo_command=f"{ip} link set veth1 {back}",
                hangs_on=home,
            )
        )
    return cases


VETH = LinkOf(None, "veth1"), LinkOf("web", "eth0"), LinkOf(None, "br9")


def cable(outer: Link | None, inner: Link | None, bridge: Link | None) -> Answers:
    return dict(zip(VETH, (outer, inner, bridge), strict=True))


def forwards(router: str, redirects: str) -> Answers:
    keys = ("net/ipv4/ip_forward", "net/ipv4/conf/all/accept_redirects")
    return {SysctlOf(None, key): value for key, value in zip(keys, (router, redirects), strict=True)}


SWITCH = link("bridge", ifindex=3)
TABLE = TableOf("netbuilder")
RULES, ROUTER_RULES = firewall.outline(False), firewall.outline(True)
PORT = ElementOf("publish_any", "tcp . 8088")
ELEMENT = "element inet netbuilder"

CASES = [
    Case(
        AddNamespace(name="web"),
        "ip netns add web",
        holds=[{PinOf("web"): 4026531840}],
        lacks=[{PinOf("web"): None}, {PinOf("web"): 0}],
        does=("add_namespace", "web"),
        undoes=("unpin_namespace", "web"),
        undo_command="ip netns del web",
        makes=("netns/web",),
    ),
    Case(
        AttachNamespace(name="web", path="/proc/7/ns/net"),
        "mkdir -p /run/netns\ntouch /run/netns/web\nmount --bind /proc/7/ns/net /run/netns/web",
        holds=[{PinOf("web"): 4026531840}],
        lacks=[{PinOf("web"): None}, {PinOf("web"): 0}],
        does=("attach_namespace", "web", "/proc/7/ns/net"),
        undoes=("unpin_namespace", "web"),
        undo_command="ip netns del web",
    ),
    Case(
        AddBridge(name="br9", mac=GATEWAY_MAC, alias="netbuilder:lab"),
        f"ip link add br9 address {GATEWAY_MAC} type bridge\nip link set br9 alias netbuilder:lab",
        holds=[{LinkOf(None, "br9"): link("bridge")}, {LinkOf(None, "br9"): link("bridge", alias="theirs")}],
        lacks=[{LinkOf(None, "br9"): None}, {LinkOf(None, "br9"): link("veth")}],
        does=("add_bridge", "br9", GATEWAY_MAC, "netbuilder:lab"),
        undoes=("delete_link", "br9"),
        undo_command="ip link del br9",
        makes=("link/br9",),
    ),
    Case(
        AddBridge(name="br9", mac=GATEWAY_MAC, alias="two words"),
        f"ip link add br9 address {GATEWAY_MAC} type bridge\nip link set br9 alias 'two words'",
        holds=[{LinkOf(None, "br9"): link("bridge")}],
        lacks=[{LinkOf(None, "br9"): None}],
        does=("add_bridge", "br9", GATEWAY_MAC, "two words"),
        undoes=("delete_link", "br9"),
        undo_command="ip link del br9",
        makes=("link/br9",),
    ),
    Case(
        AddVeth(name="veth1", bridge="br9", peer="eth0", netns="web", mac=MAC),
        f"ip link add veth1 master br9 type veth peer name eth0 address {MAC} netns web",
        holds=[cable(link(master=3), link(), SWITCH)],
        lacks=[
            cable(None, None, None),
            cable(None, None, SWITCH),
            cable(link(master=3), None, SWITCH),
            cable(link(master=3), link(), None),
            cable(link(master=4), link(), SWITCH),
            cable(link(), link(), SWITCH),
            cable(link("macvlan", master=3), link(), SWITCH),
            cable(link(master=3), link(mac=OTHER_MAC), SWITCH),
        ],
        does=("add_veth", "veth1", "br9", "eth0", "web", MAC),
        undoes=("delete_link", "veth1"),
        undo_command="ip link del veth1",
        makes=("link/veth1", "link/eth0@web"),
    ),
    *knob(SetUp(dev="veth1"), "up", "down", on=("up", True), off=False, then=("up", False)),
    *knob(SetMtu(dev="veth1", mtu=1400), "mtu 1400", "mtu 0", on=("mtu", 1400), off=1500, then=("mtu", 0)),
    *knob(SetAlias(dev="veth1", alias="a:b"), "alias a:b", "alias ''", on=("alias", "a:b"), off="", then=("alias", "")),
    *knob(
        NoLinkLocal(dev="veth1"),
        "addrgenmode none",
        "addrgenmode eui64",
        on=("link_local", False),
        off=True,
        then=("link_local", True),
    ),
    *knob(
        Hairpin(dev="veth1"),
        "type bridge_slave hairpin on",
        "type bridge_slave hairpin off",
        ("hairpin", True),
        False,
        ("hairpin", False),
    ),
    Case(
        AddAddress(netns="web", dev="eth0", address=INSIDE),
        "ip -n web address add 10.9.0.2/24 brd + dev eth0",
        holds=[{AddressesOf("web", "eth0"): frozenset({"10.9.0.2/24", "10.9.0.7/24"})}],
        lacks=[{AddressesOf("web", "eth0"): frozenset()}, {AddressesOf("web", "eth0"): frozenset({"10.9.0.2/16"})}],
        does=("add_address", "web", "eth0", INSIDE),
        undoes=("delete_address", "web", "eth0", INSIDE),
        undo_command="ip -n web address del 10.9.0.2/24 dev eth0",
        makes=("neighbours@web",),
        hangs_on="link/eth0@web",
    ),
    Case(
        AddAddress(dev="br9", address=OUTSIDE),
        "ip address add 10.9.0.1/24 brd + dev br9",
        holds=[{AddressesOf(None, "br9"): frozenset({"10.9.0.1/24"})}],
        lacks=[{AddressesOf(None, "br9"): frozenset()}],
        does=("add_address", None, "br9", OUTSIDE),
        undoes=("delete_address", None, "br9", OUTSIDE),
        undo_command="ip address del 10.9.0.1/24 dev br9",
        makes=("neighbours@None",),
        hangs_on="link/br9",
    ),
    Case(
        AddDefaultRoute(netns="web", via=GATEWAY),
        "ip -n web route add default via 10.9.0.1",
        holds=[{GatewaysOf("web"): frozenset({"10.9.0.1", "10.9.0.7"})}],
        lacks=[{GatewaysOf("web"): frozenset()}, {GatewaysOf("web"): frozenset({"10.9.0.7"})}],
        does=("add_default_route", "web", GATEWAY),
        undoes=("delete_default_route", "web", GATEWAY),
        undo_command="ip -n web route del default via 10.9.0.1",
        hangs_on="neighbours@web",
    ),
    Case(
        SetSysctl(key="net/ipv4/ip_forward", value="1"),
        "sysctl -q -w net/ipv4/ip_forward=1",
        holds=[{SysctlOf(None, "net/ipv4/ip_forward"): "1"}],
        lacks=[{SysctlOf(None, "net/ipv4/ip_forward"): "0"}, {SysctlOf(None, "net/ipv4/ip_forward"): None}],
        does=("write_sysctl", None, "net/ipv4/ip_forward", "1"),
        undoes=("write_sysctl", None, "net/ipv4/ip_forward", "0"),
        undo_command="sysctl -q -w net/ipv4/ip_forward=0",
    ),
    Case(
        SetSysctl(netns="web", key="net/ipv6/conf/eth0.1/disable_ipv6", value="1"),
        "ip netns exec web sysctl -q -w net/ipv6/conf/eth0.1/disable_ipv6=1",
        holds=[{SysctlOf("web", "net/ipv6/conf/eth0.1/disable_ipv6"): "1"}],
        lacks=[{SysctlOf("web", "net/ipv6/conf/eth0.1/disable_ipv6"): "0"}],
        does=("write_sysctl", "web", "net/ipv6/conf/eth0.1/disable_ipv6", "1"),
        undoes=("write_sysctl", "web", "net/ipv6/conf/eth0.1/disable_ipv6", "0"),
        undo_command="ip netns exec web sysctl -q -w net/ipv6/conf/eth0.1/disable_ipv6=0",
        hangs_on="link/eth0.1@web",
    ),
    Case(
        Forward(),
        "sysctl -q -w net/ipv4/ip_forward=1",
        holds=[forwards("1", "0"), forwards("1", "1")],
        lacks=[forwards("0", "1"), forwards("0", "0")],
        does=("write_sysctl", None, "net/ipv4/ip_forward", "1"),
        undoes=("write_sysctl", None, "net/ipv4/ip_forward", "0"),
        undo_command="sysctl -q -w net/ipv4/ip_forward=0 net/ipv4/conf/all/accept_redirects=0",
    ),
    Case(
        TakeBack(undone=AddNamespace(name="web")),
        "ip netns del web",
        holds=[{PinOf("web"): None}],
        lacks=[{PinOf("web"): 4026531840}, {PinOf("web"): 0}],
        does=("unpin_namespace", "web"),
        undoes=("add_namespace", "web"),
        undo_command="ip netns add web",
    ),
    Case(
        AddTable(was_router=False),
        f"nft -f - <<'EOF'\n{firewall.ruleset(False)}EOF",
        holds=[{TABLE: RULES}],
        lacks=[{TABLE: None}, {TABLE: {}}, {TABLE: ROUTER_RULES}, {TABLE: RULES | {"guard": ()}}],
        does=("nft", firewall.ruleset(False)),
        undoes=("nft", "delete table inet netbuilder"),
        undo_command="nft 'delete table inet netbuilder'",
        makes=("table",),
    ),
    Case(
        AddElement(set="bridges", key='"br9"'),
        f"""nft 'add {ELEMENT} bridges {{ "br9" }}'""",
        holds=[{ElementOf("bridges", '"br9"'): ""}],
        lacks=[{ElementOf("bridges", '"br9"'): None}],
        does=("add_element", "bridges", '"br9"', ""),
        undoes=("delete_element", "bridges", '"br9"'),
        undo_command="nft 'delete element inet netbuilder bridges { \"br9\" }'",
        hangs_on="table",
    ),
    Case(
        AddElement(set="publish_any", key="tcp . 8088", data="10.9.0.2 . 80"),
        f"nft 'add {ELEMENT} publish_any {{ tcp . 8088 : 10.9.0.2 . 80 }}'",
        holds=[{PORT: "10.9.0.2 . 80"}],
        lacks=[{PORT: None}, {PORT: "10.9.0.3 . 80"}],
        does=("add_element", "publish_any", "tcp . 8088", "10.9.0.2 . 80"),
        undoes=("delete_element", "publish_any", "tcp . 8088"),
        undo_command="nft 'delete element inet netbuilder publish_any { tcp . 8088 }'",
        hangs_on="table",
    ),
]
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_kind_of_step_is_tried_here() -> None:
    assert {type(case.step).__name__ for case in CASES} == {kind for kind in Step.kinds if not kind.startswith("_")}


@each_case
def test_the_command_is_what_a_person_would_type(case: Case) -> None:
    assert case.step.command() == case.command


@each_case
def test_a_step_asks_all_that_it_looks_at(case: Case) -> None:
    assert all(set(case.step.asks()) == state.keys() for state in case.holds + case.lacks)


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


@pytest.mark.parametrize("redirects", ["0", "1"])
def test_what_the_kernel_changes_along_with_forwarding_is_put_back(redirects: str) -> None:
    before = Forward().before(State(forwards("0", redirects)))
    assert calls(lambda kernel: Forward().undo(kernel, before)) == [
        ("write_sysctl", None, "net/ipv4/ip_forward", "0"),
        ("write_sysctl", None, "net/ipv4/conf/all/accept_redirects", redirects),
    ]
    assert len(calls(lambda kernel: Forward().undo(kernel, ""))) == 1


@pytest.mark.parametrize(
    ("set_", "key", "port"),
    [
        ("publish_any", "udp . 53", 53),
        ("publish_at", "127.0.0.1 . udp . 54", 54),
        ("publish_any", "tcp . 53", None),
        ("gateways", "10.9.0.1", None),
    ],
)
def test_a_udp_port_turns_when_it_comes_or_goes(set_: str, key: str, port: int | None) -> None:
    assert AddElement(set=set_, key=key, data="10.9.0.2 . 80").turns() == port


@each_case
def test_what_it_makes_and_what_it_hangs_on(case: Case) -> None:
    assert (case.step.makes(), case.step.hangs_on()) == (case.makes, case.hangs_on)
    assert case.step.turns() is None


@each_case
def test_what_stands_need_not_be_taken_away_first(case: Case) -> None:
    assert not any(case.step.is_broken(State(answers)) for answers in case.holds)


# What is left of a step that does not hold, or whose fact somebody else made

PIN, BRIDGE = PinOf("web"), LinkOf(None, "br9")
ROOM, SWITCH_STEP, CABLE = CASES[0].step, CASES[2].step, CASES[4].step


@pytest.mark.parametrize(
    ("step", "answers", "remains", "broken"),
    [
        (ROOM, {PIN: 0}, True, True),  # an empty file, left by a maker that was killed
        (ROOM, {PIN: None}, False, False),
        (ROOM, {PIN: 4026531840}, True, False),
        (SWITCH_STEP, {BRIDGE: link("bridge", alias="netbuilder:lab")}, True, False),
        (SWITCH_STEP, {BRIDGE: link("bridge", alias="theirs")}, False, False),
        (SWITCH_STEP, {BRIDGE: link("veth", alias="netbuilder:lab")}, False, False),
        (SWITCH_STEP, {BRIDGE: None}, False, False),
        (CABLE, cable(link(), None, SWITCH), True, True),  # pulled out of the bridge, or its room is gone
        (CABLE, cable(link("macvlan"), None, SWITCH), False, False),
        (CABLE, cable(None, link(), SWITCH), False, False),
        (AddTable(was_router=False), {TABLE: {"": (firewall.MARK,)}}, True, False),  # read again, it is mended
        (AddTable(was_router=False), {TABLE: {"": ("theirs",)}}, False, False),
        (AddTable(was_router=False), {TABLE: None}, False, False),
        (AddElement(set="publish_any", key="tcp . 8088", data="10.9.0.2 . 80"), {PORT: "10.9.0.3 . 80"}, True, True),
        (AddElement(set="publish_any", key="tcp . 8088", data="10.9.0.2 . 80"), {PORT: None}, False, False),
        (SetUp(dev="br9"), {BRIDGE: link(up=True)}, True, False),
        (SetUp(dev="br9"), {BRIDGE: link()}, False, False),
    ],
)
def test_what_remains_and_what_is_broken(step: Step, answers: Answers, remains: bool, broken: bool) -> None:
    assert (step.remains(State(answers)), step.is_broken(State(answers))) == (remains, broken)


@pytest.mark.parametrize("value", ["0", "1", None])
def test_a_setting_remembers_what_was_there_before(value: str | None) -> None:
    step = SetSysctl(key="net/ipv4/ip_forward", value="1")
    before = step.before(State({SysctlOf(None, "net/ipv4/ip_forward"): value}))
    assert before == value
    undone = calls(lambda kernel: step.undo(kernel, before))
    assert undone == ([("write_sysctl", None, "net/ipv4/ip_forward", value)] if value else [])


@pytest.mark.parametrize("seen", [link(mtu=1300), None], ids=["old", "new"])
def test_an_interface_that_was_there_gets_its_mtu_back(seen: Link | None) -> None:
    step = SetMtu(dev="br9", mtu=1400)
    before = step.before(State({BRIDGE: seen}))
    undone = calls(lambda kernel: step.undo(kernel, before))
    assert undone == ([("set_link", None, "br9", ("mtu", 1300))] if seen else [])


@pytest.mark.parametrize(
    "case", [case for case in CASES if not isinstance(case.step, SetSysctl | SetMtu | Forward)], ids=str
)
def test_other_steps_have_nothing_to_remember(case: Case) -> None:
    assert case.step.before(State({})) is None


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
QUOTED = ["AddAddress.dev", "AddBridge.alias", "AddVeth.peer", "SetAlias.alias"]
FIELDS = {f"{type(case.step).__name__}.{name}": case.step for case in CASES for name, value in case.step if value != ""}


def with_text(step: Step, field: str, text: str) -> Step:
    return type(step).model_validate({**dict(step), field.partition(".")[2]: text})


@pytest.mark.parametrize("field", sorted(FIELDS.keys() - QUOTED))
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_refused(field: str, text: str) -> None:
    with pytest.raises(ValidationError):
        with_text(FIELDS[field], field, text)


@pytest.mark.parametrize("field", ["key", "data"])
def test_an_element_is_not_long(field: str) -> None:
    assert "x" * 100 in AddElement(**{"set": "bridges", "key": "x", field: "x" * 100}).command()
    with pytest.raises(ValidationError):
        AddElement(**{"set": "bridges", "key": "x", field: "x" * 101})


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
        assert lines == Plan([step]).script().splitlines()


@pytest.mark.parametrize(
    "key",
    ["kernel/hostname", "net", "net/", "/net/ipv4/x", "net/../kernel/x", "net/./x", "net/a b", "net//x", "net/x\n"],
)
def test_a_setting_is_one_of_the_network_stack(key: str) -> None:
    with pytest.raises(ValidationError):
        SetSysctl(key=key, value="1")


@pytest.mark.parametrize("value", ["", "-1", "1\n", "1 2", "x"])
def test_a_setting_is_a_number(value: str) -> None:
    with pytest.raises(ValidationError):
        SetSysctl(key="net/ipv4/ip_forward", value=value)


def test_a_step_has_no_other_fields_and_is_frozen() -> None:
    with pytest.raises(ValidationError, match="color"):
        AddNamespace(name="web", color="red")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="because"):
        ROOM.because = "another reason"  # type: ignore[misc]


def test_what_setting_hangs_on_what() -> None:
    of = {
        key: SetSysctl(netns=netns, key=key, value="1").hangs_on()
        for netns, key in (
            (None, "net/ipv4/ip_forward"),
            (None, "net/ipv4/conf/br9/route_localnet"),
            (None, "net/ipv4/conf/all/route_localnet"),
            ("web", "net/ipv6/conf/default/disable_ipv6"),
            ("web", "net/ipv6/conf/lo/disable_ipv6"),
        )
    }
    assert list(of.values()) == [None, "link/br9", None, "netns/web", "netns/web"]
