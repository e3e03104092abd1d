"""The files of a project: as text, as PyYAML's nodes, and others that they speak of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import yaml

from netbuilder.compose.filling import filled
from netbuilder.compose.source import fault, load, shown
from netbuilder.compose.variables import Variables
from netbuilder.errors import SpecError

Reader: TypeAlias = Callable[[str], str | None]
"""Gives the text of the file at a path, or None if there is none."""

Entries: TypeAlias = dict[str, tuple[yaml.Node, yaml.Node]]
"""The key and the value of each entry of a mapping."""

_MOST = 200
"""Files that are read for a project: a few that each include the next one twice come to billions."""


class File(NamedTuple):
    """A Compose file.

    Args:
        name: Its path, for errors; nothing for a text that is no file.
        text: What it says.
    """

    name: str
    text: str


class Parsed(NamedTuple):
    """The same, as PyYAML's nodes.

    Args:
        name: Its path.
        root: What it says; None for a file that is empty.
    """

    name: str
    root: yaml.Node | None


class Library:
    """Other files.

    Args:
        read: How they are read; None, where a text stands alone.
    """

    def __init__(self, read: Reader | None) -> None:
        self._read = read
        self._room = _MOST

    def text(self, path: str, node: yaml.Node, where: str) -> str:
        """The text of a file.

        Args:
            path: Its path.
            node: What names it.
            where: The place of that.

        Raises:
            SpecError: If there is none, or it is one too many.
        """
        if self._read is None:
            raise fault(node, where, f"{shown(path)} is another file, and a text alone is read")
        text = self.text_if_there(path, node, where)
        if text is None:
            raise fault(node, where, f"there is no file {shown(path)}")
        self._room -= 1
        if self._room < 0:
            raise fault(node, where, f"more than {_MOST} files are read, as for no project")
        return text

    def text_if_there(self, path: str, node: yaml.Node, where: str) -> str | None:
        """The same, or None if there is none."""
        try:
            return None if self._read is None else self._read(path)
        except SpecError as error:
            raise fault(node, where, str(error), error.hint) from None


def parsed(files: Iterable[File]) -> list[Parsed]:
    """Files as nodes.

    Raises:
        SpecError: If one is not valid YAML.
    """
    return [Parsed(name, load(text, name)) for name, text in files]


def project_name(files: Sequence[Parsed], variables: Variables) -> str | None:
    """The project's name that files say: the last one that says one.

    Raises:
        SpecError: If a variable in it can't be filled in.
    """
    said = [entries_of(file.root)["name"][1] for file in files if "name" in entries_of(file.root)]
    names = [filled(name, variables).value for name in said if isinstance(name, yaml.ScalarNode)]
    return names[-1] if names and names[-1] else None


def entries_of(node: yaml.Node | None) -> Entries:
    """The keys and values of a mapping; of anything else there are none."""
    return {key.value: (key, value) for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def with_entries(node: yaml.Node, entries: Entries) -> yaml.MappingNode:
    """A mapping with other entries, where it stands."""
    return yaml.MappingNode(node.tag, list(entries.values()), node.start_mark, node.end_mark)


def is_nothing(node: yaml.Node | None) -> bool:
    """Whether a value is not there, is empty, or is one that a tag takes away."""
    return node is None or node.tag == "!reset" or node.tag.endswith(":null")


def texts(node: yaml.Node, where: str) -> list[str]:
    """A text, or a list of texts."""
    found = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for one in found:
        if not isinstance(one, yaml.ScalarNode) or not one.value:
            raise fault(one, where, "must be text")
    if not found:
        raise fault(node, where, "must not be empty")
    return [one.value for one in found]
