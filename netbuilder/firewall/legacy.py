"""The tables of iptables-legacy, as the kernel gives them: entries in a row, each with a match and a target.

See linux/netfilter_ipv4/ip_tables.h and linux/netfilter_ipv6/ip6_tables.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from netbuilder.firewall.chains import IPV4, Chain, Expression, Rule
from netbuilder.firewall.evaluate import Drop
from netbuilder.firewall.packets import Packet, Unknown

LEGACY = "legacy"
"""The type of its chains, beside those of nftables."""
HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_DROP, _RETURN = -1, -5  # verdicts, as they stand in a target
_GOTO = 2
_VIA_IN, _VIA_OUT, _SOURCE, _DESTINATION, _PROTOCOL = 1, 2, 8, 16, 64  # what of a match is inverted
_MOST_STEPS = 100_000
_NATIVE: Literal["little", "big"] = "little" if struct.pack("=H", 1) == struct.pack("<H", 1) else "big"

# A rule as it can be told: by how it drops.
_REJECTS, _DROPS = (Rule(0, "", (Expression(how, {}, {}),)) for how in ("reject", "drop"))


class _Layout(NamedTuple):
    """Where things stand in an entry: the size of an address, the protocol, flags, offsets, and what follows it all."""

    address: int
    protocol: int
    flags: int
    offsets: int
    end: int


_IPV4, _IPV6 = _Layout(4, 80, 82, 88, 112), _Layout(16, 128, 131, 140, 168)


class Target(NamedTuple):
    """What an entry does: the target's name (empty for a verdict or a jump), and its data."""

    name: str
    data: bytes

    @property
    def verdict(self) -> int | None:
        """The verdict, or where to jump to; None of a target that changes something and goes on."""
        if self.name == "REJECT":
            return _DROP
        return None if self.name else int.from_bytes(self.data[:4], _NATIVE, signed=True)


@dataclass(frozen=True)
class Table:
    """One table: the offset of each hook's first entry and of its policy, by the hook's number, and the entries."""

    family: int
    name: str
    first: Mapping[int, int]
    policy: Mapping[int, int]
    entries: bytes

    @property
    def layout(self) -> _Layout:
        """How its entries are laid out."""
        return _IPV4 if self.family == IPV4 else _IPV6

    def chains(self) -> list[Chain]:
        """Its base chains."""
        return [
            Chain(self.family, self.name, HOOKS[hook], LEGACY, hook, drops=self.target(at).verdict == _DROP)
            for hook, at in self.policy.items()
        ]

    def targets(self) -> Iterator[Target]:
        """The target of each entry."""
        at = 0
        while at < len(self.entries):
            yield self.target(at)
            at = self.next(at)

    def target(self, at: int) -> Target:
        """What the entry at an offset does."""
        start = at + struct.unpack_from("=H", self.entries, at + self.layout.offsets)[0]
        size = struct.unpack_from("=H", self.entries, start)[0]
        return Target(_text(self.entries[start + 2 : start + 31]), self.entries[start + 32 : start + size])

    def next(self, at: int) -> int:
        """The offset of the entry that follows."""
        size: int = struct.unpack_from("=H", self.entries, at + self.layout.offsets + 2)[0]
        return at + max(1, size)

    def matches(self, at: int, packet: Packet) -> bool:
        """Whether the entry at an offset is about a packet; one that asks what is not known is about certain ones."""
        try:
            return self._is_met(at, packet) and all(
                _is_matched(name, data, packet) for name, data in self._extensions(at)
            )
        except Unknown:
            return False

    def _is_met(self, at: int, packet: Packet) -> bool:
        size, end = self.layout.address, 4 * self.layout.address
        src, dst, src_mask, dst_mask = (self.entries[at + n * size : at + (n + 1) * size] for n in range(4))
        iif, oif, iif_mask, oif_mask = (self.entries[at + end + n * 16 : at + end + (n + 1) * 16] for n in range(4))
        protocol = struct.unpack_from("=H", self.entries, at + self.layout.protocol)[0]
        inverted = self.entries[at + self.layout.flags + 1]
        return (
            _differs(packet.src.packed, src, src_mask) == bool(inverted & _SOURCE)
            and _differs(packet.dst.packed, dst, dst_mask) == bool(inverted & _DESTINATION)
            and _differs(packet.meta(6), iif, iif_mask) == bool(inverted & _VIA_IN)
            and _differs(packet.meta(7), oif, oif_mask) == bool(inverted & _VIA_OUT)
            and (not protocol or (packet.protocol != protocol) == bool(inverted & _PROTOCOL))
        )

    def _extensions(self, at: int) -> Iterator[tuple[str, bytes]]:
        place, end = at + self.layout.end, at + struct.unpack_from("=H", self.entries, at + self.layout.offsets)[0]
        while place < end:
            size = struct.unpack_from("=H", self.entries, place)[0]
            yield _text(self.entries[place + 2 : place + 31]), self.entries[place + 32 : place + size]
            place += max(32, size)


def dropped_by(table: Table, base: Chain, packet: Packet) -> Drop | None:
    """Where a base chain drops or rejects a packet; None if it lets it pass."""
    assert base.hook is not None
    at, back = table.first[base.hook], list[int]()
    for _ in range(_MOST_STEPS):
        target = table.target(at) if table.matches(at, packet) else None
        verdict = target.verdict if target else None
        if verdict is None:  # it is not about such packets, or changes something and goes on
            at = table.next(at)
        elif verdict == _DROP:
            rule = _REJECTS if target and target.name else _DROPS
            return Drop(base, None if at == table.policy[base.hook] else rule)
        elif verdict == _RETURN:
            at = back.pop() if back else table.policy[base.hook]
        elif verdict < 0:
            return None
        else:
            if not table.entries[at + table.layout.flags] & _GOTO:
                back.append(table.next(at))
            at = verdict
    return None


def _is_matched(name: str, data: bytes, packet: Packet) -> bool:
    if name == "conntrack":
        return packet.matches_conntrack(data)
    if name == "comment":
        return True
    raise Unknown(name)


def _differs(value: bytes, wanted: bytes, mask: bytes) -> bool:
    return any((v ^ w) & m for v, w, m in zip(value, wanted, mask, strict=True))


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode(errors="replace")
