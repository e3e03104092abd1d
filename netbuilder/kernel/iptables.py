"""The tables of iptables-legacy, which are no part of nftables: read by getsockopt(2), as iptables-legacy-save does."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from netbuilder.firewall.chains import IPV4, IPV6
from netbuilder.firewall.legacy import HOOKS, Table

_GET_INFO, _GET_ENTRIES = 64, 65  # IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES; so for IPv6
_libc = ctypes.CDLL(None, use_errno=True)
_INFO, _HEAD = struct.Struct("=32sI5I5III"), struct.Struct("=32sI4x")


class _Family(NamedTuple):
    number: int
    names: str
    address: int
    level: int


_FAMILIES = (
    _Family(IPV4, "ip_tables_names", socket.AF_INET, socket.IPPROTO_IP),
    _Family(IPV6, "ip6_tables_names", socket.AF_INET6, socket.IPPROTO_IPV6),
)


def tables() -> Iterator[Table]:
    """The tables that are there. To ask for one that is not would make the kernel add it."""
    for family in _FAMILIES:
        names = _names(family)
        if names:
            with socket.socket(family.address, socket.SOCK_RAW, socket.IPPROTO_RAW) as asked:
                for name in names:
                    with suppress(OSError):  # it is gone by now, or changes at this moment
                        yield _read(asked, family, name)


def _names(family: _Family) -> list[str]:
    """The names of its tables; none where the kernel has no such thing, or does not show it."""
    try:
        with open(f"/proc/thread-self/net/{family.names}") as names:
            return names.read().split()
    except OSError:
        return []


def _read(asked: socket.socket, family: _Family, name: str) -> Table:
    info = _INFO.unpack(_getsockopt(asked, family.level, _GET_INFO, name, _INFO.size))
    valid, first, policy, size = info[1], info[2:7], info[7:12], info[13]
    hooks = [hook for hook in range(len(HOOKS)) if valid & 1 << hook]
    entries = _getsockopt(asked, family.level, _GET_ENTRIES, name, _HEAD.size + size, size)[_HEAD.size :]
    return Table(family.number, name, {h: first[h] for h in hooks}, {h: policy[h] for h in hooks}, entries)


def _getsockopt(asked: socket.socket, level: int, option: int, name: str, size: int, entries: int = 0) -> bytes:
    """What Python's own gives, which has no way to say the table's name in the buffer."""
    buffer, length = ctypes.create_string_buffer(size), ctypes.c_uint32(size)
    _HEAD.pack_into(buffer, 0, name.encode(), entries)
    if _libc.getsockopt(asked.fileno(), level, option, buffer, ctypes.byref(length)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return buffer.raw
