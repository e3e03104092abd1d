"""What a packet socket lets through: a program of classic BPF (Documentation/networking/filter.rst)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from netbuilder.packets.protocols import ICMP, ICMP6

SNAPLEN = 160
"""Bytes of each packet that are kept: its headers, and those that an ICMP error quotes."""

_LDH, _LDB, _LDH_X, _LDX_IP, _JEQ, _RET = 0x28, 0x30, 0x48, 0xB1, 0x15, 0x06
_PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL

Line = tuple[int, int, int, int]
_KEEP, _REFUSE = (_RET, 0, 0, SNAPLEN), (_RET, 0, 0, 0)


def ports(protocol: int, numbers: Iterable[int]) -> bytes:
    """Lets through what has one of these ports, of TCP or UDP, and ICMP: its errors may be about them.

    The packet begins with its IP header (SOCK_DGRAM).
    """
    tests = [line for number in sorted(set(numbers)) for line in _keep_if(number)]
    four = [(_LDX_IP, 0, 0, 0), (_LDH_X, 0, 0, 0), *tests, (_LDH_X, 0, 0, 2), *tests]
    six = [(_LDH, 0, 0, 40), *tests, (_LDH, 0, 0, 42), *tests]
    program = [
        (_LDH, 0, 0, _PROTOCOL),
        *_if(0x0800, [(_LDB, 0, 0, 9), *_keep_if(ICMP), *_if(protocol, four), _REFUSE]),
        *_if(0x86DD, [(_LDB, 0, 0, 6), *_keep_if(ICMP6), *_if(protocol, six), _REFUSE]),
        _REFUSE,
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in program)


def _keep_if(value: int) -> list[Line]:
    return _if(value, [_KEEP])


def _if(value: int, then: list[Line]) -> list[Line]:
    """Some lines that are passed over if what was loaded last is something else."""
    return [(_JEQ, 0, len(then), value), *then]
