"""None mode: a namespace with its loopback and nothing else, for whoever wants to wire it by hand."""

from __future__ import annotations

from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.steps import PINS, AddNamespace, AttachNamespace, Plan, SetUp


def plan(sandbox: ResolvedSandbox) -> Plan:
    """A namespace, and its loopback; an adopted one is left as it is."""
    if sandbox.adopted:
        return namespace(sandbox)
    return namespace(sandbox) + Plan([loopback(sandbox)])


def namespace(sandbox: ResolvedSandbox) -> Plan:
    """A new namespace, or one that is there already and only gets a name."""
    name, path = sandbox.name, sandbox.adopted
    if path == f"{PINS}/{name}":
        return Plan()  # it is there, under this very name
    if path:
        return Plan([AttachNamespace(name=name, path=path, because=f"a name for {name}'s namespace, which is there")])
    why = f"a network namespace for {name}: interfaces, routes, rules and ports of its own"
    return Plan([AddNamespace(name=name, because=why)])


def loopback(sandbox: ResolvedSandbox) -> SetUp:
    """The loopback, which is down in a new namespace: without this step nothing inside reaches localhost."""
    return SetUp(netns=sandbox.name, dev="lo", because="bring up the loopback: localhost works inside")
