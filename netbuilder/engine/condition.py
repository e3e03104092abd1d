"""What does not hold of all that stands, by one look at the kernel; nobody waits for it, and it waits for nobody."""

from __future__ import annotations

from netbuilder.engine.store import Store
from netbuilder.kernel.kernel import Kernel
from netbuilder.recipes.units import Key, Unit, units, whole
from netbuilder.resolve import Resolution
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import HostBaseline
from netbuilder.steps import Plan

_MOST_LOOKS = 5


def missing(store: Store, kernel: Kernel) -> dict[Key, Plan]:
    """What does not hold of each network and sandbox that stands, and of what all networks share.

    It takes no lock. Where another call changes what stands in the meantime, what was seen fits neither, and it looks
    again; on a host that never rests, the last look counts.
    """
    looks = 0
    while True:
        looks += 1
        allocations = store.allocations()
        stood = _standing(allocations)
        try:
            state = kernel.observe(whole(stood).queries())
        except OSError:  # a namespace may go while it is looked into
            if looks == _MOST_LOOKS or store.allocations() is allocations:
                raise
            continue
        if looks == _MOST_LOOKS or store.allocations() is allocations:
            return {unit.key: unit.plan.missing(state) for unit in stood}


def _standing(allocations: Allocations) -> list[Unit]:
    """All that stands; without a network there is no baseline, and nothing that it would be used for."""
    baseline = allocations.baseline or HostBaseline(forwarding_before=False)
    networks, sandboxes = tuple(allocations.networks.values()), tuple(allocations.sandboxes.values())
    return units(Resolution(baseline, networks, sandboxes, allocations.forwarding6))
