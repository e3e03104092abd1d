"""The parts of a host come in the order in which they are made, and what was done for each is remembered as JSON."""

from __future__ import annotations

import pytest

from netbuilder.recipes.units import FIREWALL, FORWARDING, ORDER, Key, Unit, in_use, standing, units, whole
from netbuilder.resolve import resolve
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.resolved import HostBaseline, ResolvedLocalnet
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox
from netbuilder.steps import Plan

LAB = Network(name="lab", subnet="10.9.0.0/24")
WEB = Sandbox(name="web", mode=Bridge(network="lab"))
DB = Sandbox(name="db", mode=Bridge(network="lab"))
WEB_TOO = WEB.model_copy(update={"name": "too"})
OPEN = Sandbox(name="open", mode=Bridge(network="lab", publish=["8088:80"]))
OPEN_TOO = Sandbox(name="more", mode=Bridge(network="lab", publish=["127.0.0.1:9090:80"]))
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
    kinds = [unit.key.kind for unit in parts(EMPTY, WEB, OPEN, LAB, Network(name="dual", ipv6=True))]
    assert tuple(dict.fromkeys(kinds)) == ORDER


@pytest.mark.parametrize(
    ("publish", "bridge"),
    [
        (["8088:80"], "br9"),
        (["127.0.0.1:8088:80"], "br9"),
        (["192.0.2.1:8088:80", "127.9.9.9:53:53/udp"], "br9"),
        (["192.0.2.1:8088:80", "192.0.2.1:53:53/udp"], None),
        ([], None),
    ],
)
def test_the_hosts_loopback_leads_to_a_network_by_a_port_that_is_open_there(
    publish: list[str], bridge: str | None
) -> None:
    lab = Network(name="lab", bridge="br9", subnet="10.9.0.0/24")
    found = parts(lab, Sandbox(name="web", mode=Bridge(network="lab", publish=publish)), WEB_TOO)
    localnets = [unit for unit in found if unit.key.kind == "localnet"]
    assert [unit.resolved for unit in localnets] == ([ResolvedLocalnet(name="lab", bridge=bridge)] if bridge else [])
    assert ["route_localnet" in unit.plan.script() for unit in found] == [unit in localnets for unit in found]


def test_several_ports_of_a_network_share_it() -> None:
    dmz = Network(name="dmz"), Sandbox(name="mx", mode=Bridge(network="dmz", publish=["25"]))
    keys = [unit.key for unit in parts(LAB, OPEN, OPEN_TOO, *dmz)]
    assert [key for key in keys if key.kind == "localnet"] == [Key("localnet", "lab"), Key("localnet", "dmz")]


@pytest.mark.parametrize(
    ("stand", "asked", "stays", "goes"),
    [
        ([OPEN], [WEB.model_copy(update={"name": "open"})], [], ["lab"]),
        ([OPEN], [TOP.model_copy(update={"name": "open"})], [], ["lab"]),
        ([OPEN], [OPEN], ["lab"], []),
        ([OPEN], [WEB], [], []),
        ([OPEN, OPEN_TOO], [WEB.model_copy(update={"name": "open"})], [], []),
        ([OPEN, OPEN_TOO], [WEB.model_copy(update={"name": name}) for name in ("open", "more")], [], ["lab"]),
        ([OPEN, WEB], [WEB.model_copy(update={"name": "open"}), OPEN.model_copy(update={"name": "web"})], ["lab"], []),
    ],
)
def test_it_goes_as_the_last_such_port_goes(
    stand: list[Sandbox], asked: list[Sandbox], stays: list[str], goes: list[str]
) -> None:
    found = [unit for unit in units(resolve(asked, host(LAB, *stand))) if unit.key.kind == "localnet"]
    assert [unit.key.name for unit in found if unit.resolved] == stays
    assert [(unit.key.name, unit.plan) for unit in found if not unit.resolved] == [(name, Plan()) for name in goes]


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
    assert standing(Key("localnet", "lab"), allocations) is None
    assert standing(Key("localnet", "lab"), host(LAB, OPEN)) == ResolvedLocalnet(name="lab", bridge=lab.bridge)
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
