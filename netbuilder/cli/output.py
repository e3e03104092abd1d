"""Standard output as a program must treat it: what it did not take is a failure that names it, and no noise at exit."""

from __future__ import annotations

import os
import sys


def say(text: str = "", end: str = "\n", flush: bool = False) -> None:
    """Print on standard output, without what a terminal would obey: a sandbox names its interfaces as it likes.

    Raises:
        NetbuilderError: If it is closed, where print() would be silent.
        OSError: If it does not take the text.
    """
    if sys.stdout is None:
        from netbuilder.errors import NetbuilderError

        raise NetbuilderError("standard output is closed", "to see nothing of it, use > /dev/null")
    try:
        print(_plain(text), end=end, flush=flush)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def _plain(text: str) -> str:
    """Lines and tabs as they are, other control characters escaped."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    from netbuilder.errors import printable

    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def check() -> None:
    """Raise what keeps standard output from taking what was printed, or will be."""
    say(end="", flush=True)


def settle() -> None:
    """What is left for a reader that is gone, or for a full disk, must not make a noise at exit."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
