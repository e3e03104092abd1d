"""`netbuilder capture`: what passes, into a file for Wireshark, or told packet by packet."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from netbuilder.cli.errors import note
from netbuilder.cli.output import say
from netbuilder.cli.session import checked, this_host
from netbuilder.errors import SpecError, printable, some

if TYPE_CHECKING:
    from netbuilder.host.capture import Capture
    from netbuilder.packets.passage import Passage

_STANDARD_OUTPUT = 1


def capture(
    names: list[str],
    output: str | None,
    also: list[str],
    published: str | None,
    filter: str,
    packets: int | None,
    seconds: float | None,
    summary: bool,
) -> int:
    """Record until a limit is reached, or until an interrupt, which is how a capture ends."""
    if summary and output == "-":
        raise SpecError("--summary", "is told on standard output, where the packets go by -o -", "write them to a file")
    names = [checked(name) for name in names]
    with closing(this_host()) as host:
        recording = host.capture(
            *names,
            file=_STANDARD_OUTPUT if output == "-" else output,
            also=also,
            published=published,
            filter=filter,
            packets=packets,
            seconds=seconds,
            watch=(lambda passage: _tell(passage, recording.began)) if summary or output is None else None,
        )
        with recording, suppress(KeyboardInterrupt):
            _say_where(recording, output)
            recording.wait()
    _say_what(recording)
    return 0


def _say_where(recording: Capture, output: str | None) -> None:
    names = [printable(one.name) for one in recording.interfaces]
    where = " and ".join(names) if len(names) < 3 else some(names) if len(names) > 6 else ", ".join(names)
    into = f", into {'standard output' if output == '-' else printable(output)}" if output else ""
    note(f"listening to {where}{into}; Ctrl-C ends it")


def _say_what(recording: Capture) -> None:
    for name, (packets, dropped) in recording.counts.items():
        note(f"{printable(name)}: {packets} packets, {dropped} dropped")
    dropped = sum(one.dropped for one in recording.counts.values())
    if dropped:
        note(f"warning: {dropped} packets are missing, which came too fast; a filter makes them fewer")


def _tell(passage: Passage, began: int) -> None:
    say(passage.told(began), flush=True)
