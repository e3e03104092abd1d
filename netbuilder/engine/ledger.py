"""What the lines of a store (see `store`) come to: which units stand because of us, and which were begun."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from netbuilder.errors import shown
from netbuilder.recipes.units import ORDER, Key
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import (
    HostBaseline,
    Resolved,
    ResolvedForwarding6,
    ResolvedLocalnet,
    ResolvedNetwork,
    ResolvedSandbox,
)

Line = list[str]
"""The fields of a line: a word, and what it says."""

_TYPES: Mapping[str, type[Resolved]] = {
    "network": ResolvedNetwork,
    "sandbox": ResolvedSandbox,
    "localnet": ResolvedLocalnet,
    "forwarding6": ResolvedForwarding6,
}


class Entry:
    """A unit that stands, as the text has it; `value` is what it was resolved to, once that has been read."""

    __slots__ = ("number", "records", "resolved", "value")

    def __init__(self, number: int, resolved: str, records: str) -> None:
        self.number, self.resolved, self.records = number, resolved, records
        self.value: Resolved | None = None

    def read(self, key: Key) -> Resolved:
        """What the unit of this key was resolved to.

        Raises:
            ValueError: If it is none, or another's.
        """
        if self.value is None:
            value = _TYPES.get(key.kind, HostBaseline).from_json(json.loads(self.resolved))
            name = getattr(value, "name", key.name)
            if name != key.name:
                raise ValueError(f"it has another name inside: {shown(name)}")
            self.value = value
        return self.value


class Ledger:
    """The units, in the order in which they were made.

    `length` is that of the text that still counts, `last` the highest number given, and `not_understood` a line that is
    none.
    """

    def __init__(self) -> None:
        self.units: dict[Key, Entry] = {}
        self.begun: dict[Key, str] = {}
        self.length = self.last = 0
        self.not_understood: Line | None = None

    def enter(self, line: Line) -> None:
        """Take note of a line."""
        match line:
            case ["begin", kind, name, records] if kind in ORDER:
                self.length += len(records) - len(self.begun.get(Key(kind, name), ""))
                self.begun[Key(kind, name)] = records
            case ["stands", kind, name, number, resolved, records] if kind in ORDER and _is_number(number):
                key = Key(kind, name)
                self._overtake(key)
                self.units[key] = Entry(int(number), resolved, records)
                self.length += len(resolved) + len(records)
                self.last = max(self.last, int(number))
            case ["gone", kind, name] if kind in ORDER:
                self._overtake(Key(kind, name))
                self.units.pop(Key(kind, name), None)
            case ["end"]:
                self.length -= sum(map(len, self.begun.values()))
                self.begun.clear()
            case _:
                self.not_understood = line

    def _overtake(self, key: Key) -> None:
        if unit := self.units.get(key):
            self.length -= len(unit.resolved) + len(unit.records)

    def whole(self) -> Iterator[Line]:
        """All that counts."""
        for key, unit in self.units.items():
            yield ["stands", *key, str(unit.number), unit.resolved, unit.records]
        for key, text in self.begun.items():
            yield ["begin", *key, text]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20


def lines(text: str) -> list[Line]:
    """The lines of a text, each as its fields."""
    return [line.split("\t") for line in text.split("\n") if line]


def record(allocations: Allocations, made: Iterable[Resolved]) -> None:
    """What was made stands now."""
    made = tuple(made)
    for one in made:
        if isinstance(one, HostBaseline):
            allocations.baseline = one
        elif isinstance(one, ResolvedForwarding6):
            allocations.forwarding6 = one
    allocations.record(
        [one for one in made if isinstance(one, ResolvedNetwork)],
        [one for one in made if isinstance(one, ResolvedSandbox)],
    )


def forget(allocations: Allocations, gone: Iterable[Key]) -> None:
    """What is gone stands no more."""
    gone = tuple(gone)
    if any(key.kind == "firewall" for key in gone):
        allocations.baseline = None
    if any(key.kind == "forwarding6" for key in gone):
        allocations.forwarding6 = None
    allocations.remove(
        [key.name for key in gone if key.kind == "network"], [key.name for key in gone if key.kind == "sandbox"]
    )
