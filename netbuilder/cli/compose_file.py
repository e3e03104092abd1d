"""The file that says what is wanted: the one that is named, or the working directory's; read, and parsed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from netbuilder.compose import Composed
    from netbuilder.errors import SpecError

_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""Compose's names for it, in its order; of other directories and of overrides nothing is read."""

_MOST = 4 << 20
"""Characters in a file: ten thousand services take a tenth of it, and /dev/zero has no end."""


@contextmanager
def opened(file: str | None) -> Iterator[Composed]:
    """A Compose file; for the length of a `with` block, errors about its specs are told with their place in it.

    What it says beyond networking is named in one line on standard error.

    Args:
        file: Its path, "-" for standard input, or None for the one in the working directory.

    Raises:
        SpecError: If there is none, it can't be read, or it asks for what can't be had.
    """
    from netbuilder.cli.errors import note
    from netbuilder.compose import parse
    from netbuilder.errors import SpecError

    path = file or _found()
    name = "standard input" if path == "-" else path
    text = _text(path, name)
    try:
        composed = parse(text)
    except SpecError as error:
        raise _in_file(name, error) from None
    if composed.notice:
        note(composed.notice)
    try:
        yield composed
    except SpecError as error:
        told = composed.places.translated(error)
        raise (_in_file(name, told) if told.line else told) from None


def _in_file(name: str, error: SpecError) -> SpecError:
    """The error with the file in front, as compilers have it: "lab.yaml:12: services.web.ports[0]: …"."""
    from netbuilder.errors import SpecError

    return SpecError(f"{name}:{error.line}" if error.line else name, str(error), error.hint)


def _found() -> str:
    from netbuilder.errors import SpecError

    found = next((name for name in _NAMES if Path(name).exists()), None)
    if found is None:
        raise SpecError(_NAMES[0], "is not in the working directory", "name a Compose file: -f FILE")
    return found


def _text(path: str, name: str) -> str:
    from netbuilder.errors import SpecError

    try:
        if path == "-":
            text = _standard_input().read(_MOST + 1)
        else:
            with Path(path).open(encoding="utf-8") as file:
                text = file.read(_MOST + 1)
    except OSError as error:
        raise SpecError(name, f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(name, "can't be read: it is not UTF-8 text") from None
    if len(text) > _MOST:
        raise SpecError(name, f"is longer than {_MOST >> 20} MiB, as no Compose file is")
    return text


def _standard_input() -> TextIO:
    from netbuilder.errors import SpecError

    if sys.stdin is None:
        raise SpecError("standard input", "is closed", "name a Compose file: -f FILE")
    return sys.stdin
