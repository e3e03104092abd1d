"""What stands on one host, and what of it does not hold any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netbuilder.engine.handles import not_found
from netbuilder.engine.store import Store
from netbuilder.kernel.kernel import Kernel
from netbuilder.recipes.units import Key
from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedSandbox
from netbuilder.steps import Plan
from netbuilder.values.names import Numbered

if TYPE_CHECKING:
    from netbuilder.kernel.veth_pairs import VethPair


class Reader:
    """The part of a host's engine that changes nothing."""

    store: Store
    kernel: Kernel

    def sandbox(self, name: str) -> ResolvedSandbox | None:
        """A sandbox that stands; None if there is none of that name, or another than a handle's."""
        return self.store.sandbox(name)

    def found(self, name: str) -> tuple[ResolvedSandbox, int]:
        """A sandbox that stands, and its number.

        Raises:
            NotFound: If there is none of that name, or another than a handle's.
        """
        number = self.store.number(name)
        sandbox = self.store.allocations().sandboxes.get(name)
        is_anothers = isinstance(name, Numbered) and name.number != number
        if sandbox is None or number is None or is_anothers:
            raise not_found(name, self.store.allocations(), "sandbox")
        return sandbox, number

    def numbered(self) -> list[tuple[ResolvedSandbox, int]]:
        """The sandboxes that stand, in the order in which they were made, each with its number."""
        numbers = self.store.numbers()
        return [(one, numbers[one.name]) for one in self.sandboxes() if one.name in numbers]

    def network(self, name: str) -> ResolvedNetwork | None:
        """A network that stands; None if there is none of that name."""
        return self.store.allocations().networks.get(name)

    def sandboxes(self) -> tuple[ResolvedSandbox, ...]:
        """The sandboxes that stand, in the order in which they were made."""
        return tuple(self.store.allocations().sandboxes.values())

    def networks(self) -> tuple[ResolvedNetwork, ...]:
        """The networks that stand, in the order in which they were made."""
        return tuple(self.store.allocations().networks.values())

    def uplinks(self) -> list[str]:
        """The interfaces of the host that lead to other machines."""
        from netbuilder.kernel.host_facts import uplinks

        bridges = {network.bridge for network in self.networks()}
        return [name for name in uplinks(self.kernel.host_socket) if name not in bridges]

    def veth_pairs(self) -> tuple[VethPair, ...]:
        """Which host veth belongs to which sandbox."""
        from netbuilder.kernel import veth_pairs

        names = (one.name for one in self.sandboxes() if one.namespace == one.name)
        return veth_pairs.find(self.kernel.host_socket, names)

    def missing(self) -> dict[Key, Plan]:
        """What does not hold of each network and sandbox that stands, and of what all networks share."""
        from netbuilder.engine import condition

        try:
            return condition.missing(self.store, self.kernel)
        finally:
            self.kernel.leave_namespace()
