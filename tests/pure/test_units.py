"""The parts of a host come in the order in which they are made, and what was done for each is remembered as JSON."""

from __future__ import annotations

import pytest

from netbuilder.recipes.units import FIREWALL, FORWARDING, ORDER, Key, Unit, in_use, standing, units, whole
from netbuilder.resolve import resolve
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import HostBaseline
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox
from netbuilder.steps import Plan

LAB = Network(name="lab", subnet="10.9.0.0/24")
WEB = Sandbox(name="web", mode=Bridge(network="lab"))
DB = Sandbox(name="db", mode=Bridge(network="lab"))
MATE = Sandbox(name="mate", mode=Container(sandbox="web"))
EMPTY = Sandbox(name="empty", mode=NoNetwork())
TOP = Sandbox(name="top", mode=HostNetwork())


def parts(*specs: Network | Sandbox) -> list[Unit]:
    return units(resolve(specs))


def host(*specs: Network | Sandbox) -> Allocations:
    """The allocations of a host on which something stands."""
    allocations, resolution = Allocations(), resolve(specs)
    allocations.record(resolution.networks, resolution.sandboxes)
    return allocations


def test_the_firewall_comes_first_then_networks_then_sandboxes_and_forwarding_last() -> None:
    assert [unit.key for unit in parts(EMPTY, WEB, LAB, Network(name="dmz"))] == [
        FIREWALL,
        Key("network", "lab"),
        Key("network", "dmz"),
        Key("sandbox", "empty"),
        Key("sandbox", "web"),
        FORWARDING,
    ]


def test_the_order_of_kinds_is_that_of_the_units() -> None:
    kinds = [unit.key.kind for unit in parts(EMPTY, WEB, LAB)]
    assert tuple(dict.fromkeys(kinds)) == ORDER


def test_without_a_network_there_is_no_firewall_and_no_forwarding() -> None:
    assert [unit.key for unit in parts(EMPTY, TOP)] == [Key("sandbox", "empty"), Key("sandbox", "top")]
    assert parts() == []


def test_a_unit_is_the_plan_of_what_was_resolved() -> None:
    resolution = resolve([LAB, WEB])
    firewall, network, sandbox, forwarding = units(resolution)
    assert (firewall.resolved, forwarding.resolved) == (resolution.baseline, resolution.baseline)
    assert (network.resolved, sandbox.resolved) == (*resolution.networks, *resolution.sandboxes)
    kinds = [[type(step).__name__ for step in unit.plan][:2] for unit in (firewall, network, sandbox, forwarding)]
    assert kinds == [
        ["AddTable", "AddElement"],
        ["AddBridge", "SetMac"],
        ["AddNamespace", "SetSysctl"],
        ["EnableForwarding"],
    ]


def test_the_whole_plan_is_that_of_the_units_one_after_the_other() -> None:
    all_parts = parts(LAB, WEB, EMPTY)
    plan = whole(all_parts)
    assert isinstance(plan, Plan)
    assert list(plan) == [step for unit in all_parts for step in unit.plan]
    assert whole([]) == Plan()


@pytest.mark.parametrize(
    ("doomed", "staying"),
    [
        ("sandbox/db", {}),
        ("sandbox/mate", {}),
        ("sandbox/web", {"sandbox/web": {"mate"}}),
        ("sandbox/web sandbox/mate", {}),
        ("network/lab", {"network/lab": {"web", "db"}}),
        ("network/lab sandbox/db", {"network/lab": {"web"}}),
        ("network/lab sandbox/db sandbox/web", {"sandbox/web": {"mate"}}),
        ("network/lab sandbox/db sandbox/web sandbox/mate", {}),
    ],
)
def test_what_others_depend_on(doomed: str, staying: dict[str, set[str]]) -> None:
    keys = [Key(*key.split("/")) for key in doomed.split()]  # type: ignore[arg-type]
    assert {f"{key.kind}/{key.name}": users for key, users in in_use(keys, host(LAB, WEB, DB, MATE)).items()} == staying


KEYS = [FIREWALL, Key("network", "lab"), Key("sandbox", "web"), FORWARDING]


def test_nothing_stands_on_a_new_host() -> None:
    assert [standing(key, Allocations()) for key in KEYS] == [None] * 4


def test_what_stands_is_what_it_was_resolved_to() -> None:
    allocations = host(LAB, WEB)
    lab, web = allocations.networks["lab"], allocations.sandboxes["web"]
    assert [standing(key, allocations) for key in KEYS] == [None, lab, web, None]
    allocations.baseline = HostBaseline(forwarding_before=True)
    assert [standing(key, allocations) for key in KEYS] == [allocations.baseline, lab, web, allocations.baseline]
    assert standing(Key("sandbox", "lab"), allocations) is None
    assert standing(Key("network", "web"), allocations) is None


@pytest.mark.parametrize(
    ("networks", "sandboxes", "left"),
    [
        ([], [], "lab dmz web db"),
        ([], ["db"], "lab dmz web"),
        (["dmz"], [], "lab web db"),
        (["lab"], ["db", "web"], "dmz"),
        (["lab", "dmz"], ["db", "web"], ""),
    ],
)
def test_what_is_removed_stands_no_more(networks: list[str], sandboxes: list[str], left: str) -> None:
    allocations = host(LAB, Network(name="dmz"), WEB, DB)
    allocations.remove(networks, sandboxes)
    keys = [Key("network", "lab"), Key("network", "dmz"), Key("sandbox", "web"), Key("sandbox", "db")]
    assert " ".join(key.name for key in keys if standing(key, allocations)) == left
