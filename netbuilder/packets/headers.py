"""What the headers of a packet say, and what of it neither routing nor NAT changes: by that its copies are found.

Nothing that a packet says is believed: what is cut short or makes no sense is no packet here, and never an error.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from netbuilder.packets.pcapng import ETHERNET
from netbuilder.packets.protocols import (
    DISCOVERY,
    ECHO,
    ERRORS,
    ICMP,
    ICMP6,
    NAMES,
    SCTP,
    SYN,
    TCP,
    UDP,
    flags_in_words,
)
from netbuilder.values.addresses import IPAddress

_IPV4, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
_VLANS = (0x8100, 0x88A8)
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AH, _DESTINATION = 0, 43, 44, 51, 60
_CHECKSUM_AT = {TCP: 16, UDP: 6, SCTP: 8, ICMP: 2, ICMP6: 2}
_SHORTEST = 8  # an ICMP error has that much of what it is about (RFC 792)
_TCP_HEADER = 20


class End(NamedTuple):
    """One end of a packet's way: an address, and the port if there is one."""

    address: IPAddress
    port: int | None = None

    def __str__(self) -> str:
        if self.port is None:
            return str(self.address)
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


class Headers(NamedTuple):
    """What a packet says of itself.

    Args:
        protocol: Like "TCP"; the number of one that has no name here.
        src: Where it says that it comes from.
        dst: Where it goes.
        what: Which one it is of its protocol: "SYN ACK", "echo request", or how much it carries.
        ttl: How many routers it may still pass; None for ARP, which passes none.
        same: What is alike in all copies of one packet, whatever was routed and translated on the way.
    """

    protocol: str
    src: End
    dst: End
    what: str
    ttl: int | None
    same: int


class _Layers(NamedTuple):
    """An IP packet, and where its parts are."""

    packet: bytes
    version: int
    protocol: int
    at: int  # where the transport header begins
    has_ports: bool  # not a later fragment, and long enough


def read(frame: bytes, link_type: int = ETHERNET) -> Headers | None:
    """The headers of a frame; None for what is neither IP nor ARP, or makes no sense."""
    kind, payload = _payload(frame, link_type)
    if kind == _ARP:
        return _arp(payload)
    layers = _layers(payload)
    return _headers(layers) if layers else None


def _payload(frame: bytes, link_type: int) -> tuple[int, bytes]:
    """What a frame carries, and its EtherType."""
    if link_type != ETHERNET:
        return (_IPV4 if frame[:1] and frame[0] >> 4 == 4 else _IPV6), frame
    at = 12
    while (kind := _number(frame, at)) in _VLANS:
        at += 4
    return kind, frame[at + 2 :] if kind in (_IPV4, _IPV6, _ARP) else b""


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _arp(payload: bytes) -> Headers | None:
    if len(payload) < 28 or payload[:6] != b"\0\1\x08\0\6\4":
        return None
    what = {1: "who has", 2: "is at"}.get(_number(payload, 6), "")
    src, dst = (End(IPv4Address(payload[at : at + 4])) for at in (14, 24))
    return Headers("ARP", src, dst, what, None, hash(payload[:28]))


# IP


def _layers(data: bytes) -> _Layers | None:
    version = data[0] >> 4 if data else 0
    return _layers4(data) if version == 4 else _layers6(data) if version == 6 else None


def _layers4(data: bytes) -> _Layers | None:
    start = (data[0] & 0x0F) * 4
    if start < 20 or len(data) < start:
        return None
    total = _number(data, 2)
    packet = data[:total] if total >= start else data  # 0 for those that are too big to say; and frames are padded
    return _with_ports(packet, 4, packet[9], start, first=not _number(packet, 6) & 0x1FFF)


def _layers6(data: bytes) -> _Layers | None:
    if len(data) < 40:
        return None
    total = _number(data, 4)
    packet = data[: 40 + total] if total else data
    following, at, first = packet[6], 40, True
    while following in (_HOP_BY_HOP, _ROUTING, _DESTINATION, _FRAGMENT, _AH) and at + 8 <= len(packet):
        size = packet[at + 1]
        if following == _FRAGMENT:
            first = not _number(packet, at + 2) & 0xFFF8
        length = {_FRAGMENT: 8, _AH: (size + 2) * 4}.get(following, (size + 1) * 8)
        following, at = packet[at], at + length
    return _with_ports(packet, 6, following, at, first)


def _with_ports(packet: bytes, version: int, protocol: int, at: int, first: bool) -> _Layers:
    long_enough = protocol in NAMES and len(packet) >= at + _SHORTEST
    return _Layers(packet, version, protocol, at, first and long_enough)


def _headers(layers: _Layers) -> Headers:
    packet, version, protocol, at, has_ports = layers
    ends: list[IPAddress]
    if version == 4:
        ends = [IPv4Address(packet[12:16]), IPv4Address(packet[16:20])]
        ttl = packet[8]
    else:
        ends = [IPv6Address(packet[8:24]), IPv6Address(packet[24:40])]
        ttl = packet[7]
    src, dst = (End(address, port) for address, port in zip(ends, _ports(layers), strict=True))
    what = _WHAT.get(protocol, _no_words)(packet, at) if has_ports else f"{len(packet)} bytes"
    return Headers(NAMES.get(protocol, f"protocol {protocol}"), src, dst, what, ttl, hash(_unchanging(layers)))


def _ports(layers: _Layers) -> tuple[int | None, int | None]:
    packet, _, protocol, at, has_ports = layers
    if has_ports and protocol in (TCP, UDP, SCTP):
        return _number(packet, at), _number(packet, at + 2)
    return None, None


# What is told of each protocol


def _bytes(count: int) -> str:
    return f"{count} byte{'s' * (count != 1)}"


def _no_words(packet: bytes, at: int) -> str:
    return f"{len(packet)} bytes"


def _tcp(packet: bytes, at: int) -> str:
    if len(packet) < at + _TCP_HEADER:
        return "cut short"
    flags = flags_in_words(packet[at + 13])
    carried = len(packet) - at - (packet[at + 12] >> 4) * 4
    return f"{flags} {_bytes(carried)}".strip() if carried > 0 else flags


def _udp(packet: bytes, at: int) -> str:
    return _bytes(len(packet) - at - 8)


def _icmp(protocol: int) -> Callable[[bytes, int], str]:
    def words(packet: bytes, at: int) -> str:
        kind = packet[at]
        if echo := ECHO[protocol].get(kind):
            return f"{echo} {_number(packet, at + 6)} of ping {_number(packet, at + 4)}"
        if error := ERRORS[protocol].get(kind):
            about = _about(packet, at)
            inside = _headers(about) if about else None
            return f"{error}: {inside.src} → {inside.dst}" if inside else error
        return DISCOVERY.get(kind, f"type {kind}") if protocol == ICMP6 else f"type {kind}"

    return words


_WHAT: dict[int, Callable[[bytes, int], str]] = {
    TCP: _tcp,
    UDP: _udp,
    SCTP: _no_words,
    ICMP: _icmp(ICMP),
    ICMP6: _icmp(ICMP6),
}


# What is alike in all copies


def _unchanging(layers: _Layers) -> bytes:
    """A packet without what routing and NAT may rewrite: TTL, addresses, ports, checksums, the number of a ping.

    And the options of a SYN, as a router with a smaller MTU may rewrite the MSS among them.
    """
    packet, version, protocol, at, has_ports = layers
    blank = bytearray(packet)
    if version == 4:
        blank[8] = 0
        blank[10:20] = bytes(10)
    else:
        blank[7] = 0
        blank[8:40] = bytes(32)
    if not has_ports:
        return bytes(blank)
    place, size = at + _CHECKSUM_AT[protocol], 4 if protocol == SCTP else 2
    if len(packet) >= place + size:
        blank[place : place + size] = bytes(size)
    if protocol in (TCP, UDP, SCTP):
        blank[at : at + 4] = bytes(4)
        if protocol == TCP and len(packet) >= at + _TCP_HEADER and packet[at + 13] & SYN:
            blank[at + _TCP_HEADER : at + (packet[at + 12] >> 4) * 4] = b""
    elif packet[at] in ECHO[protocol]:
        blank[at + 4 : at + 6] = bytes(2)
    elif packet[at] in ERRORS[protocol] and (about := _about(packet, at)):
        blank[at + 8 :] = _unchanging(about)  # what it is about is translated too
    return bytes(blank)


def _about(packet: bytes, at: int) -> _Layers | None:
    """The packet that an ICMP error is about; that is never another error (RFC 1122, 3.2.2)."""
    about = _layers(packet[at + 8 :])
    is_error = about and about.has_ports and about.packet[about.at] in ERRORS.get(about.protocol, ())
    return None if is_error else about
