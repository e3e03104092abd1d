"""The firewall table of another version, exchanged as a whole: no packet meets the host without rules."""

from __future__ import annotations

from netbuilder import firewall
from netbuilder.recipes.units import FIREWALL, Key
from netbuilder.steps import AddElement, AddTable, ExchangeTable, Plan, PublishPort
from netbuilder.steps.state import State, TableOf

_WHY = "the rules of another version of netbuilder, exchanged for ours in one transaction"


def is_needed(plan: Plan, state: State) -> bool:
    """Whether a plan has our table, and there is one of another version."""
    seen = state.get(TableOf(firewall.NAME))
    is_other = seen is not None and firewall.is_ours(seen) and not firewall.is_current(seen)
    return is_other and any(isinstance(step, AddTable) for step in plan)


def folded(missing: dict[Key, Plan]) -> dict[Key, Plan]:
    """What is missing, with the table and all its elements as one step."""
    elements = tuple(step for plan in missing.values() for step in plan if isinstance(step, AddElement | PublishPort))
    rest = {
        key: Plan(step for step in plan if not isinstance(step, AddTable | AddElement | PublishPort))
        for key, plan in missing.items()
    }
    return rest | {FIREWALL: Plan([ExchangeTable(elements=elements, because=_WHY), *rest[FIREWALL]])}
