"""Which open flows a call makes wrong: as addresses and ports came and went, and as other things may pass a bridge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netbuilder import recipes
from netbuilder.engine.removal import Records
from netbuilder.engine.transition import Standing, Transition
from netbuilder.recipes.units import FIREWALL, Key, Unit
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import ResolvedNetwork
from netbuilder.steps import AddElement, AddTable, ExchangeTable, PublishPort, StaleFlows, Step
from netbuilder.steps.flows import Border


def stale_once_undone(owed: Records) -> StaleFlows:
    """What is wrong without what was done; also where that is gone, as a killed call may have come no further."""
    return StaleFlows(undone=(one.step for part in owed.values() for one in part))


def stale_after(
    units: list[Unit], stood: Mapping[Key, Standing], transition: Transition, allocations: Allocations
) -> StaleFlows:
    """What is wrong after a transition.

    Args:
        units: What was asked for.
        stood: Those of them that stood before.
        transition: What was done.
        allocations: All that stood before: where the rules come back, they did not hold for any of it.
    """
    done = [
        step
        for key, plan in transition.additions.items()
        for step in _unfolded(plan)
        if key in stood or not _is_connected(step)
    ]
    borders = [
        border
        for unit in units
        if isinstance(unit.resolved, ResolvedNetwork) and unit.key in stood
        for border in _borders(unit.resolved, stood[unit.key], transition.additions[unit.key])
    ]
    if FIREWALL in stood and any(type(step) is AddTable for step in transition.additions[FIREWALL]):
        asked = {unit.key for unit in units}
        done += [step for unit in units for step in unit.plan]
        for one in allocations.sandboxes.values():
            done += recipes.plan(one) if Key("sandbox", one.name) not in asked else ()
        borders += [
            Border(subnet, one.internal, one.masquerade or None)
            for one in allocations.networks.values()
            for subnet in one.subnets
        ]
    return StaleFlows(_undone(stood, transition), done, borders)


def _unfolded(plan: Iterable[Step]) -> Iterator[Step]:
    for step in plan:
        yield from step.elements if isinstance(step, ExchangeTable) else (step,)


def _is_connected(step: Step) -> bool:
    """Whether it publishes a port for connections. If that is new, there is nothing to look for, which takes the kernel
    longer than the rest of it: those that we led elsewhere were forgotten then, and a closed one begins anew."""
    return isinstance(step, PublishPort) and step.protocol == "tcp"


def _undone(stood: Mapping[Key, Standing], transition: Transition) -> Iterator[Step]:
    """What does not hold any more; by the records too, as with a call that was killed it may have gone before this."""
    for batch in transition.removals:
        yield from (undo.undone_step for undo in batch)
    for key, (_, before) in stood.items():
        if before is not transition.records[key]:
            kept = {one.step for one in transition.records[key]}
            yield from (one.step for one in before if one.step not in kept)


def _borders(now: ResolvedNetwork, stood: Standing, added: Iterable[Step]) -> Iterator[Border]:
    """Those of a network for which something else may pass now, or for which the rules had forgotten what may."""
    was = stood.resolved
    assert isinstance(was, ResolvedNetwork)
    is_another = (now.internal, now.masquerade) != (was.internal, was.masquerade)
    if is_another or any(isinstance(step, AddElement) for step in added):
        masquerade = now.masquerade or (False if was.masquerade else None)
        yield from (Border(subnet, now.internal, masquerade) for subnet in now.subnets)
