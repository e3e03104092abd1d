"""Who has to be told of an address that has come: neighbours may know it under the MAC address of who had it before.

Docker has each container announce its addresses. Where a MAC address follows from the address it is the same whoever
has it, and on a bridge that is new nobody knows anybody: then there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from netbuilder.engine.transition import Transition
from netbuilder.recipes.units import Unit
from netbuilder.resolve.defaults import mac_of
from netbuilder.steps import AddAddress, AddBridge, AddVeth, SetNeighbour
from netbuilder.values.addresses import IPAddress


class Announcement(NamedTuple):
    """That an address has a MAC address, to be told on a bridge, and to the host unless it knows that for good."""

    bridge: str
    address: IPAddress
    mac: str
    tells_host: bool = True


def announcements(units: Iterable[Unit], transition: Transition) -> Iterator[Announcement]:
    """What a transition has to tell."""
    new = {step.name for plan in transition.additions.values() for step in plan if isinstance(step, AddBridge)}
    for unit in units:
        added = [step for step in transition.additions[unit.key] if isinstance(step, AddAddress)]
        ends = {(step.netns, step.peer): step for step in unit.plan if isinstance(step, AddVeth)} if added else {}
        for step in added:
            veth = ends.get((step.netns or "", step.dev))
            if veth and veth.bridge not in new and not _follows(veth.mac, step.address.ip):
                yield Announcement(veth.bridge, step.address.ip, veth.mac, not _is_known(unit, veth, step.address.ip))


def _is_known(unit: Unit, veth: AddVeth, address: IPAddress) -> bool:
    """Whether the host has a neighbour's MAC address for good."""
    known = (step for step in unit.plan if isinstance(step, SetNeighbour) and step.netns is None)
    return any((step.dev, step.address) == (veth.bridge, address) for step in known)


def _follows(mac: str, address: IPAddress) -> bool:
    """Whether whoever has an address has this MAC address, unless told otherwise."""
    return isinstance(address, IPv4Address) and mac == mac_of(address)
