"""The packets by which neighbours find and tell each other's MAC addresses: ARP for IPv4, NDP for IPv6.

RFC 826 and RFC 5227, RFC 4861 and RFC 4862. Each is what follows the header of an Ethernet frame.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from netbuilder.values.addresses import IPAddress

ARP, IPV6 = 0x0806, 0x86DD
"""What a frame carries (ETH_P_…)."""

_BROADCAST, _ALL_NODES = b"\xff" * 6, IPv6Address("ff02::1")
_ARP = struct.Struct("!HHBBH6s4s6s4s")  # kinds and lengths of both addresses, what it is, sender, target
_IPV6 = struct.Struct("!IHBB16s16s")  # version, length, next header, hop limit, source, destination
_ICMPV6, _HOP_LIMIT = 58, 255
_SOLICITATION, _ADVERTISEMENT = 135, 136
_OVERRIDE = 0x20000000
_ICMP = struct.Struct("!BBHI16s")  # type, code, checksum, flags, target


class Packet(NamedTuple):
    """What a frame carries, to whom, and as what."""

    protocol: int
    to: bytes
    payload: bytes


class Heard(NamedTuple):
    """Who has an address, or wants it."""

    address: IPAddress
    mac: str


def protocol(address: IPAddress) -> int:
    """What neighbours find an address by."""
    return ARP if address.version == 4 else IPV6


def question(address: IPAddress, mac: bytes) -> Packet:
    """Ask for an address as nobody: with no address of its own, it makes no neighbour's cache wrong."""
    if isinstance(address, IPv4Address):
        return Packet(ARP, _BROADCAST, _arp(bytes(4), mac, bytes(6), address.packed))
    group = IPv6Address(b"\xff\x02" + bytes(9) + b"\x01\xff" + address.packed[-3:])  # all that may have it
    return _ndp(_SOLICITATION, 0, address, IPv6Address(0), group)


def announcement(address: IPAddress, mac: str) -> Packet:
    """Tell everybody who has an address: whoever knows it under another MAC address takes this one, at once."""
    here = bytes.fromhex(mac.replace(":", ""))
    if isinstance(address, IPv4Address):
        return Packet(ARP, _BROADCAST, _arp(address.packed, here, bytes(6), address.packed))
    target_link_layer_address = b"\x02\x01" + here
    return _ndp(_ADVERTISEMENT, _OVERRIDE, address, address, _ALL_NODES, target_link_layer_address)


def heard(protocol: int, payload: bytes, sender: bytes) -> Heard | None:
    """Who says that it has an address, or asks for one as nobody, as we do; None if it is neither."""
    if protocol == ARP:
        if len(payload) < _ARP.size:
            return None
        *_, mac, source, _, target = _ARP.unpack_from(payload)
        return Heard(ip_address(source if any(source) else target), mac.hex(":"))
    if len(payload) < _IPV6.size + _ICMP.size or payload[6:8] != bytes((_ICMPV6, _HOP_LIMIT)):
        return None
    kind, _, _, _, target = _ICMP.unpack_from(payload, _IPV6.size)
    is_nobodys = not any(payload[8:24])
    if kind == _ADVERTISEMENT or (kind == _SOLICITATION and is_nobodys):
        return Heard(ip_address(target), sender.hex(":"))
    return None


def _arp(source: bytes, mac: bytes, target_mac: bytes, target: bytes) -> bytes:
    return _ARP.pack(1, 0x0800, 6, 4, 1, mac, source, target_mac, target)  # a request


def _ndp(
    kind: int, flags: int, target: IPv6Address, source: IPv6Address, to: IPv6Address, options: bytes = b""
) -> Packet:
    length = _ICMP.size + len(options)
    pseudo = source.packed + to.packed + struct.pack("!II", length, _ICMPV6)
    checksum = _checksum(pseudo + _ICMP.pack(kind, 0, 0, flags, target.packed) + options)
    message = _ICMP.pack(kind, 0, checksum, flags, target.packed) + options
    head = _IPV6.pack(6 << 28, length, _ICMPV6, _HOP_LIMIT, source.packed, to.packed)
    return Packet(IPV6, b"\x33\x33" + to.packed[-4:], head + message)


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
