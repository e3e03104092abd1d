"""What is open towards one host: its netlink and nftables sockets, and those of the one sandbox that is worked on.

A sandbox's are closed before the next one's are opened: a thousand would be more than a process may have open, and an
open socket keeps its namespace alive.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from netbuilder.kernel import namespaces, sysctl
from netbuilder.kernel.nft import Nft
from netbuilder.kernel.transport import NETFILTER, Netlink


class _Room(NamedTuple):
    name: str
    fd: int
    netlink: Netlink


class Sockets:
    """Opened when first needed, in the namespace of the calling thread or of the sandbox asked for."""

    def __init__(self) -> None:
        self.home = os.open(namespaces.HERE, os.O_RDONLY | os.O_CLOEXEC)
        self._host = Netlink()
        self._netfilter: Netlink | None = None
        self._nft: Nft | None = None
        self._room: _Room | None = None
        self.doors: Mapping[str, str] = {}  # where to enter sandboxes that have no pin yet

    def has(self, netns: str) -> bool:
        """Whether there is a way into a sandbox."""
        return bool(namespaces.pinned(netns)) or namespaces.is_namespace(self.doors.get(netns, ""))

    def netlink(self, netns: str | None) -> Netlink:
        """The route socket of a sandbox, or of the host."""
        return self._enter(netns).netlink if netns else self._host

    def namespace(self, netns: str) -> int:
        """The descriptor of a sandbox's namespace."""
        return self._enter(netns).fd

    def netfilter(self) -> Netlink:
        """The host's netfilter socket."""
        if self._netfilter is None:
            self._netfilter = Netlink(NETFILTER)
        return self._netfilter

    def nftables(self) -> Nft:
        """The host's nftables context."""
        if self._nft is None:
            self._nft = Nft()
        return self._nft

    def read_sysctl(self, netns: str | None, key: str) -> str | None:
        """A setting of a sandbox, or of the host."""
        if netns is None:
            return sysctl.read(key)
        with namespaces.entered_from(self.home, self.namespace(netns)):
            return sysctl.read(key)

    def write_sysctl(self, netns: str | None, key: str, value: str) -> None:
        """Set a setting of a sandbox, or of the host."""
        if netns is None:
            sysctl.write(key, value)
            return
        with namespaces.entered_from(self.home, self.namespace(netns)):
            sysctl.write(key, value)

    def leave(self) -> None:
        """Close what is open inside a sandbox."""
        if self._room:
            self._room.netlink.close()
            os.close(self._room.fd)
            self._room = None

    def close(self) -> None:
        """Close everything."""
        self.leave()
        self._host.close()
        if self._netfilter:
            self._netfilter.close()
        if self._nft:
            self._nft.close()
        os.close(self.home)

    def _enter(self, netns: str) -> _Room:
        if self._room is None or self._room.name != netns:
            self.leave()
            fd = namespaces.open_pin(netns) if namespaces.pinned(netns) else namespaces.open_path(self.doors[netns])
            with namespaces.entered_from(self.home, fd):
                self._room = _Room(netns, fd, Netlink())
        return self._room
