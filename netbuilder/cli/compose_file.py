"""The file that says what is wanted: found as Docker Compose finds it, read, and parsed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netbuilder.spec import Network, Sandbox

_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""Where Compose looks, in its order."""


def read(file: str | None) -> tuple[Network | Sandbox, ...]:
    """The specs of a Compose file; what it says beyond networking is named in one line on standard error.

    Args:
        file: Its path, "-" for standard input, or None for the one in the working directory.

    Raises:
        SpecError: If there is none, it can't be read, or it asks for what can't be had.
    """
    from netbuilder.compose import parse

    composed = parse(_text(file or _found()))
    if composed.notice:
        print(f"netbuilder: {composed.notice}", file=sys.stderr)
    return composed.specs


def _found() -> str:
    from netbuilder.errors import SpecError

    found = next((name for name in _NAMES if Path(name).exists()), None)
    if found is None:
        raise SpecError(_NAMES[0], "is not in the working directory", "name a Compose file: -f FILE")
    return found


def _text(file: str) -> str:
    from netbuilder.errors import SpecError

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(file, f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(file, "can't be read: it is no text in UTF-8") from None
