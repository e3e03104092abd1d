"""The mappings of a Compose file, checked: what stands where, and errors that name the place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from netbuilder.compose.keys import SAID, Keys
from netbuilder.compose.source import KINDS, one_line, shown, under
from netbuilder.errors import SpecError, suggestion

_FLAGS = {"true": True, "false": False}
_Default = TypeVar("_Default")
_Model = TypeVar("_Model", bound=BaseModel)


def expect(value: object, where: str, *kinds: type) -> Any:
    """The value, if it is of one of these kinds."""
    if not isinstance(value, kinds):
        raise SpecError(where, f"must be {' or '.join(KINDS[kind] for kind in kinds)}, not {KINDS[type(value)]}")
    return value


def number(text: str, where: str) -> int:
    """The whole number that the text writes."""
    if not re.fullmatch("-?[0-9]{1,10}", text):
        raise SpecError(where, f"{shown(text)} is not a whole number")
    return int(text)


class Section:
    """One mapping of the file: it hands out its values checked, and notes the keys that it ignores.

    Args:
        value: The mapping; None is an empty one.
        where: Its place in the file.
        keys: What becomes of its keys.
        ignored: Where the places of keys that are ignored are noted.
    """

    def __init__(self, value: object, where: str, keys: Keys, ignored: set[str]) -> None:
        self.where = where
        self._ignored = ignored
        self._values: dict[str, Any] = {}
        for key, said in (expect(value, where or "the file", dict, NoneType) or {}).items():
            self._sort(key, said, keys)

    def _sort(self, key: str, value: object, keys: Keys) -> None:
        where = under(self.where, key)
        if keys.ignores(key):
            self._ignored.add(where)
        elif key in keys.refused.split():
            raise SpecError(where, "is not supported yet", "remove it")
        elif key in keys.only:
            self._values[key] = _one_of(value, where, keys.only[key].split())
        elif key in keys.supported.split():
            self._values[key] = value
        else:
            known = f"{keys.supported} {keys.ignored} {keys.refused}".split()
            raise SpecError(where, "is an unknown key", suggestion(key, [*known, *keys.only]))

    def at(self, key: str) -> str:
        """Where the key stands; where it does not, the mapping's own place."""
        return self.where if self._values.get(key) is None else under(self.where, key)

    def get(self, key: str, *kinds: type) -> Any:
        """The key's value, of one of these kinds, or None."""
        said = self._values.get(key)
        return None if said is None else expect(said, self.at(key), *kinds)

    def text(self, key: str) -> str | None:
        """The key's text, or None where there is nothing in it."""
        said: str | None = self.get(key, str)
        return said or None

    def number(self, key: str) -> int | None:
        """The key's whole number, or None."""
        said = self.get(key, str)
        return None if said is None else number(said, self.at(key))

    def flag(self, key: str, default: _Default) -> bool | _Default:
        """The key's true or false, or the default."""
        said = self.get(key, str)
        if said is None:
            return default
        if said.lower() not in _FLAGS:
            raise SpecError(self.at(key), f"{shown(said)} is neither true nor false")
        return _FLAGS[said.lower()]

    def items(self, key: str) -> list[tuple[str, object]]:
        """The entries of the key's list, each with its place."""
        return [(f"{self.at(key)}[{i}]", entry) for i, entry in enumerate(self.get(key, list) or [])]

    def pairs(self, key: str, *kinds: type) -> Iterator[tuple[str, str, str]]:
        """The names and values of the key's mapping, or of its list of "NAME=VALUE", each with its place."""
        said = self.get(key, *kinds)
        if isinstance(said, list):
            for where, entry in self.items(key):
                name, _, value = expect(entry, where, str).partition("=")
                yield name, value, where
        for name, value in said.items() if isinstance(said, dict) else ():
            where = under(self.at(key), name)
            yield name, expect(value, where, str, NoneType) or "", where

    def said(self) -> list[str]:
        """The keys that have a value, but for those that are ignored."""
        return [key for key, value in self._values.items() if value is not None]

    def ignore(self, where: str) -> None:
        """Note a place that is ignored."""
        self._ignored.add(where)

    def open(self, value: object, where: str, keys: Keys) -> Section:
        """A mapping inside this one."""
        return Section(value, where, keys, self._ignored)

    def part(self, key: str, keys: Keys) -> Section:
        """The key's mapping; where there is none, an empty one."""
        return self.open(self.get(key, dict), under(self.where, key), keys)

    def named(self, key: str, keys: Keys) -> dict[str, Section]:
        """The mappings that the key's mapping names."""
        named = self.get(key, dict) or {}
        return {name: self.open(said, under(self.at(key), name), keys) for name, said in named.items()}


def _one_of(value: object, where: str, allowed: list[str]) -> str | None:
    """A value of which few are honoured, in lower case."""
    if value is None:
        return None
    said = expect(value, where, str).lower() if isinstance(value, str) else ""
    if said not in allowed:
        hint = f"use {' or '.join(allowed)}"
        meant = suggestion(said, [word for word in allowed if word.isalpha()])
        raise SpecError(where, f"{shown(value)} is not supported yet", meant or hint)
    return said


def build(model: type[_Model], where: str, places: Mapping[str, str], **fields: object) -> _Model:
    """The spec; an error names the field's place in the file, where it has one of its own."""
    try:
        return model(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = first["msg"].removeprefix("Value error, ")
        said_of = _fields(first["loc"])
        if not said_of:  # what is wrong with the whole may be said of one field
            word = problem.split(" ")[0].rstrip(":")
            said_of = [word] if word in model.model_fields else []
            problem = problem.removeprefix(f"{word}: ") if said_of else problem
        place = next((places[field] for field in reversed(said_of) if field in places), where)
        raise SpecError(place, one_line(in_words_of_the_file(problem))) from None


def _fields(loc: tuple[str | int, ...]) -> list[str]:
    """A field, and what is wrong in it: "link_local", "link_local[0]"."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc]
    return ["".join(parts[:end])[1:] for end in range(1, len(parts) + 1)]


def in_words_of_the_file(problem: str) -> str:
    """What is said of a network's fields, as a file has them: `enable_ipv6: true`, and `subnet` for both families."""
    problem = re.sub(r"\b(\w+)=(True|False)\b", lambda m: f"{SAID.get(m[1], m[1])}: {m[2].lower()}", problem)
    return re.sub(r"\b(subnet|gateway|ip_range)6\b", r"\1", problem)
