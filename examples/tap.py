"""Listen in on an interface: what passes it, a line a packet, as tcpdump prints it."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address

from netbuilder import NetworkNamespace

_ALL, _ARP, _IPV4 = 0x0003, 0x0806, 0x0800
_TCP, _UDP = 6, 17
_FLAGS = {0x02: "SYN", 0x10: "ACK", 0x01: "FIN", 0x04: "RST"}


class Tap:
    """A packet socket on one interface; it hears everything from the moment it is made."""

    def __init__(self, namespace: NetworkNamespace, device: str) -> None:
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        self._socket.bind((device, 0))
        self._socket.setblocking(False)

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def packets(self) -> list[str]:
        """What has passed since the last look: ARP, TCP and UDP."""
        seen = []
        while True:
            try:
                seen.append(_describe(self._socket.recv(2048)))
            except BlockingIOError:
                return [line for line in seen if line]


def _describe(frame: bytes) -> str:
    kind, payload = int.from_bytes(frame[12:14], "big"), frame[14:]
    if kind == _ARP:
        return _arp(payload)
    if kind == _IPV4 and payload[9] in (_TCP, _UDP):
        return _transport(payload)
    return ""


def _arp(payload: bytes) -> str:
    sender, target = IPv4Address(payload[14:18]), IPv4Address(payload[24:28])
    if payload[7] == 1:
        return f"ARP: who has {target}? tell {sender}"
    return f"ARP: {sender} is at {payload[8:14].hex(':')}"


def _transport(packet: bytes) -> str:
    segment = packet[(packet[0] & 0x0F) * 4 :]
    source, destination = struct.unpack("!HH", segment[:4])
    flags = [name for bit, name in _FLAGS.items() if segment[13] & bit] if packet[9] == _TCP else ["UDP"]
    return f"{IPv4Address(packet[12:16])}:{source} > {IPv4Address(packet[16:20])}:{destination} {' '.join(flags)}"
