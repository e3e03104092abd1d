"""Forwarding stays on where others rely on it by the time that netbuilder would turn it off."""

from __future__ import annotations

from netbuilder.engine.removal import Records
from netbuilder.recipes.units import FORWARDING
from netbuilder.steps import AcceptAdvertisements, AddBridge, AddElement, Step
from netbuilder.steps.forwarding import NAT, Forwarding


def turned_off(owed: Records) -> list[Forwarding]:
    """The families that taking all this back would no longer forward, as the steps that turned it on."""
    return [one.step for one in owed.get(FORWARDING, ()) if isinstance(one.step, Forwarding)]


def reliant(owed: Records, seen: tuple[str, ...], switch: Forwarding) -> list[str]:
    """Who relies on forwarding by now, and did not when it was turned on.

    A bridge with an address that has come since, as hypervisors and container engines make them, and rules that
    translate. Neither says so of a bridge that was there while nothing was forwarded, nor of any other interface: those
    may well be used by the host alone.

    Args:
        owed: What is to be taken back.
        seen: The answer to `ReliantOnForwarding`.
        switch: What turned it on.
    """
    steps = [one.step for part in owed.values() for one in part]
    known = {step.name for step in steps if isinstance(step, AddBridge)}
    known |= {step.key.strip('"') for step in steps if isinstance(step, AddElement) and step.set == "present"}
    remembered = (one.before or "" for one in owed[FORWARDING] if one.step == switch)
    translated_before = any(NAT in before.split() for before in remembered)
    bridges = [f"bridge {name}" for name in seen if name != NAT and name not in known]
    return [*bridges, "rules that translate (MASQUERADE, SNAT)"] if NAT in seen and not translated_before else bridges


def left_on(owed: Records, switch: Forwarding) -> Records:
    """What is to be taken back, but for forwarding, and for what goes along with it."""
    return {
        **owed,
        FORWARDING: [one for one in owed[FORWARDING] if one.step != switch and not _goes_along(one.step, switch)],
    }


def _goes_along(step: Step, switch: Forwarding) -> bool:
    """Whether a setting is needed for as long as the host forwards: without it, it loses its default route."""
    return isinstance(step, AcceptAdvertisements) and switch.version == 6
