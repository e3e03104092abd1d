"""Errors as a user meets them: one line, a hint, and an exit status; never a traceback."""

from __future__ import annotations

import sys
from contextlib import suppress

_HEAD, _TAIL = 300, 200  # a message of the kernel's has its point at the end


def complain(message: str, hint: str = "") -> None:
    """Print an error and what to do about it."""
    note(f"error: {_line(message)}")
    if hint:
        note(f"hint: {_line(hint)}")


def note(line: str) -> None:
    """Print a line on standard error; one that nobody can read, as the terminal is gone, is no reason to fail."""
    if sys.stderr is None:  # print() would put it among what was asked for
        return
    with suppress(OSError):
        print(f"netbuilder: {line}", file=sys.stderr)


def _line(text: str) -> str:
    """A text that may be hostile: on one line, not too long, without what a terminal would obey."""
    from netbuilder.errors import printable

    line = printable(text)
    return line if len(line) <= _HEAD + _TAIL else f"{line[:_HEAD]} … {line[-_TAIL:]}"


def explain(error: Exception) -> int:
    """Print what went wrong; returns the exit status: 2 for a bad call or spec, 1 for a failure."""
    from pydantic import ValidationError

    from netbuilder.errors import NetbuilderError, SpecError

    match error:
        case NetbuilderError():
            complain(str(error), error.hint)
        case ValidationError():
            first = error.errors(include_url=False)[0]
            complain(f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}")
        case OSError():
            complain(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
        case _:
            complain(f"unexpected {type(error).__name__}: {error}", "this is a mistake in netbuilder, not yours")
    return 2 if isinstance(error, SpecError | ValidationError) else 1
