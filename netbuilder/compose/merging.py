"""One file over another, as Compose merges them (https://compose-spec.io, chapter 13).

Mappings are merged key by key, lists are joined, and of other values the later one holds. A value with the tag
`!override` takes the place of the earlier one; with `!reset` there is none.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import yaml

from netbuilder.compose.keys import below
from netbuilder.compose.source import KINDS, fault, under

_TAG = "tag:yaml.org,2002:"
_RESET, _OVERRIDE = "!reset", "!override"
_KINDS = {yaml.ScalarNode: KINDS[str], yaml.SequenceNode: KINDS[list], yaml.MappingNode: KINDS[dict]}
_MOST = 500_000
"""Entries that all merging comes to; unlimited, a chain of `extends` brings in the square of the file."""

_PAIRS = {"networks.*.labels", "services.*.deploy.labels", "services.*.labels", "services.*.sysctls"}
_ONE_OR_MORE = {"services.*.dns", "services.*.dns_opt", "services.*.dns_search"}
_HOSTS = "services.*.extra_hosts"
_PORTS = "services.*.ports"
_POOLS = "networks.*.ipam.config"
_ATTACHMENTS = "services.*.networks"
_AS_LISTS = _PAIRS | _ONE_OR_MORE | {_HOSTS}
"""Where a list may be written as a mapping, or one entry as a text."""


class Merging:
    """Merges files, as long as they do not come to too much."""

    def __init__(self) -> None:
        self._room = _MOST
        self._settled: dict[int, tuple[yaml.Node, yaml.Node]] = {}

    def merge(self, base: yaml.Node | None, over: yaml.Node, place: str = "", where: str = "") -> yaml.Node:
        """One value over another, which is merged already.

        Args:
            base: The earlier value; None, where there is none.
            over: The later one.
            place: Where it stands, with "*" for the names of networks and services.
            where: The same, with the names.

        Raises:
            SpecError: If they can't be merged, or come to too much.
        """
        if base is None or over.tag == _OVERRIDE or _is_empty(base):
            return self.settled(over)
        if _is_empty(over):
            return base
        if place in _AS_LISTS:
            base, over = _as_list(base), _as_list(over)
        if place == _ATTACHMENTS:
            base, over = _as_mapping(base), _as_mapping(over)
        if isinstance(base, yaml.MappingNode) and isinstance(over, yaml.MappingNode):
            return self._mapping(base, over, place, where)
        if isinstance(base, yaml.SequenceNode) and isinstance(over, yaml.SequenceNode):
            return self._pools(base, over, where) if place == _POOLS else self._list(base, over, place, where)
        if isinstance(base, yaml.ScalarNode) and isinstance(over, yaml.ScalarNode):
            return self.settled(over)
        problem = f"is {_KINDS[type(over)]} here and {_KINDS[type(base)]} in the file that it is merged into"
        raise fault(over, where, problem, "write both alike, or take its place: !override")

    def settled(self, node: yaml.Node) -> yaml.Node:
        """A value that is merged into nothing: what it resets is gone, and what it overrides is as it says."""
        if isinstance(node, yaml.ScalarNode):
            return _untagged(node, node.value)
        _, done = self._settled.get(id(node), (node, None))
        if done is None:
            done = _untagged(node, self._parts(node))
            self._settled[id(node)] = node, done  # the node is kept, as its id is its own only as long as it is there
        return done

    def _parts(self, node: yaml.Node) -> list[Any]:
        self._count(node, len(node.value))
        if isinstance(node, yaml.MappingNode):
            return [(key, self.settled(value)) for key, value in node.value if value.tag != _RESET]
        return [self.settled(entry) for entry in node.value if entry.tag != _RESET]

    def _mapping(self, base: yaml.MappingNode, over: yaml.MappingNode, place: str, where: str) -> yaml.Node:
        self._count(over, len(base.value) + len(over.value))
        entries = {key.value: (key, value) for key, value in base.value}
        for key, value in over.value:
            name = key.value
            if value.tag == _RESET:
                entries.pop(name, None)
                continue
            earlier = entries[name][1] if name in entries else None
            merged = self.merge(earlier, value, below(place, name), under(where, name))
            keeps = name in entries and (merged is earlier or not isinstance(value, yaml.ScalarNode))
            entries[name] = entries[name][0] if keeps else key, merged
        return yaml.MappingNode(f"{_TAG}map", list(entries.values()), base.start_mark, base.end_mark)

    def _list(self, base: yaml.SequenceNode, over: yaml.SequenceNode, place: str, where: str) -> yaml.Node:
        self._count(over, len(base.value) + len(over.value))
        entries: dict[Hashable, yaml.Node] = {}
        for entry in (*base.value, *(self.settled(entry) for entry in over.value if entry.tag != _RESET)):
            entries[_identity(entry, place)] = entry
        return yaml.SequenceNode(f"{_TAG}seq", list(entries.values()), base.start_mark, base.end_mark)

    def _pools(self, base: yaml.SequenceNode, over: yaml.SequenceNode, where: str) -> yaml.Node:
        """Those with the same subnet are merged; what has another one takes the place of what was there."""
        found: dict[str, yaml.Node] = {}
        for earlier in base.value:
            for later in over.value:
                subnet = _field(later, "subnet")
                if subnet != _field(earlier, "subnet") and subnet not in found:
                    found[subnet] = self.settled(later)
                else:
                    found[subnet] = self.merge(earlier, later, _POOLS + ".[]", where)
                self._count(over, 1)
        return yaml.SequenceNode(f"{_TAG}seq", list(found.values()), base.start_mark, base.end_mark)

    def _count(self, node: yaml.Node, entries: int) -> None:
        self._room -= entries
        if self._room < 0:
            raise fault(node, "the file", f"what is merged comes to more than {_MOST} entries, as in no Compose file")


def _is_empty(node: yaml.Node) -> bool:
    return node.tag == f"{_TAG}null"


def _untagged(node: yaml.Node, value: Any) -> yaml.Node:
    """A node without a tag of Compose's."""
    if node.tag not in (_RESET, _OVERRIDE):
        return node if value == node.value else type(node)(node.tag, value, node.start_mark, node.end_mark)
    if isinstance(node, yaml.ScalarNode):
        tag = "null" if value in ("", "~", "null") else "str"
        return yaml.ScalarNode(f"{_TAG}{tag}", value, node.start_mark, node.end_mark)
    tag = "map" if isinstance(node, yaml.MappingNode) else "seq"
    return type(node)(f"{_TAG}{tag}", value, node.start_mark, node.end_mark)


def _as_list(node: yaml.Node) -> yaml.Node:
    """A mapping as a list of "NAME=VALUE", and a text as a list of one."""
    if isinstance(node, yaml.MappingNode):
        entries: list[yaml.Node] = list(_pairs(node))
    elif isinstance(node, yaml.ScalarNode):
        entries = [node]
    else:
        return node
    return yaml.SequenceNode(f"{_TAG}seq", entries, node.start_mark, node.end_mark)


def _pairs(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    for key, value in node.value:
        for one in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            said = one.value if isinstance(one, yaml.ScalarNode) else ""
            text = key.value if _is_empty(one) else f"{key.value}={said}"
            yield yaml.ScalarNode(f"{_TAG}str", text, key.start_mark, value.end_mark)


def _as_mapping(node: yaml.Node) -> yaml.Node:
    """A list of names as a mapping, in which nothing is said of them."""
    if not isinstance(node, yaml.SequenceNode):
        return node
    names: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for entry in node.value:
        if not isinstance(entry, yaml.ScalarNode):
            raise fault(entry, "networks", "must be text")
        names[entry.value] = entry, yaml.ScalarNode(f"{_TAG}null", "", entry.start_mark, entry.end_mark)
    return yaml.MappingNode(f"{_TAG}map", list(names.values()), node.start_mark, node.end_mark)


def _identity(entry: yaml.Node, place: str) -> Hashable:
    """What of two entries of a list is the same, so that the later one holds."""
    if isinstance(entry, yaml.ScalarNode):
        text: str = entry.value
        return text if place in (_PORTS, _HOSTS) else text.partition("=")[0]
    if isinstance(entry, yaml.MappingNode) and place == _PORTS:
        host = _field(entry, "host_ip") or "0.0.0.0"
        return host, _field(entry, "published"), _field(entry, "target"), _field(entry, "protocol") or "tcp"
    return id(entry)


def _field(node: yaml.Node, key: str) -> str:
    said = {name.value: value for name, value in node.value} if isinstance(node, yaml.MappingNode) else {}
    value = said.get(key)
    return value.value if isinstance(value, yaml.ScalarNode) else ""
