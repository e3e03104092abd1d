"""YAML as the text that was typed, and the line on which each place in it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import NoneType
from typing import Any, ClassVar, NamedTuple, TypeAlias

import yaml

from netbuilder import errors
from netbuilder.errors import SpecError

KINDS = {str: "text", list: "a list", dict: "a mapping", NoneType: "empty"}
"""What a value may be, in words."""

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

    def __init__(self, stream: str, name: str) -> None:
        super().__init__(stream)
        self.name = name  # it goes into the marks of the nodes
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


class Filled(yaml.ScalarNode):
    """A text with variables filled in.

    Args:
        node: The text as it was typed.
        value: What it says now.
    """

    def __init__(self, node: yaml.ScalarNode, value: str) -> None:
        super().__init__(f"{_TAG}str", value, node.start_mark, node.end_mark)
        self.typed = node.value


class Source(NamedTuple):
    """What a file says, or several that are read as one.

    Args:
        content: Text, lists, mappings and None.
        root: The same as PyYAML's nodes, which know where they stand.
    """

    content: object
    root: yaml.Node | None

    def told(self, error: SpecError) -> SpecError:
        """The error with the file and the line of its place, and the variables in what stands there.

        The place is one such as "services.web.ports[0]"; where it is not there, what it would be in has the line.
        """
        if error.line is not None or error.file is not None:
            return error
        found = max(_on_the_way(self.root, "", error.field), key=lambda found: found[0], default=None)
        if found is None:
            return error
        length, mark, node = found
        if isinstance(node, Filled) and length == len(error.field):
            problem = str(error).removeprefix(f"{error.field}: ")
            error = SpecError(error.field, f"{problem} (from {shown(node.typed)})", error.hint)
        error.file, error.line = mark.name or None, mark.line + 1
        return error


def fault(node: yaml.Node, where: str, problem: str, hint: str = "") -> SpecError:
    """What is wrong with a node, told with its file and line."""
    error = SpecError(where, problem, hint)
    error.file, error.line = node.start_mark.name or None, node.start_mark.line + 1
    return error


def _on_the_way(node: yaml.Node | None, at: str, where: str) -> Iterator[tuple[int, yaml.Mark, yaml.Node]]:
    """How far each step to a place leads, and what stands there. A key may have dots of its own: all ways are tried."""
    for place, mark, part in _parts(node, at):
        if where == place or where.startswith((f"{place}.", f"{place}[")):
            yield len(place), mark, part
            yield from _on_the_way(part, place, where)


def _parts(node: yaml.Node | None, at: str) -> Iterator[tuple[str, yaml.Mark, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((under(at, key.value), key.start_mark, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((f"{at}[{i}]", entry.start_mark, entry) for i, entry in enumerate(node.value))


def load(text: str, name: str = "") -> yaml.Node | None:
    """Read a file.

    Raises:
        SpecError: If it is not valid YAML, with the line and the column.
    """
    with _told_by(name, text):
        loader = _Loader(text, name)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()


def source(root: yaml.Node | None) -> Source:
    """What nodes say.

    Raises:
        SpecError: If one has a tag that is not one of text, a list or a mapping.
    """
    with _told_by("", ""):
        loader = _Loader("", "")
        try:
            return Source(None if root is None else loader.construct_document(root), root)
        finally:
            loader.dispose()


@contextmanager
def _told_by(name: str, text: str) -> Iterator[None]:
    """Faults of YAML, as errors of ours."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        name = mark.name if mark else name
        told = SpecError(where, one_line(", ".join(filter(None, (error.context, error.problem)))))
    except yaml.reader.ReaderError as error:
        told = SpecError(_position(text, error.position), one_line(error.reason))
    except RecursionError:
        told = SpecError("the file", "is nested too deeply")
    except (ValueError, OverflowError) as error:  # PyYAML hands an escape such as "\UFFFFFFFF" to chr() as it is
        told = SpecError("the file", f"is not valid YAML: {one_line(str(error))}")
    else:
        return
    told.file = name or None
    raise told from None


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
        return KINDS[type(value)]
    return errors.shown(value, most=60)


def under(where: str, key: str) -> str:
    """The place of a key in the file, like "services.web"."""
    return f"{where}.{shown(key)[1:-1]}".removeprefix(".")
