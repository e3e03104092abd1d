"""What is around networks and keeps their packets from passing, though all that netbuilder makes is as it should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netbuilder.errors import printable
from netbuilder.firewall.guarded import Guarded
from netbuilder.recipes.units import Unit
from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedSandbox
from netbuilder.steps.forwarding import NotForwarding
from netbuilder.steps.state import DroppedElsewhere, State
from netbuilder.values.addresses import IPAddress


class Surroundings:
    """What is around the networks of a call."""

    def __init__(self, units: Iterable[Unit], bridges: Iterable[str]) -> None:
        """Look at units, on a host that has these bridges of netbuilder's."""
        units = tuple(units)
        networks = [unit.resolved for unit in units if isinstance(unit.resolved, ResolvedNetwork)]
        sandboxes = [unit.resolved for unit in units if isinstance(unit.resolved, ResolvedSandbox)]
        ports = dict(reversed(list(_ports(sandboxes)))) if networks else {}
        guarded = (
            Guarded(one.bridge, gateway, one.internal, ports.get((one.name, gateway.version)))
            for one in networks
            for gateway in one.gateways
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


def _ports(sandboxes: Iterable[ResolvedSandbox]) -> Iterator[tuple[tuple[str, int], tuple[str, IPAddress, int]]]:
    """For networks and each family, where some published port leads."""
    for sandbox in sandboxes:
        for endpoint in sandbox.endpoints if sandbox.ports else ():
            port = sandbox.ports[0]
            for address in endpoint.addresses if endpoint.gateways else ():
                yield (endpoint.network, address.version), (port.protocol, address.ip, port.sandbox_port)
