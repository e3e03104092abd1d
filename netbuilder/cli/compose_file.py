"""The file that says what is wanted: the one that is named, or the working directory's; read, and parsed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netbuilder.spec import Network, Sandbox

_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""Compose's names for it, in its order; of other directories and of overrides nothing is read."""


def read(file: str | None) -> tuple[Network | Sandbox, ...]:
    """The specs of a Compose file; what it says beyond networking is named in one line on standard error.

    Args:
        file: Its path, "-" for standard input, or None for the one in the working directory.

    Raises:
        SpecError: If there is none, it can't be read, or it asks for what can't be had.
    """
    from netbuilder.cli.errors import note
    from netbuilder.compose import parse

    composed = parse(_text(file or _found()))
    if composed.notice:
        note(composed.notice)
    return composed.specs


def _found() -> str:
    from netbuilder.errors import SpecError

    found = next((name for name in _NAMES if Path(name).exists()), None)
    if found is None:
        raise SpecError(_NAMES[0], "is not in the working directory", "name a Compose file: -f FILE")
    return found


def _text(file: str) -> str:
    from netbuilder.errors import SpecError

    name = "standard input" if file == "-" else file
    try:
        return _from_standard_input() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(name, f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(name, "can't be read: it is not UTF-8 text") from None


def _from_standard_input() -> str:
    from netbuilder.errors import SpecError

    if sys.stdin is None:
        raise SpecError("standard input", "is closed", "name a Compose file: -f FILE")
    return sys.stdin.read()
