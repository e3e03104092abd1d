"""What of a network other firewalls should let pass: as much as is said of it where nobody evaluates their rules."""

from __future__ import annotations

from typing import NamedTuple

from netbuilder.values.addresses import IPAddress, IPInterface


class Guarded(NamedTuple):
    """A network whose packets of one family are to pass: its bridge, the bridge's address, whether it is internal, and
    where some published port of it leads."""

    bridge: str
    gateway: IPInterface
    internal: bool = False
    port: tuple[str, IPAddress, int] | None = None
