"""Who holds which address, MAC address, veth name and host port of one host.

`resolve` must be able to try, and what was not made in the end must not count. So it claims in an overlay: a second
mapping in front of the first, which stays as it is. What an overlay releases, it says there to be nobody's.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, MutableMapping
from typing import Any

from netbuilder.resolve.held_ports import HeldPorts
from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedPool, ResolvedPort, ResolvedSandbox
from netbuilder.values.addresses import IPAddress

Claim = tuple[str, str, int | str]
"""What only one may hold: ("address", NETWORK, its number), ("mac", NETWORK, MAC) or ("veth", "", NAME)."""
_Scope = tuple[str, str]
"""Numbers of one kind: ("address", NETWORK) or ("port", PROTOCOL)."""


class _Overlay(ChainMap[Any, Any]):
    """Changes in front of a mapping. What is deleted here reads as None, so it is only ever asked with `get`."""

    def __delitem__(self, key: object) -> None:
        self[key] = None


class Claims:
    """What is held, and by whom: "sandbox NAME", or a network's bridge or gateway."""

    def __init__(self, under: Claims | None = None) -> None:
        self._under = under
        self._holders: MutableMapping[Claim, str] = _Overlay({}, under._holders) if under else {}
        self._ports: HeldPorts = HeldPorts(under._ports if under else None)
        # Lowest first means walking over what is taken; from here on down, all is known to be.
        self._lowest: dict[tuple[_Scope, int], int] = {}
        self._released: dict[_Scope, int] = {}

    def overlay(self) -> Claims:
        """Claims to try in: these stay as they are."""
        return Claims(under=self)

    # Networks and sandboxes, with all that they hold

    def add_network(self, network: ResolvedNetwork) -> None:
        """A network holds its gateways and its bridge's MAC address."""
        for pool in network.pools:
            for address in pool.held:
                self._holders["address", network.name, int(address)] = _held_by(network, pool, address)
        self._holders["mac", network.name, network.mac] = f"the bridge of network {network.name}"

    def remove_network(self, network: ResolvedNetwork) -> None:
        """What a network held is free."""
        for pool in network.pools:
            for address in pool.held:
                self._release("address", network.name, int(address))
        self._release("mac", network.name, network.mac)

    def add_sandbox(self, sandbox: ResolvedSandbox) -> None:
        """A sandbox holds its addresses, MAC addresses, veth names and host ports."""
        for endpoint in sandbox.endpoints:
            for address in endpoint.addresses:
                self.take("address", endpoint.network, int(address), sandbox.name)
            self.take("mac", endpoint.network, endpoint.mac, sandbox.name)
            self.take("veth", "", endpoint.veth, sandbox.name)
        for port in sandbox.ports:
            self.take_port(port, sandbox.name)

    def remove_sandbox(self, sandbox: ResolvedSandbox) -> None:
        """What a sandbox held is free."""
        for endpoint in sandbox.endpoints:
            for address in endpoint.addresses:
                self._release("address", endpoint.network, int(address))
            self._release("mac", endpoint.network, endpoint.mac)
            self._release("veth", "", endpoint.veth)
        for port in sandbox.ports:
            self._release_port(port)

    # One by one

    def take(self, kind: str, of: str, value: int | str, sandbox: str) -> None:
        """Let a sandbox hold an address, a MAC address or a veth name."""
        self._holders[kind, of, value] = f"sandbox {sandbox}"

    def reserve(self, network: str, address: int, holder: str) -> None:
        """Let somebody who is none of ours hold an address."""
        self._holders["address", network, address] = holder

    def holder(self, kind: str, of: str, value: int | str) -> str | None:
        """Who holds something; None if it is free."""
        return self._holders.get((kind, of, value))

    def take_port(self, port: ResolvedPort, sandbox: str) -> None:
        """Let a sandbox hold a host port, or a range of them."""
        self._ports.take(port, sandbox)

    def holder_of_port(self, port: ResolvedPort) -> str | None:
        """The sandbox that holds a host port, or one that cannot stand beside it; None if it is free."""
        return self._ports.holder(port)

    def free_address(self, network: str, first: int, last: int) -> int | None:
        """The lowest address from `first` to `last` that nobody holds, as a number; None if there is none."""
        return next(self._free(("address", network), first, last), None)

    def free_ports(self, protocol: str, first: int, last: int) -> Iterator[int]:
        """The port numbers from `first` to `last` that are held on no address of the host, lowest first."""
        return self._free(("port", protocol), first, last)

    def _release(self, kind: str, of: str, value: int | str) -> None:
        del self._holders[kind, of, value]
        if isinstance(value, int):
            self._note_released((kind, of), value)

    def _release_port(self, port: ResolvedPort) -> None:
        self._ports.release(port)
        self._note_released(("port", port.protocol), port.host_port)

    def _free(self, scope: _Scope, first: int, last: int) -> Iterator[int]:
        return (number for number in range(self._lowest_free(scope, first), last + 1) if self._is_free(scope, number))

    def _lowest_free(self, scope: _Scope, first: int) -> int:
        """The lowest free number from `first` on, found where the last search ended, or that of what is under this."""
        known = self._lowest.get((scope, first))
        if known is None and self._under:
            known = min(self._under._lowest_free(scope, first), max(first, self._released.get(scope, 1 << 128)))
        lowest = first if known is None else known
        while not self._is_free(scope, lowest):
            lowest += 1
        self._lowest[scope, first] = lowest
        return lowest

    def _is_free(self, scope: _Scope, number: int) -> bool:
        kind, of = scope
        return not self._holders.get((kind, of, number)) if kind == "address" else not self._ports.is_held(of, number)

    def _note_released(self, scope: _Scope, number: int) -> None:
        self._released[scope] = min(number, self._released.get(scope, number))
        for (of, first), lowest in self._lowest.items():
            if of == scope and first <= number < lowest:
                self._lowest[of, first] = number


def _held_by(network: ResolvedNetwork, pool: ResolvedPool, address: IPAddress) -> str:
    if address in (pool.address, pool.gateway):
        return f"the gateway of network {network.name}"
    return f"network {network.name}, which reserves it (aux_addresses)"
