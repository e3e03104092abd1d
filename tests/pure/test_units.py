"""The parts of a host come in the order in which they are made, and what was done for each is remembered as JSON."""

from __future__ import annotations

import pytest

from netbuilder.ledger import Ledger
from netbuilder.plan import Plan
from netbuilder.resolve import resolve
from netbuilder.resolved import Ground
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox
from netbuilder.units import FORWARDING, ORDER, RULES, Key, Unit, in_use, stands, strike, units, whole

LAB = Network(name="lab", subnet="10.9.0.0/24")
WEB = Sandbox(name="web", mode=Bridge(network="lab"))
DB = Sandbox(name="db", mode=Bridge(network="lab"))
MATE = Sandbox(name="mate", mode=Container(sandbox="web"))
EMPTY = Sandbox(name="empty", mode=NoNetwork())
TOP = Sandbox(name="top", mode=HostNetwork())


def parts(*specs: Network | Sandbox) -> list[Unit]:
    return units(resolve(specs, Ledger()))


def test_the_rules_come_first_then_networks_then_sandboxes_and_forwarding_last() -> None:
    assert [unit.key for unit in parts(EMPTY, WEB, LAB, Network(name="dmz"))] == [
        RULES,
        Key("network", "lab"),
        Key("network", "dmz"),
        Key("sandbox", "empty"),
        Key("sandbox", "web"),
        FORWARDING,
    ]


def test_the_order_of_kinds_is_that_of_the_units() -> None:
    kinds = [unit.key.kind for unit in parts(EMPTY, WEB, LAB)]
    assert tuple(dict.fromkeys(kinds)) == ORDER


def test_without_a_network_there_are_no_rules_and_no_forwarding() -> None:
    assert [unit.key for unit in parts(EMPTY, TOP)] == [Key("sandbox", "empty"), Key("sandbox", "top")]
    assert parts() == []


def test_a_unit_is_the_plan_of_what_was_resolved() -> None:
    resolution = resolve([LAB, WEB], Ledger())
    rules, network, sandbox, forwarding = units(resolution)
    assert (rules.resolved, forwarding.resolved) == (resolution.ground, resolution.ground)
    assert (network.resolved, sandbox.resolved) == (*resolution.networks, *resolution.sandboxes)
    kinds = [[type(step).__name__ for step in unit.plan][:2] for unit in (rules, network, sandbox, forwarding)]
    assert kinds == [["AddTable"], ["AddBridge", "SetSysctl"], ["AddNamespace", "AddVeth"], ["Forward"]]


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
def test_what_others_live_on(doomed: str, staying: dict[str, set[str]]) -> None:
    ledger = Ledger()
    resolve([LAB, WEB, DB, MATE], ledger)
    keys = [Key(*key.split("/")) for key in doomed.split()]  # type: ignore[arg-type]
    assert {f"{key.kind}/{key.name}": users for key, users in in_use(keys, ledger).items()} == staying


@pytest.mark.parametrize(
    ("gone", "networks", "sandboxes"),
    [
        ([], "lab dmz", "web db"),
        ([Key("sandbox", "db")], "lab dmz", "web"),
        ([Key("network", "dmz")], "lab", "web db"),
        ([Key("network", "lab"), Key("sandbox", "db"), Key("sandbox", "web")], "dmz", ""),
        ([RULES, FORWARDING, Key("network", "lab"), Key("sandbox", "db"), Key("sandbox", "web")], "dmz", ""),
    ],
)
def test_what_is_gone_is_struck_out(gone: list[Key], networks: str, sandboxes: str) -> None:
    ledger = Ledger(ground=Ground(was_router=True))
    resolve([LAB, Network(name="dmz"), WEB, DB], ledger)
    strike(iter(gone), ledger)
    assert (" ".join(ledger.networks), " ".join(ledger.sandboxes)) == (networks, sandboxes)
    assert (ledger.ground is None) == (RULES in gone)


def test_what_stands() -> None:
    ledger = Ledger()
    keys = [RULES, Key("network", "lab"), Key("sandbox", "web"), FORWARDING]
    assert [stands(key, ledger) for key in keys] == [False] * 4
    resolve([LAB, WEB], ledger)
    assert [stands(key, ledger) for key in keys] == [False, True, True, False]
    ledger.ground = Ground(was_router=True)
    assert all(stands(key, ledger) for key in keys)
    assert not stands(Key("sandbox", "lab"), ledger)
    assert not stands(Key("network", "web"), ledger)
