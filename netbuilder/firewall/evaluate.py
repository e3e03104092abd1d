"""What the rules of other tables do with a packet: they are carried out on one in memory, as the kernel would.

A rule that asks for something that is not known here (a program, a limit) is taken for one about certain traffic only,
and passed over: it neither drops everything nor lets everything pass.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from netbuilder.firewall.chains import Chain, Data, Expression, Rule, Verdict
from netbuilder.firewall.packets import Packet, Unknown

DROP, ACCEPT, CONTINUE, JUMP, GOTO, RETURN = 0, 1, -1, -3, -4, -5
_MOST_JUMPS = 16  # as the kernel (NFT_JUMP_STACK_SIZE)
_LETS_PASS = frozenset(("masq", "nat", "redir", "tproxy", "queue", "fwd", "synproxy"))
_CHANGES_NOTHING = frozenset(("counter", "log", "last", "notrack", "objref", "flow_offload", "dup"))
_XT_LETS_PASS = frozenset(("MASQUERADE", "SNAT", "DNAT", "REDIRECT", "NETMAP", "NFQUEUE", "TPROXY"))
_LIMITS = frozenset(("limit", "connlimit", "quota", "dynset"))
_BREAK = Verdict(CONTINUE)


class Tables(Protocol):
    """The rules and sets of other tables."""

    def rules(self, chain: Chain) -> Sequence[Rule]:
        """`nft list chain`."""

    def element(self, chain: Chain, set_: str, key: bytes) -> Data | None:
        """`nft get element`, of a set or map of a chain's table: its data, or None if it is not there."""


@dataclass(frozen=True)
class Drop:
    """Where a packet ends: at a rule, or at the end of a base chain, by its policy (None)."""

    chain: Chain
    rule: Rule | None = None


def dropped_by(base: Chain, packet: Packet, tables: Tables) -> Drop | None:
    """Where a base chain drops or rejects a packet; None if it lets it pass."""
    end = _walk(base, packet, tables, _MOST_JUMPS)
    if end is None and base.drops:
        return Drop(base)
    return end if isinstance(end, Drop) else None


def _walk(chain: Chain, packet: Packet, tables: Tables, jumps: int) -> Drop | Verdict | None:
    """Where a packet is dropped, or the verdict that lets it pass; None if the chain leaves it to others."""
    for rule in tables.rules(chain):
        verdict = _decision(rule, chain, packet, tables)
        if verdict.code == DROP:
            return Drop(chain, rule)
        if verdict.code in (JUMP, GOTO):
            target = Chain(chain.family, chain.table, verdict.chain)
            end = _walk(target, packet, tables, jumps - 1) if jumps else None
            if end is not None or verdict.code == GOTO:
                return end
        elif verdict.code == RETURN:
            return None
        elif verdict.code != CONTINUE:
            return verdict
    return None


def _decision(rule: Rule, chain: Chain, packet: Packet, tables: Tables) -> Verdict:
    run = _Run(chain, packet, tables)
    try:
        for one in rule.expressions:
            verdict = run.carry_out(one)
            if verdict:
                return _BREAK if verdict.code == DROP and run.is_limited else verdict
    except Unknown:
        pass
    return _BREAK


@dataclass
class _Run:
    """One rule, carried out on one packet.

    `registers` has what was loaded, by the number of its first four bytes: the kernel has 64 bytes in all, and calls
    them by the four (NFT_REG32_00 and on) or by the sixteen (NFT_REG_1 and on).
    """

    chain: Chain
    packet: Packet
    tables: Tables
    registers: dict[int, bytes] = field(default_factory=dict)
    is_limited: bool = False

    def carry_out(self, one: Expression) -> Verdict | None:
        """What an expression decides; None if the next one is to be looked at."""
        if one.name in _LETS_PASS:
            return Verdict(ACCEPT)
        if one.name == "reject":
            return Verdict(DROP)
        if one.name in _CHANGES_NOTHING or one.name in _LIMITS:
            self.is_limited |= one.name in _LIMITS
            return None
        if one.name in _LOADS:
            self._load_what(*_LOADS[one.name], one)
            return None
        if one.name not in _OPERATIONS:
            raise Unknown(one.name)
        return _OPERATIONS[one.name](self, one)

    def _load_what(self, load: Callable[..., bytes], asked: tuple[int, ...], source: int, one: Expression) -> None:
        """The first attribute is the register. Where there is a source, a packet is changed and not looked at."""
        if source not in one.attributes:
            self._load(one.number(1), load(self.packet, *map(one.number, asked)))

    def bitwise(self, one: Expression) -> None:
        """NFTA_BITWISE_SREG, _DREG, _LEN, _MASK, _XOR, _OP."""
        if one.number(6):
            raise Unknown("shift")
        value = self._value(one.number(1), one.number(3))
        mask, xor = one.data[4].value, one.data[5].value
        self._load(one.number(2), bytes(v & m ^ x for v, m, x in zip(value, mask, xor, strict=True)))

    def byteorder(self, one: Expression) -> None:
        """NFTA_BYTEORDER_SREG, _DREG, _OP, _LEN, _SIZE."""
        value, size = self._value(one.number(1), one.number(4)), one.number(5)
        if struct.pack("=H", 1) == struct.pack("<H", 1):
            value = b"".join(value[at : at + size][::-1] for at in range(0, len(value), size))
        self._load(one.number(2), value)

    def cmp(self, one: Expression) -> Verdict | None:
        """NFTA_CMP_SREG, _OP, _DATA."""
        data = one.data[3].value
        value = self._value(one.number(1), len(data))
        return None if _COMPARISONS[one.number(2)](value, data) else _BREAK

    def range(self, one: Expression) -> Verdict | None:
        """NFTA_RANGE_SREG, _OP, _FROM_DATA, _TO_DATA."""
        first, last = one.data[3].value, one.data[4].value
        is_in = first <= self._value(one.number(1), len(first)) <= last
        return None if is_in != bool(one.number(2)) else _BREAK

    def lookup(self, one: Expression) -> Verdict | None:
        """NFTA_LOOKUP_SET, _SREG, _DREG, and NFT_LOOKUP_F_INV among _FLAGS."""
        found = self.tables.element(self.chain, one.text(1), self._key(one.number(2)))
        if (found is None) != bool(one.number(5)):
            return _BREAK
        return self._take(one.number(3), found) if found and 3 in one.attributes else None

    def immediate(self, one: Expression) -> Verdict | None:
        """NFTA_IMMEDIATE_DREG, _DATA."""
        return self._take(one.number(1), one.data[2])

    def match(self, one: Expression) -> Verdict | None:
        """A match of iptables: NFTA_MATCH_NAME, _REV, _INFO."""
        if one.text(1) == "comment":
            return None
        if one.text(1) != "conntrack":
            raise Unknown(one.text(1))
        return None if self.packet.matches_conntrack(one.attributes[3]) else _BREAK

    def target(self, one: Expression) -> Verdict | None:
        """A target of iptables: NFTA_TARGET_NAME. The kernel has a verdict of nftables for ACCEPT and DROP."""
        if one.text(1) == "REJECT":
            return Verdict(DROP)
        return Verdict(ACCEPT) if one.text(1) in _XT_LETS_PASS else None

    # Registers

    def _load(self, register: int, value: bytes) -> None:
        self.registers[_place(register)] = value

    def _value(self, register: int, size: int) -> bytes:
        return self._key(register).ljust(size, b"\0")[:size]

    def _key(self, register: int) -> bytes:
        """What stands in a row from a register on. Of several parts, each is padded to four bytes."""
        at, parts = _place(register), []
        while at in self.registers:
            parts.append(self.registers.pop(at))
            at += -(-len(parts[-1]) // 4)
        if not parts:
            raise Unknown("register")
        return parts[0] if len(parts) == 1 else b"".join(part + b"\0" * (-len(part) % 4) for part in parts)

    def _take(self, register: int, data: Data) -> Verdict | None:
        """A value goes to a register; a verdict is what the rule decides."""
        if data.verdict is None:
            self._load(register, data.value)
        return data.verdict


def _place(register: int) -> int:
    return register - 8 if register >= 8 else 4 * (register - 1)


_COMPARISONS: tuple[Callable[[bytes, bytes], bool], ...] = (  # in the order of NFT_CMP_EQ and on
    bytes.__eq__,
    bytes.__ne__,
    bytes.__lt__,
    bytes.__le__,
    bytes.__gt__,
    bytes.__ge__,
)
_LOADS: dict[str, tuple[Callable[..., bytes], tuple[int, ...], int]] = {
    "meta": (Packet.meta, (2,), 3),  # NFTA_META_KEY, _SREG
    "ct": (Packet.ct, (2,), 4),  # NFTA_CT_KEY, _SREG
    "payload": (Packet.payload, (2, 3, 4), 5),  # NFTA_PAYLOAD_BASE, _OFFSET, _LEN, _SREG
    "fib": (Packet.fib, (2, 3), 0),  # NFTA_FIB_RESULT, _FLAGS
}
"""What of a packet an expression loads: by which of its attributes, and which one would be a source."""
_OPERATIONS: dict[str, Callable[[_Run, Expression], Verdict | None]] = {
    "bitwise": _Run.bitwise,
    "byteorder": _Run.byteorder,
    "cmp": _Run.cmp,
    "range": _Run.range,
    "lookup": _Run.lookup,
    "immediate": _Run.immediate,
    "match": _Run.match,
    "target": _Run.target,
}
