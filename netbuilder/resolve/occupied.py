"""Addresses that somebody has who is none of ours: the host itself, and who else is on a bridge."""

from __future__ import annotations

from netbuilder.resolve.defaults import mac_of
from netbuilder.resolve.facts import HostFacts
from netbuilder.values.addresses import IPAddress, IPNetwork


def occupants(
    bridge: str, subnet: IPNetwork, facts: HostFacts, expected: frozenset[str] = frozenset()
) -> dict[IPAddress, str]:
    """Who has which address of a network's subnet, in words.

    Whoever does not answer may be down, so its address is still its own; unless its MAC address is the one that a
    sandbox here had or will have at this address: then it was ours.

    Args:
        bridge: The network's bridge.
        subnet: The network's subnet.
        facts: The addresses of the host, and who is on its bridges.
        expected: MAC addresses that sandboxes ask for.
    """
    found: dict[IPAddress, str] = {
        address: f"{one.mac}, {'which answers' if one.answers else 'a neighbour seen'} on {on}"
        for (on, address), one in facts.neighbours.items()
        if on == bridge and address in subnet and (one.answers or one.mac not in {mac_of(address), *expected})
    }
    for device, held in facts.addresses.items():
        found.update((one.ip, f"this host, on {device}") for one in held if one.ip in subnet)
    return found
