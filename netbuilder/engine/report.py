"""What a call did, or would do, as a value: for each network and sandbox what becomes of it, with its steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from netbuilder.recipes.units import Kind
from netbuilder.steps import Plan

Action = Literal["created", "updated", "repaired", "removed", "unchanged"]


class Change(NamedTuple):
    """What becomes of one network or sandbox.

    Args:
        kind: "network" or "sandbox"; "firewall" and "forwarding", which all networks share, where they are repaired.
        name: Its name; empty for what all networks share.
        action: "created" if it did not stand, "updated" if it stood otherwise, "repaired" if it stood so and something
            of it was missing, "removed", or "unchanged".
        steps: What was done for it, or would be: what goes first, then what is missing.
        users: Who keeps it from being removed; empty but for what `take_down` names and leaves.
    """

    kind: Kind
    name: str
    action: Action
    steps: Plan = Plan()
    users: tuple[str, ...] = ()

    def is_reported(self) -> bool:
        """Whether a user sees it: networks and sandboxes, and what they share if something is wrong with it."""
        return self.kind in ("network", "sandbox") or self.action in ("updated", "repaired")


@dataclass(frozen=True, repr=False)
class Changes:
    """What a call did, or would do. False where that is nothing.

    Iterating gives each network and sandbox that the call is about, in the order in which they are made.

    Args:
        plan: All steps, in the order in which they are done.
        units: What becomes of each network and sandbox.
    """

    plan: Plan
    units: tuple[Change, ...]

    def __repr__(self) -> str:
        counted = Counter(change.action for change in self.units)
        actions = ", ".join(f"{many} {action}" for action, many in counted.items()) or "nothing"
        return f"<Changes: {actions}; {len(self.plan)} step{'' if len(self.plan) == 1 else 's'}>"

    def __iter__(self) -> Iterator[Change]:
        return iter(self.units)

    def __len__(self) -> int:
        return len(self.units)

    def __bool__(self) -> bool:
        return any(change.action != "unchanged" for change in self.units)

    def script(self) -> str:
        """The steps as a commented shell script that runs as it stands."""
        return self.plan.script()
