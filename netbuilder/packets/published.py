"""The filter that sees a published port on both sides of the NAT: as the kernel runs it, and in tcpdump's words.

The kernel runs classic BPF (Documentation/networking/filter.rst). This one filter is short and needs no libpcap;
what a user writes in tcpdump's language (pcap-filter(7)) is compiled by that, and goes behind it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from netbuilder.packets.pcapng import ETHERNET, SNAPLEN
from netbuilder.packets.protocols import SCTP, TCP, UDP
from netbuilder.values.addresses import IPAddress

_NAMED = re.compile(r"\b(?P<way>(?:(?:src|dst)\s+)?)host\s+(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)(?=[\s)]|$)")
_PROTOCOLS = {"tcp": TCP, "udp": UDP, "sctp": SCTP}

# Instructions (linux/bpf_common.h): load a word, half or byte, from a fixed place or from X on; X: length of the header
_LD, _LDH, _LDB, _LDH_X, _LDX_HEADER = 0x20, 0x28, 0x30, 0x48, 0xB1
_JA, _JEQ, _JSET, _AND, _RET = 0x05, 0x15, 0x45, 0x54, 0x06
_WRONG = -1  # where a jump leads to the end of its part

_Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


class Way(NamedTuple):
    """A published port: where on the host it is open (None: on all its addresses), and where inside it leads."""

    protocol: str
    host_ip: IPAddress | None
    host_port: int
    inside: Sequence[IPAddress]
    inside_port: int


class _Side(NamedTuple):
    """What goes to a port and comes from it, of all addresses of a family or of one."""

    protocol: str
    version: int
    address: IPAddress | None
    port: int


def _sides(ways: Iterable[Way]) -> list[_Side]:
    """Each side once: outside, and inside."""
    found = []
    for protocol, host_ip, host_port, inside, inside_port in ways:
        address = None if host_ip is None or host_ip.is_unspecified else host_ip
        versions = (4, 6) if host_ip is None else (host_ip.version,)
        found += [_Side(protocol, version, address, host_port) for version in versions]
        found += [_Side(protocol, one.version, one, inside_port) for one in inside]
    return list(dict.fromkeys(found))


def both_sides(ways: Iterable[Way]) -> str:
    """What goes to published ports and what comes back, as it is outside and as it is inside, in tcpdump's words."""
    return " or ".join(map(_words, _sides(ways)))


def _words(side: _Side) -> str:
    where = f"host {side.address}" if side.address else "ip6" if side.version == 6 else "ip"
    return f"({where} and {side.protocol} port {side.port})"


def both_sides_code(ways: Iterable[Way], link_type: int) -> bytes:
    """The same for the kernel; what is to pass reaches the end of it, where another filter may follow.

    Args:
        ways: The ports.
        link_type: What frames begin with.
    """
    parts = [_part(side, link_type) for side in _sides(ways)]
    code: list[_Instruction] = []
    for part in parts:
        code += part
    # A part that finds what it is for jumps over the others and the refusal at the end.
    end = len(code) + 1
    code = [(_JA, 0, 0, end - at - 1) if one[0] == _JA else one for at, one in enumerate(code)]
    return b"".join(struct.pack("=HBBI", *one) for one in [*code, (_RET, 0, 0, 0)])


PASS = struct.pack("=HBBI", _RET, 0, 0, SNAPLEN)
"""Let pass what gets here."""


def _part(side: _Side, link_type: int) -> list[_Instruction]:
    at = 14 if link_type == ETHERNET else 0
    is_ip = [*_is_version(side.version, at)]
    if side.version == 4:
        part = [*is_ip, (_LDB, 0, 0, at + 9), (_JEQ, 0, _WRONG, _PROTOCOLS[side.protocol])]
        part += _has(side.address, at + 12, at + 16)
        part += [(_LDH, 0, 0, at + 6), (_JSET, _WRONG, 0, 0x1FFF), (_LDX_HEADER, 0, 0, at)]
        part += [(_LDH_X, 0, 0, at), (_JEQ, 2, 0, side.port), (_LDH_X, 0, 0, at + 2)]
    else:
        part = [*is_ip, (_LDB, 0, 0, at + 6), (_JEQ, 0, _WRONG, _PROTOCOLS[side.protocol])]
        part += _has(side.address, at + 8, at + 24)
        part += [(_LDH, 0, 0, at + 40), (_JEQ, 2, 0, side.port), (_LDH, 0, 0, at + 42)]
    part += [(_JEQ, 0, 1, side.port), (_JA, 0, 0, 0)]
    return [_resolved(one, len(part) - place - 1) for place, one in enumerate(part)]


def _resolved(one: _Instruction, to_end: int) -> _Instruction:
    code, if_true, if_false, operand = one
    return code, to_end if if_true == _WRONG else if_true, to_end if if_false == _WRONG else if_false, operand


def _is_version(version: int, at: int) -> Iterator[_Instruction]:
    if at:
        yield from ((_LDH, 0, 0, 12), (_JEQ, 0, _WRONG, 0x0800 if version == 4 else 0x86DD))
    else:
        yield from ((_LDB, 0, 0, 0), (_AND, 0, 0, 0xF0), (_JEQ, 0, _WRONG, version << 4))


def _has(address: IPAddress | None, src: int, dst: int) -> list[_Instruction]:
    """That one of two addresses is this one."""
    if address is None:
        return []
    words = struct.unpack(f"!{len(address.packed) // 4}I", address.packed)
    code: list[_Instruction] = []
    last = len(words) - 1
    for number, word in enumerate(words):  # from another one than the source's, go on with the destination
        left = 2 * (last - number)
        found = left + 2 * len(words) if number == last else 0
        code += [(_LD, 0, 0, src + 4 * number), (_JEQ, found, left, word)]
    for number, word in enumerate(words):
        code += [(_LD, 0, 0, dst + 4 * number), (_JEQ, 0, _WRONG, word)]
    return code


def with_addresses(expression: str, sandboxes: Mapping[str, Sequence[IPAddress]]) -> str:
    """An expression with addresses in place of sandboxes' names behind `host`: libpcap would ask the DNS for those."""

    def addressed(found: re.Match[str]) -> str:
        addresses = sandboxes.get(found["name"])
        if not addresses:
            return found[0]
        either = (f"{found['way']}host {address}" for address in addresses)
        return f"({' or '.join(either)})"

    return _NAMED.sub(addressed, expression)


def joined(*expressions: str) -> str:
    """What all of some expressions let through; an empty one lets everything."""
    return " and ".join(f"({one})" for one in expressions if one.strip())
