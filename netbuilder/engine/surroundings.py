"""What is around networks and keeps their packets from passing, though all that netbuilder makes is as it should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface

from netbuilder.errors import printable
from netbuilder.firewall.guarded import Guarded
from netbuilder.recipes.units import Unit
from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedSandbox
from netbuilder.steps.forwarding import NotForwarding
from netbuilder.steps.state import DroppedElsewhere, State


class Surroundings:
    """What is around the networks of a call."""

    def __init__(self, units: Iterable[Unit], bridges: Iterable[str]) -> None:
        """Look at units, on a host that has these bridges of netbuilder's."""
        units = tuple(units)
        networks = [unit.resolved for unit in units if isinstance(unit.resolved, ResolvedNetwork)]
        sandboxes = [unit.resolved for unit in units if isinstance(unit.resolved, ResolvedSandbox)]
        ports = dict(reversed(list(_ports(sandboxes)))) if networks else {}
        guarded = (
            Guarded(one.bridge, gateway, one.internal, ports.get(one.name))
            for one in networks
            for gateway in one.gateways
            if isinstance(gateway, IPv4Interface)
        )
        self._dropped = DroppedElsewhere(tuple(guarded))
        self._not_forwarding = NotForwarding(frozenset((*bridges, *(one.bridge for one in networks))))

    def queries(self) -> set[DroppedElsewhere | NotForwarding]:
        """What has to be known of the kernel; nothing where there is no network."""
        return {self._dropped, self._not_forwarding} if self._dropped.networks else set()

    def warnings(self, state: State) -> list[str]:
        """What a user has to see to, in a line each."""
        return [
            *(state.get(self._dropped) or ()),
            *(
                f"forwarding is off on {printable(name)}, so nothing that comes in by it reaches a sandbox:"
                f" sysctl -w net/ipv4/conf/{printable(name)}/forwarding=1"
                for name in state.get(self._not_forwarding) or ()
            ),
        ]


def _ports(sandboxes: Iterable[ResolvedSandbox]) -> Iterator[tuple[str, tuple[str, IPv4Address, int]]]:
    """For networks, where some published port leads."""
    for sandbox in sandboxes:
        endpoint = sandbox.gateway_endpoint("ipv4") if sandbox.ports else None
        address = endpoint.address("ipv4") if endpoint else None
        if endpoint and isinstance(address, IPv4Address):
            port = sandbox.ports[0]
            yield endpoint.network, (port.protocol, address, port.sandbox_port)
