"""None mode: an empty room. A namespace with its loopback and nothing else, for whoever wants to wire it by hand."""

from __future__ import annotations

from netbuilder.plan import Plan
from netbuilder.resolved import ResolvedSandbox
from netbuilder.steps import PINS, AddNamespace, AttachNamespace, SetUp


def plan(sandbox: ResolvedSandbox) -> Plan:
    """A room, and its loopback; an adopted one is left as it is."""
    if sandbox.adopted:
        return room(sandbox)
    return room(sandbox) + Plan([loopback(sandbox)])


def room(sandbox: ResolvedSandbox) -> Plan:
    """The namespace: a new one, or one that is there already and only gets a name."""
    name = sandbox.name
    if sandbox.adopted == f"{PINS}/{name}":
        return Plan()  # it is there, under this very name
    if sandbox.adopted:
        return Plan(
            [
                AttachNamespace(
                    name=name, path=sandbox.adopted, because=f"a name for {name}'s network namespace, which is there"
                )
            ]
        )
    return Plan(
        [
            AddNamespace(
                name=name,
                because=f"a network namespace, a room of its own for {name}: its own interfaces, routes and ports",
            )
        ]
    )


def loopback(sandbox: ResolvedSandbox) -> SetUp:
    """The loopback, which is down in a new namespace: without this step nothing inside reaches localhost."""
    return SetUp(netns=sandbox.name, dev="lo", because="bring up the loopback: localhost works inside")
