"""Firewall rules: one fixed table, and the elements that networks and published ports add to its sets and maps.

See `nft(8)`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from ipaddress import IPv4Address, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from netbuilder import firewall
from netbuilder.errors import shown
from netbuilder.spec.ports import Port, Protocol
from netbuilder.steps.base import BY_KIND, WITH_KIND, Kernel, Step, shell
from netbuilder.steps.state import TABLE, ElementOf, Query, State, TableOf, Thing

_WORDS = frozenset(("tcp", "udp", "sctp", "ipv4", "ipv6"))
_PORTS = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def _element_text(text: str) -> str:
    """Parts that can be an element's and nothing else: it cannot end itself and begin another command."""
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


ElementText = Annotated[str, Field(max_length=120), AfterValidator(_element_text)]


class _InSet(Step):
    """One element of a set or map; the rules look things up there, so none is added and none gets slower."""

    def subject(self) -> str:
        set_, key, _ = self.entry()
        return f"element/{set_}/{key}"

    def command(self) -> str:
        return shell("nft", firewall.element_command(*self.entry()))

    def queries(self) -> tuple[Query[Any], ...]:
        set_, key, _ = self.entry()
        return (ElementOf(set_, key),)

    def holds(self, state: State) -> bool:
        set_, key, data = self.entry()
        return state[ElementOf(set_, key)] == data

    def is_present(self, state: State) -> bool:
        set_, key, _ = self.entry()
        return state[ElementOf(set_, key)] is not None  # whatever was done to its data

    def do(self, kernel: Kernel) -> None:
        kernel.add_element(*self.entry())  # refused where the key is there with other data

    def undo_command(self, before: str | None) -> str:
        set_, key, _ = self.entry()
        return shell("nft", f"delete element {firewall.TABLE} {set_} {{ {key} }}")

    def undo(self, kernel: Kernel, before: str | None) -> None:
        set_, key, _ = self.entry()
        kernel.delete_element(set_, key)

    def undone(self, state: State) -> Mapping[Query[Any], Any]:
        return dict.fromkeys(self.queries())

    @abstractmethod
    def entry(self) -> tuple[str, str, str]:
        """The set or map, the key, and the data that a map has for it, in nft's words."""


class AddElement(_InSet):
    """Add an element to a set or map."""

    kind = "AddElement"

    set: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    key: ElementText
    data: ElementText = ""

    def entry(self) -> tuple[str, str, str]:
        return self.set, self.key, self.data


class PublishPort(_InSet):
    """Publish a port of the host: what is sent to it is rewritten to go to an address and a port inside (DNAT)."""

    kind = "PublishPort"

    host_ip: IPv4Address
    host_port: Port
    protocol: Protocol
    address: IPv4Address
    sandbox_port: Port

    def entry(self) -> tuple[str, str, str]:
        return firewall.port_element(self)


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

    elements: tuple[Annotated[_InSet, BY_KIND, WITH_KIND], ...]

    def table(self) -> AddTable:
        """The table without its elements."""
        return AddTable()

    def _text(self) -> str:
        elements = (firewall.element_command(*one.entry()) for one in self.elements)
        return "".join((f"delete table {firewall.TABLE}\n", firewall.ruleset(), *(f"{line}\n" for line in elements)))
