"""Many sandboxes: each port of a bridge is told what is told to all, and nobody has to ask for what all ask for.

The kernel's table of neighbours and its queue are the machine's. So a bridge is really full here, but of somebody
else's ports, which take a tenth of the time; and for the rest a few sandboxes are taken to be many.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from netbuilder import Bridge, Host, LiveSandbox, Network, Sandbox, SpecError
from netbuilder.kernel import offloads
from netbuilder.kernel.kernel import Kernel
from netbuilder.resolve import crowds
from netbuilder.steps import StaleFlows
from tests.kernel import test_laws as laws
from tests.kernel.helpers import call, namespace, picture, shell
from tests.kernel.recipes import Recipe

OTHERS = 990  # ports of somebody else's: with ten sandboxes, as many as the CPU's queue holds
SANDBOXES = crowds.BRIDGE_PORTS - OTHERS
LAB = Network(name="lab", bridge="br0", subnet="10.9.0.0/16")
OLDEST = "10.9.200.1"
"""The address of the oldest port: a bridge sends to the newest first, so this one's copy is the first to be lost."""


def sandbox(number: int, **mode: object) -> Sandbox:
    return Sandbox(name=f"s{number}", mode=Bridge(network="lab", **mode))  # type: ignore[arg-type]


# A bridge that is full


def a_nearly_full_bridge(host: Host) -> LiveSandbox:
    """A bridge that was there before, with ports of somebody else's; the machine behind the oldest of them."""
    numbers = range(OTHERS)
    shell(host, "ip link add br0 type bridge; ip address add 10.9.0.1/16 dev br0; ip link set br0 up; ip netns add far")
    quiet = "if [ -d /proc/sys/net/ipv6 ]; then echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; fi"
    shell(host, f"{quiet}; ip netns exec far sh -c '{quiet}'")
    shell(
        host,
        "ip -batch -",
        input="".join(f"link add p{n} up master br0 type veth peer q{n} netns far\n" for n in numbers),
    )
    shell(host, f"ip -n far address add {OLDEST}/16 dev q0")
    shell(host, "ip -n far -batch -", input="".join(f"link set q{n} up\n" for n in numbers))
    return namespace(host, "far")


def test_a_full_bridge_reaches_every_port_and_takes_no_more(host: Host) -> None:
    oldest = a_nearly_full_bridge(host)
    host.apply(LAB, *map(sandbox, range(SANDBOXES)))
    assert len(shell(host, "ls /sys/class/net/br0/brif").split()) == crowds.BRIDGE_PORTS
    first, last = host["s0"], host[f"s{SANDBOXES - 1}"]
    ends = {None: "10.9.0.1", oldest: OLDEST, first: str(first.address), last: str(last.address)}
    for end in (oldest, first, last):
        for other, address in ends.items():
            if other is not end:
                asked = call(end, (address, 80), other or host, 80, "udp")
                assert asked == ends[end], (end, other)
        assert call(host, (ends[end], 80), end, 80, "udp") == "10.9.0.1"
    with pytest.raises(SpecError) as caught:
        host.apply(sandbox(SANDBOXES))
    assert str(caught.value) == (
        f"sandbox s{SANDBOXES}.mode.network: network lab is full:"
        f" a Linux bridge holds 1023 ports, and {OTHERS} of br0 are not netbuilder's"
    )
    assert caught.value.hint == "use another network for the rest"
    host.destroy("s0")
    host.apply(sandbox(SANDBOXES))
    assert call(host, (OLDEST, 80), oldest, 80, "udp") == "10.9.0.1"


# Few that are taken to be many


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sandbox is one of many."""
    monkeypatch.setattr(crowds, "SHARED_QUEUE", 0)
    monkeypatch.setattr(crowds, "ASKED_FOR", 0)


OURS = Network(name="lab", subnet="10.9.0.0/24")
WEB, DB = (Sandbox(name=name, mode=Bridge(network="lab", publish=["80"])) for name in ("web", "db"))
VAULT = Network(name="vault", subnet="10.8.0.0/24", internal=True)
SAFE = Sandbox(name="safe", mode=Bridge(network="vault"))
CROWDED = Recipe("crowded", lambda host: (OURS, WEB))
LAWS: list[Callable[..., None]] = [
    laws.test_after_apply_nothing_is_missing,
    laws.test_apply_twice_does_nothing,
    laws.test_undo_restores_the_kernel,
    laws.test_a_failure_at_any_step_restores_it_too,
    laws.test_a_plan_survives_json,
]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("law", LAWS, ids=lambda law: str(law.__name__))
def test_the_laws_hold_in_a_crowd(host: Host, law: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    law(host, CROWDED, *([monkeypatch] if "monkeypatch" in law.__annotations__ else []))


def arp(host: Host) -> list[str]:
    """What is in the neighbour tables of the host and its sandboxes and was asked for."""
    namespaces = ["", *(f"-n {one.name}" for one in host.sandboxes())]
    seen = "".join(shell(host, f"ip {netns} -4 neigh show") for netns in namespaces)
    return [line for line in seen.splitlines() if "PERMANENT" not in line]


def bridge_of(host: Host) -> str:
    return host.networks()[0].bridge


@pytest.mark.usefixtures("many")
def test_nobody_asks_for_the_other(host: Host) -> None:
    host.apply(OURS, VAULT, WEB, DB, SAFE)
    for name in ("web", "db", "safe"):
        gateway = "10.8.0.1" if name == "safe" else "10.9.0.1"
        assert call(host, (str(host[name].address), 80), host[name], 80, "tcp") == gateway
        assert call(host[name], (gateway, 80), host, 80, "udp") == str(host[name].address)
    assert arp(host) == []
    assert call(host["web"], (str(host["db"].address), 80), host["db"], 80, "tcp") == str(host["web"].address)
    host.destroy("web")
    assert str(host["db"].address) in shell(host, f"ip neigh show dev {bridge_of(host)}")
    assert "10.9.0.2" not in shell(host, f"ip neigh show dev {bridge_of(host)}")


def test_the_first_sandboxes_are_asked_for(host: Host) -> None:
    host.apply(OURS, WEB)
    assert call(host, (str(host["web"].address), 80), host["web"], 80, "tcp") == "10.9.0.1"
    assert {line.split()[0] for line in arp(host)} == {"10.9.0.1", "10.9.0.2"}
    assert not {step.kind for step in host.plan(OURS, WEB)} & {"SetNeighbour", "SetOffload"}


@pytest.mark.usefixtures("many")
def test_who_had_it_keeps_it_and_who_had_not_goes_without(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.apply(OURS, WEB)
    monkeypatch.undo()
    assert not host.diff(OURS, WEB).plan
    host.apply(DB)
    monkeypatch.setattr(crowds, "ASKED_FOR", 0)
    monkeypatch.setattr(crowds, "SHARED_QUEUE", 0)
    assert not host.diff(OURS, WEB, DB).plan
    assert {line.split()[0] for line in shell(host, f"ip neigh show dev {bridge_of(host)}").splitlines()} == {
        "10.9.0.2"
    }


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("by_hand", "shown"),
    [
        ("ip neigh del 10.9.0.2 dev BRIDGE", ["neigh replace 10.9.0.2 lladdr 02:42:0a:09:00:02 dev BRIDGE"]),
        (
            "ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:09 dev BRIDGE nud permanent",
            ["neigh replace 10.9.0.2 lladdr 02:42:0a:09:00:02 dev BRIDGE"],
        ),
        ("ip -n web neigh flush nud permanent dev eth0", ["web neigh replace 10.9.0.1"]),
        ("ip link set BRIDGE address 02:00:00:00:00:09", ["BRIDGE address 02:42", "neigh replace 10.9.0.2"]),
        ("ip link set BRIDGE down", ["set BRIDGE up", "neigh replace 10.9.0.2"]),
        ("ip -n web link set eth0 down", ["set eth0 up", "route add", "web neigh replace 10.9.0.1"]),
    ],
)
def test_a_neighbour_that_is_gone_shows_and_is_repaired(host: Host, by_hand: str, shown: list[str]) -> None:
    host.apply(OURS, WEB)
    shell(host, by_hand.replace("BRIDGE", bridge_of(host)))
    diff = host.diff(OURS, WEB)
    assert [
        part.replace("BRIDGE", bridge_of(host)) in step.command() for part, step in zip(shown, diff.plan, strict=True)
    ] == [True] * len(shown), diff.plan.script()
    assert host.apply(OURS, WEB) == diff
    assert not host.diff(OURS, WEB).plan


@pytest.mark.usefixtures("many")
def test_another_gateway_has_another_mac_address(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its MAC address the bridge forgets all neighbours."""
    before = picture(host)
    host.apply(OURS, WEB, DB)
    moved = OURS.model_copy(update={"gateway": IPv4Address("10.9.0.254")})
    diff = host.diff(moved, WEB, DB)
    with monkeypatch.context() as patch:
        patch.setattr(Kernel, "forget_flows", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            host.apply(moved, WEB, DB)
    assert not host.diff(OURS, WEB, DB).plan
    assert host.apply(moved, WEB, DB) == diff
    assert not host.diff(moved, WEB, DB).plan
    assert call(host["web"], ("10.9.0.254", 80), host, 80, "udp") == str(host["web"].address)
    assert call(host, (str(host["web"].address), 80), host["web"], 80, "udp") == "10.9.0.254"
    assert arp(host) == []
    host.destroy_all()
    assert picture(host) == before


def _interrupted(kernel: Kernel, stale: StaleFlows) -> None:
    if stale:
        raise KeyboardInterrupt


@pytest.mark.usefixtures("many")
def test_sandboxes_that_exchange_addresses(host: Host) -> None:
    host.apply(OURS, WEB, DB)
    there = {name: str(host[name].address) for name in ("web", "db")}
    swapped = [
        Sandbox(name=name, mode=Bridge(network="lab", address=there[other]))
        for name, other in (("web", "db"), ("db", "web"))
    ]
    diff = host.diff(*swapped)
    assert host.apply(*swapped) == diff
    assert not host.diff(*swapped).plan
    assert call(host, (there["db"], 80), host["web"], 80, "tcp") == "10.9.0.1"
    assert call(host, (there["web"], 80), host["db"], 80, "tcp") == "10.9.0.1"
    assert arp(host) == []
    host.destroy("web", "db")
    assert shell(host, f"ip neigh show dev {bridge_of(host)}") == ""


@pytest.mark.usefixtures("many")
def test_a_bridge_that_was_there_is_asked_for(host: Host) -> None:
    """Its MAC address is not ours to fix: it may change with its ports."""
    shell(host, "ip link add br0 type bridge; ip address add 10.9.0.1/16 dev br0; ip link set br0 up")
    kinds = {step.kind for step in host.plan(LAB, sandbox(0))}
    assert "SetOffload" in kinds
    assert "SetNeighbour" not in kinds


ETHTOOL = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from netbuilder.kernel import offloads
from netbuilder.kernel.netlink import Netlink
_, option, dev, offload, value = sys.argv
assert option == "-K"
offloads.write(Netlink(), dev, offload, {{"on": True, "off": False}}[value])
"""
"""As much of ethtool as a script needs, where that is not installed; the real one tells what it did."""


@pytest.mark.usefixtures("many")
def test_the_script_does_the_same(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "ethtool"
    tool.write_text(ETHTOOL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    laws.test_the_printed_script_satisfies_the_plan(host, CROWDED)


@pytest.mark.usefixtures("many")
def test_an_offload_that_was_changed_shows_and_is_repaired(host: Host) -> None:
    host.apply(OURS, WEB)
    (pair,) = host.links()
    host._call(lambda: offloads.write(host._engine.kernel.host_socket, pair.veth, "tso", True))
    assert [step.command() for step in host.diff(OURS, WEB).plan] == [f"ethtool -K {pair.veth} tso off"]
    host.apply(OURS, WEB)
    assert not host.diff(OURS, WEB).plan
