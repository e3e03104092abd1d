"""What it takes to get from what stands to what is asked for; a kernel in memory shows that it leads there and back."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from itertools import count, product
from typing import Any

import pytest

from netbuilder import firewall
from netbuilder.engine.changes import ANEW, STALE, transition
from netbuilder.engine.flows import stale_after, stale_once_undone
from netbuilder.engine.preflight import Preflight, asked_ahead
from netbuilder.engine.removal import batches
from netbuilder.engine.report import Change, Changes
from netbuilder.engine.transition import Standing, Transition, moving, queries
from netbuilder.errors import StepError
from netbuilder.recipes.units import FIREWALL, FORWARDING, FORWARDING6, Key, Unit, standing, units, whole
from netbuilder.resolve import resolve
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.resolved import HostBaseline, ResolvedNetwork, ResolvedSandbox
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox
from netbuilder.steps import (
    AddAddress,
    AddBridge,
    AddElement,
    AddNamespace,
    AddRoute,
    AddTable,
    AddVeth,
    AttachNamespace,
    EnableForwarding,
    EnableIPv6Forwarding,
    ExchangeTable,
    Plan,
    PublishPort,
    SetMac,
    SetMtu,
    SetSysctl,
    SetUp,
    Step,
    Undo,
    UndoRecord,
)
from netbuilder.steps.base import PlannedRoute
from netbuilder.steps.flows import End, Flow
from netbuilder.steps.forwarding import ForwardingAlone
from netbuilder.steps.link import IndexOf
from netbuilder.steps.state import (
    AddressesIn,
    AddressesOf,
    ElementOf,
    Link,
    LinkOf,
    NamespaceOf,
    PinOf,
    Query,
    Route,
    RoutesOf,
    State,
    SysctlOf,
    TableOf,
    is_part_of,
    netns_thing,
)

Specs = tuple[Network | Sandbox, ...]

# A kernel in memory

HOST = 1
IP_FORWARD, ACCEPT_REDIRECTS = "net/ipv4/ip_forward", "net/ipv4/conf/all/accept_redirects"
NEW_ONES = "net/ipv4/conf/default/forwarding"


def refuse(number: int) -> None:
    raise OSError(number, errno.errorcode[number])


@dataclass
class Namespace:
    """What one network namespace has."""

    links: dict[str, Link] = field(default_factory=dict)
    addresses: dict[str, frozenset[str]] = field(default_factory=dict)
    routes: frozenset[Route] = frozenset()
    sysctls: dict[str, str] = field(default_factory=dict)

    def forwarding_alone(self) -> tuple[str, ...]:
        """The interfaces that forward while the namespace does not."""
        if self.sysctls[IP_FORWARD] == "1":
            return ()
        on = (key for key, value in self.sysctls.items() if key.endswith("/forwarding") and value == "1")
        return tuple(sorted(key.split("/")[3] for key in on))


class KernelInMemory:
    """Does what steps ask as Linux would, with what goes along with it, and answers their queries."""

    def __init__(self) -> None:
        self.numbers = count(2)
        self.namespaces = {HOST: Namespace(sysctls={IP_FORWARD: "0", ACCEPT_REDIRECTS: "1", NEW_ONES: "0"})}
        self.pins: dict[str, int] = {}
        self.paths: dict[str, int] = {"/proc/thread-self/ns/net": HOST}
        self.peers: dict[tuple[int, str], tuple[int, str]] = {}
        self.table: Mapping[str, tuple[str, ...]] | None = None
        self.elements: dict[tuple[str, str], str] = {}

    def seen(self) -> object:
        """All there is."""
        return deepcopy((self.namespaces, self.pins, self.peers, self.table, self.elements))

    # Somebody else's doing

    def new_namespace(self) -> int:
        inode = next(self.numbers)
        self.namespaces[inode] = Namespace(links={"lo": self._link("")})
        return inode

    def new_process(self, number: int) -> None:
        self.paths[f"/proc/{number}/ns/net"] = self.new_namespace()

    def change(self, netns: str | None, name: str, **seen: Any) -> None:
        links = self._in(netns).links
        links[name] = links[name]._replace(**seen)

    # What steps ask

    def add_namespace(self, name: str) -> None:
        self._pin(name, self.new_namespace())

    def attach_namespace(self, name: str, path: str) -> None:
        self._pin(name, self.paths[path])

    def unpin_namespace(self, name: str) -> None:
        inode = self.pins.pop(name)
        if inode and inode not in (*self.pins.values(), *self.paths.values()):
            for dev in tuple(self.namespaces[inode].links):
                self._remove(*self.peers.get((inode, dev), (HOST, "")))
            self.peers = {end: peer for end, peer in self.peers.items() if end[0] != inode}
            del self.namespaces[inode]

    def add_bridge(self, name: str, alias: str) -> None:
        self._add(HOST, name, self._link("bridge", alias=alias))

    def add_veth(self, name: str, bridge: str, peer: str, netns: str, mac: str) -> None:
        inside, master = self.pins[netns], self._in(None).links[bridge].ifindex
        self._add(HOST, name, self._link("veth", master=master))
        self._add(inside, peer, self._link("veth", mac=mac))
        self.peers |= {(HOST, name): (inside, peer), (inside, peer): (HOST, name)}

    def set_link(self, netns: str | None, name: str, **settings: Any) -> None:
        self.change(netns, name, **settings)

    def delete_link(self, name: str) -> None:
        if name not in self._in(None).links:
            refuse(errno.ENODEV)
        index = self._in(None).links[name].ifindex
        self._remove(HOST, name)
        for port, link in self._in(None).links.items():
            if link.master == index:
                self.change(None, port, master=0)

    def add_address(self, netns: str | None, dev: str, address: IPv4Interface) -> None:
        place = self._in(netns)
        if str(address) in place.addresses[dev]:
            refuse(errno.EEXIST)
        place.addresses[dev] |= {str(address)}

    def delete_address(self, netns: str | None, dev: str, address: IPv4Interface) -> None:
        place = self._in(netns)
        place.addresses[dev] -= {str(address)}
        if not place.addresses[dev]:
            self._flush(place, place.links[dev])

    def add_route(self, netns: str | None, dev: str, route: PlannedRoute) -> None:
        place = self._in(netns)
        if not any(route.via in IPv4Interface(address).network for address in place.addresses[dev]):
            refuse(errno.ENETUNREACH)
        place.routes |= {self._seen(place, dev, route)}

    def delete_route(self, netns: str | None, dev: str, route: PlannedRoute) -> None:
        place = self._in(netns)
        place.routes -= {self._seen(place, dev, route)}

    @staticmethod
    def _seen(place: Namespace, dev: str, route: PlannedRoute) -> Route:
        return Route(str(route.dst), str(route.via), place.links[dev].ifindex, route.metric or 0)

    def write_sysctl(self, netns: str | None, key: str, value: str, *, if_there: bool = False) -> None:
        place = self._in(netns)
        dev = [*key.split("/"), "all"][3]
        if dev not in (*place.links, "all", "default"):
            if not if_there:
                refuse(errno.ENOENT)
            return
        changes = place.sysctls.get(key) != value
        place.sysctls[key] = value
        if key == IP_FORWARD and changes:
            place.sysctls[ACCEPT_REDIRECTS] = str(1 - int(value))
            place.sysctls |= {f"net/ipv4/conf/{one}/forwarding": value for one in (*place.links, "default")}

    def nft(self, text: str) -> None:
        first, *_ = text.splitlines()
        if first == f"delete table {firewall.TABLE}":
            self.table, self.elements = None, {}
        if "add table" not in text:
            return
        if self.table is not None and not firewall.is_current(self.table):
            refuse(errno.EEXIST)  # a set of another type
        self.table = firewall.outline()
        for line in text.rpartition("\n}\n")[2].splitlines():
            set_, _, entry = line.removeprefix(f"add element {firewall.TABLE} ").removesuffix(" }").partition(" { ")
            key, _, data = entry.partition(" : ")
            self.add_element(set_, key, data)

    def add_element(self, set_: str, key: str, data: str) -> None:
        if self.table is None:
            refuse(errno.ENOENT)
        if self.elements.setdefault((set_, key), data) != data:
            refuse(errno.EEXIST)

    def delete_elements(self, set_: str, keys: Sequence[str]) -> None:
        for key in keys:
            self.elements.pop((set_, key), None)

    def delete_element(self, set_: str, key: str) -> None:
        if (set_, key) not in self.elements:
            refuse(errno.ENOENT)
        del self.elements[set_, key]

    # What is asked

    def observe(self, asked: Iterable[Query[Any]], ahead: Mapping[str, str] | None = None) -> State:
        """The answers; `ahead` has paths of namespaces that count instead of the pins of these names."""
        moved = {name: self.paths.get(path, 0) for name, path in (ahead or {}).items()}
        return State({query: self._answer(query, moved) for query in asked})

    def _answer(self, query: Query[Any], moved: Mapping[str, int]) -> Any:  # noqa: C901 (a case a kind of query)
        inode = {**self.pins, **moved}.get(query.inside, 0) if query.inside else HOST
        place = self.namespaces.get(inode) if inode else None
        match query:
            case PinOf(name):
                return self.pins.get(name)
            case NamespaceOf(path):
                return self.paths.get(path)
            case ElementOf(set_, key):
                return self.elements.get((set_, key))
            case TableOf():
                return self.table
            case LinkOf(_, dev) if place:
                return place.links.get(dev)
            case IndexOf(_, dev) if place:
                return place.links[dev].ifindex if dev in place.links else None
            case AddressesOf(_, dev) if place:
                return place.addresses.get(dev, frozenset())
            case AddressesIn() if place:
                return frozenset((dev, one) for dev, held in place.addresses.items() for one in held)
            case RoutesOf() if place:
                return place.routes
            case ForwardingAlone() if place:
                return place.forwarding_alone()
            case SysctlOf(_, key) if place:
                dev = key.split("/")[3] if "/conf/" in key else "all"
                return place.sysctls.get(key, "0") if dev == "all" or dev in place.links else None
        return query.absent

    # How it is done

    def _in(self, netns: str | None) -> Namespace:
        return self.namespaces[self.pins[netns] if netns else HOST]

    def _pin(self, name: str, inode: int) -> None:
        if name in self.pins:
            refuse(errno.EEXIST)
        self.pins[name] = inode

    def _link(self, kind: str, **seen: Any) -> Link:
        index = next(self.numbers)
        mac = f"02:00:00:00:{index // 256:02x}:{index % 256:02x}"
        return Link(index, kind, False, mac, 1500, 0, "", False, True)._replace(**seen)

    def _add(self, inode: int, name: str, link: Link) -> None:
        if name in self.namespaces[inode].links:
            refuse(errno.EEXIST)
        self.namespaces[inode].links[name] = link
        place = self.namespaces[inode]
        place.addresses[name] = frozenset()
        place.sysctls[f"net/ipv4/conf/{name}/forwarding"] = place.sysctls.get(NEW_ONES, "0")

    def _remove(self, inode: int, name: str) -> None:
        place = self.namespaces[inode]
        link = place.links.pop(name, None)
        if link is None:
            return
        self._flush(place, link)
        del place.addresses[name]
        place.sysctls = {key: value for key, value in place.sysctls.items() if f"/conf/{name}/" not in key}
        if peer := self.peers.pop((inode, name), None):
            self._remove(*peer)

    def _flush(self, place: Namespace, link: Link) -> None:
        place.routes = frozenset(route for route in place.routes if route.ifindex != link.ifindex)


class Lab:
    """A host on such a kernel: what stands, and what was done for it."""

    def __init__(self) -> None:
        self.kernel = KernelInMemory()
        self.kernel.new_process(7)
        self.kernel.new_process(8)
        self.kernel.paths["/proc/70/ns/net"] = self.kernel.paths["/proc/7/ns/net"]  # a child of 7
        self.allocations = Allocations()
        self.stood: dict[Key, Standing] = {}
        self.facts = HostFacts()

    def compare(self, *specs: Network | Sandbox) -> tuple[list[Unit], Transition]:
        """What is asked for, and what it takes, as the engine puts it together."""
        parts = units(resolve(specs, self.allocations, self.facts))
        stood = {unit.key: self.stood[unit.key] for unit in parts if unit.key in self.stood}
        preflight = Preflight(parts, self.allocations.sandboxes, stood)
        done = {record.step for standing in stood.values() for record in standing.records}
        paths = (
            unit.plan.namespace_paths() for unit in parts if unit.key not in stood or done.issuperset(unit.plan[:1])
        )
        unpinned = {name: path for one in paths for name, path in one.items() if name not in self.kernel.pins}
        state = self.kernel.observe(queries(parts, stood) | preflight.queries(), unpinned)
        arriving = {unit.key.name: self._look_ahead(unit) for unit in moving(parts, stood, state)}
        preflight.check(state, arriving)
        return parts, transition(parts, stood, state, arriving)

    def diff(self, *specs: Network | Sandbox) -> Changes:
        return self.compare(*specs)[1].changes

    def apply(self, *specs: Network | Sandbox) -> Transition:
        """Do it, and remember it."""
        parts, change = self.compare(*specs)
        self.run(step for batch in change.removals for step in batch)
        self.run(step for unit in parts for step in change.additions[unit.key])
        plan = whole(parts)
        assert not plan.missing(self.kernel.observe(plan.queries())), "it was done and yet is not so"
        for unit in parts:
            self.stood.pop(unit.key, None)
            if unit.resolved:
                self.stood[unit.key] = Standing(unit.resolved, change.records[unit.key])
        for unit in parts:
            if isinstance(unit.resolved, HostBaseline):
                self.allocations.baseline = unit.resolved
        self.allocations.record(
            [unit.resolved for unit in parts if isinstance(unit.resolved, ResolvedNetwork)],
            [unit.resolved for unit in parts if isinstance(unit.resolved, ResolvedSandbox)],
        )
        assert {key: standing(key, self.allocations) for key in self.stood} == {
            key: one.resolved for key, one in self.stood.items()
        }
        return change

    def run(self, steps: Iterable[Step]) -> None:
        """What a shell does with the script."""
        for step in steps:
            step.do(self.kernel)

    def take_back(self) -> None:
        """All of it, by the records alone."""
        walk = batches({key: one.records for key, one in self.stood.items()})
        state = self.kernel.observe({query for batch in walk for _, one in batch for query in one.step.traces()})
        self.run(one.undo("") for batch in walk for _, one in batch if one.step.is_present(state))

    def records(self, kind: str, name: str = "") -> list[UndoRecord]:
        return self.stood[Key(kind, name)].records  # type: ignore[arg-type]

    def _look_ahead(self, unit: Unit) -> State:
        path = unit.plan.namespace_paths().get(unit.key.name, "")
        return self.kernel.observe(asked_ahead(unit), {unit.key.name: path})


@pytest.fixture
def lab() -> Lab:
    return Lab()


NETWORK = Network(name="lab", bridge="br9", subnet="10.9.0.0/24")
MAC, OTHER_MAC = "02:42:0a:09:00:02", "02:42:0a:09:00:99"


def web(*publish: str, **mode: Any) -> Sandbox:
    return Sandbox(name="web", mode=Bridge(**{"network": "lab", "publish": publish, **mode}))


def db(*publish: str, **mode: Any) -> Sandbox:
    return Sandbox(name="db", mode=Bridge(**{"network": "lab", "publish": publish, **mode}))


def commands(steps: Iterable[Step]) -> list[str]:
    """The steps, short: without what makes a command long."""
    return [step.command().partition(" type ")[0].replace("element inet netbuilder ", "") for step in steps]


def actions(changes: Changes) -> dict[str, str]:
    return {f"{change.kind} {change.name}".strip(): change.action for change in changes}


def vanish(lab: Lab, name: str) -> None:
    lab.kernel.delete_link(name)


def veth_of(lab: Lab, sandbox: str) -> str:
    return lab.allocations.sandboxes[sandbox].endpoints[0].veth


# Every change leads where it should, is what it says, and can be taken back

STATES: dict[str, Specs] = {
    "nothing": (),
    "network": (NETWORK,),
    "plain": (NETWORK, web(), db()),
    "published": (NETWORK, web("8088:80", "5353:53/udp"), db("8089:80")),
    "published elsewhere": (NETWORK, web("8088:81", "127.0.0.1:5353:53/udp"), db("8090:80")),
    "published on one address": (NETWORK, web("192.0.2.1:8088:80", "127.0.0.1:5353:53/udp"), db("192.0.2.1:8089:80")),
    "handed over": (NETWORK, web(), db("8088:80", "5353:53/udp")),
    "ports swapped": (NETWORK, web("8089:80"), db("8088:80", "5353:53/udp")),
    "all swapped": (
        NETWORK,
        web("8089:80", address="10.9.0.3"),
        db("8088:80", "5353:53/udp", address="10.9.0.2"),
    ),
    "another address": (NETWORK, web("8088:80", address="10.9.0.77"), db()),
    "another mac": (NETWORK, web("8088:80", mac=OTHER_MAC), db()),
    "another address and mac": (NETWORK, web("8088:80", address="10.9.0.77", mac=OTHER_MAC), db()),
    "mtu": (NETWORK.model_copy(update={"mtu": 1400}), web("8088:80"), db()),
    "less mtu": (NETWORK.model_copy(update={"mtu": 1300}), web("8088:80"), db()),
    "internal": (NETWORK.model_copy(update={"internal": True}), web(), db()),
    "no masquerade": (NETWORK.model_copy(update={"masquerade": False}), web("8088:80"), db()),
    "another subnet": (Network(name="lab", bridge="br9", subnet="10.7.0.0/24"), web("8088:80"), db()),
    "another bridge": (Network(name="lab", bridge="br7", subnet="10.9.0.0/24"), web("8088:80"), db()),
    "none": (NETWORK, Sandbox(name="web", mode=NoNetwork()), db()),
    "host": (NETWORK, Sandbox(name="web", mode=HostNetwork()), db()),
    "container": (NETWORK, Sandbox(name="web", mode=Container(sandbox="db")), db()),
    "adopted": (NETWORK, web("8088:80").model_copy(update={"namespace": 7}), db()),
    "adopted by a child": (NETWORK, web("8088:80").model_copy(update={"namespace": 70}), db()),
    "another adopted": (NETWORK, web("8088:80").model_copy(update={"namespace": 8}), db()),
    "adopted as it is": (NETWORK, Sandbox(name="web", mode=NoNetwork(), namespace=7), db()),
}


def two(
    bridges: tuple[str, str] = ("br9", "br8"), nets: tuple[int, int] = (9, 8), homes: str = "lab two", **fields: Any
) -> Specs:
    """Two networks, and a sandbox on each."""
    names, of = ("lab", "two"), homes.split()
    return (
        *(
            Network(name=name, bridge=bridge, subnet=f"10.{net}.0.0/24", **fields)
            for name, bridge, net in zip(names, bridges, nets, strict=True)
        ),
        web("8088:80", network=of[0]),
        db("8089:80", network=of[1]),
    )


NETWORK_STATES: dict[str, Specs] = {
    "two networks": two(),
    "bridges swapped": two(bridges=("br8", "br9")),
    "subnets swapped": two(nets=(8, 9)),
    "bridges and subnets swapped": two(bridges=("br8", "br9"), nets=(8, 9)),
    "homes swapped": two(homes="two lab"),
    "all on one": two(homes="lab lab"),
    "subnet taken over": two(nets=(7, 9)),
    "bridge taken over": two(bridges=("br7", "br9")),
    "all anew": two(bridges=("br7", "br6"), nets=(7, 6), mtu=1400, masquerade=False),
}
EVERY_STATE = STATES | NETWORK_STATES
CORE = {"published", "all swapped", "adopted", *NETWORK_STATES}
each_change = pytest.mark.parametrize(
    ("before", "after"),
    [
        (before, after)
        for states in (STATES, NETWORK_STATES)
        for before, after in product(states, repeat=2)
        if {before, after} & CORE
    ],
)


def of(after: str, before: str) -> Specs:
    """A state, with the networks and sandboxes of the one before that it lacks: they stand, and are asked for again."""
    names = {spec.name for spec in EVERY_STATE[after]}
    return (*EVERY_STATE[after], *(spec for spec in EVERY_STATE[before] if spec.name not in names))


@each_change
def test_a_change_leads_to_what_is_asked_for_and_can_be_taken_back(lab: Lab, before: str, after: str) -> None:
    fresh = lab.kernel.seen()
    lab.apply(*EVERY_STATE[before])
    specs = of(after, before)
    foretold = lab.diff(*specs)
    assert lab.apply(*specs).changes == foretold
    again = lab.diff(*specs)
    assert again.plan == Plan() and not again
    lab.take_back()
    assert lab.kernel.seen() == fresh


@each_change
def test_all_that_is_ours_is_remembered_in_order_and_what_is_done_is_written_down_ahead(
    lab: Lab, before: str, after: str
) -> None:
    lab.apply(*EVERY_STATE[before])
    parts, change = lab.compare(*of(after, before))
    stood = {key: one.records for key, one in lab.stood.items()}
    for unit in parts:
        assert [one.step for one in change.records[unit.key]] == list(unit.plan)
        added, intents = change.additions[unit.key], [one.step for one in change.intents[unit.key]]
        assert intents == [step for step in added if step in intents]
        known = {one.step for one in stood.get(unit.key, [])}
        assert set(added) <= set(intents) | known
        assert [one for one in change.records[unit.key] if one.step in intents] == change.intents[unit.key]
    assert set(change.additions) == set(change.intents) == set(change.records) == {unit.key for unit in parts}
    undone = {undo.undone_step for batch in change.removals for undo in batch}
    touched = {key for key, records in stood.items() if undone & {one.step for one in records}}
    replaced = {unit.key for unit in parts if unit.key in stood and stood[unit.key] != change.records[unit.key]}
    assert touched | replaced <= change.touched <= set(stood)
    flat = [step for batch in change.removals for step in batch]
    assert change.changes.plan == Plan([*flat, *(step for plan in change.additions.values() for step in plan)])


# A shell may have run a part of the script, or all of it

BY_HAND = [
    ("published", "published elsewhere"),
    ("published", "handed over"),
    ("published", "ports swapped"),
    ("published", "all swapped"),
    ("published", "another address"),
    ("another mac", "another address and mac"),
    ("another mac", "another address"),
    ("mtu", "less mtu"),
    ("mtu", "another address"),
    ("published", "another subnet"),
    ("published", "another bridge"),
    ("two networks", "bridges swapped"),
    ("two networks", "subnets swapped"),
    ("two networks", "homes swapped"),
    ("plain", "internal"),
    ("published", "none"),
    ("none", "published"),
    ("published", "adopted"),
    ("adopted", "published"),
    ("adopted", "another adopted"),
    ("adopted", "host"),
    ("published", "host"),
    ("host", "published"),
    ("published", "container"),
]
by_hand = pytest.mark.parametrize(("before", "after"), BY_HAND)


def standing_as(state: str) -> Lab:
    lab = Lab()
    lab.apply(*EVERY_STATE[state])
    return lab


@by_hand
def test_a_script_that_was_run_in_part_is_carried_on_with(before: str, after: str) -> None:
    specs = of(after, before)
    steps = standing_as(before).diff(*specs).plan
    for done in range(len(steps)):
        lab = standing_as(before)
        lab.run(steps[:done])
        lab.apply(*specs)
        assert lab.diff(*specs).plan == Plan()


@by_hand
def test_a_script_that_was_run_leaves_nothing_to_do_and_what_was_ours_is_remembered(before: str, after: str) -> None:
    specs = of(after, before)
    lab, other = standing_as(before), standing_as(before)
    had = {one.step.subject() for standing in lab.stood.values() for one in standing.records}
    home = lab.kernel.pins.get("web")
    lab.run(lab.diff(*specs).plan)
    change = lab.apply(*specs)
    assert (change.changes.plan, change.removals) == (Plan(), [])
    assert not any(change.intents.values())
    forgotten = set() if home == lab.kernel.pins.get("web") else {netns_thing("web")}

    def is_known(step: Step) -> bool:
        """What is in another namespace now was somebody else's doing; not so what has an end on the host."""
        away = is_part_of(step.queries(), forgotten) and not step.provides()
        return step.subject() in had and (not away or step.subject() == "netns/web")

    expected = other.apply(*specs).records
    assert change.records == {key: [one for one in records if is_known(one.step)] for key, records in expected.items()}


# Case by case


def test_where_all_stands_there_is_nothing_to_do(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"), db())
    parts, change = lab.compare(NETWORK, web("8088:80"), db())
    assert change.changes.plan == Plan()
    assert not change.changes
    assert actions(change.changes) == {
        "network lab": "unchanged",
        "sandbox web": "unchanged",
        "sandbox db": "unchanged",
    }
    assert change.records == {unit.key: lab.stood[unit.key].records for unit in parts}
    assert (set(map(len, change.intents.values())), change.touched) == ({0}, set())


def test_what_is_missing_is_done_and_is_remembered_as_it_was(lab: Lab) -> None:
    lab.apply(NETWORK, web())
    records = lab.records("sandbox", "web")
    lab.kernel.change(None, veth_of(lab, "web"), up=False)
    _, change = lab.compare(NETWORK, web())
    assert commands(change.changes.plan) == [f"ip link set {veth_of(lab, 'web')} up"]
    assert actions(change.changes) == {"network lab": "unchanged", "sandbox web": "repaired"}
    assert change.records[Key("sandbox", "web")] == records
    assert (change.intents[Key("sandbox", "web")], change.touched) == ([], set())


def test_a_port_that_leads_elsewhere_goes_first(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80", "5353:53/udp"))
    _, change = lab.compare(NETWORK, web("8088:81", "5353:53/udp"))
    assert commands(change.changes.plan) == [
        "nft 'delete publish_any4 { tcp . 8088 }'",
        "nft 'add publish_any4 { tcp . 8088 : 10.9.0.2 . 81 }'",
    ]
    assert next(iter(change.changes.plan)).because == STALE
    assert actions(change.changes) == {"network lab": "unchanged", "sandbox web": "updated"}
    assert change.touched == {Key("sandbox", "web")}


def test_what_is_not_asked_for_any_more_goes(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80", "5353:53/udp"))
    _, change = lab.compare(NETWORK, web("8088:80"))
    assert commands(change.changes.plan) == ["nft 'delete publish_any4 { udp . 5353 }'"]
    assert [one.step for one in change.records[Key("sandbox", "web")]] == [
        one.step for one in lab.records("sandbox", "web")[:-1]
    ]


def test_what_is_gone_already_is_not_undone(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80", "5353:53/udp"))
    lab.kernel.delete_element("publish_any4", "udp . 5353")
    _, change = lab.compare(NETWORK, web("8088:80"))
    assert change.changes.plan == Plan()
    assert actions(change.changes)["sandbox web"] == "updated"
    assert change.touched == {Key("sandbox", "web")}
    assert len(change.records[Key("sandbox", "web")]) == len(lab.records("sandbox", "web")) - 1


def test_with_another_mac_the_veth_is_made_anew_with_all_that_is_part_of_it(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"))
    before, veth = lab.records("sandbox", "web"), veth_of(lab, "web")
    _, change = lab.compare(NETWORK, web("8088:80", mac=OTHER_MAC))
    # The namespace, its loopback and the port stay.
    assert commands(change.changes.plan) == [
        f"ip link del {veth}",
        f"ip link add {veth} numtxqueues 1 numrxqueues 1 master br9",
        f"ip link set {veth} alias netbuilder:web",
        f"ip link set {veth}",
        f"ip link set {veth} addrgenmode none",
        f"ip link set {veth} up",
        "ip netns exec web sysctl -q -w net/ipv6/conf/eth0/disable_ipv6=1",
        "ip -n web address add 10.9.0.2/24 brd + dev eth0",
        "ip -n web link set eth0 up",
        "ip -n web route add default via 10.9.0.1 dev eth0",
    ]
    after = change.records[Key("sandbox", "web")]
    assert [one.before for one in after] == [one.before for one in before]
    assert [one for one in after if one not in before] == change.intents[Key("sandbox", "web")]
    assert [type(one.step) for one in change.intents[Key("sandbox", "web")]] == [AddVeth]


def test_with_another_address_the_route_that_goes_with_the_last_one_comes_again(lab: Lab) -> None:
    lab.apply(NETWORK, web(mac=MAC))
    assert commands(lab.diff(NETWORK, web(mac=MAC, address="10.9.0.77")).plan) == [
        "ip -n web address del 10.9.0.2/24 dev eth0",
        "ip -n web address add 10.9.0.77/24 brd + dev eth0",
        "ip -n web route add default via 10.9.0.1 dev eth0",
    ]


def with_mtu(mtu: int | None) -> Network:
    return NETWORK.model_copy(update={"mtu": mtu})


def mtus(records: Iterable[UndoRecord]) -> list[tuple[int, str | None]]:
    return [(one.step.mtu, one.before) for one in records if isinstance(one.step, SetMtu)]


def test_a_setting_is_overwritten_in_place_and_what_was_there_at_first_is_remembered(lab: Lab) -> None:
    lab.apply(with_mtu(1400), web())
    lab.apply(with_mtu(1300), web())
    lab.apply(with_mtu(1299), web())
    assert mtus(lab.records("network", "lab")) == [(1299, "1500")]
    assert mtus(lab.records("sandbox", "web")) == [(1299, "1500")] * 2
    lab.apply(with_mtu(None), web())
    assert {link.mtu for link in lab.kernel.namespaces[HOST].links.values()} == {1500}


def test_an_mtu_that_is_overwritten_is_not_undone_first(lab: Lab) -> None:
    lab.apply(with_mtu(1400), web())
    veth = veth_of(lab, "web")
    assert commands(lab.diff(with_mtu(1300), web()).plan) == [
        "ip link set br9 mtu 1300",
        f"ip link set {veth} mtu 1300",
        "ip -n web link set eth0 mtu 1300",
    ]
    assert commands(lab.diff(with_mtu(None), web()).plan) == [
        "ip -n web link set eth0 mtu 1500",
        f"ip link set {veth} mtu 1500",
        "ip link set br9 mtu 1500",
    ]


def test_a_bridges_mac_is_overwritten_and_none_of_ours_is_put_back(lab: Lab) -> None:
    lab.apply(NETWORK)
    lab.apply(Network(name="lab", bridge="br9", subnet="10.7.0.0/24"))
    assert [(one.step, one.before) for one in lab.records("network", "lab") if isinstance(one.step, SetMac)] == [
        (SetMac(dev="br9", mac="02:42:0a:07:00:01"), None)
    ]
    assert lab.kernel.namespaces[HOST].links["br9"].mac == "02:42:0a:07:00:01"


KEY = Key("sandbox", "web")
SANDBOX = ResolvedSandbox(name="web", mode="bridge", namespace="web")
LOCALNET = SysctlOf(None, "net/ipv4/conf/br9/route_localnet")


def compare(
    plan: Iterable[Step], records: list[UndoRecord] | None, answers: Mapping[Query[Any], Any], key: Key = KEY
) -> Transition:
    """One unit of any steps."""
    stood = {} if records is None else {key: Standing(SANDBOX, records)}
    return transition([Unit(key, SANDBOX, Plan(plan))], stood, State(answers), {})


def sysctl(value: str) -> SetSysctl:
    return SetSysctl(key="net/ipv4/conf/br9/route_localnet", value=value)


@pytest.mark.parametrize(
    ("had", "seen", "steps", "before"),
    [
        (None, "0", [sysctl("2")], "0"),
        (UndoRecord(sysctl("1"), "0"), "1", [sysctl("2")], "0"),
        (UndoRecord(sysctl("1"), "0"), "7", [sysctl("2")], "0"),  # changed by somebody else
        (UndoRecord(sysctl("1"), "0"), "2", [], "0"),  # done by hand
        (UndoRecord(sysctl("2"), "0"), "1", [sysctl("2")], "0"),
        (UndoRecord(sysctl("2"), "0"), "2", [], "0"),
    ],
)
def test_a_sysctl_remembers_what_was_there_at_first(
    had: UndoRecord | None, seen: str, steps: list[Step], before: str
) -> None:
    change = compare([sysctl("2")], had and [had], {LOCALNET: seen})
    assert list(change.changes.plan) == steps
    assert change.records == {KEY: [UndoRecord(sysctl("2"), before)]}
    assert change.intents[KEY] == ([] if had and had.step == sysctl("2") else [UndoRecord(s, before) for s in steps])


def test_what_holds_already_and_is_not_ours_is_not_remembered() -> None:
    change = compare([sysctl("1")], None, {LOCALNET: "1"})
    assert (change.records, change.intents, change.changes.plan) == ({KEY: []}, {KEY: []}, Plan())
    assert actions(change.changes) == {"sandbox web": "created"}


def test_a_bridge_that_was_deleted_has_its_veths_made_anew(lab: Lab) -> None:
    lab.apply(NETWORK, web(), db())
    vanish(lab, "br9")
    assert lab.kernel.namespaces[HOST].links[veth_of(lab, "db")].master == 0
    changes = lab.diff(NETWORK, web())
    removals = [step for step in changes.plan if isinstance(step, Undo)]
    assert commands(removals) == [f"ip link del {veth_of(lab, 'web')}"]  # db was not asked for
    assert removals[0].because == ANEW
    assert actions(changes) == {"network lab": "repaired", "sandbox web": "repaired"}
    change = lab.apply(NETWORK, web(), db())
    assert not any(change.intents.values())  # all is remembered as it was
    assert lab.diff(NETWORK, web(), db()).plan == Plan()


def test_a_bridge_that_goes_in_the_call_has_the_veths_made_anew_of_what_is_asked_for() -> None:
    network, port = AddBridge(name="br9", alias="netbuilder:lab"), AddBridge(name="br9", alias="netbuilder:two")
    veth = AddVeth(name="veth1", bridge="br9", peer="eth0", netns="web", mac=MAC)
    kernel = KernelInMemory()
    for step in (network, AddNamespace(name="web"), veth):
        step.do(kernel)  # type: ignore[arg-type]
    lab_key, two_key = Key("network", "lab"), Key("network", "two")
    parts = [Unit(lab_key, SANDBOX, Plan()), Unit(two_key, SANDBOX, Plan([port])), Unit(KEY, SANDBOX, Plan([veth]))]
    stood = {
        lab_key: Standing(SANDBOX, [UndoRecord(network, None)]),
        KEY: Standing(SANDBOX, [UndoRecord(veth, None)]),
    }
    change = transition(parts, stood, kernel.observe(queries(parts, stood)), {})
    assert commands(change.changes.plan) == [
        "ip link del veth1",
        "ip link del br9",
        "ip link add br9",
        "ip link add veth1 numtxqueues 1 numrxqueues 1 master br9",
    ]
    assert [undo.because for batch in change.removals for undo in batch] == [ANEW, STALE]


def test_a_veth_that_was_pulled_out_of_its_bridge_is_made_anew(lab: Lab) -> None:
    lab.apply(NETWORK, web())
    lab.kernel.change(None, veth_of(lab, "web"), master=0)
    first, second, *_ = commands(lab.diff(NETWORK, web()).plan)
    veth = veth_of(lab, "web")
    added = f"ip link add {veth} numtxqueues 1 numrxqueues 1 master br9"
    assert (first, second) == (f"ip link del {veth}", added)


def test_a_veth_that_is_gone_is_only_made(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"))
    vanish(lab, veth_of(lab, "web"))
    changes = lab.diff(NETWORK, web("8088:80"))
    assert not [step for step in changes.plan if isinstance(step, Undo | AddNamespace | PublishPort)]
    lab.apply(NETWORK, web("8088:80"))
    assert lab.diff(NETWORK, web("8088:80")).plan == Plan()


@pytest.mark.parametrize("inode", [None, 0], ids=["gone", "an empty file"])
def test_a_namespace_that_is_gone_is_made_with_all_that_was_in_it(lab: Lab, inode: int | None) -> None:
    lab.apply(NETWORK, web("8088:80"))
    lab.kernel.unpin_namespace("web")
    if inode is not None:
        lab.kernel.pins["web"] = inode
    change = lab.apply(NETWORK, web("8088:80"))
    assert {type(step) for step in change.changes.plan} > {AddNamespace, AddVeth, AddAddress, AddRoute}
    assert not [step for step in change.changes.plan if isinstance(step, PublishPort)]
    assert [type(step.undone_step) for step in change.changes.plan if isinstance(step, Undo)] == (
        [] if inode is None else [AddNamespace]
    )
    assert not any(change.intents.values())


def test_a_port_that_somebody_redirected_is_put_right(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"))
    lab.kernel.elements["publish_any4", "tcp . 8088"] = "10.9.0.77 . 80"
    changes = lab.diff(NETWORK, web("8088:80"))
    assert commands(changes.plan) == [
        "nft 'delete publish_any4 { tcp . 8088 }'",
        "nft 'add publish_any4 { tcp . 8088 : 10.9.0.2 . 80 }'",
    ]
    assert next(iter(changes.plan)).because == ANEW
    assert actions(changes)["sandbox web"] == "repaired"


# What is in the way and is not ours


def published(port: int, inside: int = 80) -> PublishPort:
    return PublishPort(
        host_ip=IPv4Address("0.0.0.0"),
        host_port=port,
        protocol="tcp",
        address=IPv4Address("10.9.0.2"),
        sandbox_port=inside,
    )


VETH = AddVeth(name="veth1", bridge="br9", peer="eth0", netns="web", mac=MAC)
NEW_LINK = Link(7, "veth", False, MAC, 1500, 0, "", False, True)
IN_THE_WAY: list[tuple[Step, Mapping[Query[Any], Any]]] = [
    (published(8088), {ElementOf("publish_any4", "tcp . 8088"): "10.9.0.3 . 80"}),
    (VETH, {LinkOf(None, "veth1"): NEW_LINK, LinkOf("web", "eth0"): None, LinkOf(None, "br9"): None}),
    (AddNamespace(name="web"), {PinOf("web"): 0}),
    (
        AttachNamespace(name="web", path="/proc/7/ns/net"),
        {PinOf("web"): 12, NamespaceOf("/proc/7/ns/net"): 13},
    ),
]


@pytest.mark.parametrize(("step", "answers"), IN_THE_WAY)
@pytest.mark.parametrize("records", [None, []], ids=["new", "stood"])
def test_what_is_in_the_way_and_not_ours_is_an_error(
    step: Step, answers: Mapping[Query[Any], Any], records: list[UndoRecord] | None
) -> None:
    with pytest.raises(StepError) as caught:
        compare([step], records, answers)
    assert (caught.value.errno, caught.value.step, caught.value.command) == (errno.EEXIST, step, step.command())


@pytest.mark.parametrize(("step", "answers"), IN_THE_WAY)
def test_what_is_in_the_way_and_ours_is_made_anew(step: Step, answers: Mapping[Query[Any], Any]) -> None:
    change = compare([step], [UndoRecord(step, None)], answers)
    assert list(change.changes.plan) == [Undo(undone_step=step), step]
    assert (change.records, change.intents) == ({KEY: [UndoRecord(step, None)]}, {KEY: []})
    assert change.touched == {KEY}


# The table


OLD = {"": ("netbuilder ruleset 1",), "forward": ("a rule of then",)}
ITS_STEPS = (AddTable, AddElement, PublishPort)


def of_another_version(lab: Lab) -> None:
    """Another version made the table, with sets of its own."""
    lab.kernel.table = OLD
    lab.kernel.elements = {("publish", "tcp . 8088"): "x", ("publish_any4", "tcp . 8088"): "10.9.0.77 . 1"}


@pytest.mark.parametrize("specs", [(NETWORK,), (NETWORK, web("8088:80", "5353:53/udp"), db("9090:1"))])
def test_a_table_of_another_version_is_exchanged_in_one_step_with_all_elements(lab: Lab, specs: Specs) -> None:
    lab.apply(*specs)
    elements = dict(lab.kernel.elements)
    of_another_version(lab)
    change = lab.apply(*specs)
    (exchange,) = change.changes.plan
    assert isinstance(exchange, ExchangeTable)
    assert (
        {entry[:2]: entry.data for one in exchange.elements for entry in one.entries()}
        == elements
        == lab.kernel.elements
    )
    assert exchange.because
    assert change.additions[FIREWALL] == Plan([exchange])
    assert actions(change.changes) == {"firewall": "updated"} | {
        f"{'network' if isinstance(spec, Network) else 'sandbox'} {spec.name}": "unchanged" for spec in specs
    }
    assert not any(change.intents.values())
    assert lab.diff(*specs).plan == Plan()


def test_a_table_is_exchanged_with_what_is_new_and_without_what_goes(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80", "5353:53/udp"))
    of_another_version(lab)
    change = lab.apply(NETWORK, web("8088:81"), db("9090:1"))
    assert not [step for step in change.changes.plan if isinstance(step, ITS_STEPS) and step.kind != "ExchangeTable"]
    assert not [step for step in change.changes.plan if isinstance(step, Undo)]
    assert {key for set_, key in lab.kernel.elements if set_ == "publish_any4"} == {"tcp . 8088", "tcp . 9090"}
    assert UndoRecord(published(8088, 81), None) in change.records[KEY]
    assert UndoRecord(published(8088, 81), None) in change.intents[KEY]


def test_a_table_that_was_left_behind_is_exchanged_and_ours_then(lab: Lab) -> None:
    of_another_version(lab)
    change = lab.apply(NETWORK, web("8088:80"))
    assert [type(step) for step in change.changes.plan if isinstance(step, ITS_STEPS)] == [ExchangeTable]
    assert [one.step for one in change.records[FIREWALL]] == [AddTable(), AddElement(set="made_router", key="ipv4")]
    assert change.intents[FIREWALL] == change.records[FIREWALL]
    lab.take_back()
    assert (lab.kernel.table, lab.kernel.elements) == (None, {})


def test_the_script_of_an_exchange_leaves_nothing_to_do(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"))
    of_another_version(lab)
    lab.run(lab.diff(NETWORK, web("8088:80")).plan)
    assert lab.diff(NETWORK, web("8088:80")).plan == Plan()


def test_a_table_that_is_gone_comes_back_with_its_elements(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"))
    elements = dict(lab.kernel.elements)
    lab.kernel.nft(f"delete table {firewall.TABLE}")
    change = lab.apply(NETWORK, web("8088:80"))
    assert {type(step) for step in change.changes.plan} == set(ITS_STEPS)
    assert lab.kernel.elements == elements
    assert actions(change.changes) == {"firewall": "repaired", "network lab": "repaired", "sandbox web": "repaired"}


def test_rules_that_somebody_changed_are_mended_and_the_elements_stay(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"))
    lab.kernel.table = {**firewall.outline(), "forward": ()}
    changes = lab.diff(NETWORK, web("8088:80"))
    assert list(changes.plan) == [AddTable()]
    assert actions(changes) == {"firewall": "repaired", "network lab": "unchanged", "sandbox web": "unchanged"}


def test_whoever_asks_for_no_network_leaves_the_table_alone(lab: Lab) -> None:
    of_another_version(lab)
    assert {type(step) for step in lab.diff(Sandbox(name="web", mode=NoNetwork())).plan} == {
        AddNamespace,
        SetSysctl,
        SetUp,
    }


# Ports handed over


@pytest.mark.parametrize("address", [None, "10.9.0.2"], ids=["to another address", "with the address"])
def test_a_port_that_another_sandbox_takes_over_is_that_ones(lab: Lab, address: str | None) -> None:
    lab.apply(NETWORK, web("8088:80", mac=MAC), db(mac=OTHER_MAC))
    after = (
        NETWORK,
        web(address=address and "10.9.0.77", mac=MAC),
        db("8088:80", address=address, mac=OTHER_MAC),
    )
    change = lab.apply(*after)
    ports = [step for step in change.changes.plan if "publish_any4" in step.command()]
    expected = [
        "nft 'delete publish_any4 { tcp . 8088 }'",
        "nft 'add publish_any4 { tcp . 8088 : 10.9.0.3 . 80 }'",
    ]
    assert commands(ports) == ([] if address else expected)
    of_whom = {
        name: [one.step for one in lab.records("sandbox", name) if isinstance(one.step, PublishPort)]
        for name in ("web", "db")
    }
    assert of_whom["web"] == []
    assert [port.host_port for port in of_whom["db"]] == [8088]
    assert change.touched >= {Key("sandbox", "web"), Key("sandbox", "db")}
    del lab.stood[KEY]
    lab.take_back()
    assert lab.kernel.elements == {}


def test_a_bridge_that_another_network_takes_over_is_that_ones() -> None:
    lab = standing_as("two networks")
    lab.apply(*NETWORK_STATES["bridge taken over"])
    assert lab.kernel.namespaces[HOST].links["br9"].alias == "netbuilder:two"
    steps = [one.step for one in lab.records("network", "two")]
    assert AddBridge(name="br9", alias="netbuilder:two") in steps
    assert SetUp(dev="br9") in steps


def test_a_gateway_that_another_network_takes_over_is_that_ones() -> None:
    lab = standing_as("two networks")
    lab.apply(*NETWORK_STATES["subnet taken over"])
    entered = AddElement(set="gateways4", key="10.9.0.1")
    assert entered in [one.step for one in lab.records("network", "two")]
    assert entered not in [one.step for one in lab.records("network", "lab")]


# To another namespace and back


def namespaces(lab: Lab, name: str = "web") -> tuple[bool, list[str]]:
    """Whether a sandbox is in the namespace of process 7, and the interfaces in that one."""
    inode = lab.kernel.paths["/proc/7/ns/net"]
    return lab.kernel.pins.get(name) == inode, sorted(lab.kernel.namespaces[inode].links)


def test_a_sandbox_moves_into_a_namespace_that_is_there_and_out_of_it(lab: Lab) -> None:
    own, adopted = web("8088:80"), web("8088:80").model_copy(update={"namespace": 7})
    lab.apply(NETWORK, own)
    into = lab.apply(NETWORK, adopted).changes
    assert namespaces(lab) == (True, ["eth0", "lo"])
    assert commands(into.plan)[:3] == [
        "nft 'delete publish_any4 { tcp . 8088 }'",
        f"ip link del {veth_of(lab, 'web')}",
        "ip netns del web",
    ]
    assert [step.because for step in into.plan][:3] == [STALE] * 3
    assert isinstance(into.plan[3], AttachNamespace)
    back = lab.apply(NETWORK, own).changes
    assert namespaces(lab) == (False, ["lo"])
    assert commands(step for step in back.plan if isinstance(step, Undo)) == [
        "nft 'delete publish_any4 { tcp . 8088 }'",
        "ip -n web link set lo down",
        f"ip link del {veth_of(lab, 'web')}",
        "ip netns del web",
    ]
    assert actions(into) == actions(back) == {"network lab": "unchanged", "sandbox web": "updated"}


@pytest.mark.parametrize("mode", [HostNetwork(), Container(sandbox="db")], ids=lambda mode: mode.kind)
def test_a_sandbox_moves_to_where_it_has_nothing_of_its_own(lab: Lab, mode: HostNetwork | Container) -> None:
    lab.apply(NETWORK, web("8088:80"), db())
    veth = veth_of(lab, "web")
    change = lab.apply(NETWORK, Sandbox(name="web", mode=mode), db())
    assert commands(change.changes.plan) == [
        "sysctl -q -w net/ipv4/conf/br9/route_localnet=0",
        "nft 'delete publish_any4 { tcp . 8088 }'",
        f"ip link del {veth}",
        "ip netns del web",
    ]
    assert change.records[KEY] == []
    assert "web" not in lab.kernel.pins


def test_what_an_adopted_namespace_has_already_is_not_ours(lab: Lab) -> None:
    inode = lab.kernel.paths["/proc/7/ns/net"]
    lo = lab.kernel.namespaces[inode].links["lo"]
    lab.kernel.namespaces[inode].links["lo"] = lo._replace(up=True)
    lab.apply(NETWORK, web())
    change = lab.apply(NETWORK, web().model_copy(update={"namespace": 7}))
    assert SetUp(netns="web", dev="lo") not in [one.step for one in change.records[KEY]]
    lab.take_back()
    assert lab.kernel.namespaces[inode].links == {"lo": lo._replace(up=True)}


def test_a_path_that_leads_to_another_namespace_now_is_followed(lab: Lab) -> None:
    adopted = web("8088:80").model_copy(update={"namespace": 7})
    lab.apply(NETWORK, adopted)
    before = lab.kernel.pins["web"]
    lab.kernel.new_process(7)
    assert lab.diff(NETWORK, adopted)
    lab.apply(NETWORK, adopted)
    assert lab.kernel.pins["web"] != before
    assert namespaces(lab) == (True, ["eth0", "lo"])


def test_a_process_whose_namespace_was_adopted_may_end(lab: Lab) -> None:
    adopted = web().model_copy(update={"namespace": 7})
    lab.apply(NETWORK, adopted)
    del lab.kernel.paths["/proc/7/ns/net"]
    assert lab.diff(NETWORK, adopted).plan == Plan()


def test_another_path_to_the_same_namespace_is_no_move(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80").model_copy(update={"namespace": 7}))
    change = lab.apply(NETWORK, web("8088:80").model_copy(update={"namespace": 70}))
    assert change.changes.plan == Plan()
    assert change.records[KEY][0] == UndoRecord(AttachNamespace(name="web", path="/proc/70/ns/net"), None)


OWN, PATH = AddNamespace(name="web"), "/proc/7/ns/net"
ATTACH, OTHER_ATTACH = (AttachNamespace(name="web", path=path) for path in (PATH, "/proc/8/ns/net"))
LO = SetUp(netns="web", dev="lo")


@pytest.mark.parametrize(
    ("had", "wanted", "pin", "path", "other", "moves"),
    [
        (OWN, OWN, 12, None, None, False),
        (OWN, OWN, None, None, None, False),
        (OWN, ATTACH, 12, 13, None, True),
        (OWN, ATTACH, None, 13, None, True),  # the half of it was done by hand
        (OWN, ATTACH, 13, 13, None, False),  # all of it was
        (OWN, None, 12, None, None, True),
        (ATTACH, OWN, 13, 13, None, True),
        (ATTACH, OWN, 12, 13, None, False),
        (ATTACH, ATTACH, 13, 13, None, False),
        (ATTACH, ATTACH, 13, None, None, False),
        (ATTACH, ATTACH, 13, 14, None, True),
        (ATTACH, OTHER_ATTACH, 13, 13, 14, True),
        (ATTACH, OTHER_ATTACH, 14, 13, 14, False),
        (ATTACH, OTHER_ATTACH, 13, 13, 13, False),  # another path to the same
        (ATTACH, None, 13, 13, None, True),
        (None, OWN, None, None, None, False),
    ],
)
def test_who_moves(
    had: Step | None, wanted: Step | None, pin: int | None, path: int | None, other: int | None, moves: bool
) -> None:
    unit = Unit(KEY, SANDBOX, Plan([wanted, LO] if wanted else []))
    state = State({PinOf("web"): pin, NamespaceOf(PATH): path, NamespaceOf("/proc/8/ns/net"): other})
    stood = {KEY: Standing(SANDBOX, [UndoRecord(had, None), UndoRecord(LO, None)] if had else [])}
    assert moving([unit], stood, state) == ([unit] if moves else [])
    assert moving([unit], {}, state) == []


# What is asked, in which order it goes, and what is told


def test_all_is_asked_that_is_compared(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"))
    parts, _ = lab.compare(NETWORK, Sandbox(name="web", mode=NoNetwork()))
    asked = queries(parts, lab.stood)
    assert asked >= whole(parts).queries()
    assert asked >= {query for part in lab.stood.values() for one in part.records for query in one.step.queries()}
    assert queries(parts, {}) == whole(parts).queries()


NET_KEY = Key("network", "lab")


def test_what_goes_along_is_not_undone_by_itself_and_all_else_is_backwards() -> None:
    port, route = published(8088), AddRoute(netns="web", via=IPv4Address("10.9.0.1"), dev="eth0")
    inside: list[Step] = [
        OWN,
        VETH,
        SetUp(dev="veth1"),
        AddAddress(netns="web", dev="eth0", address=IPv4Interface("10.9.0.2/24")),
        LO,
        route,
        port,
    ]
    records = {
        FIREWALL: [UndoRecord(AddTable(), None)],
        NET_KEY: [UndoRecord(SetUp(dev="br9"), None), UndoRecord(SetMtu(dev="br9", mtu=1400), "1500")],
        KEY: [UndoRecord(step, None) for step in inside],
        Key("sandbox", "db"): [UndoRecord(SetUp(netns="db", dev="lo"), None)],
        Key("localnet", "lab"): [UndoRecord(sysctl("1"), "0")],
        FORWARDING: [UndoRecord(EnableForwarding(), "1")],
        FORWARDING6: [UndoRecord(EnableIPv6Forwarding(), "1")],
    }
    forwarding6, forwarding, localnets, sandboxes, networks, rules = batches(records)
    assert [(key, one.step) for key, one in forwarding6] == [(FORWARDING6, EnableIPv6Forwarding())]
    assert [(key, one.step) for key, one in forwarding] == [(FORWARDING, EnableForwarding())]
    assert [(key.name, one.step) for key, one in sandboxes] == [
        ("web", VETH),
        ("web", OWN),
        ("db", SetUp(netns="db", dev="lo")),
    ]
    assert [one.step for _, one in localnets] == [sysctl("1")]
    assert [one.step for _, one in networks] == [SetMtu(dev="br9", mtu=1400), SetUp(dev="br9")]
    assert [one.step for _, one in rules] == [AddTable()]
    del records[FIREWALL]
    assert [one.step for _, one in batches(records)[3]][:2] == [port, VETH]
    assert [batch[0][0] for batch in batches(records, [("link", None, "br9")])] == [FORWARDING6, FORWARDING, KEY]
    assert batches({}) == []


# Open flows


def flow(src: str, dst: str, by: str = "", to: str = "", protocol: str = "udp") -> Flow:
    src_end, dst_end, by_end, to_end = (
        End(IPv4Address(address), int(port))
        for address, _, port in (text.partition(":") for text in (src, dst, by or dst, to or src))
    )
    return Flow(protocol, src_end, dst_end, by_end, to_end)


OUT = flow("10.9.0.2:9", "198.51.100.2:7", to="192.0.2.1:9")
OUT_AS_IT_IS = flow("10.9.0.2:9", "198.51.100.2:7")
TO_80 = flow("192.0.2.2:9", "192.0.2.1:8088", "10.9.0.2:80")
TO_81 = flow("192.0.2.2:9", "192.0.2.1:8088", "10.9.0.2:81")
TO_HOST = flow("192.0.2.2:9", "192.0.2.1:8088")
OF_ANOTHER = flow("192.0.2.2:9", "198.51.100.2:8088")
FLOWS = (OUT, OUT_AS_IT_IS, TO_80, TO_81, TO_HOST, OF_ANOTHER)


def stale(lab: Lab, *specs: Network | Sandbox) -> list[Flow]:
    """Which flows are forgotten when this is asked for."""
    parts, change = lab.compare(*specs)
    stood = {unit.key: lab.stood[unit.key] for unit in parts if unit.key in lab.stood}
    wrong = stale_after(parts, stood, change, lab.allocations)
    return [one for one in FLOWS if wrong.has(one, lambda address: str(address) == "192.0.2.1")]


def test_a_port_that_comes_or_turns_ends_what_goes_elsewhere(lab: Lab) -> None:
    assert stale(lab, NETWORK, web("8088:80/udp")) == [TO_81, TO_HOST]
    lab.apply(NETWORK, web("8088:80/udp"))
    assert stale(lab, NETWORK, web("8088:80/udp")) == []
    assert stale(lab, NETWORK, web("8088:81/udp")) == [TO_80, TO_HOST]
    assert stale(lab, NETWORK, web()) == [TO_80]
    lab.kernel.elements.clear()
    assert stale(lab, NETWORK, web("8088:80/udp")) == [OUT_AS_IT_IS, TO_81, TO_HOST]


def test_for_a_new_port_for_connections_the_kernel_is_not_asked(lab: Lab) -> None:
    """What led elsewhere by us is forgotten already, and a closed connection begins anew."""
    parts, change = lab.compare(NETWORK, web("8088:80"))
    assert not stale_after(parts, {}, change, lab.allocations)


def test_a_new_address_ends_all_flows_of_the_old_one(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80/udp", address="10.9.0.2"))
    assert stale(lab, NETWORK, web("8088:80/udp", address="10.9.0.3")) == [OUT, OUT_AS_IT_IS, TO_80, TO_81, TO_HOST]
    # A call that was killed has taken all of it away, and come no further.
    for step in reversed(lab.stood[Key("sandbox", "web")].records):
        if isinstance(step.step, PublishPort):
            lab.run([step.undo("")])
    assert stale(lab, NETWORK, web(address="10.9.0.3")) == [OUT, OUT_AS_IT_IS, TO_80, TO_81]
    owed = {key: one.records for key, one in lab.stood.items()}
    wrong = stale_once_undone(owed)
    assert [one for one in FLOWS if wrong.has(one, lambda address: False)] == [OUT, OUT_AS_IT_IS, TO_80, TO_81]


def test_another_kind_of_network_ends_what_it_does_not_let_pass(lab: Lab) -> None:
    lab.apply(NETWORK, web())
    internal, plain = (NETWORK.model_copy(update=change) for change in ({"internal": True}, {"masquerade": False}))
    assert stale(lab, internal, web()) == [OUT, OUT_AS_IT_IS, TO_80, TO_81]
    assert stale(lab, plain, web()) == [OUT]
    lab.apply(plain, web())
    assert stale(lab, plain, web()) == []
    assert stale(lab, NETWORK, web()) == [OUT_AS_IT_IS]


def test_where_the_rules_come_back_all_is_looked_at_that_stands(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80/udp"))
    lab.apply(OTHER_NETWORK := Network(name="other", bridge="br8", subnet="10.8.0.0/24"))
    lab.kernel.table = {**firewall.outline(), "forward": ()}
    assert stale(lab, OTHER_NETWORK) == [OUT_AS_IT_IS, TO_81, TO_HOST]


def test_what_is_told_is_in_the_order_of_making(lab: Lab) -> None:
    changes = lab.diff(NETWORK, web(), db())
    assert actions(changes) == {"network lab": "created", "sandbox web": "created", "sandbox db": "created"}
    assert [change.name for change in changes] == ["lab", "web", "db"]
    network, _, last = changes
    assert (network.kind, network.users) == ("network", ())
    plan = resolve((NETWORK, web(), db()))
    assert list(last.steps) == list(units(plan)[-2].plan)
    assert list(changes.plan) == list(whole(units(plan)))


def test_steps_of_a_change_begin_with_what_goes(lab: Lab) -> None:
    lab.apply(NETWORK, web("8088:80"), db("8089:80"))
    changes = lab.diff(NETWORK, web("8088:81"), db("8089:81"))
    assert [type(step) for step in changes.plan] == [Undo, Undo, PublishPort, PublishPort]
    assert [[type(step) for step in change.steps] for change in changes] == [
        [],
        [Undo, PublishPort],
        [Undo, PublishPort],
    ]


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        ((), (Sandbox(name="web", mode=HostNetwork()),), "created"),
        ((NETWORK, web()), (NETWORK, Sandbox(name="web", mode=HostNetwork())), "updated"),
        (
            (Sandbox(name="web", mode=HostNetwork()),),
            (Sandbox(name="web", mode=HostNetwork()),),
            "unchanged",
        ),
    ],
)
def test_what_takes_no_command_is_told_too(lab: Lab, before: Specs, after: Specs, action: str) -> None:
    lab.apply(*before)
    assert actions(lab.diff(*after))["sandbox web"] == action
    assert bool(lab.diff(*after)) == (action != "unchanged")


def test_what_all_networks_share_is_told_where_it_is_repaired(lab: Lab) -> None:
    lab.apply(NETWORK)
    lab.kernel.write_sysctl(None, IP_FORWARD, "0")
    changes = lab.diff(NETWORK)
    assert actions(changes) == {"network lab": "repaired", "forwarding": "repaired"}  # the kernel sets its bridge's too
    assert list(changes.plan) == [SetSysctl(key="net/ipv4/conf/br9/forwarding", value="1"), EnableForwarding()]


@pytest.mark.parametrize(
    ("kind", "action", "reported"),
    [
        ("network", "unchanged", True),
        ("sandbox", "created", True),
        ("sandbox", "removed", True),
        ("firewall", "created", False),
        ("firewall", "unchanged", False),
        ("firewall", "updated", True),
        ("firewall", "repaired", True),
        ("forwarding", "created", False),
        ("forwarding", "repaired", True),
    ],
)
def test_what_is_reported(kind: Any, action: Any, reported: bool) -> None:
    assert Change(kind, "", action).is_reported() == reported


def test_changes_are_false_where_nothing_is_or_would_be_done() -> None:
    stays, goes = Change("network", "lab", "unchanged", users=("web",)), Change("sandbox", "web", "removed")
    assert not Changes(Plan(), ()) and not Changes(Plan(), (stays,))
    assert Changes(Plan(), (stays, goes))
    assert (len(Changes(Plan(), (stays, goes))), list(Changes(Plan(), (stays, goes)))) == (2, [stays, goes])
    assert Changes(Plan([OWN]), ()).script() == Plan([OWN]).script()
