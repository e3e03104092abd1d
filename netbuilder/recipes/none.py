"""None mode: a namespace with its loopback and nothing else, for whoever wants to wire it by hand."""

from __future__ import annotations

from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.steps import PINS, AddNamespace, AttachNamespace, Plan, SetSysctl, SetUp, Step


def plan(sandbox: ResolvedSandbox) -> Plan:
    """A namespace, and its loopback; an adopted one is left as it is."""
    if sandbox.adopted:
        return namespace(sandbox)
    return namespace(sandbox) + Plan([loopback(sandbox)])


def namespace(sandbox: ResolvedSandbox) -> Plan:
    """A new namespace in which a server needs no privilege for its port, or one that is there and only gets a name."""
    name, path = sandbox.name, sandbox.adopted
    if path == f"{PINS}/{name}":
        return Plan()  # it is there, under this very name
    if path:
        return Plan([AttachNamespace(name=name, path=path, because=f"a name for {name}'s namespace, which is there")])
    why = f"a network namespace for {name}: interfaces, routes, rules and ports of its own"
    return Plan([AddNamespace(name=name, because=why), *_permissions(sandbox)])


def _permissions(sandbox: ResolvedSandbox) -> list[Step]:
    """What only root may do on a host is nobody else's business inside: as Docker has it."""
    ports, ping = "net/ipv4/ip_unprivileged_port_start", "net/ipv4/ping_group_range"
    why = "every user inside may listen on every port, 80 too (as with Docker)"
    why_ping = "every group inside may ping (as with Docker)"
    return [
        SetSysctl(netns=sandbox.name, key=ports, value="0", because=why),
        SetSysctl(netns=sandbox.name, key=ping, value=f"0 {sandbox.last_group}", because=why_ping),
    ]


def loopback(sandbox: ResolvedSandbox) -> SetUp:
    """The loopback, which is down in a new namespace: without this step nothing inside reaches localhost."""
    return SetUp(netns=sandbox.name, dev="lo", because="bring up the loopback: localhost works inside")
