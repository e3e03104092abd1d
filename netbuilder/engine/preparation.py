"""From specs to what has to be done on one host: what the pure part has to know of it is looked up here.

One look at the kernel for all that a call asks: the plan, what was done before, and whose what is there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from netbuilder import firewall
from netbuilder.engine.changes import transition
from netbuilder.engine.handles import refuse_strangers
from netbuilder.engine.lookout import Lookout
from netbuilder.engine.preflight import Preflight, asked_ahead
from netbuilder.engine.store import Store
from netbuilder.engine.surroundings import Surroundings
from netbuilder.engine.transition import Standing, Transition, moving, other_pins, queries
from netbuilder.kernel import busy_ports, host_facts
from netbuilder.kernel.kernel import Kernel
from netbuilder.kernel.neighbours import Ports
from netbuilder.recipes.units import Key, Unit, standing, units
from netbuilder.resolve import Resolution, begins_ipv6, bridge_modes, bridged_matters, needs_facts, resolve
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.defaults import POOLS
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.resolved import ResolvedPort
from netbuilder.spec import Network, Sandbox
from netbuilder.steps.state import State, TableCommentOf

Specs = Iterable[Network | Sandbox]
_COMMENT = TableCommentOf(firewall.NAME)


@dataclass(frozen=True)
class Prepared:
    """What is asked for, which of it stands already, and what it takes to make it so."""

    units: list[Unit]
    stood: Mapping[Key, Standing]
    transition: Transition
    warnings: list[str]


class Preparation:
    """Prepares the calls of one host, for a caller that holds its lock."""

    def __init__(self, store: Store, kernel: Kernel) -> None:
        self.store, self.kernel = store, kernel
        self.pools = POOLS
        self._ports = Ports(kernel.host_socket)

    def prepare(self, specs: Specs) -> Prepared:
        """Resolve specs, refuse what cannot be, and compare them with what stands.

        Where the table was lost, or is of another version, it goes back with all that stood in it: a network without
        its elements would be open to all others.
        """
        specs = tuple(specs)
        refuse_strangers(specs, self.store)
        allocations = self.store.allocations()
        resolution = self._resolve(specs, allocations)
        prepared, comment = self._compare(resolution, allocations)
        if allocations.baseline and not firewall.is_current_comment(comment):
            prepared, _ = self._compare(_with_all_that_stands(resolution, allocations), allocations)
        return prepared

    def _resolve(self, specs: tuple[Network | Sandbox, ...], allocations: Allocations) -> Resolution:
        """Leave nothing open; what is free to choose must not be what a process or somebody on a bridge has.

        Whether it is can be asked only once it is chosen: then the answer is one more fact, to choose again.
        """
        had = (allocations.sandboxes[spec.name] for spec in specs if spec.name in allocations.sandboxes)
        held = {port for sandbox in had for port in sandbox.ports}
        if needs_facts(specs, allocations):
            facts = host_facts.facts(self.kernel)
        else:
            bridged = host_facts.bridged_families() if bridged_matters(specs, allocations) else ()
            facts = HostFacts(last_group=host_facts.last_group(), bridged=bridged)
        facts = replace(facts, pools=self.pools)
        if begins_ipv6(specs, allocations):
            facts = host_facts.with_advertised(facts, self.kernel)
        if any(port.host_port is None for mode in bridge_modes(specs) for port in mode.publish):
            facts = host_facts.with_free_ports(facts)
        lookout = Lookout(self.kernel, self._ports, allocations)
        while True:
            resolution = resolve(specs, allocations, facts)
            new = (port for port in _ports(resolution) if port not in held)
            busy = busy_ports.among(new, facts.ephemeral[1])
            known = lookout.look(resolution, facts)
            if known is facts and not busy:
                return resolution
            facts = replace(known, busy=facts.busy | busy)

    def _compare(self, resolution: Resolution, allocations: Allocations) -> tuple[Prepared, str | None]:
        parts = units(resolution)
        records = self.store.records((unit.key for unit in parts), {unit.key: unit.plan for unit in parts})
        stood = {}
        for key, done in records.items():
            resolved = standing(key, allocations)
            assert resolved is not None
            stood[key] = Standing(resolved, done)
        preflight = Preflight(parts, allocations.sandboxes, stood)
        around = Surroundings(parts, (one.bridge for one in allocations.networks.values()))
        asked = queries(parts, stood) | preflight.queries() | around.queries()
        asked |= {_COMMENT} if allocations.baseline else set()
        state = self.kernel.observe(asked, _namespace_paths(parts, stood))
        arriving = {unit.key.name: self._look_ahead(unit) for unit in moving(parts, stood, state)}
        preflight.check(state, arriving)
        change = transition(parts, stood, state, arriving)
        return Prepared(parts, stood, change, [*resolution.warnings, *around.warnings(state)]), state.get(_COMMENT)

    def _look_ahead(self, unit: Unit) -> State:
        """What the namespace looks like that a sandbox moves to: under its name is still the one that it leaves."""
        path = unit.plan.namespace_paths().get(unit.key.name)
        return self.kernel.observe(asked_ahead(unit), {unit.key.name: path or ""}, ahead=True)


def _namespace_paths(parts: list[Unit], stood: Mapping[Key, Standing]) -> dict[str, str]:
    """Where to look into adopted namespaces that have no pin; where that was another's, nothing is left to see."""
    return {
        name: path
        for unit in parts
        for name, path in unit.plan.namespace_paths().items()
        if unit.key not in stood or not other_pins(unit, stood[unit.key].records)
    }


def _with_all_that_stands(resolution: Resolution, allocations: Allocations) -> Resolution:
    networks = {**allocations.networks, **{one.name: one for one in resolution.networks}}
    sandboxes = {**allocations.sandboxes, **{one.name: one for one in resolution.sandboxes}}
    return resolution._replace(networks=tuple(networks.values()), sandboxes=tuple(sandboxes.values()))


def _ports(resolution: Resolution) -> Iterator[ResolvedPort]:
    return (port for sandbox in resolution.sandboxes for port in sandbox.ports)
