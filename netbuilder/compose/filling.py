"""What is read of a file, with its variables filled in; what is ignored is left out ahead of that."""

from __future__ import annotations

from typing import Any

import yaml

from netbuilder.compose import keys
from netbuilder.compose.source import Filled, fault, under
from netbuilder.compose.variables import Variables

_NULL = "tag:yaml.org,2002:null"
_PLACES = {place.rpartition(".")[0] for place in keys.AT} | keys.AT.keys()
_ELSEWHERE = "-"
"""Every place from which none leads to a key that is ignored."""


def filled(root: yaml.Node, variables: Variables) -> yaml.Node:
    """A file's nodes, with the values of variables in its texts.

    Keys stay as they are, as in Compose. Of a key that is ignored only the key is left: a variable that is asked for
    there need not be set.

    Raises:
        SpecError: If a variable can't be filled in, or a value is a part of itself.
    """
    return _Filling(variables).fill(root, "", "")


class _Filling:
    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._done: dict[tuple[int, str], yaml.Node] = {}
        """By node and place: an alias is a node that stands in several."""
        self._open = set[int]()
        """The nodes whose parts are being filled."""

    def fill(self, node: yaml.Node, place: str, where: str) -> yaml.Node:
        if isinstance(node, yaml.ScalarNode):
            return self._text(node, where) if "$" in node.value else node
        place = place if place in _PLACES else _ELSEWHERE
        if id(node) in self._open:
            raise fault(node, where, "a value cannot be a part of itself")
        if (id(node), place) not in self._done:
            self._open.add(id(node))
            parts = self._parts(node, place, where)
            self._open.remove(id(node))
            self._done[id(node), place] = type(node)(node.tag, parts, node.start_mark, node.end_mark)
        return self._done[id(node), place]

    def _parts(self, node: yaml.Node, place: str, where: str) -> list[Any]:
        if isinstance(node, yaml.MappingNode):
            return [(key, self._value(key.value, value, place, where)) for key, value in node.value]
        return [self.fill(entry, _ELSEWHERE, f"{where}[{i}]") for i, entry in enumerate(node.value)]

    def _value(self, key: str, value: yaml.Node, place: str, where: str) -> yaml.Node:
        if place in keys.AT and keys.AT[place].ignores(key):
            return yaml.ScalarNode(_NULL, "", value.start_mark, value.end_mark)
        return self.fill(value, keys.below(place, key), under(where, key))

    def _text(self, node: yaml.ScalarNode, where: str) -> yaml.Node:
        try:
            value = self._variables.fill(node.value)
        except ValueError as error:
            raise fault(node, where, str(error)) from None
        if value == node.value:
            return node
        filled = Filled(node, value)
        if node.tag.startswith("!"):
            filled.tag = node.tag
        return filled
