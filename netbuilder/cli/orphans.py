"""What is on a file's networks and is none of its services: left behind by it, or another file's.

There are no projects yet that would tell these two apart. So orphans are named, as Compose names them, and go by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from netbuilder.cli.errors import note
from netbuilder.compose import Composed
from netbuilder.errors import some
from netbuilder.host import Host
from netbuilder.spec import Network, Sandbox


def orphans(host: Host, composed: Composed) -> list[str]:
    """Their names, in the order in which they were made."""
    on = {spec.name for spec in composed.specs if isinstance(spec, Network)}
    known = {one.name for service in composed.services.values() for one in service}
    return [
        one.name
        for one in host.sandboxes()
        if one.name not in known and any(endpoint.network in on for endpoint in one.endpoints)
    ]


def warn_of(names: Sequence[str]) -> None:
    """Name them in one line, and say what to do."""
    if names:
        note(f"warning: on this file's networks, and none of its services: {some(names)}")
        note("hint: another file's may stay; what was left behind goes with: netbuilder down NAME")


def named(services: Sequence[str], host: Host, composed: Composed) -> list[Sandbox]:
    """The sandboxes of services, by name, and of orphans.

    Raises:
        SpecError: If a name is neither.
    """
    left = orphans(host, composed)
    taken = [[Sandbox(name=name)] if name in left else composed.named(name) for name in services]
    return [one for several in taken for one in several]
