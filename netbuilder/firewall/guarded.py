"""What of a network other firewalls should let pass: as much as is said of it where nobody evaluates their rules."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from typing import NamedTuple


class Guarded(NamedTuple):
    """A network whose packets are to pass: its bridge, the bridge's address, whether it is internal, and where some
    published port of it leads."""

    bridge: str
    gateway: IPv4Interface
    internal: bool = False
    port: tuple[str, IPv4Address, int] | None = None
