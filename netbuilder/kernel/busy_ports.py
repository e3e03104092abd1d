"""Which ports of the host its processes hold, found out as Docker does: by trying to take them."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable
from itertools import islice

from netbuilder.errors import SpecError
from netbuilder.kernel.message import DUMP, Message
from netbuilder.kernel.netlink import Netlink
from netbuilder.resolve.facts import HostPort
from netbuilder.resolve.resolved import ResolvedPort
from netbuilder.values.ports import on_address

_KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_AHEAD = 256  # numbers tried after a busy one, so that a free one is soon found where many in a row are busy
_FEW = 16  # ports of a range that are tried each; of a longer one, those that the kernel lists as some socket's
_ANY = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
_ADDRESSES = "see which there are (ip address), or leave it out for all of them"
_MODULE = "load the module sctp (modprobe sctp), or publish tcp or udp"
_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _LISTEN = 4, 20, 10  # sock_diag(7)


def among(ports: Iterable[ResolvedPort], last: int) -> frozenset[HostPort]:
    """Those of some ports that a process holds, and with each those of the numbers that follow, up to `last`.

    Of a range it is the first one that is held.

    Raises:
        SpecError: As for `is_busy`.
    """
    known: dict[HostPort, bool] = {}
    busy = set()
    for port in ports:
        if port.count > 1:
            busy.update(_first_busy(port))
            continue
        first = port.host_port
        for number in range(first, max(first, min(first + _AHEAD, last)) + 1):
            one = HostPort(port.protocol, port.host_ip, number)
            if one not in known:
                known[one] = is_busy(one)
            if known[one]:
                busy.add(one)
            elif number == first:
                break
    return frozenset(busy)


def _first_busy(port: ResolvedPort) -> list[HostPort]:
    """The first port of a range that a process holds, if there is one."""
    numbers: Iterable[int] = range(port.host_port, port.last_host_port + 1)
    listed = _listed(port.protocol) if port.count > _FEW else None
    if listed is not None:
        # The first is tried in any case: whether the host has such an address, and such a protocol.
        numbers = sorted({port.host_port, *(number for number in listed if number in numbers)})
    each = (HostPort(port.protocol, port.host_ip, number) for number in numbers)
    return list(islice(filter(is_busy, each), 1))


def _listed(protocol: str) -> list[int] | None:
    """The ports of all sockets that wait for what comes (`ss -ln`); None where the kernel has no such list.

    To read /proc/net/tcp takes it 35 ms, as that has the connections too, in a table for all that there could be.
    """
    states = 1 << _LISTEN if protocol == "tcp" else 0xFFFFFFFF
    found: list[int] = []
    netlink = Netlink(_SOCK_DIAG)
    try:
        for family in (socket.AF_INET, socket.AF_INET6):
            request = struct.pack("=BBBxI48x", family, _KINDS[protocol][1], 0, states)  # struct inet_diag_req_v2
            (reply,) = netlink.ask([Message(_SOCK_DIAG_BY_FAMILY, DUMP, request)])
            if reply.errno:
                return None
            found += (int.from_bytes(body[4:6], "big") for body in reply.bodies)  # struct inet_diag_msg
    finally:
        netlink.close()
    return found


def is_busy(port: HostPort) -> bool:
    """Whether a process of the host holds a port.

    Raises:
        SpecError: If the port's address is not one of the host's, or the kernel does not speak its protocol.
    """
    with _socket(port) as probe:
        if port.protocol != "udp":  # a connection in TIME_WAIT holds nothing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((str(port.host_ip or _ANY[probe.family]), port.number))
            if port.protocol != "udp":
                probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise _refused(port, f"{port.host_ip} is not an address of this host", _ADDRESSES) from None
            return True
    return False


def _socket(port: HostPort) -> socket.socket:
    """A socket of the port's protocol and family; for all of both an IPv6 one that is open to IPv4, too."""
    kind, protocol = _KINDS[port.protocol]
    address = port.host_ip
    try:
        if address and address.version == 4:
            return socket.socket(socket.AF_INET, kind, protocol)
        probe = socket.socket(socket.AF_INET6, kind, protocol)
    except OSError as error:
        if error.errno == errno.EPROTONOSUPPORT:
            raise _refused(port, f"this kernel has no {port.protocol.upper()}", _MODULE) from None
        if error.errno != errno.EAFNOSUPPORT:
            raise
        if address:
            raise _refused(port, "this kernel has no IPv6", "publish it on an IPv4 address") from None
        return socket.socket(socket.AF_INET, kind, protocol)
    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, bool(address))
    return probe


def _refused(port: HostPort, problem: str, hint: str) -> SpecError:
    return SpecError(f"host port {on_address(port.host_ip)}{port.number}/{port.protocol}", problem, hint)
