"""A packet's way, from what the kernel tells of it to what a person reads."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address
from xml.etree import ElementTree

import pytest

from netbuilder.kernel.nftrace import get_flow, read_event
from netbuilder.packets import heads, marks
from netbuilder.packets.headers import End
from netbuilder.packets.heads import Head
from netbuilder.packets.marks import Asked
from netbuilder.packets.seen import Book, Event, Frame, Route, Seen
from netbuilder.packets.story import told
from netbuilder.packets.tell import lines
from netbuilder.packets.trace import Outcome, Trace, Way

# As the kernel sent them (Linux 6.18), of 10.9.0.3 → 192.0.2.1:8088 and of what was dropped.
GOTO = bytes.fromhex(
    "0100000008000f0000000002080004000000000308000600e3356edf130002007261775f707265726f7574696e6700000f0001006e6574"
    "6275696c64657200000c00030000000000000000392000050008000100fffffffc11000200736f757263655f636865636b000000000800"
    "0a000000000406000b0000010000180008004500003c3bd34000400632dc0a090003c000020118000900c0731f98d255817200000000a0"
    "02faf0cc3b00001200070002420a09000102420a09000308000000"
)
LAST = bytes.fromhex(
    "0100000008000f0000000002080004000000000308000600e3356edf14000200707265726f7574696e675f6c617374001e0001006e6574"
    "6275696c6465725f74726163655f31386234636538370000000c00050008000100ffffffff08000a000000000406000b00000100001800"
    "08004500003c3bd340004006ead20a0900030a09000218000900c0730050d255817200000000a002faf0144500001200070002420a0900"
    "0102420a090003080000000800150000000008050013000000000008001200775aeceb0800140000000120"
)
POLICY = bytes.fromhex(
    "0100000008000f0000000002080004000000000108000600e3356edf15000200707265726f7574696e675f6669727374000000001e0001"
    "006e65746275696c6465725f74726163655f31386234636538370000000800100000000001"
)
DROP = bytes.fromhex(
    "0100000008000f0000000002080004000000000308000600daf12c3c15000200696e7465726e616c5f666f7277617264000000000f0001"
    "006e65746275696c64657200000c000300000000000000006e0c0005000800010000000000"
)
IPV6 = bytes.fromhex(
    "0100000008000f000000000a080004000000000308000600b6443c5f0a000200696e7075740000000f0001006e65746275696c64657200"
    "000c000300000000000000005b1c00050008000100fffffffc0f000200696e7075745f69707636000008000a000000000406000b000001"
    "00002c0008006005466200280640fd00000900000000000000000000000320010db800020000000000000000000118000900af791f9902"
    "d0ce6500000000a002fd202af700001200070002420a09000102420a09000386dd00000800150000000008050013000000000008001200"
    "1a42a9750800140000000100"
)

TABLE = "inet netbuilder_trace_1"


def interface(index: int) -> str:
    return f"if{index}"


# What the kernel tells


def test_an_event_with_headers_is_read() -> None:
    event = read_event(GOTO, interface)
    assert (event.table, event.chain, event.kind) == ("inet netbuilder", "raw_prerouting", "rule")
    assert (event.verdict, event.handle) == ("goto source_check", 57)
    assert (event.iif, event.oif) == ("if4", "")
    assert event.headers is not None
    assert [*map(str, event.headers.ends)] == ["10.9.0.3:49267", "192.0.2.1:8088"]
    assert event.headers.words == "TCP SYN"


def test_the_end_of_a_hook_shows_what_nat_did() -> None:
    before, after = read_event(GOTO, interface), read_event(LAST, interface)
    assert before.headers and after.headers
    assert str(after.headers.dst) == "10.9.0.2:80"
    assert (after.headers.key, after.packet) == (before.headers.key, before.packet)
    assert after.handle is None


def test_a_policy_and_a_drop_are_read() -> None:
    policy, drop = read_event(POLICY, interface), read_event(DROP, interface)
    assert (policy.kind, policy.verdict, policy.headers) == ("policy", "accept", None)
    assert (drop.kind, drop.verdict, drop.chain) == ("rule", "drop", "internal_forward")


def test_ipv6_is_read() -> None:
    headers = read_event(IPV6, interface).headers
    assert headers is not None
    assert str(headers.dst) == "[2001:db8:2::1]:8089"


def test_a_flow_is_asked_for_by_its_ends() -> None:
    ends = End(ip_address("10.9.0.3"), 49267), End(ip_address("192.0.2.1"), 8088)
    body = get_flow(6, *ends).body
    assert all(part in body for part in (ends[0].address.packed, ends[1].address.packed, b"\xc0\x73", b"\x1f\x98"))


# Headers


def packet4(protocol: int, transport: bytes, src: str = "10.9.0.2", dst: str = "192.0.2.2") -> bytes:
    size = (20 + len(transport)).to_bytes(2, "big")
    ends = ip_address(src).packed + ip_address(dst).packed
    return b"\x45\0" + size + b"\0\7\x40\0\x40" + bytes([protocol]) + b"\0\0" + ends + transport


def packet6(protocol: int, transport: bytes, src: str = "fd00::2", dst: str = "fd00::3") -> bytes:
    head = b"\x60\0\0\0" + len(transport).to_bytes(2, "big") + bytes([protocol, 64])
    return head + ip_address(src).packed + ip_address(dst).packed + transport


UDP = bytes.fromhex("1000 2000 0010 0000") + b"nonce123"
SYN = bytes.fromhex("1000 0050 00000001 00000000 5002 0000 0000 0000")
RST = bytes.fromhex("0050 1000 00000000 00000002 5014 0000 0000 0000")


PACKETS = [
    packet4(17, UDP),
    packet4(6, SYN),
    packet4(1, b"\3\3\0\0\0\0\0\0" + packet4(17, UDP)),
    packet4(132, UDP),
    packet6(17, UDP),
    packet6(58, b"\x80\0\0\0\0\1\0\2"),
]


@pytest.mark.parametrize("packet", PACKETS)
def test_no_length_of_a_packet_is_too_short_to_read(packet: bytes) -> None:
    found = [heads.read(packet[:size]) for size in range(len(packet) + 1)]
    assert found[0] is None
    assert found[-1] is not None


def read(packet: bytes) -> Head:
    found = heads.read(packet)
    assert found is not None
    return found


def test_nat_and_hops_leave_the_key_alone() -> None:
    one = packet4(6, SYN)
    other = bytearray(packet4(6, b"\x99\x99" + SYN[2:], src="192.0.2.1"))
    other[8] -= 1
    assert read(one).key == read(bytes(other)).key
    assert read(one).key != read(packet4(6, SYN[:7] + b"\2" + SYN[8:])).key


def test_an_answer_is_known() -> None:
    syn, rst = read(packet4(6, SYN)), read(packet4(6, RST, src="192.0.2.2", dst="10.9.0.2"))
    assert rst.answers(syn)
    assert rst.is_reset
    assert not syn.answers(syn)
    assert not read(packet4(6, RST[:11] + b"\3" + RST[12:], src="192.0.2.2", dst="10.9.0.2")).answers(syn)
    question = read(packet4(17, UDP))
    error = read(packet4(1, b"\3\3\0\0\0\0\0\0" + packet4(17, UDP), src="192.0.2.2", dst="10.9.0.2"))
    assert error.answers(question)
    assert not error.answers(syn)


# The rules that mark a packet


def test_conntrack_is_asked_only_where_it_is_in_use() -> None:
    asked = Asked("tcp", None, 8088, 80)
    rules = [marks.of_probe(asked, 40_000, False), [*marks.of_next(asked, "output_first", [""], False)]]
    rules.append(marks.of_destination(asked))
    assert not [rule for some in rules for rule in some if " ct " in rule]
    assert [rule for rule in marks.of_probe(asked, 40_000, True) if "ct original proto-src 40000" in rule]


def test_what_is_others_is_traced_with_a_limit() -> None:
    asked = Asked("udp", ip_address("192.0.2.1"), 53)
    rules = [*marks.of_next(asked, "prerouting_first", ["ether saddr 02:42:0a:09:00:02"], True)]
    rules += marks.of_destination(asked)
    assert len(rules) > 2
    assert all(" limit rate " in rule for rule in rules)


# The story

CLIENT, PUBLIC, INSIDE = (
    End(ip_address(ip), port) for ip, port in (("192.0.2.2", 9), ("192.0.2.1", 8088), ("10.9.0.2", 80))
)
CAME = Head(CLIENT, PUBLIC, 6, "TCP SYN", ("syn",), 1)
WENT = CAME._replace(dst=INSIDE)
BACK = Head(INSIDE, CLIENT, 6, "TCP SYN ACK", ("syn ack",), 5, 2)


class Kernel:
    """Answers as the kernel would."""

    def __init__(self, route: Route | None = None, silent: bool = False) -> None:
        self._route, self._silent = route or Route("dev br0", next_hop=End(INSIDE.address)), silent

    def route(self, namespace: str, headers: Head, iif: str) -> Route:
        return self._route

    def flow(self, namespace: str, headers: Head) -> tuple[End, End] | None:
        return INSIDE, CLIENT

    def is_silent(self, namespace: str, interface: str, hop: End) -> bool:
        return self._silent


def event(chain: str, headers: Head | None = None, table: str = TABLE, handle: int | None = None, **what: str) -> Event:
    kind, verdict = what.get("kind", "rule"), what.get("verdict", "")
    return Event(7, table, chain, handle, kind, verdict, headers, "eth0", "br0" if headers is WENT else "")


FIREWALL = "inet netbuilder"
BOOK = Book(
    hooks={
        (FIREWALL, "prerouting"): "prerouting",
        (FIREWALL, "forward"): "forward",
        ("ip filter", "FORWARD"): "forward",
    },
    comments={(FIREWALL, 2): "DNAT: published", (FIREWALL, 3): "not published", (FIREWALL, 4): "\x1b[31mred\nline"},
    texts={(FIREWALL, 2): "dnat ip to tcp dport map @ports", (FIREWALL, 3): "drop"},
)
INTO = [
    event("prerouting_first", CAME),
    event("prerouting", CAME, FIREWALL, 1, verdict="goto published"),
    event("published", None, FIREWALL, 2, verdict="accept"),
    event("prerouting_last", WENT),
]
THROUGH = [*INTO, event("forward_last", WENT), event("postrouting_last", WENT)]
IN = Frame("host", "eth0", False, 100, CAME)
OUT = Frame("host", "br0", True, 200, WENT)
AT_WEB = Frame("web", "eth0", False, 300, WENT)


def seen(namespace: str, frames: list[Frame], events: list[Event], **more: object) -> Seen:
    return replace(Seen(namespace, TABLE, BOOK, frames, events), **more)  # type: ignore[arg-type]


def replace_texts(more: dict[tuple[str, int], str]) -> Book:
    return BOOK._replace(texts={**BOOK.texts, **more})


def trace(*everywhere: Seen, kernel: Kernel | None = None, outcome: Outcome = "answered") -> Trace:
    return told("outside", "host:8088", "tcp", outcome, everywhere, kernel or Kernel(), CLIENT.port or 0)


def way(*everywhere: Seen, kernel: Kernel | None = None) -> Way:
    found = trace(*everywhere, kernel=kernel).packet
    assert found is not None
    return found


def test_a_published_port_is_told() -> None:
    its = way(seen("host", [IN, OUT], THROUGH), seen("web", [AT_WEB], []))
    kinds = [(stop.namespace, stop.kind) for stop in its.stops]
    assert kinds == [
        ("host", "in"),
        ("host", "rule"),
        ("host", "rule"),
        ("host", "translated"),
        ("host", "route"),
        ("host", "conntrack"),
        ("host", "out"),
        ("web", "in"),
    ]
    (translated,) = its.met("translated")
    assert (translated.verdict, translated.comment) == ("DNAT", "DNAT: published")
    assert translated.text == "192.0.2.1:8088 → 10.9.0.2:80"
    assert (its.arrived, its.cause, its.end) == (True, "", "arrived in web")


def test_its_answer_is_told_and_translated_back_by_conntrack() -> None:
    answered = BACK._replace(src=PUBLIC)
    back = [Event(9, *one[1:]) for one in (event("prerouting_answers", BACK), event("postrouting_last", answered))]
    frames = [IN, OUT, Frame("host", "br0", False, 500, BACK), Frame("host", "eth0", True, 600, answered)]
    found = trace(
        seen("host", frames, [*THROUGH, *back]), seen("web", [AT_WEB, Frame("web", "eth0", True, 400, BACK)], [])
    )
    assert found.answer is not None
    assert [(one.namespace, one.kind) for one in found.answer.stops][-2:] == [("host", "translated"), ("host", "out")]
    (translated,) = found.answer.met("translated")
    assert (translated.verdict, translated.comment) == ("SNAT", "")
    assert found.answer.end == "left host by eth0"


@pytest.mark.parametrize(
    ("last", "cause", "end"),
    [
        (event("forward", WENT, FIREWALL, 3, verdict="drop"), "rule",
         'dropped in host, in forward, by inet netbuilder forward: "not published"'),
        (event("FORWARD", WENT, "ip filter", kind="policy", verdict="drop"), "policy",
         "dropped in host, in forward: the policy of ip filter FORWARD"),
        (event("forward", WENT, FIREWALL, 99, verdict="drop"), "rule",
         "dropped in host, in forward, by inet netbuilder forward: rule 99"),
    ],
)  # fmt: skip
def test_what_dropped_it_is_named(last: Event, cause: str, end: str) -> None:
    its = way(seen("host", [IN], [*INTO, last]))
    assert (its.arrived, its.cause, its.end) == (False, cause, end)


@pytest.mark.parametrize(
    ("kernel", "gained", "cause"),
    [
        (Kernel(Route("", "no route", "there is no route")), (), "no route"),
        (Kernel(Route("", "ip_forward", "forwarding is off")), (), "ip_forward"),
        (Kernel(), ("IPReversePathFilter",), "rp_filter"),
        (Kernel(), (), "unseen"),
    ],
)
def test_what_no_rule_dropped_has_a_reason_too(kernel: Kernel, gained: tuple[str, ...], cause: str) -> None:
    its = way(seen("host", [IN], INTO, gained=frozenset(gained)), kernel=kernel)
    assert (its.arrived, its.cause) == (False, cause)


def test_nobody_answers_for_its_next_hop() -> None:
    its = way(seen("host", [IN], THROUGH), kernel=Kernel(silent=True))
    assert (its.cause, its.end) == ("no neighbour", "ready to leave host by br0, but nobody answers for 10.9.0.2 (ARP)")


def test_nobody_listens() -> None:
    refusal = BACK._replace(words="TCP RST ACK")
    its = way(seen("host", [IN, OUT], THROUGH), seen("web", [AT_WEB, Frame("web", "eth0", True, 400, refusal)], []))
    assert (its.cause, its.end) == ("no listener", "nobody listens on that port in web: refused (RST)")


def test_a_rule_that_asks_for_nat_did_none() -> None:
    book = replace_texts({(FIREWALL, 5): "ct status dnat accept", (FIREWALL, 6): "ct status snat,dnat"})
    later = WENT._replace(src=PUBLIC)
    asks = [event("forward", WENT, FIREWALL, 5, verdict="accept"), event("forward", None, FIREWALL, 6)]
    its = way(seen("host", [IN], [*INTO, *asks, event("postrouting_last", later)], book=book))
    assert [stop.handle for stop in its.met("rule")] == [1, 2, 5, 6]
    assert [stop.comment for stop in its.met("translated")] == ["DNAT: published", ""]


def test_numbers_of_packets_come_again() -> None:
    stranger = Head(CLIENT, PUBLIC, 6, "TCP SYN", ("another",), 77)
    others = [event("forward", stranger), event("secret", None, FIREWALL, 3, verdict="drop")]
    assert way(seen("host", [IN, OUT], [*THROUGH, *others])).cause != "rule"


def test_legacy_rules_are_said_to_be_invisible() -> None:
    (note,) = trace(seen("host", [IN], INTO, legacy=True)).notes
    assert "iptables-legacy" in note


# What a person reads, and a program


HOSTILE = event("forward", WENT, FIREWALL, 4, verdict="drop")


def test_it_is_read_at_80_columns_and_no_terminal_obeys_it() -> None:
    for verbose in (False, True):
        text = [*lines(trace(seen("host", [IN], [*INTO, HOSTILE], legacy=True)), verbose)]
        assert all(len(line) <= 80 and line.isprintable() for line in text)
    assert any("dnat ip to tcp dport map @ports" in line for line in text)


HOSTILE_NAME = Frame("web", "<b>&\x07", False, 300, WENT)


def test_its_picture_is_xml_within_its_page_and_always_the_same() -> None:
    found = trace(seen("host", [IN, OUT], [*INTO, HOSTILE], legacy=True), seen("web", [HOSTILE_NAME], []))
    picture = ElementTree.fromstring(found.svg())
    width, height = (float(picture.attrib[name]) for name in ("width", "height"))
    space = "{http://www.w3.org/2000/svg}"
    for part in [*picture.iter(f"{space}text"), *picture.iter(f"{space}rect")]:
        if "x" in part.attrib:
            assert 0 <= float(part.attrib["x"]) <= width
            assert 0 <= float(part.attrib["y"]) <= height
    words = ["".join(part.itertext()) for part in picture.iter(f"{space}text")]
    assert "<b>&\\x07" in words
    assert "DNAT" in words
    assert all(word.isprintable() for word in words)
    assert (found.svg(), found._repr_svg_()) == (found.svg(), found.svg())


def test_a_picture_of_nothing_is_one_too() -> None:
    nothing = Trace(sender="outside", to="host:1", protocol="tcp", outcome="nothing came", ways=())
    assert ElementTree.fromstring(nothing.svg()).attrib["role"] == "img"


def test_a_trace_survives_json() -> None:
    found = trace(seen("host", [IN], [*INTO, HOSTILE]), seen("web", [], []))
    assert Trace.from_json(json.loads(json.dumps(found.as_json()))) == found
    assert found.as_json()["ways"][0]["stops"][0]["at"] == 0
