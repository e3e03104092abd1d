"""Firewall rules: one fixed table, and the elements that networks and published ports add to its sets and maps.

See `nft(8)`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any

from netbuilder import firewall
from netbuilder.errors import shown
from netbuilder.steps.base import Kernel, Step, shell
from netbuilder.steps.state import TABLE, ElementOf, Query, State, TableOf, Thing
from netbuilder.values import Port, matching
from netbuilder.values.addresses import IPAddress
from netbuilder.values.ports import Protocol

_ARGUMENT = 1000  # characters of a command that a person would still type
_WORDS = frozenset(("tcp", "udp", "sctp", "ipv4", "ipv6"))
_PORTS = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def _element_text(text: str) -> str:
    """Parts that can be an element's and nothing else: it cannot end itself and begin another command."""
    if len(text) > 100:
        raise ValueError(f"{shown(text)} is longer than any element")
    for part in text.split(" . ") if text else ():
        if part in _WORDS or (part[0:1] == part[-1:] == '"' and firewall.is_name(part[1:-1])):
            continue
        if ports := _PORTS.fullmatch(part):
            first, last = int(ports[1][:6]), int((ports[2] or ports[1])[:6])
            if not first <= last <= 65535:
                raise ValueError(f"{shown(part)} is not a valid port, or range of ports")
            continue
        if "%" in part:
            raise ValueError(f"{shown(part)} has a zone, which an element has not")
        ip_network(part)
    return text


ElementText = Annotated[str, _element_text]


class _InSet(Step):
    """Elements of a set or map; the rules look things up there, so none is added and none gets slower."""

    def subject(self) -> str:
        first, *_ = self.entries()
        return f"element/{first.set}/{first.key}"

    def command(self) -> str:
        return _nft(firewall.element_command(self.entries()))

    def queries(self) -> tuple[Query[Any], ...]:
        return tuple(ElementOf(one.set, one.key) for one in self.entries())

    def holds(self, state: State) -> bool:
        return all(state[ElementOf(one.set, one.key)] == one.data for one in self.entries())

    def is_present(self, state: State) -> bool:
        return any(state[query] is not None for query in self.queries())  # whatever was done to its data

    def do(self, kernel: Kernel) -> None:
        for one in self.entries():
            kernel.add_element(*one)  # refused where the key is there with other data

    def undo_command(self, before: str | None) -> str:
        return _nft(firewall.element_command([one._replace(data="") for one in self.entries()], verb="delete"))

    def undo(self, kernel: Kernel, before: str | None) -> None:
        first, *more = self.entries()
        if more:
            kernel.delete_elements(first.set, [first.key, *(one.key for one in more)])
        else:
            kernel.delete_element(first.set, first.key)

    def undone(self, state: State) -> Mapping[Query[Any], Any]:
        return dict.fromkeys(self.queries())

    @abstractmethod
    def entries(self) -> tuple[firewall.Entry, ...]:
        """What is entered, all of it into one set or map; mostly one element."""


def _nft(command: str) -> str:
    """A command of nft's; a long one is no argument (execve(2): MAX_ARG_STRLEN)."""
    return shell("nft", command) if len(command) < _ARGUMENT else f"nft -f - <<'EOF'\n{command}\nEOF"


class AddElement(_InSet):
    """Add an element to a set or map."""

    kind = "AddElement"

    set: Annotated[str, matching(r"[a-z_]+[46]?")]
    key: ElementText
    data: ElementText = ""

    def entries(self) -> tuple[firewall.Entry, ...]:
        return (firewall.Entry(self.set, self.key, self.data),)


class PublishPort(_InSet):
    """Publish a port of the host: what is sent to it is rewritten to go to an address and a port inside (DNAT).

    Both addresses are of one family; a `host_ip` of 0.0.0.0 or :: is all of it. Of a range, the ports are the first
    of `count`.
    """

    kind = "PublishPort"

    host_ip: IPAddress
    host_port: Port
    protocol: Protocol
    address: IPAddress
    sandbox_port: Port
    count: Port = 1

    def subject(self) -> str:
        return f"{super().subject()}-{self.host_port + self.count - 1}" if self.is_shifted_range else super().subject()

    @property
    def is_shifted_range(self) -> bool:
        """Whether it has an element for each of several ports."""
        return self.count > 1 and self.host_port != self.sandbox_port

    @property
    def host_ports(self) -> range:
        """The ports of the host."""
        return range(self.host_port, self.host_port + self.count)

    def entries(self) -> tuple[firewall.Entry, ...]:
        return firewall.port_elements(self)


class AddTable(Step):
    """Add the firewall: a table of our own, whose rules never change; all that varies is in its sets and maps."""

    kind = "AddTable"
    overwrites = True  # reading the text again repairs the rules and keeps the elements

    def subject(self) -> str:
        return f"table/{firewall.NAME}"

    def command(self) -> str:
        return f"nft -f - <<'EOF'\n{self._text()}EOF"

    def queries(self) -> tuple[Query[Any], ...]:
        return (TableOf(firewall.NAME),)

    def holds(self, state: State) -> bool:
        return state[TableOf(firewall.NAME)] == firewall.outline()

    def is_present(self, state: State) -> bool:
        return firewall.is_ours(state[TableOf(firewall.NAME)])

    def do(self, kernel: Kernel) -> None:
        kernel.nft(self._text())

    def undo_command(self, before: str | None) -> str:
        return shell("nft", f"delete table {firewall.TABLE}")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        kernel.nft(f"delete table {firewall.TABLE}")

    def provides(self) -> tuple[Thing, ...]:
        return (TABLE,)

    def _text(self) -> str:
        return firewall.ruleset()


class ExchangeTable(AddTable):
    """Exchange a table of another version for ours, with all its elements, in one transaction.

    A set cannot be added again with another type (EEXIST), so the whole table goes; no packet meets the host without.
    """

    kind = "ExchangeTable"

    elements: tuple[_InSet, ...]

    def table(self) -> AddTable:
        """The table without its elements."""
        return AddTable()

    def _text(self) -> str:
        elements = (firewall.element_command(one.entries()) for one in self.elements)
        return "".join((f"delete table {firewall.TABLE}\n", firewall.ruleset(), *(f"{line}\n" for line in elements)))
