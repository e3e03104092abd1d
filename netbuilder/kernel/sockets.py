"""What is open towards one host: its netlink and nftables sockets, and those of the one sandbox that is worked on.

A sandbox's are closed before the next one's are opened: a thousand would be more than a process may have open, and an
open socket keeps its namespace alive.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from netbuilder.kernel import namespaces, sysctl
from netbuilder.kernel.netlink import NETFILTER, Netlink
from netbuilder.kernel.nft import Nft


class _Namespace(NamedTuple):
    name: str
    fd: int
    netlink: Netlink


class Sockets:
    """The sockets of a host and of one sandbox, each opened in its namespace when it is first needed."""

    def __init__(self) -> None:
        self.home = namespaces.open_path(namespaces.HERE)
        self._host = Netlink()
        self._netfilter: Netlink | None = None
        self._nft: Nft | None = None
        self._packets: socket.socket | None = None
        self._sandbox: _Namespace | None = None
        self._procfs = sysctl.Procfs()
        self._paths: Mapping[str, str] = {}
        self._ahead = False

    def find_by(self, paths: Mapping[str, str], ahead: bool = False) -> None:
        """Where namespaces are that have no pin yet; with `ahead`, that count even where there is a pin of the name."""
        if ahead or self._ahead:
            self.leave()  # it may be another one's of the same name
        self._paths, self._ahead = paths, ahead

    def has(self, netns: str) -> bool:
        """Whether there is a way into a sandbox."""
        return self._is_pinned(netns) or namespaces.is_namespace(self._paths.get(netns, ""))

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

    def packets(self) -> socket.socket:
        """What sends frames out of the host's interfaces, and hears none."""
        if self._packets is None:
            self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        return self._packets

    def nftables(self) -> Nft:
        """The host's nftables context."""
        if self._nft is None:
            self._nft = Nft()
        return self._nft

    def read_sysctls(self, netns: str | None, keys: Iterable[str]) -> list[str | None]:
        """Settings of a sandbox, or of the host."""
        with self._inside(netns) as procfs:
            return [sysctl.read(key, procfs) for key in keys]

    def write_sysctl(self, netns: str | None, key: str, value: str) -> None:
        """Set a setting of a sandbox, or of the host."""
        with self._inside(netns) as procfs:
            sysctl.write(key, value, procfs)

    def leave(self) -> None:
        """Close what is open inside a sandbox."""
        if self._sandbox:
            self._sandbox.netlink.close()
            os.close(self._sandbox.fd)
            self._sandbox = None

    def close(self) -> None:
        """Close everything."""
        self.leave()
        self._procfs.close()
        self._host.close()
        if self._netfilter:
            self._netfilter.close()
        if self._nft:
            self._nft.close()
        if self._packets:
            self._packets.close()
        os.close(self.home)

    @contextmanager
    def _inside(self, netns: str | None) -> Iterator[sysctl.Procfs | None]:
        """Where settings of a sandbox are found, or of the host."""
        if netns is None:
            yield None
            return
        with namespaces.entered_from(self.home, self.namespace(netns)):
            yield self._procfs

    def _is_pinned(self, netns: str) -> bool:
        return not (self._ahead and netns in self._paths) and bool(namespaces.pinned(netns))

    def _enter(self, netns: str) -> _Namespace:
        if self._sandbox is None or self._sandbox.name != netns:
            self.leave()
            fd = namespaces.open_pin(netns) if self._is_pinned(netns) else namespaces.open_path(self._paths[netns])
            with namespaces.entered_from(self.home, fd):
                self._sandbox = _Namespace(netns, fd, Netlink())
        return self._sandbox
