"""What a packet socket lets through is given to the kernel (Documentation/networking/filter.rst)."""

from __future__ import annotations

import ctypes
import socket
import struct

_SO_ATTACH_FILTER = 26


def attach(to: socket.socket, program: bytes) -> None:
    """Have a socket take only what a filter lets through.

    Args:
        to: The socket.
        program: Instructions of classic BPF (struct sock_filter), one after another.
    """
    kept = ctypes.create_string_buffer(program, len(program))
    sock_fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))
    to.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, sock_fprog)
