"""What stands on one host because of us: its networks and sandboxes, and what they hold.

A value in memory: the store fills it, `resolve` reads it and never changes it, and what was made is recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from netbuilder.resolve.claims import Claims
from netbuilder.resolve.resolved import (
    HostBaseline,
    ResolvedForwarding6,
    ResolvedLocalnet,
    ResolvedNetwork,
    ResolvedSandbox,
)


class Allocations:
    """The networks and sandboxes of one host, in the order in which they were made, and who depends on which."""

    def __init__(self) -> None:
        self.baseline: HostBaseline | None = None
        self.forwarding6: ResolvedForwarding6 | None = None
        self.networks: dict[str, ResolvedNetwork] = {}
        self.sandboxes: dict[str, ResolvedSandbox] = {}
        self.claims = Claims()
        self._members: dict[str, set[str]] = {}
        self._sharers: dict[str, set[str]] = {}
        self._publishers: dict[str, set[str]] = {}

    def record(self, networks: Iterable[ResolvedNetwork], sandboxes: Iterable[ResolvedSandbox]) -> None:
        """Networks and sandboxes stand now, in the place of those of the same names."""
        networks, sandboxes = tuple(networks), tuple(sandboxes)
        self._release({one.name for one in networks}, {one.name for one in sandboxes})
        for network in networks:
            self.networks[network.name] = network
            self.claims.add_network(network)
        for sandbox in sandboxes:
            self.sandboxes[sandbox.name] = sandbox
            self.claims.add_sandbox(sandbox)
            for index, names in self._indexed(sandbox):
                for name in names:
                    index.setdefault(name, set()).add(sandbox.name)

    def remove(self, networks: Iterable[str], sandboxes: Iterable[str]) -> None:
        """Networks and sandboxes are gone, and what they held is free."""
        networks, sandboxes = set(networks), set(sandboxes)
        self._release(networks, sandboxes)
        for name in sandboxes:
            self.sandboxes.pop(name, None)
        for name in networks:
            self.networks.pop(name, None)

    def members(self, network: str) -> frozenset[str]:
        """The sandboxes that are attached to a network."""
        return frozenset(self._members.get(network, ()))

    def last_of_ipv6(self, networks: Collection[str]) -> bool:
        """Whether these networks are all that have IPv6, of those that stand."""
        return all(name in networks for name, one in self.networks.items() if one.has_ipv6)

    def sharers(self, sandbox: str) -> frozenset[str]:
        """The sandboxes in container mode that live in the namespace of this one, or name it."""
        return frozenset(self._sharers.get(sandbox, ()))

    def localnet(self, network: str) -> ResolvedLocalnet | None:
        """That the host's 127.0.0.0/8 leads to a network by some published port; None if it does not."""
        return next((self.sandboxes[name].localnet for name in self._publishers.get(network, ())), None)

    def localnets_of(self, sandboxes: Collection[str]) -> list[str]:
        """The networks to which the host's 127.0.0.0/8 leads by the ports of these sandboxes alone."""
        found = (one.localnet for one in map(self.sandboxes.get, sandboxes) if one)
        return sorted({one.name for one in found if one and self._publishers[one.name].issubset(sandboxes)})

    def _indexed(self, sandbox: ResolvedSandbox) -> Iterator[tuple[dict[str, set[str]], Collection[str]]]:
        """What a sandbox is found by, in each index."""
        yield self._members, sandbox.networks
        yield self._sharers, sandbox.depends_on
        if localnet := sandbox.localnet:
            yield self._publishers, (localnet.name,)

    def _release(self, networks: set[str], sandboxes: set[str]) -> None:
        for sandbox in filter(None, map(self.sandboxes.get, sandboxes)):
            self.claims.remove_sandbox(sandbox)
            for index, names in self._indexed(sandbox):
                for name in names:
                    index[name].discard(sandbox.name)
        for network in filter(None, map(self.networks.get, networks)):
            self.claims.remove_network(network)
