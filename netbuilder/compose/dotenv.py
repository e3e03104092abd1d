"""A file of variables, `.env`, as Compose reads it.

Libraries for such files leave out what Compose takes, such as `NAME: VALUE`, and operators other than `:-`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from netbuilder.compose.source import shown
from netbuilder.compose.variables import Variables
from netbuilder.errors import SpecError

_BETWEEN = re.compile(r"(?:\s|#[^\n]*)*")
_NAME = re.compile(r"(?:export[^\S\n]+)?([\w.\[\]-]+)[^\S\n]*(?:[=:][^\S\n]*|(?=(\n|\Z)))")
_VALUE = re.compile(r"""(["'])((?:(?!\1)[^\\]|\\.)*)\1|([^\n]*)""", re.DOTALL)
_ESCAPE = re.compile(r'\\([abcfnrtv$"\\]|0[0-7]{0,3})')
_ESCAPES = {"a": "\a", "b": "\b", "c": r"\c", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$"}


def variables(text: str, file: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a file.

    Args:
        text: What the file says.
        file: Its name, for errors.
        environment: What its values may speak of, beside variables further up. A name without a value is taken from it.

    Raises:
        SpecError: If a line is none of a variable, with the line.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, str] = {}
    known = Variables(environment)
    at = _after_blank(text, 0)
    while at < len(text):
        try:
            name, value, end = _read(text, at, known)
        except ValueError as error:
            raise _on_line(text, at, file, str(error)) from None
        if value is not None:
            found[name] = value
            if name not in environment:
                known.values[name] = value
        at = _after_blank(text, end)
    return found


def _read(text: str, at: int, known: Variables) -> tuple[str, str | None, int]:
    """The variable that stands there, and where the file goes on."""
    named = _NAME.match(text, at)
    if named is None:
        raise ValueError(f"{shown(text[at:].partition(chr(10))[0])} is not NAME=VALUE")
    name = named[1]
    if named[2] is not None:  # without a value
        return name, known.values.get(name), named.end()
    value = _VALUE.match(text, named.end())
    assert value is not None, "a line may be empty"
    return name, _value(name, value, known), value.end()


def _value(name: str, match: re.Match[str], known: Variables) -> str:
    quote, quoted, bare = match.groups()
    if quote is None:
        if bare.startswith(("'", '"')):
            raise ValueError(f"the value of {shown(name)[1:-1]} has a quote that is not closed")
        return known.fill(bare.partition(" #")[0].rstrip())
    text: str = quoted.replace(f"\\{quote}", quote)
    return known.fill(_ESCAPE.sub(_escaped, text)) if quote == '"' else text


def _escaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:] or "0", 8)) if code.startswith("0") else _ESCAPES.get(code, code)


def _after_blank(text: str, at: int) -> int:
    """Where the next line with something in it starts."""
    blank = _BETWEEN.match(text, at)
    return blank.end() if blank else at


def _on_line(text: str, at: int, file: str, problem: str) -> SpecError:
    error = SpecError(f"line {text.count(chr(10), 0, at) + 1}", problem)
    error.file = file
    return error
