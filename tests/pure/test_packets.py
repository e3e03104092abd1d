"""Packets as bytes: out of a ring, read, paired, told, and written to a file that others read."""

from __future__ import annotations

import ctypes
import io
import socket
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pcapng
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.packets import headers as read_headers
from netbuilder.packets import pcapng as written
from netbuilder.packets.headers import End, Headers, read
from netbuilder.packets.pairing import PATIENCE, Pairing
from netbuilder.packets.passage import Passage
from netbuilder.packets.pcapng import ETHERNET, RAW_IP, Interface
from netbuilder.packets.protocols import NAMES
from netbuilder.packets.published import PASS, Way, both_sides, both_sides_code, joined, with_addresses
from netbuilder.packets.ring import Packet, finished, packets_in, tagged

IN, OUT = 0, 4
WORLD, HOST, WEB = "192.0.2.2", "192.0.2.1", "10.9.0.2"
WORLD6, HOST6, WEB6 = "2001:db8:2::2", "2001:db8:2::1", "fd00:9::2"
MACS = bytes(12)


# Packets, made by hand (RFC 791, 8200, 9293, 768, 792, 4443)


def ip(src: str, dst: str, protocol: int, payload: bytes, ttl: int = 64, ident: int = 7) -> bytes:
    source, destination = ip_address(src), ip_address(dst)
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + source.packed + destination.packed + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident, 0, ttl, protocol, 0x1234)
    return head + source.packed + destination.packed + payload


def ethernet(packet: bytes) -> bytes:
    return MACS + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet


def tcp(sport: int, dport: int, flags: int = 2, seq: int = 1, data: bytes = b"", options: bytes = b"") -> bytes:
    offset = (20 + len(options)) // 4 << 4
    return struct.pack("!HHIIBBHHH", sport, dport, seq, 0, offset, flags, 500, 0xBEEF, 0) + options + data


def udp(sport: int, dport: int, data: bytes = b"question") -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0xBEEF) + data


def icmp(kind: int, code: int = 0, ident: int = 0, number: int = 0, data: bytes = b"") -> bytes:
    return struct.pack("!BBHHH", kind, code, 0xBEEF, ident, number) + data


def headers(packet: bytes) -> Headers:
    found = read(ethernet(packet))
    assert found
    return found


# What headers say


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (ip(WORLD, HOST, 6, tcp(4000, 8088)), ("TCP", f"{WORLD}:4000", f"{HOST}:8088", "SYN", 64)),
        (ip(HOST, WORLD, 6, tcp(80, 4000, flags=18)), ("TCP", f"{HOST}:80", f"{WORLD}:4000", "SYN ACK", 64)),
        (
            ip(WORLD6, HOST6, 6, tcp(4, 80, 24, data=b"x")),
            ("TCP", f"[{WORLD6}]:4", f"[{HOST6}]:80", "PSH ACK 1 byte", 64),
        ),
        (ip(WORLD, HOST, 17, udp(4000, 53)), ("UDP", f"{WORLD}:4000", f"{HOST}:53", "8 bytes", 64)),
        (ip(WORLD, HOST, 1, icmp(8, 0, 77, 3)), ("ICMP", WORLD, HOST, "echo request 3 of ping 77", 64)),
        (ip(WORLD6, HOST6, 58, icmp(129, 0, 77, 3)), ("ICMPv6", WORLD6, HOST6, "echo reply 3 of ping 77", 64)),
        (ip(WORLD6, HOST6, 58, icmp(135)), ("ICMPv6", WORLD6, HOST6, "who has", 64)),
        (ip(WORLD, HOST, 47, b"1234"), ("protocol 47", WORLD, HOST, "24 bytes", 64)),
        (ip(WORLD, HOST, 6, tcp(4000, 80)[:8]), ("TCP", f"{WORLD}:4000", f"{HOST}:80", "cut short", 64)),
        (ip(WORLD, HOST, 17, b"1234"), ("UDP", WORLD, HOST, "24 bytes", 64)),
        (
            ip(WEB, WORLD, 1, icmp(3, 3, data=ip(WORLD, WEB, 17, udp(4000, 53)))),
            ("ICMP", WEB, WORLD, f"unreachable: {WORLD}:4000 → {WEB}:53", 64),
        ),
    ],
)
def test_a_packet_is_read(packet: bytes, said: tuple[Any, ...]) -> None:
    found = headers(packet)
    assert (found.protocol, str(found.src), str(found.dst), found.what, found.ttl) == said


def test_arp_is_read() -> None:
    request = b"\0\1\x08\0\6\4\0\1" + bytes(6) + IPv4Address(HOST).packed + bytes(6) + IPv4Address(WORLD).packed
    found = read(MACS + b"\x08\x06" + request)
    assert found and (found.protocol, found.what, str(found.src), str(found.dst)) == ("ARP", "who has", HOST, WORLD)


def test_behind_vlan_tags_extension_headers_and_without_ethernet_it_is_the_same() -> None:
    plain = ip(WORLD, HOST, 17, udp(4000, 53))
    assert read(tagged(ethernet(plain), 5, 0x8100)) == read(ethernet(plain)) == read(plain, RAW_IP)
    behind = ip(WORLD6, HOST6, 60, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(4000, 53))
    assert headers(behind).dst == End(IPv6Address(HOST6), 53)


def test_a_later_fragment_has_no_ports() -> None:
    later = bytearray(ip(WORLD, HOST, 17, udp(4000, 53)))
    later[6:8] = b"\0\x10"
    assert headers(bytes(later)).dst == End(IPv4Address(HOST))
    later6 = ip(WORLD6, HOST6, 44, bytes([17, 0, 0, 8, 0, 0, 0, 1]) + udp(4000, 53))
    assert headers(later6).dst == End(IPv6Address(HOST6))


@given(
    st.binary(max_size=120), st.sampled_from([b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00", b""]), st.booleans()
)
def test_nonsense_is_never_an_error(data: bytes, kind: bytes, bare: bool) -> None:
    read(MACS + kind + data, RAW_IP if bare else ETHERNET)


@given(st.binary(max_size=60), st.sampled_from([6, 17, 1, 58, 132, 0, 43, 44, 51, 60]), st.sampled_from([HOST, HOST6]))
def test_nonsense_inside_of_ip_is_never_an_error(data: bytes, protocol: int, address: str) -> None:
    read(ethernet(ip(address, address, protocol, data)))


def test_errors_about_errors_about_errors_are_looked_into_once() -> None:
    packet = b""
    for _ in range(3000):
        packet = icmp(3, 3, data=ip(WORLD, HOST, 1, packet)[:65000])
    assert headers(ip(WORLD, HOST, 1, packet)[:65535]).what == "unreachable"


# What is the same in all copies


REWRITTEN = [
    (ip(WORLD, HOST, 6, tcp(4000, 8088)), ip(WORLD, WEB, 6, tcp(4000, 80), ttl=63)),
    (ip(WORLD6, HOST6, 6, tcp(4000, 8088)), ip(WORLD6, WEB6, 6, tcp(4000, 80), ttl=63)),
    (ip(WEB, WORLD, 17, udp(4000, 53)), ip(HOST, WORLD, 17, udp(61000, 53), ttl=63)),
    (ip(WEB6, WORLD6, 17, udp(4000, 53)), ip(HOST6, WORLD6, 17, udp(61000, 53), ttl=63)),
    (ip(WEB, WORLD, 1, icmp(8, 0, 77, 1, b"hi")), ip(HOST, WORLD, 1, icmp(8, 0, 59053, 1, b"hi"), ttl=63)),
    (ip(WEB6, WORLD6, 58, icmp(128, 0, 77, 1)), ip(HOST6, WORLD6, 58, icmp(128, 0, 5, 1), ttl=63)),
    (
        ip(WEB, WORLD, 1, icmp(3, 3, data=ip(WORLD, WEB, 17, udp(4000, 53)))),
        ip(HOST, WORLD, 1, icmp(3, 3, data=ip(WORLD, HOST, 17, udp(4000, 5353), ttl=63)), ttl=63),
    ),
    (ip(WORLD, HOST, 132, tcp(1, 2)), ip(WORLD, WEB, 132, tcp(1, 3)[:8] + b"abcd" + tcp(1, 3)[12:])),
    (  # a router with a smaller MTU puts another MSS in
        ip(WORLD, HOST, 6, tcp(4000, 8088, options=b"\2\4\5\xb4")),
        ip(WORLD, WEB, 6, tcp(4000, 80, options=b"\2\4\5\x50")),
    ),
]


@pytest.mark.parametrize(("before", "after"), REWRITTEN)
def test_what_routing_and_nat_rewrite_is_left_out_of_what_is_the_same(before: bytes, after: bytes) -> None:
    assert headers(before).same == headers(after).same
    assert read(ethernet(before) + bytes(9)) == read(ethernet(before)), "short frames are padded"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ip(WORLD, HOST, 6, tcp(4000, 80, seq=1)), ip(WORLD, HOST, 6, tcp(4000, 80, seq=2))),
        (ip(WORLD, HOST, 6, tcp(4000, 80, 2)), ip(WORLD, HOST, 6, tcp(4000, 80, 16))),
        (ip(WORLD, HOST, 17, udp(1, 2, b"a")), ip(WORLD, HOST, 17, udp(1, 2, b"b"))),
        (ip(WORLD, HOST, 17, udp(1, 2), ident=1), ip(WORLD, HOST, 17, udp(1, 2), ident=2)),
        (ip(WORLD, HOST, 1, icmp(8, 0, 7, 1)), ip(WORLD, HOST, 1, icmp(8, 0, 7, 2))),
        (ip(WORLD, HOST, 1, icmp(8, 0, 7, 1)), ip(WORLD, HOST, 1, icmp(0, 0, 7, 1))),
        (ip(WORLD, HOST, 6, tcp(1, 2)), ip(WORLD6, HOST6, 6, tcp(1, 2))),
    ],
)
def test_two_packets_are_not_the_same(one: bytes, other: bytes) -> None:
    assert headers(one).same != headers(other).same


# Pairing


UPLINK, ETH0 = Interface("host:eth0", "eth0 of the host"), Interface("web:eth0", "eth0 of sandbox web")


def passages(*packets: tuple[int, int, int, bytes]) -> list[Passage]:
    pairing = Pairing([UPLINK, ETH0])
    for when, tap, kind, packet in packets:
        pairing.add(Packet(when, tap, kind, len(packet), ethernet(packet)))
    return list(pairing.settled())


def rewrites(passage: Passage) -> list[tuple[str, str, str, bool]]:
    return [(one.kind, str(one.before), str(one.after), one.undoes) for one in passage.rewrites]


def test_dnat_on_the_way_in_and_snat_on_the_way_out() -> None:
    call, answer = passages(
        (1, 0, IN, ip(WORLD, HOST, 6, tcp(4000, 8088))),
        (2, 1, IN, ip(WORLD, WEB, 6, tcp(4000, 80), ttl=63)),
        (3, 1, OUT, ip(WEB, WORLD, 6, tcp(80, 4000, flags=18))),
        (4, 0, OUT, ip(HOST, WORLD, 6, tcp(8088, 4000, flags=18), ttl=63)),
    )
    assert rewrites(call) == [("DNAT", f"{HOST}:8088", f"{WEB}:80", False)]
    assert call.rewrites[0].between == ("host:eth0", "web:eth0")
    assert rewrites(answer) == [("SNAT", f"{WEB}:80", f"{HOST}:8088", True)]
    assert [(hop.interface, hop.direction) for hop in answer.hops] == [("web:eth0", "out"), ("host:eth0", "out")]
    assert answer.told(0).splitlines() == [
        "  0.000000 TCP SYN ACK",
        "    web:eth0  out  10.9.0.2:80 → 192.0.2.2:4000",
        "                   ↓ routed: TTL 64 → 63",
        "                   ↓ SNAT: from 192.0.2.1:8088, undoing DNAT",
        "    host:eth0 out  192.0.2.1:8088 → 192.0.2.2:4000",
    ]


@pytest.mark.parametrize(("world", "host", "web"), [(WORLD, HOST, WEB), (WORLD6, HOST6, WEB6)])
def test_masquerade_and_the_answer_to_it(world: str, host: str, web: str) -> None:
    question, answer = passages(
        (1, 1, OUT, ip(web, world, 17, udp(4000, 53))),
        (2, 0, OUT, ip(host, world, 17, udp(61000, 53), ttl=63)),
        (3, 0, IN, ip(world, host, 17, udp(53, 61000, b"answer"))),
        (4, 1, IN, ip(world, web, 17, udp(53, 4000, b"answer"), ttl=63)),
    )
    [(kind, _, _, undoes)], [(kind_back, before, after, undoes_back)] = rewrites(question), rewrites(answer)
    assert (kind, undoes, kind_back, undoes_back) == ("SNAT", False, "DNAT", True)
    assert (before, after) == (str(End(ip_address(host), 61000)), str(End(ip_address(web), 4000)))
    assert "                   ↓ DNAT: to " + after + ", undoing SNAT" in answer.told(0).splitlines()


def test_both_ends_may_be_translated_at_once() -> None:
    (hairpin,) = passages(
        (1, 1, OUT, ip(WEB, HOST, 6, tcp(4000, 8088))), (2, 1, IN, ip("10.9.0.1", WEB, 6, tcp(61000, 80), ttl=63))
    )
    assert [one[0] for one in rewrites(hairpin)] == ["DNAT", "SNAT"]


def test_the_same_question_asked_twice_is_two_packets() -> None:
    one, two = (ip(WORLD6, HOST6, 17, udp(port, 53)) for port in (4000, 5000))
    one_inside, two_inside = (ip(WORLD6, WEB6, 17, udp(port, 53)) for port in (4000, 5000))
    first, second = passages((1, 0, IN, one), (2, 0, IN, two), (3, 1, IN, two_inside), (4, 1, IN, one_inside))
    assert [hop.when for hop in first.hops] == [1, 4]
    assert [hop.when for hop in second.hops] == [2, 3]


def test_what_is_seen_once_stays_alone_and_what_comes_late_is_another() -> None:
    packet = ip(WORLD, HOST, 17, udp(4000, 53))
    assert [len(one.hops) for one in passages((1, 0, IN, packet), (2 + PATIENCE, 1, IN, packet))] == [1, 1]


def test_a_passage_is_given_once_no_more_copies_are_to_come() -> None:
    pairing = Pairing([UPLINK, ETH0])
    pairing.add(Packet(1, 0, IN, 0, ethernet(ip(WORLD, HOST, 17, udp(4000, 53)))))
    assert list(pairing.settled(PATIENCE)) == []
    assert len(list(pairing.settled(1 + PATIENCE))) == 1
    assert list(pairing.settled()) == []


def test_no_more_than_so_many_wait() -> None:
    pairing, given = Pairing([UPLINK]), 0
    for at in range(10_050):
        pairing.add(Packet(1, 0, IN, 0, ethernet(ip(WORLD, HOST, 17, udp(4000, 53, at.to_bytes(8, "big"))))))
        given += len(list(pairing.settled(1)))
    assert given == 50


@pytest.mark.parametrize("frame", [b"", bytes(60), MACS + b"\x88\xcc" + bytes(50), MACS + b"\x08\x00\x45"])
def test_what_is_no_packet_is_passed_over(frame: bytes) -> None:
    pairing = Pairing([UPLINK])
    pairing.add(Packet(1, 0, IN, 60, frame))
    assert list(pairing.settled()) == []


# Out of the ring


def block(*frames: tuple[int, bytes, tuple[int, int, int], int, int]) -> bytes:
    """A block as the kernel leaves it (struct tpacket_block_desc, tpacket3_hdr, sockaddr_ll, virtio_net_hdr)."""
    data = bytearray(48)
    for when, frame, (flags, begin, place), kind, tag in frames:
        record = bytearray(96 + len(frame) + -len(frame) % 16)
        seconds, nanoseconds = divmod(when, 10**9)
        status = 1 | (0x50 if tag else 0)
        struct.pack_into("=6IHH", record, 0, len(record), seconds, nanoseconds, len(frame), len(frame), status, 96, 110)
        struct.pack_into("=IH", record, 32, tag, 0x8100)
        record[58] = kind
        struct.pack_into("=B5xHH", record, 86, flags, begin, place)
        record[96 : 96 + len(frame)] = frame
        data += record
    struct.pack_into("=6I", data, 0, 1, 0, 1, len(frames), 48, len(data))
    return bytes(data)


def checksum(data: bytes) -> int:
    """RFC 1071, as it stands there."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo_header(packet: bytes, size: int) -> bytes:
    return packet[12:20] + struct.pack("!HH", packet[9], size)


@pytest.mark.parametrize("data", [b"", b"x", b"question", b"\xff" * 1401])
def test_a_checksum_is_finished_as_a_wire_would_carry_it(data: bytes) -> None:
    segment = bytearray(udp(4000, 53, data))
    pseudo = pseudo_header(ip(WORLD, HOST, 17, bytes(segment)), len(segment))
    segment[6:8] = checksum(pseudo).to_bytes(2, "big")  # what the kernel leaves there (CHECKSUM_PARTIAL)
    frame = ethernet(ip(WORLD, HOST, 17, bytes(segment)))
    (packet,) = packets_in(block((5, frame, (1, 34, 6), IN, 0)), 3)
    assert checksum(pseudo + packet.frame[34:]) == 0xFFFF
    assert packet.frame[40:42] != b"\0\0"
    assert packet == Packet(5, 3, IN, len(frame), packet.frame)


def test_a_frame_that_is_finished_or_cut_short_stays_as_it_is() -> None:
    frame = ethernet(ip(WORLD, HOST, 17, udp(4000, 53)))
    assert packets_in(block((5, frame, (0, 34, 6), OUT, 0)), 0)[0].frame == frame
    assert finished(frame[:41], 34, 40) == frame[:41]


def test_a_vlan_tag_is_put_back() -> None:
    frame = ethernet(ip(WORLD, HOST, 17, udp(4000, 53)))
    (packet,) = packets_in(block((5, frame, (0, 0, 0), IN, 7)), 0)
    assert packet.frame == frame[:12] + b"\x81\0\0\7" + frame[12:]
    assert packet.length == len(frame) + 4


def test_a_block_has_packets_in_a_row() -> None:
    frame = ethernet(ip(WORLD, HOST, 17, udp(4000, 53)))
    found = packets_in(block(*((when, frame, (0, 0, 0), kind, 0) for when, kind in ((5, IN), (10**18, OUT)))), 2)
    assert [(one.when, one.tap, one.kind) for one in found] == [(5, 2, IN), (10**18, 2, OUT)]


# The file


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pcapng")
def test_another_reader_finds_all_that_was_written() -> None:
    frame = ethernet(ip(WORLD, HOST, 17, udp(4000, 53)))
    when = 1_700_000_000_123_456_789
    file = io.BytesIO(
        written.section("a lesson ✓")
        + written.interface(Interface("web:eth0", "eth0 of sandbox web", ETHERNET, "udp port 53"))
        + written.interface(Interface("host:wg0", "wg0 of the host", RAW_IP))
        + written.packet(Packet(when, 0, OUT, len(frame) + 5, frame))
        + written.packet(Packet(when + 1, 1, IN, 3, b"abc"))
        + written.statistics(0, when, when + 2, passed=4, dropped=3, written=1)
    )
    section, first, second, one, two, counts = pcapng.FileScanner(file)
    assert section.options["opt_comment"] == "a lesson ✓"
    assert (first.options["if_name"], first.options["if_description"]) == ("web:eth0", "eth0 of sandbox web")
    assert (first.link_type, second.link_type, first.timestamp_resolution) == (1, 101, 1e-9)
    assert first.options.get_raw("if_filter") == b"\0udp port 53"
    assert (one.packet_data, one.packet_len, one.interface_id) == (frame, len(frame) + 5, 0)
    assert (one.timestamp_high << 32) + one.timestamp_low == when
    assert (one.options.get_raw("epb_flags"), two.options.get_raw("epb_flags")) == (b"\2\0\0\0", b"\5\0\0\0")
    assert two.packet_data == b"abc"
    assert (counts.options["isb_ifrecv"], counts.options["isb_ifdrop"], counts.options["isb_usrdeliv"]) == (4, 3, 1)


# The filter of a published port


def test_a_published_port_is_seen_on_both_sides() -> None:
    ways = [Way("tcp", None, 8088, [IPv4Address(WEB), IPv6Address(WEB6)], 80)]
    outside = "(ip and tcp port 8088) or (ip6 and tcp port 8088)"
    assert both_sides(ways) == f"{outside} or (host {WEB} and tcp port 80) or (host {WEB6} and tcp port 80)"


def passes(code: bytes, frame: bytes) -> bool:
    """Whether the kernel lets a frame pass a filter: it runs one on whatever a socket gets."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        memory = ctypes.create_string_buffer(code, len(code))
        ours.setsockopt(socket.SOL_SOCKET, 26, struct.pack("@HP", len(code) // 8, ctypes.addressof(memory)))
        ours.setblocking(False)
        try:
            theirs.send(frame)
            return ours.recv(2000) == frame
        except (BlockingIOError, PermissionError):  # the sender of what is filtered out is told
            return False


BOTH = [IPv4Address(WEB), IPv6Address(WEB6)]
ANYWHERE, AT_ONE = Way("tcp", None, 8088, BOTH, 80), Way("udp", IPv4Address(HOST), 53, BOTH[:1], 5353)
LATER = bytearray(ip(WORLD, HOST, 6, tcp(1, 8088)))
LATER[6:8] = b"\0\x10"
SIDES = [
    (ip(WORLD, HOST, 6, tcp(4000, 8088)), True),
    (ip(HOST, WORLD, 6, tcp(8088, 4000)), True),
    (ip(WORLD, WEB, 6, tcp(4000, 80)), True),
    (ip(WEB, WORLD, 6, tcp(80, 4000)), True),
    (ip(WORLD6, HOST6, 6, tcp(4000, 8088)), True),
    (ip(WORLD6, WEB6, 6, tcp(4000, 80)), True),
    (ip(WEB6, WORLD6, 6, tcp(80, 4000)), True),
    (ip(WORLD, HOST, 17, udp(4000, 53)), True),
    (ip(WEB, WORLD, 17, udp(5353, 4000)), True),
    (ip(WORLD, HOST, 6, tcp(4000, 80)), False),
    (ip(WORLD6, HOST6, 6, tcp(80, 4000)), False),
    (ip(WORLD6, WEB6[:-1] + "3", 6, tcp(80, 4000)), False),
    (ip(WORLD, WEB, 17, udp(4000, 80)), False),
    (ip(WORLD, "192.0.2.9", 17, udp(4000, 53)), False),
    (ip(WORLD6, HOST6, 17, udp(4000, 53)), False),
    (ip(WORLD, HOST, 1, icmp(8)), False),
    (bytes(LATER), False),
    (ip(WORLD, HOST, 6, b""), False),
]


@pytest.mark.parametrize(("packet", "wanted"), SIDES)
@pytest.mark.parametrize("link_type", [ETHERNET, RAW_IP])
def test_the_kernel_lets_both_sides_pass_and_nothing_else(packet: bytes, wanted: bool, link_type: int) -> None:
    code = both_sides_code([ANYWHERE, AT_ONE], link_type)
    frame = ethernet(packet) if link_type == ETHERNET else packet
    assert passes(code + PASS, frame) == wanted
    assert not passes(code + struct.pack("=HBBI", 6, 0, 0, 0), frame), "a filter behind it has the last word"


def test_one_that_is_open_on_one_address_is_seen_there() -> None:
    assert both_sides([Way("udp", IPv4Address(HOST), 53, [], 53)]) == f"(host {HOST} and udp port 53)"
    assert both_sides([Way("udp", IPv4Address("0.0.0.0"), 53, [], 53)]) == "(ip and udp port 53)"


@pytest.mark.parametrize(
    ("expression", "asked"),
    [
        ("host web", f"(host {WEB} or host {WEB6})"),
        (
            "tcp and (src host web or dst  host db)",
            f"tcp and ((src host {WEB} or src host {WEB6}) or (dst  host 10.9.0.3))",
        ),
        ("host webb or host web-2", "host webb or host web-2"),
        ("port 80", "port 80"),
        ("host none", "host none"),
    ],
)
def test_a_sandbox_may_be_named_in_a_filter(expression: str, asked: str) -> None:
    sandboxes = {"web": [IPv4Address(WEB), IPv6Address(WEB6)], "db": [IPv4Address("10.9.0.3")], "none": []}
    assert with_addresses(expression, sandboxes) == asked


def test_expressions_are_joined() -> None:
    assert joined("a or b", "", "c") == "(a or b) and (c)"
    assert joined("", " ") == ""


def test_every_protocol_with_a_name_has_its_words() -> None:
    assert read_headers._WHAT.keys() == NAMES.keys()
