"""`$NAME` and `${NAME}` in a text, with all of Compose's operators (https://compose-spec.io, chapter 12)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from netbuilder.compose.source import shown

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_BRACED = re.compile(rf"({_NAME.pattern})(?:(:?[-+?])(.*))?", re.DOTALL)
_BRACE = re.compile(r"\{.?|\}", re.DOTALL)
_DEEPEST = 10
"""Texts inside each other, as in "${A:-${B:-${C}}}"."""
_MOST = 16 << 20
"""Characters that all values together come to; unlimited, variables made of each other grow without an end."""


class Variables:
    """Variables by name, and what becomes of a text that speaks of them.

    Args:
        values: The value of each.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.unset = set[str]()
        """Those that were asked for, are not there, and became nothing."""
        self._room = _MOST

    def beside(self, values: Mapping[str, str]) -> Variables:
        """These, and behind them others."""
        both = Variables({**values, **self.values})
        both.unset = self.unset
        return both

    def fill(self, text: str, depth: int = 0) -> str:
        """The text with the values in place of the variables; what was filled in is not read again.

        Raises:
            ValueError: If it is not valid, a variable is required that is not there, or this leads too far.
        """
        if depth > _DEEPEST:
            raise ValueError("variables are nested too deeply")
        filled, at = [], 0
        while (dollar := text.find("$", at)) >= 0:
            filled.append(text[at:dollar])
            value, at = self._one(text, dollar + 1, depth)
            filled.append(value)
        filled.append(text[at:])
        self._room -= sum(map(len, filled))
        if self._room < 0:
            raise ValueError(f"variables come to more than {_MOST >> 20} MiB, as in no Compose file")
        return "".join(filled)

    def _one(self, text: str, at: int, depth: int) -> tuple[str, int]:
        """What stands for what follows a "$", and where the text goes on."""
        if text.startswith("$", at):
            return "$", at + 1
        if text.startswith("{", at):
            end = _closing(text, at)
            braced = _BRACED.fullmatch(text, at + 1, end)
            if braced is None:
                raise ValueError(
                    f"{shown(text[at - 1 : end + 1 or None])} is no variable; a $ of its own is written $$"
                )
            return self._braced(braced[1], braced[2] or "", braced[3] or "", depth), end + 1
        if name := _NAME.match(text, at):
            return self._braced(name[0], "", "", depth), name.end()
        return "$", at

    def _braced(self, name: str, operator: str, rest: str, depth: int) -> str:
        value = self.values.get(name)
        is_there = bool(value) if operator.startswith(":") else value is not None
        match operator[-1:]:
            case "-":
                return (value or "") if is_there else self.fill(rest, depth + 1)
            case "+":
                return self.fill(rest, depth + 1) if is_there else ""
            case "?" if not is_there:
                why = self.fill(rest, depth + 1)
                raise ValueError(f"required variable {shown(name)[1:-1]} is missing a value{': ' if why else ''}{why}")
        if value is None:
            self.unset.add(name)
        return value or ""


def _closing(text: str, opening: int) -> int:
    """Where a variable ends: at the brace that closes it or, where braces do not match, at the last one."""
    depth = 0
    for brace in _BRACE.finditer(text, opening):
        depth += 1 if brace[0].startswith("{") else -1
        if depth == 0:
            return brace.start()
    return text.rfind("}", opening)
