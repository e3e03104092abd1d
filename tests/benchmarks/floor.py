"""The kernel's own price of a sandbox in bridge mode: what nothing that builds one can go under.

Raw rtnetlink messages, and for each sandbox one unshare(2), one bind mount and two sends: a namespace, a veth pair born
inside it, an address, a default route. Nothing else: no state, no checks, no firewall. It knows the tricks that
netbuilder knows: one queue a veth, and a procfs of its own. Tear-down is one message that deletes all veth pairs, and
one unmount for each namespace.

    floor.py N         build and remove N sandboxes on one bridge, print what it cost as JSON
    floor.py settle    wait until the kernel has cleaned up after every namespace that was deleted
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import sys
import time
from pathlib import Path

from netbuilder.kernel import sysctl
from netbuilder.kernel.namespaces import isolate
from netbuilder.kernel.privileges import become_root

NEWNET, BIND, DETACH = 0x40000000, 0x1000, 0x2
REQUEST, ACK, CREATE, EXCL = 0x1, 0x4, 0x400, 0x200
ERROR, NEWLINK, DELLINK, NEWADDR, NEWROUTE = 2, 16, 17, 20, 24
IFNAME, MASTER, LINKINFO, AF_SPEC, GROUP, NET_NS_FD, TX_QUEUES, RX_QUEUES = 3, 10, 18, 26, 27, 28, 31, 32
HERE, PINS = "/proc/thread-self/ns/net", Path("/run/netns")
GATEWAY = socket.inet_aton("10.9.0.1")
ALL, FIRST_INDEX = 77, 100  # the group that the veth pairs are deleted by, the index of the first
PER_BRIDGE = 1000  # a bridge has 1,023 ports at most

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    """Raise what a system call has failed with."""
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# Netlink, as little of it as will do


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute of a message, padded to four bytes."""
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def message(kind: int, flags: int, body: bytes) -> bytes:
    """One message that is to be acknowledged."""
    return struct.pack("=IHHII", len(body) + 16, kind, REQUEST | ACK | flags, 0, 0) + body


def link(index: int = 0, up: bool = False) -> bytes:
    """The head of a message about an interface."""
    return struct.pack("=BxHiII", 0, 0, index, up, up)


def new_link(head: bytes, name: str, kind: bytes, more: bytes = b"") -> bytes:
    """A new interface."""
    info = attribute(LINKINFO, attribute(1, kind) + more)
    return message(NEWLINK, CREATE | EXCL, head + attribute(IFNAME, name.encode() + b"\0") + info)


def new_address(index: int, address: bytes) -> bytes:
    """An address of the subnet, which is a /16."""
    head = struct.pack("=BBBBI", socket.AF_INET, 16, 0, 0, index)
    return message(NEWADDR, CREATE | EXCL, head + attribute(2, address) + attribute(1, address))


def new_default_route() -> bytes:
    """A default route by the bridge."""
    head = struct.pack("=8BI", socket.AF_INET, 0, 0, 0, 254, 4, 0, 1, 0)
    return message(NEWROUTE, CREATE | EXCL, head + attribute(5, GATEWAY))


class Rtnetlink:
    """A socket in the namespace that the thread is in."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.socket.bind((0, 0))

    def tell(self, *messages: bytes) -> None:
        """Send messages in one go, and wait until each is carried out."""
        self.socket.send(b"".join(messages))
        answered = 0
        while answered < len(messages):
            answered += self._acknowledged(self.socket.recv(1 << 16))

    def _acknowledged(self, data: bytes) -> int:
        at = count = 0
        while at < len(data):
            size, kind, errno = struct.unpack_from("=IH10xi", data, at)
            if kind == ERROR and errno:
                raise OSError(-errno, os.strerror(-errno))
            at, count = at + (size + 3 & ~3), count + 1
        return count


# The work


class Floor:
    """A throw-away host with bridges, and the least that can be done for a sandbox on one of them."""

    def __init__(self, bridges: int = 1) -> None:
        become_root()
        isolate()
        PINS.mkdir()
        self.home = os.open(HERE, os.O_RDONLY)
        self.host = Rtnetlink()
        self.bridges = [self._bridge(f"br{at}") for at in range(bridges)]
        self.route = new_default_route()
        self.procfs = sysctl.Procfs()

    def _bridge(self, name: str) -> int:
        self.host.tell(new_link(link(up=True), name, b"bridge\0"))
        index = socket.if_nametoindex(name)
        self.host.tell(new_address(index, GATEWAY))
        return index

    def build(self, number: int) -> None:
        """One sandbox."""
        netns, inside = self._namespace(str(number))
        index = FIRST_INDEX + number
        one_queue = attribute(TX_QUEUES, struct.pack("=I", 1)) + attribute(RX_QUEUES, struct.pack("=I", 1))
        inner = link(2) + one_queue + attribute(IFNAME, b"eth0\0") + attribute(NET_NS_FD, struct.pack("=I", netns))
        port = attribute(MASTER, struct.pack("=I", self.bridges[number // PER_BRIDGE])) + attribute(
            GROUP, struct.pack("=I", ALL)
        )
        outer = link(index) + one_queue + port
        no_link_local = attribute(AF_SPEC, attribute(socket.AF_INET6, attribute(8, b"\x01")))
        self.host.tell(
            new_link(outer, f"v{number}", b"veth\0", attribute(2, attribute(1, inner))),
            message(NEWLINK, 0, link(index, up=True) + no_link_local),
        )
        address = socket.inet_aton(f"10.9.{number + 2 >> 8}.{number + 2 & 255}")
        up = [message(NEWLINK, 0, link(one, up=True)) for one in (1, 2)]
        inside.tell(up[0], new_address(2, address), up[1], self.route)
        inside.socket.close()
        os.close(netns)

    def _namespace(self, name: str) -> tuple[int, Rtnetlink]:
        """A new namespace without IPv6, pinned: a descriptor of it, and a socket in it."""
        pin = PINS / name
        os.close(os.open(pin, os.O_CREAT | os.O_EXCL))
        check(libc.unshare(NEWNET))
        try:
            sysctl.write("net/ipv6/conf/default/disable_ipv6", "1", self.procfs)
            check(libc.mount(HERE.encode(), str(pin).encode(), None, BIND, None))
            return os.open(pin, os.O_RDONLY), Rtnetlink()
        finally:
            check(libc.setns(self.home, NEWNET))

    def destroy(self, count: int) -> None:
        """All sandboxes at once."""
        self.host.tell(message(DELLINK, 0, link() + attribute(GROUP, struct.pack("=I", ALL))))
        for number in range(count):
            self.unpin(number)

    def unpin(self, number: int) -> None:
        """Delete the name of a namespace, and with it the namespace."""
        pin = PINS / str(number)
        check(libc.umount2(str(pin).encode(), DETACH))
        pin.unlink()


def measure(count: int) -> dict[str, object]:
    """What `count` sandboxes cost: milliseconds for each to set up, seconds for all to tear down."""
    floor, setup = Floor(-(-count // PER_BRIDGE)), []
    for number in range(count):
        began = time.perf_counter()
        floor.build(number)
        setup.append((time.perf_counter() - began) * 1e3)
    began = time.perf_counter()
    floor.destroy(count)
    return {"setup_ms": setup, "teardown_s": time.perf_counter() - began}


def settle() -> dict[str, object]:
    """Wait for the kernel, which cleans up namespaces in the background, in batches, one batch after the other.

    So a namespace is added and deleted: a veth pair goes when the namespace of one of its ends does. It may have been
    in one batch with those to wait for; the one after it is in a later batch.
    """
    floor = Floor()
    began = time.perf_counter()
    for number in range(2):
        floor.build(number)
        floor.unpin(number)
        while any(name == f"v{number}" for _, name in socket.if_nameindex()):
            time.sleep(0.002)
    return {"waited_s": time.perf_counter() - began}


if __name__ == "__main__":
    print(json.dumps(settle() if sys.argv[1] == "settle" else measure(int(sys.argv[1]))))
