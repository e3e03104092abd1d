"""What is read of a file, with its variables filled in; what is ignored is left out ahead of that."""

from __future__ import annotations

import yaml

from netbuilder.compose import keys
from netbuilder.compose.source import Filled, fault, under
from netbuilder.compose.variables import Variables

_NULL = "tag:yaml.org,2002:null"


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
        self._done: dict[tuple[int, str], yaml.Node | None] = {}
        """By node and place, as an alias is a node that stands in several; None while its parts are being filled."""

    def fill(self, node: yaml.Node, place: str, where: str) -> yaml.Node:
        if isinstance(node, yaml.ScalarNode):
            return self._text(node, where) if "$" in node.value else node
        done = self._done.get((id(node), place), node)
        if done is None:
            raise fault(node, where, "a value cannot be a part of itself")
        if done is not node:
            return done
        self._done[id(node), place] = None
        if isinstance(node, yaml.MappingNode):
            parts = [(key, self._value(key.value, value, place, where)) for key, value in node.value]
            done = yaml.MappingNode(node.tag, parts, node.start_mark, node.end_mark)
        else:
            entries = [self.fill(entry, f"{place}.[]", f"{where}[{i}]") for i, entry in enumerate(node.value)]
            done = yaml.SequenceNode(node.tag, entries, node.start_mark, node.end_mark)
        self._done[id(node), place] = done
        return done

    def _value(self, key: str, value: yaml.Node, place: str, where: str) -> yaml.Node:
        if place in keys.AT and keys.AT[place].ignores(key):
            return yaml.ScalarNode(_NULL, "", value.start_mark, value.end_mark)
        return self.fill(value, keys.below(place, key), under(where, key))

    def _text(self, node: yaml.ScalarNode, where: str) -> yaml.Node:
        try:
            value = self._variables.fill(node.value)
        except ValueError as error:
            raise fault(node, where, str(error)) from None
        filled = Filled(node, value)
        if node.tag.startswith("!"):
            filled.tag = node.tag
        return filled
