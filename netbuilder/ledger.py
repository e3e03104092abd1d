"""What is taken: the networks and sandboxes of one host, and who holds which address, port and veth name.

A plain value in memory. The store fills it from disk; `resolve` asks it what is free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from netbuilder.ports import ANY, PublishedPort
from netbuilder.resolved import Ground, ResolvedNetwork, ResolvedSandbox


class FirstFree:
    """Numbers handed out lowest first; a hint for each range saves walking over the taken ones again and again."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._hints: dict[int, int] = {}

    def candidates(self, first: int, last: int) -> Iterator[int]:
        """The free numbers of a range, lowest first."""
        hint = self._hints.get(first, first)
        while hint in self._taken:
            hint += 1
        self._hints[first] = hint
        return (number for number in range(hint, last + 1) if number not in self._taken)

    def take(self, number: int) -> None:
        """Mark a number as taken."""
        self._taken.add(number)

    def give_back(self, number: int) -> None:
        """Mark a number as free again."""
        self._taken.discard(number)
        for first, hint in self._hints.items():
            if first <= number < hint:
                self._hints[first] = number


@dataclass
class Ledger:
    """Who holds what on one host."""

    ground: Ground | None = None
    networks: dict[str, ResolvedNetwork] = field(default_factory=dict)
    sandboxes: dict[str, ResolvedSandbox] = field(default_factory=dict)
    _addresses: dict[str, FirstFree] = field(default_factory=dict)
    _holders: dict[tuple[str, IPv4Address], str] = field(default_factory=dict)
    _macs: dict[tuple[str, str], str] = field(default_factory=dict)
    _ports: dict[tuple[str, int], dict[IPv4Address, str]] = field(default_factory=dict)
    _port_numbers: dict[str, FirstFree] = field(default_factory=dict)
    _veths: dict[str, str] = field(default_factory=dict)
    _sharers: dict[str, set[str]] = field(default_factory=dict)
    _members: dict[str, set[str]] = field(default_factory=dict)

    def add_network(self, network: ResolvedNetwork) -> None:
        """Enter a network; its gateway is the bridge's."""
        self.networks[network.name] = network
        self._addresses[network.name] = FirstFree()
        self._addresses[network.name].take(int(network.gateway))
        self._holders[network.name, network.gateway] = f"the gateway of network {network.name}"
        self._macs[network.name, network.mac] = f"the bridge of network {network.name}"
        self._members.setdefault(network.name, set())

    def remove_network(self, name: str) -> None:
        """Strike a network out."""
        network = self.networks.pop(name)
        del self._addresses[name], self._holders[name, network.gateway], self._macs[name, network.mac]
        del self._members[name]

    def add_sandbox(self, sandbox: ResolvedSandbox) -> None:
        """Enter a sandbox, with the address, the ports and the veth name that it holds."""
        self.enter(sandbox)
        if sandbox.endpoint is None:
            return
        self.take_address(sandbox.endpoint.network, sandbox.endpoint.address, sandbox.name)
        self.take_mac(sandbox.endpoint.network, sandbox.endpoint.mac, sandbox.name)
        self.take_veth(sandbox.endpoint.veth, sandbox.name)
        for port in sandbox.endpoint.publish:
            self.take_port(port, sandbox.name)

    def enter(self, sandbox: ResolvedSandbox) -> None:
        """Enter a sandbox whose address, ports and veth name are taken one by one."""
        self.sandboxes[sandbox.name] = sandbox
        for other in sandbox.lives_on:
            self._sharers.setdefault(other, set()).add(sandbox.name)

    def take_address(self, network: str, address: IPv4Address, sandbox: str) -> None:
        """Lease an address of a network to a sandbox, which is then attached to it."""
        self._addresses[network].take(int(address))
        self._holders[network, address] = f"sandbox {sandbox}"
        self._members[network].add(sandbox)

    def take_mac(self, network: str, mac: str, sandbox: str) -> None:
        """Lease a MAC address on a network's bridge."""
        self._macs[network, mac] = f"sandbox {sandbox}"

    def take_veth(self, name: str, sandbox: str) -> None:
        """Lease the name of a veth's host end."""
        self._veths[name] = sandbox

    def take_port(self, port: PublishedPort, sandbox: str) -> None:
        """Lease a host port, which must have a number by now."""
        assert port.host_port is not None
        self._ports.setdefault((port.protocol, port.host_port), {})[port.host_ip] = sandbox
        self._numbers(port.protocol).take(port.host_port)

    def remove_sandbox(self, name: str) -> None:
        """Strike a sandbox out; what it held is free."""
        sandbox = self.sandboxes.pop(name)
        for other in sandbox.lives_on:
            self._sharers[other].discard(name)
        endpoint = sandbox.endpoint
        if endpoint is None:
            return
        self._addresses[endpoint.network].give_back(int(endpoint.address))
        del self._holders[endpoint.network, endpoint.address], self._macs[endpoint.network, endpoint.mac]
        del self._veths[endpoint.veth]
        self._members[endpoint.network].discard(name)
        for port in endpoint.publish:
            self._give_port_back(port)

    def _give_port_back(self, port: PublishedPort) -> None:
        assert port.host_port is not None
        held = self._ports[port.protocol, port.host_port]
        del held[port.host_ip]
        if not held:
            self._numbers(port.protocol).give_back(port.host_port)

    def _numbers(self, protocol: str) -> FirstFree:
        return self._port_numbers.setdefault(protocol, FirstFree())

    def members(self, network: str) -> frozenset[str]:
        """The sandboxes that are attached to a network."""
        return frozenset(self._members.get(network, ()))

    def sharers(self, name: str) -> frozenset[str]:
        """The sandboxes in container mode that live in the namespace of this one, or name it."""
        return frozenset(self._sharers.get(name, ()))

    def holder_of_address(self, network: str, address: IPv4Address) -> str | None:
        """Who has an address of a network: "sandbox NAME" or the gateway; None when it is free."""
        return self._holders.get((network, address))

    def holder_of_mac(self, network: str, mac: str) -> str | None:
        """Who has a MAC address on a network's bridge: "sandbox NAME" or the bridge itself; None when it is free."""
        return self._macs.get((network, mac))

    def free_address(self, network: str) -> IPv4Address | None:
        """The lowest free address of a network; None when it is full."""
        subnet = self.networks[network].subnet
        first, last = int(subnet.network_address) + 1, int(subnet.broadcast_address) - 1
        return next(map(IPv4Address, self._addresses[network].candidates(first, last)), None)

    def holder_of_port(self, port: PublishedPort) -> str | None:
        """The sandbox that publishes this port of the host, or one that cannot stand beside it; None when it is free.

        A port on all addresses (0.0.0.0) leaves no room for the same port on one of them, nor the other way round.
        """
        held = self._ports.get((port.protocol, port.host_port or 0), {})
        if port.host_ip == ANY:
            return next(iter(held.values()), None)
        return held.get(port.host_ip) or held.get(ANY)

    def free_ports(self, protocol: str, within: tuple[int, int]) -> Iterator[int]:
        """The port numbers of a range that no sandbox publishes on any address, lowest first."""
        return self._numbers(protocol).candidates(*within)

    def veth_is_free(self, name: str) -> bool:
        """Whether no sandbox's veth has this name."""
        return name not in self._veths
