"""The seven laws, for every recipe."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from netbuilder import Host, Plan, StepError
from netbuilder.steps import AddElement, AddNamespace, AddTable, AttachNamespace, Kernel, SetSysctl, Step
from netbuilder.steps.state import LinkOf
from tests.kernel.helpers import among_the_machines_processes, missing, picture, shell
from tests.kernel.leftovers import wait_until
from tests.kernel.recipes import RECIPES, Recipe

pytestmark = pytest.mark.usefixtures("quick_probes")
every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=str)


@every_recipe
def test_after_apply_nothing_is_missing(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    whole = host.plan(*specs)
    missing_before = host.diff(*specs)
    done = host.apply(*specs)
    assert done == missing_before
    assert {change.action for change in done} == {"created"}
    assert missing(host, whole) == host.diff(*specs).plan == Plan()
    assert host.plan(*specs) == whole


@every_recipe
def test_apply_twice_does_nothing(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    host.apply(*specs)
    before = picture(host)
    assert host.apply(*specs).plan == Plan()
    assert picture(host) == before


@every_recipe
def test_undo_restores_the_kernel(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    before = picture(host)
    done = host.apply(*specs)
    assert (picture(host) != before) == bool(done.plan)
    host.destroy_all()
    assert picture(host) == before
    assert host.sandboxes() == host.networks() == ()


@every_recipe
def test_a_failure_at_any_step_restores_it_too(host: Host, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = recipe.prepare(host)
    before = picture(host)
    for victim in host.diff(*specs).plan:
        with monkeypatch.context() as patch:
            patch.setattr(type(victim), "do", _refused(victim, type(victim).do))
            with pytest.raises(StepError) as caught:
                host.apply(*specs)
        assert caught.value.command == victim.command()
        assert picture(host) == before, victim.command()
        assert host.sandboxes() == host.networks() == ()
    host.apply(*specs)
    assert host.diff(*specs).plan == Plan()


def _refused(victim: Step, do: Callable[[Any, Kernel], None]) -> Callable[[Step, Kernel], None]:
    """Do each step as ever, but for one in whose place the kernel is asked for something that it refuses."""

    def refused(step: Step, kernel: Kernel) -> None:
        if step != victim:
            do(step, kernel)
        elif isinstance(step, AddTable):
            kernel.nft("delete table inet no_such_table")
        elif isinstance(step, AddElement):
            kernel.add_element("no_such_set", step.key, step.data)
        elif isinstance(step, AddNamespace | AttachNamespace | SetSysctl):
            kernel.write_sysctl(None, "net/ipv4/no_such_setting", "1")
        else:
            kernel.set_link(getattr(step, "netns", None), "no-such-link", up=True)

    return refused


def test_an_error_of_the_caller_at_any_step_restores_it_too(host: Host) -> None:
    """Also between two steps, and also what is no `Exception`, such as Ctrl-C."""
    specs = _named("several").prepare(host)
    before = picture(host)
    for victim in host.diff(*specs).plan:

        def interrupt(step: Step, victim: Step = victim) -> None:
            if step == victim:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            host.apply(*specs, watch=interrupt)
        assert picture(host) == before, victim.command()


@every_recipe
def test_the_printed_script_satisfies_the_plan(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    plan, script = host.plan(*specs), host.diff(*specs).script()
    done = subprocess.run([*among_the_machines_processes(host), "sh"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert missing(host, plan) == Plan()


@every_recipe
def test_a_plan_survives_json(host: Host, recipe: Recipe) -> None:
    plan = host.plan(*recipe.prepare(host))
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.script() == plan.script()


# One fact broken by hand: what one types, and the steps that show it


IN_THE_SANDBOX = ["disable_ipv6=1", "web address add", "web link set eth0 up", "web route add"]
ON_THE_VETH = ["alias netbuilder:web", "hairpin on", "addrgenmode none", "link set VETH up"]
THE_VETH = ["link add VETH", *ON_THE_VETH, *IN_THE_SANDBOX]
THE_VETH_AGAIN = ["link del VETH", *THE_VETH]
PERMISSIONS = ["ip_unprivileged_port_start=0", "ping_group_range=0 2147483647"]
THE_NAMESPACE = [
    *("netns add", *PERMISSIONS, "link add VETH"),
    *(*IN_THE_SANDBOX[:2], "web link set lo up", *IN_THE_SANDBOX[2:]),
]
NETWORK = ["bridges", "icc", "without_ipv6", "subnets4", "gateways4", "masqueraded4", "masqueraded_gateways4"]
PORTS = ["8088", "5353", "9090", "443"]
BROKEN = {
    "ip netns del web": THE_NAMESPACE,
    "umount /run/netns/web": ["netns del web", *THE_NAMESPACE],
    "ip link del VETH": THE_VETH,
    "ip link set VETH nomaster": THE_VETH_AGAIN,
    "ip -n web link set eth0 address 02:00:00:00:00:99": THE_VETH_AGAIN,
    "ip -n web link set eth0 name eth9": THE_VETH_AGAIN,
    "ip link set VETH down": ["link set VETH up"],
    "ip link set VETH alias theirs": ["alias netbuilder:web"],
    "ip link set VETH addrgenmode eui64": ["addrgenmode none"],
    "ip link set VETH type bridge_slave hairpin off": ["hairpin on"],
    "ip -n web link set eth0 down": ["web link set eth0 up", "web route add"],
    "ip -n web link set lo down": ["web link set lo up"],
    "ip -n web address del 10.9.0.77/24 dev eth0": ["web address add", "web route add"],
    "ip -n web address replace 10.9.0.77/25 dev eth0": [],
    "ip -n web route del default": ["web route add"],
    "ip netns exec web sysctl -qw net/ipv6/conf/eth0/disable_ipv6=0": ["disable_ipv6=1"],
    "ip netns exec web sysctl -qw net/ipv4/ip_unprivileged_port_start=80": PERMISSIONS[:1],
    "ip netns exec web sysctl -qw 'net/ipv4/ping_group_range=1 0'": PERMISSIONS[1:],
    "sysctl -qw net/ipv4/ip_forward=0": ["BRIDGE/forwarding=1", "ip_forward=1"],
    "sysctl -qw net/ipv4/conf/BRIDGE/route_localnet=0": ["route_localnet=1"],
    "ip link del BRIDGE": [
        "link del VETH",
        "link add BRIDGE",
        "link set BRIDGE address",
        "disable_ipv6=1",
        "accept_ra=0",
        "address add 10.9.0.1",
        "link set BRIDGE up",
        "BRIDGE/forwarding=1",
        *THE_VETH,
        "route_localnet=1",
    ],
    "ip address del 10.9.0.1/24 dev BRIDGE": ["address add 10.9.0.1"],
    "ip link set BRIDGE down": ["link set BRIDGE up"],
    "nft delete table inet netbuilder": ["table inet netbuilder {", "made_router { ipv4 }", *NETWORK, *PORTS],
    "nft add table inet netbuilder '{ flags dormant; }'": ["table inet netbuilder {"],
    "nft flush chain inet netbuilder forward": ["table inet netbuilder {"],
    "nft 'chain inet netbuilder forward { policy drop; }'": ["table inet netbuilder {"],
    "nft 'add chain inet netbuilder theirs; add rule inet netbuilder theirs drop'": ["table inet netbuilder {"],
    "nft add rule inet netbuilder raw_prerouting accept": ["table inet netbuilder {"],
    "nft insert rule inet netbuilder published tcp dport 1 drop": ["table inet netbuilder {"],
    "nft delete element inet netbuilder gateways4 '{ 10.9.0.1 }'": ["gateways4"],
    "nft delete element inet netbuilder masqueraded4 '{ BRIDGE . 10.9.0.0/24 }'": ["masqueraded4"],
    "nft delete element inet netbuilder publish_any4 '{ tcp . 8088 }'": ["8088"],
    "nft delete element inet netbuilder publish_at4 '{ 127.0.0.1 . tcp . 9090 }'": ["9090"],
    "nft delete element inet netbuilder publish_any4 '{ tcp . 8088 }'"
    " && nft add element inet netbuilder publish_any4 '{ tcp . 8088 : 10.9.0.9 . 9 }'": ["delete element", "8088"],
}


@pytest.mark.parametrize(
    ("by_hand", "shown"), BROKEN.items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_fact_broken_by_hand_shows_and_is_repaired(host: Host, by_hand: str, shown: list[str]) -> None:
    specs = _named("published").prepare(host)
    before = picture(host)
    host.apply(*specs)
    (pair,) = host.links()
    names = {"VETH": pair.veth, "BRIDGE": str(pair.bridge)}

    def spelled(text: str) -> str:
        return functools.reduce(lambda text, name: text.replace(*name), names.items(), text)

    shell(host, spelled(by_hand))
    if "netns" in by_hand and "exec" not in by_hand:
        gone = LinkOf(None, pair.veth)
        wait_until(lambda: host._call(lambda: host._engine.kernel.observe([gone])[gone]) is None, by_hand)
        at = shown.index("link add VETH") + 1
        shown = [*shown[:at], *ON_THE_VETH, *shown[at:]]
    diff = host.diff(*specs)
    commands = [step.command() for step in diff.plan]
    assert [wanted in command for command, wanted in zip(commands, map(spelled, shown), strict=True)] == [True] * len(
        commands
    ), commands
    done = host.apply(*specs)
    assert diff == done
    assert host.diff(*specs).plan == Plan()
    assert host.apply(*specs).plan == Plan()
    host.destroy_all()
    assert picture(host) == before


def _named(name: str) -> Recipe:
    return next(recipe for recipe in RECIPES if recipe.name == name)
