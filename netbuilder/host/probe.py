"""The packet that a trace sends."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import TYPE_CHECKING

from netbuilder.packets.marks import Asked
from netbuilder.packets.trace import Outcome

if TYPE_CHECKING:
    from netbuilder.host.namespace import NetworkNamespace


def opened(place: NetworkNamespace, protocol: str, version: int) -> socket.socket:
    """What sends from a port that is known ahead of the first packet."""
    family, anywhere = (socket.AF_INET, "0.0.0.0") if version == 4 else (socket.AF_INET6, "::")
    if protocol == "icmp":
        number = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
        return place.socket(family, socket.SOCK_RAW, number)
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    probe = place.socket(family, kind)
    probe.bind((anywhere, 0))
    return probe


def sent(probe: socket.socket, asked: Asked, number: int, patience: float) -> tuple[Outcome, str]:
    """Send it, and wait for what comes back: what that comes to, and the kernel's words."""
    probe.settimeout(patience)
    try:
        probe.connect((str(asked.address), asked.port or 0))
        if asked.protocol == "udp":
            probe.send(os.urandom(8))
            probe.recv(100)
        elif asked.protocol == "icmp":
            probe.send(_echo(asked, number))
            _await_echo(probe, number, time.monotonic() + patience)
    except TimeoutError:
        return "no answer", ""
    except ConnectionError as error:
        return "refused", str(error.strerror)
    except OSError as error:
        return "unreachable", str(error.strerror)
    return "answered", ""


def _echo(asked: Asked, number: int) -> bytes:
    """An echo request; the kernel fills in the checksum of IPv6's."""
    assert asked.address is not None
    kind = 8 if asked.address.version == 4 else 128
    sums = kind << 8, number, number
    total = sum(sums)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">HHHH", kind << 8, ~total & 0xFFFF, number, number)


def _await_echo(probe: socket.socket, number: int, until: float) -> None:
    while (left := until - time.monotonic()) > 0:
        probe.settimeout(left)
        packet = probe.recv(200)
        if probe.family == socket.AF_INET:  # where it comes with its IP header
            packet = packet[(packet[0] & 15) * 4 :]
        if packet[:1] in (b"\0", b"\x81") and packet[4:8] == struct.pack(">HH", number, number):
            return
    raise TimeoutError
