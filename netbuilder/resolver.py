"""Resolves specs against the host that they are for: what `resolve` has to know of it is looked up here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from netbuilder import firewall
from netbuilder.kernel import survey
from netbuilder.kernel.kernel import Kernel
from netbuilder.ledger import Ledger
from netbuilder.ownership import refuse_what_is_not_ours
from netbuilder.ports import PublishedPort
from netbuilder.resolve import Resolution, needs_survey, resolve
from netbuilder.resolved import Facts
from netbuilder.spec import Network, Sandbox
from netbuilder.state import TableOf
from netbuilder.store import Store
from netbuilder.units import RULES, Key, Unit, stands, units

Specs = Iterable[Network | Sandbox]


class Resolver:
    """For one host; what is resolved is entered into the store's ledger."""

    def __init__(self, store: Store, kernel: Kernel) -> None:
        self.store, self.kernel = store, kernel
        self.ephemeral = survey.ephemeral_ports()

    def units(self, specs: Specs) -> tuple[list[Unit], tuple[Key, ...]]:
        """The units asked for, and which of them are new; none of these is somebody else's already.

        Where the table was lost, it goes back with all that stood in it: a network without its entries would be open
        to all others.
        """
        ledger = self.store.ledger()
        before = replace(ledger, networks=dict(ledger.networks), sandboxes=dict(ledger.sandboxes))
        resolution = self.resolve(specs)
        if stands(RULES, before) and not self.kernel.has_table():
            ledger = self.store.ledger()
            everything = tuple(ledger.networks.values()), tuple(ledger.sandboxes.values())
            resolution = Resolution(resolution.ground, *everything)
        parts = units(resolution)
        new = tuple(part.key for part in parts if not stands(part.key, before))
        refuse_what_is_not_ours(resolution, set(new), before.sandboxes, self.kernel)
        return parts, new

    def resolve(self, specs: Specs) -> Resolution:
        """Leave nothing open; a host port that is free to choose must not be one that a process holds."""
        specs = tuple(specs)
        ledger = self.store.ledger()
        had = (ledger.sandboxes[spec.name].endpoint for spec in specs if spec.name in ledger.sandboxes)
        held = {port for endpoint in had if endpoint for port in endpoint.publish}
        facts = self._facts(ledger) if needs_survey(specs, ledger) else Facts(ephemeral=self.ephemeral)
        while True:
            resolution = resolve(specs, ledger, facts)
            busy = survey.busy_ports((port for port in _ports(resolution) if port not in held), facts.ephemeral[1])
            if not busy:
                return resolution
            facts = replace(facts, busy=facts.busy | busy)
            self.store.forget()
            ledger = self.store.ledger()

    def _facts(self, ledger: Ledger) -> Facts:
        """What the host is like. Under rules of ours that the store lost, forwarding is on because of us: ask them."""
        facts = survey.facts(self.kernel.host_socket)
        seen = None if ledger.ground else self.kernel.observe([TableOf(firewall.NAME)]).table(firewall.NAME)
        return replace(facts, forwarding=seen == firewall.outline(True)) if firewall.is_ours(seen) else facts


def _ports(resolution: Resolution) -> Iterator[PublishedPort]:
    return (port for one in resolution.sandboxes if one.endpoint for port in one.endpoint.publish)
