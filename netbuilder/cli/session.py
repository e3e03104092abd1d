"""The host that a command is about, and what is told where a call is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netbuilder.host import Host


def this_host() -> Host:
    """The host we are on; closing it leaves standing what was made."""
    from netbuilder.host import Host
    from netbuilder.kernel import log

    log.prepare_logging[:] = [_tell_warnings]
    return Host.current()


def _tell_warnings() -> None:
    import logging

    logging.basicConfig(format="netbuilder: warning: %(message)s")


def checked(name: str) -> str:
    """A sandbox's or network's name, if it can be one at all: a hostile one gets no further."""
    from netbuilder.values.names import valid_name

    try:
        return valid_name(name)
    except ValueError as error:
        from netbuilder.errors import SpecError

        raise SpecError("name", str(error)) from None


@contextmanager
def telling_interrupts() -> Iterator[list[str]]:
    """What an interrupt leaves, in one sentence on standard error; the last thing that was done by itself is told."""
    from netbuilder.cli.errors import note

    done: list[str] = []
    try:
        yield done
    except KeyboardInterrupt as interrupt:
        left = [*done, *getattr(interrupt, "__notes__", ()), "nothing was changed"]
        note(f"interrupted: {left[0]}")
        raise
