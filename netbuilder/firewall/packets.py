"""Packets as sandboxes and those who reach them send, in memory: what rules look at of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from netbuilder.firewall.chains import IPV4
from netbuilder.values.addresses import IPAddress

TCP, UDP = 6, 17
NEW = 8
"""A packet's state, for conntrack: it begins a flow (NF_CT_STATE_BIT(IP_CT_NEW))."""
DNAT = 1 << 5
"""The status of a flow whose destination was rewritten (IPS_DST_NAT)."""
SOMEBODY, SOMEBODY6 = IPv4Address("93.184.215.14"), IPv6Address("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
"""Another machine somewhere outside (example.com)."""
SOURCE_PORT, PORT = 40961, 7019
"""Ports of nobody in particular."""

_XT_STATE, _XT_STATUS, _XT_ALIAS, _XT_DNAT = 1, 1 << 6, 1 << 13, 1 << 7
_ETHER, _UNICAST, _LOCAL = 1, 1, 2  # ARPHRD_ETHER, RTN_UNICAST, RTN_LOCAL
_SADDR, _DADDR, _PRESENT = 1, 2, 32  # NFTA_FIB_F_…


class Unknown(Exception):
    """Something about a packet that is not known, or that this does not know how to ask."""


@dataclass(frozen=True)
class Interface:
    """An interface that a packet passes; without a name it stands for any."""

    name: str = ""
    index: int = 0
    kind: str = ""


ANY_INTERFACE = Interface()


@dataclass(frozen=True)
class Packet:
    """The first packet of a flow, at one hook.

    Args:
        src: Where it comes from.
        dst: Where it goes.
        iif: The interface that it comes in by; None where it does not come in.
        oif: The interface that it leaves by; None where that is not known yet, or it does not leave.
        protocol: TCP or UDP.
        port: The port that it goes to.
        status: What conntrack has for its flow: DNAT, or nothing.
        to_host: Whether it is for the host itself.
        bridge: The bridge, where what it passes are ports of one.
    """

    src: IPAddress
    dst: IPAddress
    iif: Interface | None = None
    oif: Interface | None = None
    protocol: int = TCP
    port: int = PORT
    status: int = 0
    to_host: bool = False
    bridge: str = ""

    def meta(self, key: int) -> bytes:
        """What `meta` loads (NFT_META_…)."""
        is_ipv4 = self.src.version == 4
        match key:
            case 1:
                return struct.pack(">H", 0x0800 if is_ipv4 else 0x86DD)
            case 2 | 3 | 13 | 14 | 21 | 22:  # priority, mark, realm, security mark, groups
                return bytes(4)
            case 4 | 6 | 8 | 26:
                return _of_interface(self.iif, key - 4)
            case 5 | 7 | 9 | 27:
                return _of_interface(self.oif, key - 5)
            case 15:
                return bytes([IPV4 if is_ipv4 else 10])
            case 16:
                return bytes([self.protocol])
            case 17 | 18 if self.bridge:
                return _name(self.bridge)
            case 19:
                return bytes(1)  # PACKET_HOST
        raise Unknown(f"meta {key}")

    def ct(self, key: int) -> bytes:
        """What `ct` loads (NFT_CT_…)."""
        match key:
            case 0:
                return struct.pack("=I", NEW)
            case 1:
                return bytes(1)  # IP_CT_DIR_ORIGINAL
            case 2:
                return struct.pack("=I", self.status)
            case 3:
                return bytes(4)
        raise Unknown(f"ct {key}")

    def matches_conntrack(self, info: bytes) -> bool:
        """Whether iptables' `-m conntrack` matches, by what it was told (struct xt_conntrack_mtinfo1 and later)."""
        flags, inverted = struct.unpack_from("=HH", info, 146)
        states, statuses = struct.unpack_from("=HH" if len(info) > 160 else "=BB", info, 150)
        if flags & ~(_XT_STATE | _XT_STATUS | _XT_ALIAS):
            raise Unknown("conntrack")
        state = NEW | (_XT_DNAT if self.status & DNAT else 0)
        asked = ((_XT_STATE, states & state), (_XT_STATUS, statuses & self.status))
        return all(bool(found) != bool(inverted & flag) for flag, found in asked if flags & flag)

    def payload(self, base: int, offset: int, size: int) -> bytes:
        """What `payload` loads, of the link's, the network's or the transport's header (NFT_PAYLOAD_…)."""
        if base > 2:
            raise Unknown("inner header")
        value = self._layers()[base][offset : offset + size]
        if len(value) < size:
            raise Unknown("payload")
        return value

    def fib(self, result: int, flags: int) -> bytes:
        """What `fib` loads: there is a way back to whoever sent it, and the type of an address."""
        if result == 1 and flags & _PRESENT:
            return b"\1"
        if result == 3 and flags & (_SADDR | _DADDR):
            is_local = self.to_host if flags & _DADDR else self.iif is None
            return struct.pack("=I", _LOCAL if is_local else _UNICAST)
        raise Unknown("fib")

    def _layers(self) -> tuple[bytes, bytes, bytes]:
        ports = struct.pack(">HH", SOURCE_PORT, self.port)
        syn = struct.pack(">IIBBHHH", 1, 0, 5 << 4, 2, 64240, 0, 0)
        transport = ports + (syn if self.protocol == TCP else struct.pack(">HH", 8, 0))
        addresses = self.src.packed + self.dst.packed
        if self.src.version == 4:
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), 1, 0x4000, 64, self.protocol, 0)
        else:
            head = struct.pack(">IHBB", 6 << 28, len(transport), self.protocol, 64)
        link = bytes.fromhex("024200000001 024200000002") + self.meta(1)
        return link, head + addresses, transport


def _of_interface(one: Interface | None, what: int) -> bytes:
    """Its index, name, type or kind. Where there is none, or it may be any, it is none that a rule can have meant."""
    seen = one or ANY_INTERFACE
    match what:
        case 0:
            return struct.pack("=I", seen.index)
        case 2:
            return _name(seen.name)
        case 4:
            return struct.pack("=H", _ETHER if one else 0)
    return _name(seen.kind)


def _name(text: str) -> bytes:
    return text.encode().ljust(16, b"\0")[:16]
