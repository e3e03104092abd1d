"""Looks out for what somebody has, ahead of giving it away: the host itself, or whoever is on a bridge.

Only addresses that nobody of ours has yet are looked for, so a call that gives none away asks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from netbuilder.kernel import host_facts, neighbours
from netbuilder.kernel.kernel import Kernel
from netbuilder.kernel.neighbours import Place, Ports
from netbuilder.resolve import Resolution
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.facts import HostFacts, Neighbour
from netbuilder.resolve.occupied import occupants
from netbuilder.values.addresses import IPAddress, IPInterface

_AHEAD = 256  # addresses asked for after one that is taken, so that a free one is soon found where many are


class _Candidate(NamedTuple):
    """An address that a resolution gives away: to a sandbox with its MAC address and veth, or to a bridge ("")."""

    address: IPInterface
    mac: str
    veth: str


class Lookout:
    """What one call has found out of who has which address."""

    def __init__(self, kernel: Kernel, ports: Ports, allocations: Allocations) -> None:
        self._kernel, self._ports, self._allocations = kernel, ports, allocations
        self._addresses: Mapping[str, tuple[IPInterface, ...]] = {}
        self._neighbours: dict[Place, Neighbour] = {}
        self._others: dict[str, int] = {}
        self._asked: dict[str, set[IPAddress]] = {}

    def look(self, resolution: Resolution, facts: HostFacts) -> HostFacts:
        """The same facts, if a resolution gives away nothing that somebody has; else those that say who has it."""
        candidates = self._candidates(resolution)
        if not candidates:
            return facts
        self._addresses = self._addresses or facts.addresses
        if not self._addresses and host_facts.has_any(one.address.ip for part in candidates.values() for one in part):
            self._addresses = host_facts.addresses(self._kernel.host_socket)
        for bridge, offered in candidates.items():
            self._look_at(bridge, offered)
        if not self._addresses and not self._others:
            return facts
        known = replace(facts, addresses=self._addresses, neighbours=dict(self._neighbours), ports=dict(self._others))
        if known.ports != facts.ports:
            return known
        # Facts that say nothing new were heeded: what a bridge has that is to change is on offer in the same call.
        return known if known != facts and any(_is_taken(*one, known) for one in candidates.items()) else facts

    def _candidates(self, resolution: Resolution) -> dict[str, list[_Candidate]]:
        """What is given away on each bridge that nobody of ours has."""
        found: dict[str, list[_Candidate]] = {}
        for network in resolution.networks:
            for gateway in network.gateways:
                if not self._is_held(network.name, gateway.ip):
                    found.setdefault(network.bridge, []).append(_Candidate(gateway, network.mac, ""))
        for sandbox in resolution.sandboxes:
            for one in sandbox.endpoints:
                for address in one.addresses:
                    if not self._is_held(one.network, address.ip):
                        found.setdefault(one.bridge, []).append(_Candidate(address, one.mac, one.veth))
        return found

    def _is_held(self, network: str, address: IPAddress) -> bool:
        return self._allocations.claims.holder("address", network, int(address)) is not None

    def _is_ours(self, veth: str) -> bool:
        return self._allocations.claims.holder("veth", "", veth) is not None

    def _look_at(self, bridge: str, offered: list[_Candidate]) -> None:
        """Find out who has what is offered on a bridge, if anybody else is on it."""
        there = self._ports.others(bridge, self._is_ours)
        others = there - {one.veth for one in offered}
        if not others:
            return
        self._others[bridge] = len(others)
        if bridge not in self._asked:
            self._neighbours |= neighbours.known(self._kernel.host_socket, bridge)
        unasked = self._unasked(bridge, offered)
        # A sandbox may be there already: somebody ran the script of a diff.
        itself = {(one.address.ip, one.mac) for one in offered if one.veth in there or self._is_ours(one.veth)}
        for (on, address), one in neighbours.answering({bridge: unasked}).items():
            if (address, one.mac) not in itself:
                self._neighbours[on, address] = one

    def _unasked(self, bridge: str, offered: list[_Candidate]) -> set[IPAddress]:
        """The addresses to ask for: those offered, and where others were ahead of them many of those that follow."""
        own = {one.ip for one in self._addresses.get(bridge, ())}
        asked = self._asked.setdefault(bridge, set())
        addresses = {one.address.ip for one in offered}
        if asked and not addresses <= asked:
            for subnet in {one.address.network for one in offered}:
                last = max(int(one.address.ip) for one in offered if one.address.network == subnet)
                ahead = range(last, min(last + _AHEAD + 2 * len(asked), int(subnet[-1])))
                addresses |= {subnet[number - int(subnet[0])] for number in ahead}
        unasked = addresses - asked - own
        asked |= addresses
        return unasked


def _is_taken(bridge: str, offered: list[_Candidate], facts: HostFacts) -> bool:
    own = {one.ip for one in facts.addresses.get(bridge, ())}
    expected = frozenset(one.mac for one in offered)
    for subnet in {one.address.network for one in offered}:
        taken = occupants(bridge, subnet, facts, expected)
        if any(one.address.ip in taken and not (one.address.ip in own and not one.veth) for one in offered):
            return True
    return False
