"""Docker's four network modes on a bare Linux host, from declarative specs, with every step shown.

    from netbuilder import Bridge, Host, Network, Sandbox

    with Host.isolated() as host:                     # a throw-away host; Host.current() is the one you are on
        host.apply(
            Network(name="lab"),
            Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"])),
        )
        host["web"].popen(["python3", "-m", "http.server", "80"])
        print(host["web"].address, host.links())

The tour, in the order in which to read the source:

    spec      what you ask for: networks, and sandboxes in bridge, host, container or none mode
    resolve   every default filled in, every clash refused
    modes     one recipe a mode: the steps, in the order a person would type them
    steps     the vocabulary: each step prints its command, knows whether it holds, does it, and takes it back
    firewall  the rules: what goes in by DNAT and comes out by MASQUERADE
    plan      a tuple of steps: printed, diffed, run, undone
    host      the handle: apply, diff, plan, destroy; run, popen, enter and socket inside
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in `typing`, whose import takes as long as all else that `netbuilder --help` does
if TYPE_CHECKING:
    from netbuilder.errors import (
        MissingLibrary,
        NetbuilderError,
        NotFound,
        PrivilegeError,
        SpecError,
        StepError,
    )
    from netbuilder.host import Host
    from netbuilder.plan import Plan
    from netbuilder.ports import PublishedPort
    from netbuilder.sandbox import LiveSandbox
    from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox, json_schema

_HOME = {
    "Bridge": "spec",
    "Container": "spec",
    "Host": "host",
    "HostNetwork": "spec",
    "LiveSandbox": "sandbox",
    "MissingLibrary": "errors",
    "NetbuilderError": "errors",
    "Network": "spec",
    "NoNetwork": "spec",
    "NotFound": "errors",
    "Plan": "plan",
    "PrivilegeError": "errors",
    "PublishedPort": "ports",
    "Sandbox": "spec",
    "SpecError": "errors",
    "StepError": "errors",
    "json_schema": "spec",
}

__all__ = [
    "Bridge",
    "Container",
    "Host",
    "HostNetwork",
    "LiveSandbox",
    "MissingLibrary",
    "NetbuilderError",
    "Network",
    "NoNetwork",
    "NotFound",
    "Plan",
    "PrivilegeError",
    "PublishedPort",
    "Sandbox",
    "SpecError",
    "StepError",
    "json_schema",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: pydantic, SQLite and netlink cost nothing until then."""
    if name not in _HOME:
        raise AttributeError(f"module 'netbuilder' has no attribute {name!r}")
    value = getattr(import_module(f"netbuilder.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
