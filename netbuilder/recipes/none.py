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
        return Plan(_settings(sandbox))  # it is there, under this very name
    if path:
        attach = AttachNamespace(name=name, path=path, because=f"a name for {name}'s namespace, which is there")
        return Plan([attach, *_settings(sandbox)])
    why = f"a network namespace for {name}: interfaces, routes, rules and ports of its own"
    return Plan([AddNamespace(name=name, because=why), *_settings(sandbox)])


def _settings(sandbox: ResolvedSandbox) -> list[Step]:
    """What is asked for; and in a new one, what only root may do on a host is nobody else's business inside."""
    settings = {} if sandbox.adopted else _permissions(sandbox.last_group)
    settings |= {one.key: (one.value, "as the sandbox asks for") for one in sandbox.sysctls}
    return [SetSysctl(netns=sandbox.name, key=key, value=value, because=why) for key, (value, why) in settings.items()]


def _permissions(last_group: int) -> dict[str, tuple[str, str]]:
    why = "every user inside may listen on every port, 80 too (as with Docker)"
    why_ping = "every group inside may ping (as with Docker)"
    return {
        "net/ipv4/ip_unprivileged_port_start": ("0", why),
        "net/ipv4/ping_group_range": (f"0 {last_group}", why_ping),
    }


def loopback(sandbox: ResolvedSandbox) -> SetUp:
    """The loopback, which is down in a new namespace: without this step nothing inside reaches localhost."""
    return SetUp(netns=sandbox.name, dev="lo", because="bring up the loopback: localhost works inside")
