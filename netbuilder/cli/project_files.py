"""Which files say what is wanted, as Compose finds them, and the variables that they may speak of."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from netbuilder.compose import File
from netbuilder.compose.dotenv import variables
from netbuilder.errors import SpecError

_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
"""Compose's names for them, in its order."""

_MOST = 4 << 20
"""Characters in a file: ten thousand services take a tenth of it, and /dev/zero has no end."""

_NO_DOTENV = "COMPOSE_DISABLE_ENV_FILE"
_STANDARD_INPUT = "-"


class ProjectFiles(NamedTuple):
    """What a project is read from.

    Args:
        files: Its Compose files, in the order in which they are merged.
        folder: Where relative paths in them start: the first one's.
        variables: The environment, and behind it the files of variables.
    """

    files: Sequence[File]
    folder: str
    variables: Mapping[str, str]


def project_files(named: Sequence[str], env_files: Sequence[str]) -> ProjectFiles:
    """The files that are named; else those of COMPOSE_FILE; else that of the working directory or one above.

    Args:
        named: Paths of Compose files, "-" for standard input.
        env_files: Paths of files of variables; if there are none, it is `.env` in the project's folder.

    Raises:
        SpecError: If there is none, or one can't be read.
    """
    environment = dict(os.environ)
    known = _with_variables(environment, env_files, _folder(named))
    paths = list(named) or _chosen(known) or list(_found())
    folder = _folder(paths)
    if folder != _folder(named):
        known = _with_variables(known, env_files, folder)
    return ProjectFiles([File(_name(path), _text(path)) for path in paths], folder, known)


def read(path: str) -> str | None:
    """The text of a file, or None if there is none.

    Raises:
        SpecError: If there is one and it can't be read.
    """
    return _text(path) if os.path.exists(path) else None


def _folder(paths: Sequence[str]) -> str:
    return next((os.path.dirname(path) for path in paths if path != _STANDARD_INPUT), "")


def _with_variables(known: Mapping[str, str], env_files: Sequence[str], folder: str) -> dict[str, str]:
    """With what files of variables say; what is known already holds, and of files the last one."""
    found: dict[str, str] = {}
    by_default = os.path.join(folder, ".env")
    if not env_files and os.path.isfile(by_default) and known.get(_NO_DOTENV, "").lower() not in ("1", "t", "true"):
        env_files = [by_default]
    for path in env_files:
        found |= variables(_text(path), path, {**found, **known})
    return {**found, **known}


def _chosen(known: Mapping[str, str]) -> list[str]:
    """The files that the environment names."""
    said = known.get("COMPOSE_FILE", "")
    return [path for path in said.split(known.get("COMPOSE_PATH_SEPARATOR") or os.pathsep) if path]


def _found() -> Iterator[str]:
    """The file of the working directory, or of the nearest one above that has one, and what overrides it."""
    here = Path.cwd()
    for up, folder in enumerate((here, *here.parents)):
        if found := next((name for name in _NAMES if (folder / name).exists()), None):
            override = [name for name in _OVERRIDES if (folder / name).exists()][:1]
            yield from (os.path.join(*[os.pardir] * up, name) for name in (found, *override))
            return
    raise SpecError(_NAMES[0], "is neither in the working directory nor above", "name a Compose file: -f FILE")


def _name(path: str) -> str:
    return "standard input" if path == _STANDARD_INPUT else path


def _text(path: str) -> str:
    name = _name(path)
    if "\0" in path:
        raise SpecError(name, "can't be read: its name has a null character")
    try:
        if path == _STANDARD_INPUT:
            text = _standard_input().read(_MOST + 1)
        else:
            with open(path, encoding="utf-8") as file:
                text = file.read(_MOST + 1)
    except OSError as error:
        raise SpecError(name, f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(name, "can't be read: it is not UTF-8 text") from None
    if len(text) > _MOST:
        raise SpecError(name, f"is longer than {_MOST >> 20} MiB, as no Compose file is")
    return text


def _standard_input() -> TextIO:
    if sys.stdin is None:
        raise SpecError("standard input", "is closed", "name a Compose file: -f FILE")
    return sys.stdin
