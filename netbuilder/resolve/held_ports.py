"""Who holds which host ports, as intervals: a range of 10,000 costs what a single port does."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import NamedTuple

from netbuilder.resolve.resolved import ResolvedPort
from netbuilder.values.addresses import IPAddress

_LATEST = "\U0010ffff"  # after any name


class _Held(NamedTuple):
    first: int
    last: int
    sandbox: str


_ByAddress = dict[IPAddress | None, list[_Held]]
"""On one address no two intervals have a port in common; they are in order."""


class HeldPorts:
    """The host ports that sandboxes hold, of each protocol and address."""

    def __init__(self, under: HeldPorts | None = None) -> None:
        """Begin with none, or with those of others, which stay as they are."""
        self._under = under
        self._held: dict[str, _ByAddress] = {}

    def take(self, port: ResolvedPort, sandbox: str) -> None:
        """Let a sandbox hold a port, or a range of them."""
        on_address = self._own(port.protocol).setdefault(port.host_ip, [])
        insort(on_address, _Held(port.host_port, port.last_host_port, sandbox))

    def release(self, port: ResolvedPort) -> None:
        """Let nobody hold a port, or a range of them, that somebody took like this."""
        by_address = self._own(port.protocol)
        held = by_address[port.host_ip]
        del held[bisect_right(held, (port.host_port, port.last_host_port, _LATEST)) - 1]
        if not held:
            del by_address[port.host_ip]

    def holder(self, port: ResolvedPort) -> str | None:
        """The sandbox that holds a port, or one that cannot stand beside it; None if it is free.

        A port on all addresses leaves no room for the same port on one of them, nor the other way round; and one on all
        addresses of IPv4 (0.0.0.0) or of IPv6 (::) is beside any of the other family.
        """
        for address, held in self._read(port.protocol).items():
            if _meet(address, port.host_ip) and (found := _first(held, port.host_port, port.last_host_port)):
                return found.sandbox
        return None

    def is_held(self, protocol: str, number: int) -> bool:
        """Whether a port is held on any address."""
        return any(_first(held, number, number) for held in self._read(protocol).values())

    def _read(self, protocol: str) -> _ByAddress:
        if protocol in self._held:
            return self._held[protocol]
        return self._under._read(protocol) if self._under else {}

    def _own(self, protocol: str) -> _ByAddress:
        """What may be changed: a copy of what is under this, if that has any."""
        if protocol not in self._held:
            self._held[protocol] = {address: held.copy() for address, held in self._read(protocol).items()}
        return self._held[protocol]


def _first(held: list[_Held], first: int, last: int) -> _Held | None:
    """The lowest interval that has a port from `first` to `last`."""
    at = bisect_right(held, (first, 1 << 16, ""))
    if at and held[at - 1].last >= first:
        return held[at - 1]
    return held[at] if at < len(held) and held[at].first <= last else None


def _meet(one: IPAddress | None, other: IPAddress | None) -> bool:
    """Whether what is open on one address can be reached by another."""
    if one is None or other is None:
        return True
    return one.version == other.version and (one == other or one.is_unspecified or other.is_unspecified)
