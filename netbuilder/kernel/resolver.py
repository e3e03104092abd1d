"""The name servers that are reached from a namespace of its own: not those on the host's loopback.

As Docker has it: for a stub on the loopback (systemd-resolved's 127.0.0.53) its upstream servers are taken, from the
file that it writes them to, and what is left on a loopback is left out.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")
BEHIND_A_STUB = (Path("/run/systemd/resolve/resolv.conf"), Path("/run/NetworkManager/no-stub-resolv.conf"))
"""Where a stub resolver writes down the servers that it asks."""

_NOTE = b"# netbuilder: without the name servers on the host's loopback, which is not reached from here\n"


def reachable() -> bytes | None:
    """The text of a resolv.conf whose servers are reached from elsewhere; None if the host's is one already."""
    hosts = lines(RESOLV_CONF)
    if not any(map(_is_on_loopback, hosts)):
        return None
    written = next(filter(None, map(lines, BEHIND_A_STUB)), [])
    upstream = [line for line in written if not _is_on_loopback(line)]
    text = hosts if any(server(line) and not _is_on_loopback(line) for line in hosts) or not upstream else upstream
    return _NOTE + b"".join(line for line in text if not _is_on_loopback(line))


def lines(path: Path) -> list[bytes]:
    """The lines of a file; none where it can't be read."""
    try:
        return path.read_bytes().splitlines(keepends=True)
    except OSError:
        return []


def server(line: bytes) -> str:
    """The address on a line that names a server (resolv.conf(5)), or nothing."""
    words = line.split()
    return words[1].decode(errors="replace") if len(words) > 1 and words[0] == b"nameserver" else ""


def _is_on_loopback(line: bytes) -> bool:
    try:
        return ip_address(server(line)).is_loopback
    except ValueError:
        return False
