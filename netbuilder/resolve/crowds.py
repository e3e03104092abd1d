"""What many sandboxes need and few do not: the kernel's queue and its neighbour table are made for fewer.

The first ones are left as they are, as each thing more is paid for by every sandbox. What one got it keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from netbuilder.errors import SpecError
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedNeighbour, ResolvedNetwork

BRIDGE_PORTS = 1023
"""As many ports as a Linux bridge holds (BR_MAX_PORTS less one)."""

SHARED_QUEUE = 1000
"""How many ports may get the copies of a broadcast by the queue of the CPU (net.core.netdev_max_backlog, as it is new).

A bridge sends out all copies of an ARP request at once, and what that queue does not hold is lost: the ports that are
oldest never get one. The setting is the machine's, and cannot be read in a network namespace other than its first.
"""

ASKED_FOR = 250
"""How many sandboxes of a host are found by ARP, as the host is by them.

That is an entry in the neighbour table for each of both, and there is one for all namespaces of a machine. It is full
with 1,024 entries (net.ipv4.neigh.default.gc_thresh3), and what is then not in it is not reached; to half of that
(gc_thresh2) we leave room for what sandboxes want of each other and of others.
"""


class Crowds:
    """What the endpoints of one call need as they are many, with those that stand."""

    def __init__(
        self,
        wired: list[tuple[str, str]],
        networks: Mapping[str, ResolvedNetwork],
        asked: Collection[str],
        allocations: Allocations,
        facts: HostFacts,
    ) -> None:
        """Work it out for endpoints, each given by its sandbox and its network, of the sandboxes `asked` for.

        Raises:
            SpecError: If a bridge does not hold as many ports.
        """
        self._networks, self._asked = networks, asked
        self._allocations, self._facts = allocations, facts
        found = {one: endpoint_before(*one, allocations) for one in wired}
        self._before = {one: had for one, had in found.items() if had}
        by_network: dict[str, list[str]] = {}
        for sandbox, network in wired:
            by_network.setdefault(network, []).append(sandbox)
        self._own_queue = {one for one, had in self._before.items() if had.own_queue}
        self._entered = {one for one, had in self._before.items() if had.neighbours}
        for network, names in by_network.items():
            self._queue(network, names)
        new = [one for one in wired if one not in self._before]
        self._entered.update(new[max(ASKED_FOR - len(allocations.sandboxes), 0) :])

    def has_own_queue(self, sandbox: str, network: str) -> bool:
        """Whether a sandbox gets the packets of a network by a queue of its own."""
        return (sandbox, network) in self._own_queue

    def neighbours(self, sandbox: str, network: ResolvedNetwork) -> tuple[ResolvedNeighbour, ...]:
        """Whom a sandbox has in its neighbour table for good, and who has it there: the network's bridge, or nobody.

        A bridge that was there before may change its MAC address at any time.
        """
        if (sandbox, network.name) not in self._entered or network.adopted:
            return ()
        return tuple(ResolvedNeighbour(address=gateway.ip, mac=network.mac) for gateway in network.gateways)

    def _queue(self, network: str, names: list[str]) -> None:
        others = self._facts.ports.get(self._networks[network].bridge, 0)
        staying = self._allocations.members(network).difference(self._asked)
        if len(staying) + len(names) + others > BRIDGE_PORTS:
            raise _full(names[-1], self._networks[network], others)
        if len(staying) + len(names) + others <= SHARED_QUEUE:
            return
        new = [name for name in names if (name, network) not in self._before]
        standing = (endpoint_before(name, network, self._allocations) for name in (*staying, *names))
        sharing = others + sum(1 for had in standing if had and not had.own_queue)
        self._own_queue.update((name, network) for name in new[max(SHARED_QUEUE - sharing, 0) :])


def endpoint_before(sandbox: str, network: str, allocations: Allocations) -> ResolvedEndpoint | None:
    """The endpoint on a network that a sandbox has already."""
    before = allocations.sandboxes.get(sandbox)
    endpoints = before.endpoints if before else ()
    return next((endpoint for endpoint in endpoints if endpoint.network == network), None)


def _full(sandbox: str, network: ResolvedNetwork, others: int) -> SpecError:
    problem = f"network {network.name} is full: a Linux bridge holds {BRIDGE_PORTS} ports"
    if others:
        problem += f", and {others} of {network.bridge} are not netbuilder's"
    return SpecError(f"sandbox {sandbox}.mode.network", problem, "use another network for the rest")
