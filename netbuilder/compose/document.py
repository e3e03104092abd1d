"""A Compose file as checked mappings: YAML read as the text that was typed, and errors that name the place in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from types import NoneType
from typing import Any, ClassVar, TypeAlias

import yaml

from netbuilder import errors
from netbuilder.compose.keys import ADVICE, Keys
from netbuilder.errors import SpecError

_KINDS = {str: "text", list: "a list", dict: "a mapping", NoneType: "empty"}
_FLAGS = {"true": True, "false": False}
_Entry: TypeAlias = tuple[yaml.ScalarNode, yaml.Node]
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_MOST_MERGED = 100_000
"""Mappings and their entries that a file's merge keys may bring in; unlimited, these grow as the square of the file."""


class _Loader(yaml.SafeLoader):
    """YAML whose values stay the text that was typed: 22:22 is no number in base 60, and `no` is no boolean."""

    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        tag: yaml.SafeLoader.yaml_constructors[tag]
        for tag in (f"{_TAG}null", f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map", None)
    }

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._composed: set[yaml.MappingNode] = set()
        self._merged = 0

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Keys are compared before merge keys are resolved: what stands beside a "<<" takes the merged key's place.
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (f"{_TAG}str", _MERGE):
                raise yaml.MarkedYAMLError(problem="a key must be text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {shown(key.value)} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        # PyYAML would resolve them later. But its releases differ in which of two merged values holds and in how often
        # they copy an entry; and what is merged stands before, with its own merge keys resolved already.
        node.value = self._resolved(node.value)
        self._composed.add(node)
        return node

    def _resolved(self, entries: list[_Entry]) -> list[_Entry]:
        """A mapping's entries without merge keys: for each key the mapping's own value, else the first merged one."""
        merged: dict[str, _Entry] = {}
        for key, value in entries:
            if key.tag == _MERGE:
                for mapping in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    for entry in self._to_merge(mapping, key):
                        merged.setdefault(entry[0].value, entry)
        own = {key.value: (key, value) for key, value in entries if key.tag != _MERGE}
        return list((merged | own).values())

    def _to_merge(self, node: yaml.Node, key: yaml.ScalarNode) -> list[_Entry]:
        """The entries of what a merge key names, which count before they are copied."""
        if not isinstance(node, yaml.MappingNode):
            problem = "a merge key takes a mapping or a list of mappings"
        elif node not in self._composed:
            problem = "a mapping cannot merge what it is a part of"
        else:
            self._merged += 1 + len(node.value)
            if self._merged <= _MOST_MERGED:
                entries: list[_Entry] = node.value
                return entries
            problem = f"merge keys bring in more than {_MOST_MERGED} mappings and entries"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"(?:~|null|Null|NULL)?\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_MERGE, re.compile(r"<<\Z"), ["<"])


def load(text: str) -> object:
    """The file as text, lists, mappings and None.

    Raises:
        SpecError: If it is not valid YAML, with the line and the column.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        index = error.problem_mark.index if error.problem_mark else 0
        problem = ", ".join(filter(None, (error.context, error.problem)))
        raise SpecError(_position(text, index), one_line(problem)) from None
    except yaml.reader.ReaderError as error:
        raise SpecError(_position(text, error.position), one_line(error.reason)) from None
    except RecursionError:
        raise SpecError("the file", "is nested too deeply") from None
    except (ValueError, OverflowError) as error:  # PyYAML hands an escape such as "\UFFFFFFFF" to chr() as it is
        raise SpecError("the file", f"is not valid YAML: {one_line(str(error))}") from None


def _position(text: str, index: int) -> str:
    before = text[:index]
    return f"line {before.count(chr(10)) + 1}, column {index - before.rfind(chr(10))}"


def one_line(message: str) -> str:
    """A message of another library, on one line and short enough to print."""
    line = " ".join(message.split())
    return line if len(line) <= 200 else line[:200] + "…"


def shown(value: object) -> str:
    """A value as an error shows it: short, on one line."""
    if not isinstance(value, str):
        return _KINDS[type(value)]
    return errors.shown(value, most=60)


def under(where: str, key: str) -> str:
    """The place of a key in the file, like "services.web"."""
    return f"{where}.{shown(key)[1:-1]}".removeprefix(".")


def suggestion(word: str, known: Iterable[str]) -> str:
    """What may have been meant by an unknown word, or nothing."""
    close = get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else ""


def expect(value: object, where: str, *kinds: type) -> Any:
    """The value, if it is of one of these kinds and written out."""
    if isinstance(value, str) and "$" in value:
        raise SpecError(where, f"{shown(value)}: interpolation is not supported", "write the value itself")
    if not isinstance(value, kinds):
        raise SpecError(where, f"must be {' or '.join(_KINDS[kind] for kind in kinds)}, not {_KINDS[type(value)]}")
    return value


def number(text: str, where: str) -> int:
    """The whole number that the text writes."""
    if not re.fullmatch("[0-9]{1,9}", text):
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
        if any(fnmatchcase(key, pattern) for pattern in keys.ignored.split()):
            self._ignored.add(where)
        elif key in keys.refused.split():
            raise SpecError(where, "is not supported yet", ADVICE.get(key, "remove it"))
        elif key in keys.only:
            self._values[key] = _one_of(value, where, keys.only[key].split(), ADVICE.get(key))
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

    def flag(self, key: str, default: bool) -> bool:
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


def _one_of(value: object, where: str, allowed: list[str], advice: str | None) -> str | None:
    """A value of which few are honoured, in lower case."""
    if value is None:
        return None
    said = expect(value, where, str).lower() if isinstance(value, str) else ""
    if said not in allowed:
        raise SpecError(where, f"{shown(value)} is not supported yet", advice or f"use {' or '.join(allowed)}")
    return said
