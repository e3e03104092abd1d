"""Forwarding stays on where others rely on it by the time that netbuilder would turn it off."""

from __future__ import annotations

from netbuilder.engine.removal import Records
from netbuilder.recipes.units import FORWARDING
from netbuilder.steps import AddBridge, AddElement, EnableForwarding
from netbuilder.steps.forwarding import NAT


def turns_off(owed: Records) -> bool:
    """Whether taking all this back would turn forwarding off."""
    return any(isinstance(one.step, EnableForwarding) for one in owed.get(FORWARDING, ()))


def reliant(owed: Records, seen: tuple[str, ...]) -> list[str]:
    """Who relies on forwarding by now, and did not when it was turned on.

    A bridge with an address that has come since, as hypervisors and container engines make them, and rules that
    translate. Neither says so of a bridge that was there while nothing was forwarded, nor of any other interface: those
    may well be used by the host alone.

    Args:
        owed: What is to be taken back.
        seen: The answer to `ReliantOnForwarding`.
    """
    steps = [one.step for part in owed.values() for one in part]
    known = {step.name for step in steps if isinstance(step, AddBridge)}
    known |= {step.key.strip('"') for step in steps if isinstance(step, AddElement) and step.set == "present"}
    translated_before = any(NAT in (one.before or "").split() for one in owed[FORWARDING])
    bridges = [f"bridge {name}" for name in seen if name != NAT and name not in known]
    return [*bridges, "rules that translate (MASQUERADE, SNAT)"] if NAT in seen and not translated_before else bridges


def left_on(owed: Records) -> Records:
    """What is to be taken back, but for forwarding."""
    return {**owed, FORWARDING: [one for one in owed[FORWARDING] if not isinstance(one.step, EnableForwarding)]}
