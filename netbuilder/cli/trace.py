"""What `trace` does."""

from __future__ import annotations

from contextlib import closing

from netbuilder.cli.output import say
from netbuilder.cli.session import this_host

_LONGEST = 86_400.0


def trace(sender: str, to: str, udp: bool, watch: bool, timeout: str | None, verbose: bool, format: str) -> int:
    """Follow one packet; 1 if it or its answer did not arrive."""
    patience = _seconds(timeout)
    with closing(this_host()) as host:
        seen = host.trace(sender, to, protocol="udp" if udp else None, watch=watch, timeout=patience)
    if format == "json":
        from netbuilder.cli import show

        show.json(seen.as_json())
    elif format == "svg":
        say(seen.svg(), end="")
    else:
        from netbuilder.packets.tell import lines

        say("\n".join(lines(seen, verbose)))
    return 0 if seen.outcome == "answered" else 1


def _seconds(given: str | None) -> float | None:
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= _LONGEST:
        from netbuilder.errors import SpecError, shown

        raise SpecError("--timeout", f"{shown(given)} is no number of seconds, up to a day")
    return seconds
