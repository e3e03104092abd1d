"""The headers of a packet: who sends it to whom, and what no NAT changes, by which its copies know each other."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import NamedTuple

from netbuilder.packets.headers import End
from netbuilder.packets.protocols import ECHO, ERRORS, ICMP, ICMP6, TCP, UDP, flags_in_words
from netbuilder.values.addresses import IPAddress

_ACK = 16
_REDIRECT = 5  # of IPv4; what it is about goes on, so it is no answer


class Head(NamedTuple):
    """The headers of one packet.

    Args:
        src: Who sends it.
        dst: To whom.
        protocol: Its number (IPPROTO_…).
        words: What it is, as in "TCP SYN".
        key: What neither NAT nor a hop changes.
        number: Of TCP its sequence number; of an echo its number.
        acknowledged: Of TCP the number that it acknowledges, if it does.
        quoted: Of an ICMP error the ends of the packet that it is about.
    """

    src: End
    dst: End
    protocol: int
    words: str
    key: tuple[object, ...]
    number: int = 0
    acknowledged: int | None = None
    quoted: tuple[End, End] | None = None

    @property
    def ends(self) -> tuple[End, End]:
        """Who sends it to whom."""
        return self.src, self.dst

    @property
    def is_reset(self) -> bool:
        """Whether it is TCP's "nobody listens here"."""
        return self.words.startswith("TCP RST")

    def answers(self, other: Head) -> bool:
        """Whether it is the answer to a packet with those headers, or an error about it."""
        if self.quoted:
            return self.quoted == other.ends
        if (self.src, self.dst, self.protocol) != (other.dst, other.src, other.protocol):
            return False
        if self.protocol == TCP:
            return self.acknowledged == (other.number + 1) & 0xFFFFFFFF
        return self.protocol == UDP or self.number == other.number


def read(packet: bytes) -> Head | None:
    """The headers of a packet that begins with its IP header; None of what is none, or cut short."""
    if len(packet) < 20:
        return None
    version = packet[0] >> 4
    if version == 4:
        size = (packet[0] & 15) * 4
        return read_parts(packet[:size], packet[size:])
    return read_parts(packet[:40], packet[40:]) if version == 6 else None


def read_parts(network: bytes, transport: bytes) -> Head | None:
    """The same of two headers that come apart. IPv6 with extension headers shows as the first of those."""
    if network[:1] and network[0] >> 4 == 4 and len(network) >= 20:
        protocol, ident, src, dst = network[9], network[4:6], network[12:16], network[16:20]
    elif network[:1] and network[0] >> 4 == 6 and len(network) >= 40:
        protocol, ident, src, dst = network[6], network[1:4], network[8:24], network[24:40]
    else:
        return None
    return _read(protocol, ident, ip_address(src), ip_address(dst), transport)


def _read(protocol: int, ident: bytes, src: IPAddress, dst: IPAddress, transport: bytes) -> Head:
    if protocol == TCP and len(transport) >= 14:
        sport, dport, seq, ack, _, flags = struct.unpack_from(">HHIIBB", transport)
        words = f"TCP {flags_in_words(flags)}".rstrip()
        key = (TCP, ident, seq, ack, flags)
        return Head(End(src, sport), End(dst, dport), TCP, words, key, seq, ack if flags & _ACK else None)
    if protocol == UDP and len(transport) >= 8:
        sport, dport, size = struct.unpack_from(">HHH", transport)
        return Head(End(src, sport), End(dst, dport), UDP, "UDP", (UDP, ident, size, transport[8:20]))
    if protocol in (ICMP, ICMP6) and len(transport) >= 8:
        return _read_icmp(protocol, ident, src, dst, transport)
    return Head(End(src), End(dst), protocol, f"protocol {protocol}", (protocol, ident, transport[:20]))


def _read_icmp(protocol: int, ident: bytes, src: IPAddress, dst: IPAddress, transport: bytes) -> Head:
    kind, code = transport[:2]
    words = ECHO[protocol].get(kind) or ERRORS[protocol].get(kind) or f"type {kind}"
    number = 0
    quoted: tuple[End, End] | None = None
    if kind in ERRORS[protocol] and kind != _REDIRECT:
        inner = read(transport[8:])
        quoted = (inner.src, inner.dst) if inner else None
    elif kind in ECHO[protocol]:
        number = int.from_bytes(transport[6:8], "big")  # its identifier may be another after NAT
    key = (protocol, ident, kind, code, number)
    return Head(End(src), End(dst), protocol, f"ICMP {words}", key, number, None, quoted)
