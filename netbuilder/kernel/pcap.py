"""libpcap, for one thing: its filter language (pcap-filter(7)), compiled to what the kernel runs for each packet."""

from __future__ import annotations

import ctypes
import struct
from functools import lru_cache

from netbuilder.errors import MissingLibrary, SpecError
from netbuilder.packets.pcapng import ETHERNET, SNAPLEN

_NAMES = ("libpcap.so.0.8", "libpcap.so.1")  # Debian's and that of all others
_ANY_NETMASK = 0xFFFFFFFF  # PCAP_NETMASK_UNKNOWN
_DLT = {ETHERNET: 1}
_DLT_RAW = 12


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


def compiled(expression: str, link_type: int) -> bytes:
    """An expression as the instructions of classic BPF (struct sock_filter, one after another).

    Args:
        expression: In tcpdump's language, like "tcp port 80 and host 10.9.0.2".
        link_type: What frames begin with.

    Raises:
        MissingLibrary: If libpcap is not installed.
        SpecError: If it is no such expression; with libpcap's own words.
    """
    if "\0" in expression:
        raise SpecError("filter", "has a NUL character in it")
    pcap = _library()
    handle, program = pcap.pcap_open_dead(_DLT.get(link_type, _DLT_RAW), SNAPLEN), _Program()
    try:
        if pcap.pcap_compile(handle, ctypes.byref(program), expression.encode(errors="replace"), 1, _ANY_NETMASK):
            problem = pcap.pcap_geterr(handle).decode(errors="replace")
            raise SpecError("filter", problem, "it is tcpdump's language: see man 7 pcap-filter")
        one_by_one = (program.instructions[at] for at in range(program.count))
        code = b"".join(struct.pack("=HBBI", one.code, one.jt, one.jf, one.k) for one in one_by_one)
        pcap.pcap_freecode(ctypes.byref(program))
        return code
    finally:
        pcap.pcap_close(handle)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    for name in _NAMES:
        try:
            pcap = ctypes.CDLL(name)
        except OSError:
            continue
        pcap.pcap_open_dead.restype = ctypes.c_void_p
        pcap.pcap_geterr.restype = ctypes.c_char_p
        pcap.pcap_geterr.argtypes = pcap.pcap_close.argtypes = (ctypes.c_void_p,)
        program = ctypes.POINTER(_Program)
        pcap.pcap_compile.argtypes = (ctypes.c_void_p, program, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32)
        pcap.pcap_freecode.argtypes = (program,)
        return pcap
    raise MissingLibrary(
        "libpcap is not installed, which filters are compiled by",
        "apt install libpcap0.8 (from Debian 13 on libpcap0.8t64), or capture without a filter",
    )
