"""Docker's four network modes on a bare Linux host, from declarative specs, with every step shown.

    from netbuilder import Bridge, Host, Network, Sandbox

    with Host.isolated() as host:                     # a throw-away host; Host.current() is the one you are on
        host.apply(
            Network(name="lab"),
            Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"])),
        )
        host["web"].popen(["python3", "-m", "http.server", "80"])
        print(host["web"].address, host.links())

The tour, in the order in which to read the source, and in which one part uses those above it:

    values    what all kept values are made of: checked names and fields; what to write for a word that is not there
    packets   packets as they are seen: what is in them, their way through the host, and a file that Wireshark reads
    spec      what you ask for: networks, and sandboxes in bridge, host, container or none mode
    compose   the same, read from a Compose file
    resolve   every default filled in, every clash refused
    firewall  the rules: what goes in by DNAT and comes out by MASQUERADE
    steps     the vocabulary: each step prints its command, knows whether it holds, does it, and takes it back
    recipes   one story a mode: the steps, in the order a person would type them
    kernel    the only part that touches the kernel: namespaces, netlink, nftables, /proc/sys
    engine    what stands, compared with what is wanted; what is missing, done; what was done, taken back
    host      the handle: apply, diff, plan, destroy; run, popen, enter and socket inside; capture
    cli       the command line
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in `typing`, whose import takes as long as all else that `netbuilder --help` does
if TYPE_CHECKING:
    from netbuilder.engine.report import Change, Changes
    from netbuilder.errors import MissingLibrary, NetbuilderError, NotFound, PrivilegeError, SpecError, StepError
    from netbuilder.host import Host, LiveSandbox, NetworkNamespace
    from netbuilder.host.capture import Capture
    from netbuilder.kernel.veth_pairs import VethPair
    from netbuilder.packets.passage import Passage
    from netbuilder.packets.trace import Stop, Trace, Way
    from netbuilder.resolve.resolved import (
        ResolvedEndpoint,
        ResolvedNeighbour,
        ResolvedNetwork,
        ResolvedPort,
        ResolvedSandbox,
    )
    from netbuilder.spec import (
        Bridge,
        Container,
        Endpoint,
        HostNetwork,
        Network,
        NoNetwork,
        PublishedPort,
        Route,
        Sandbox,
        json_schema,
    )
    from netbuilder.steps import Plan, Step, Undo

_HOME = {
    "Bridge": "spec",
    "Capture": "host.capture",
    "Change": "engine.report",
    "Changes": "engine.report",
    "Container": "spec",
    "Endpoint": "spec",
    "Host": "host",
    "HostNetwork": "spec",
    "LiveSandbox": "host",
    "MissingLibrary": "errors",
    "NetbuilderError": "errors",
    "Network": "spec",
    "NetworkNamespace": "host",
    "NoNetwork": "spec",
    "NotFound": "errors",
    "Passage": "packets.passage",
    "Plan": "steps",
    "PrivilegeError": "errors",
    "PublishedPort": "spec",
    "Route": "spec",
    "ResolvedEndpoint": "resolve.resolved",
    "ResolvedNeighbour": "resolve.resolved",
    "ResolvedNetwork": "resolve.resolved",
    "ResolvedPort": "resolve.resolved",
    "ResolvedSandbox": "resolve.resolved",
    "Sandbox": "spec",
    "SpecError": "errors",
    "Step": "steps",
    "StepError": "errors",
    "Stop": "packets.trace",
    "Trace": "packets.trace",
    "Undo": "steps",
    "VethPair": "kernel.veth_pairs",
    "Way": "packets.trace",
    "json_schema": "spec",
}

__all__ = [
    "Bridge",
    "Capture",
    "Change",
    "Changes",
    "Container",
    "Endpoint",
    "Host",
    "HostNetwork",
    "LiveSandbox",
    "MissingLibrary",
    "NetbuilderError",
    "Network",
    "NetworkNamespace",
    "NoNetwork",
    "NotFound",
    "Passage",
    "Plan",
    "PrivilegeError",
    "PublishedPort",
    "ResolvedEndpoint",
    "ResolvedNeighbour",
    "ResolvedNetwork",
    "ResolvedPort",
    "ResolvedSandbox",
    "Route",
    "Sandbox",
    "SpecError",
    "Step",
    "StepError",
    "Stop",
    "Trace",
    "Undo",
    "VethPair",
    "Way",
    "json_schema",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: pydantic and netlink cost nothing until then."""
    if name not in _HOME:
        raise AttributeError(f"module 'netbuilder' has no attribute {name!r}")
    value = getattr(import_module(f"netbuilder.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
