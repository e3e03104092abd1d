"""Netlink sockets that take a batch of messages in one send; every message is answered by its sequence number.

A socket stays in the namespace that the calling thread was in when it was opened.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress

from netbuilder.kernel.message import ACK, DONE, DUMP, ERROR, Message, attributes, messages, string

ROUTE, NETFILTER = 0, 12
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT = 270, 10, 11, 12
_ACK_TLVS, _CAPPED = 0x200, 0x100
_SIOCGIFNAME, _SIOCGIFINDEX = 0x8910, 0x8933
_BATCH = 16  # each answer may take some 8 kB of the socket's receive buffer, which has 208 kB by default


class Refused(Exception):
    """The kernel's error for one message of a batch."""

    def __init__(self, at: int, errno: int, detail: str) -> None:
        super().__init__(f"{os.strerror(errno)} {detail}".strip())
        self.at, self.errno, self.detail = at, errno, detail


class Reply:
    """What came back for one message: the bodies of its answers, and an errno (0 for none)."""

    __slots__ = ("bodies", "detail", "errno")

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.errno = 0
        self.detail = ""


class Netlink:
    """A netlink socket in the calling thread's namespace."""

    def __init__(self, protocol: int = ROUTE, buffer: memoryview | None = None) -> None:
        """Open one; `buffer` is another's of the same thread, or else a new one."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        # A new one for each answer would cost more than the answer.
        self.buffer = memoryview(bytearray(1 << 18)) if buffer is None else buffer
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)  # the kernel filters a dump by what the request names

    def ask(self, batch: Sequence[Message]) -> list[Reply]:
        """Send a batch and collect the reply to each message."""
        replies = [Reply() for _ in batch]
        for start in range(0, len(batch), _BATCH):
            self._ask(batch[start : start + _BATCH], start, replies)
        return replies

    def tell(self, batch: Sequence[Message]) -> None:
        """Send a batch that changes something; the first message that fails raises `Refused`."""
        for at, reply in enumerate(self.ask(batch)):
            if reply.errno:
                raise Refused(at, reply.errno, reply.detail)

    def commit(self, transaction: Sequence[Message]) -> None:
        """Send a batch that is carried out as one, all or nothing; the first message that fails raises `Refused`.

        The kernel answers each message that fails, and the one that asks for an ACK. An error for the first message,
        which only begins the transaction, is about all of it, and no other answer follows.
        """
        self._socket.send(b"".join(message.encode(at) for at, message in enumerate(transaction)))
        last = max(at for at, message in enumerate(transaction) if message.flags & ACK)
        refused, at = None, -1
        while at not in (0, last):
            for _, flags, at, body in messages(self._receive()):
                errno = -struct.unpack_from("=i", body)[0]
                if errno and not refused:
                    refused = Refused(at, errno, _detail(flags, body))
        if refused:
            self._drain()
            raise refused

    def index(self, name: str) -> int:
        """The index of an interface in this socket's namespace; 0 if there is none of that name."""
        try:
            answer = self.ioctl(_SIOCGIFINDEX, struct.pack("16si20x", name.encode(), 0))
        except OSError:
            return 0
        return int(struct.unpack_from("i", answer, 16)[0])

    def name(self, index: int) -> str:
        """The name of an interface in this socket's namespace; "" if there is none of that index."""
        try:
            answer = self.ioctl(_SIOCGIFNAME, struct.pack("16si20x", b"", index))
        except OSError:
            return ""
        return string(answer.partition(b"\0")[0])

    def ioctl(self, request: int, ifreq: bytes) -> bytes:
        """What a question about an interface of this socket's namespace is answered with (netdevice(7))."""
        return fcntl.ioctl(self._socket, request, ifreq)

    def close(self) -> None:
        """Close the socket, which would keep its namespace alive."""
        self._socket.close()

    def _ask(self, batch: Iterable[Message], start: int, replies: list[Reply]) -> None:
        # Dumps go one by one: a socket runs only one at a time.
        waiting: list[bytes] = []
        for at, message in enumerate(batch, start):
            if message.flags & DUMP == DUMP:
                self._exchange(waiting, replies)
                waiting = []
                self._exchange([message.encode(at + 1)], replies)
            else:
                waiting.append(message.encode(at + 1))
        self._exchange(waiting, replies)

    def _exchange(self, encoded: list[bytes], replies: list[Reply]) -> None:
        if not encoded:
            return
        self._socket.send(b"".join(encoded))
        open_ = len(encoded)
        while open_:
            for kind, flags, sequence, body in messages(self._receive()):
                reply = replies[sequence - 1]
                if kind not in (ERROR, DONE):
                    reply.bodies.append(body)
                    continue
                open_ -= 1
                if kind == ERROR:
                    reply.errno = -struct.unpack_from("=i", body)[0]
                    reply.detail = _detail(flags, body) if reply.errno else ""

    def _receive(self) -> bytes:
        try:
            return bytes(self.buffer[: self._socket.recv_into(self.buffer)])
        except OSError:  # ENOBUFS: the answers were more than the socket holds, and some are lost
            self._drain()
            raise

    def _drain(self) -> None:
        """Throw away what is left of the answers, which the next question would take for its own."""
        with suppress(OSError):
            while self._socket.recv(1 << 18, socket.MSG_DONTWAIT):
                pass


def _detail(flags: int, body: bytes) -> str:
    """The kernel's own words for an error, where it has any (NLMSGERR_ATTR_MSG)."""
    if not flags & _ACK_TLVS:
        return ""
    size = 20 if flags & _CAPPED else 4 + struct.unpack_from("=I", body, 4)[0]
    return string(attributes(body, size).get(1, b""))
