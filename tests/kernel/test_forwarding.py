"""Forwarding has a switch for all interfaces, one for new ones and one for each; and others may rely on it."""

from __future__ import annotations

import pytest

from netbuilder import Bridge, Host, Network, NoNetwork, Sandbox
from netbuilder.recipes.units import FIREWALL, FORWARDING, Key
from tests.kernel.helpers import SOON, Lan, call, namespace, picture, shell
from tests.kernel.leftovers import wait_until

LAB = Network(name="lab", bridge="lab0", subnet="10.9.0.0/24")
WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))
HYPERVISOR = """
    ip link add virbr0 type bridge && ip address add 192.168.122.1/24 dev virbr0 && ip link set virbr0 up
    ip netns add vm && ip link add vnet0 master virbr0 type veth peer name eth0 netns vm && ip link set vnet0 up
    ip -n vm address add 192.168.122.2/24 dev eth0 && ip -n vm link set eth0 up
    ip -n vm route add default via 192.168.122.1
    sysctl -qw net/ipv4/ip_forward=1
"""
NAT = """
    nft 'add table ip theirs; add chain ip theirs nat { type nat hook postrouting priority 100; };
         add rule ip theirs nat ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 masquerade'
"""


def setting(host: Host, interface: str) -> str:
    return shell(host, f"cat /proc/sys/net/ipv4/conf/{interface}/forwarding").strip()


def set_(host: Host, **values: int) -> None:
    for interface, value in values.items():
        shell(host, f"echo {value} > /proc/sys/net/ipv4/conf/{interface}/forwarding")


def test_new_interfaces_of_a_router_may_not_forward(lan: Lan) -> None:
    shell(lan.host, "echo 1 > /proc/sys/net/ipv4/ip_forward")
    set_(lan.host, default=0)
    before = picture(lan.host)
    lan.host.apply(LAB, WEB)
    assert call(lan.host["web"], (lan.MACHINE, 7), lan.machine, 7, "tcp") == lan.HOST
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp") == lan.MACHINE
    set_(lan.host, lab0=0)
    (step,) = lan.host.diff(LAB, WEB).plan
    assert step.command() == "sysctl -q -w net/ipv4/conf/lab0/forwarding=1"
    lan.host.apply(LAB, WEB)
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp") == lan.MACHINE
    lan.host.destroy_all()
    wait_until(lambda: picture(lan.host) == before, "the host is as it was")


@pytest.mark.parametrize("of_all", [0, 1])
@pytest.mark.parametrize("alone", [{}, {"eth0": 1}, {"eth0": 0}, {"default": 1, "eth1": 1}, {"default": 0, "eth1": 0}])
def test_each_switch_is_put_back(lan: Lan, of_all: int, alone: dict[str, int]) -> None:
    shell(lan.host, f"echo {of_all} > /proc/sys/net/ipv4/ip_forward")
    shell(lan.host, "ip link add br0 type bridge && ip address add 10.7.0.1/24 dev br0 && ip link set br0 up")
    set_(lan.host, **alone)
    before = picture(lan.host)
    lan.host.apply(LAB, WEB, Network(name="theirs", bridge="br0"))
    assert (setting(lan.host, "lab0"), setting(lan.host, "br0")) == ("1", "1")
    lan.host.destroy_all()
    wait_until(lambda: picture(lan.host) == before, "the host is as it was")


def test_an_interface_that_is_gone_is_not_put_back(lan: Lan) -> None:
    set_(lan.host, eth1=1, eth0=1)
    lan.host.apply(LAB)
    shell(lan.host, "ip link del eth1")
    lan.host.destroy_all()
    assert setting(lan.host, "eth0") == "1"


def test_an_uplink_that_does_not_forward_is_named_and_left(lan: Lan, caplog: pytest.LogCaptureFixture) -> None:
    lan.host.apply(LAB, WEB)
    assert not caplog.records
    set_(lan.host, eth0=0)
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp", SOON) is None
    lan.host.apply(LAB, WEB)
    (warning,) = caplog.messages
    assert "forwarding is off on eth0" in warning
    assert setting(lan.host, "eth0") == "0"
    shell(lan.host, warning.rpartition(": ")[2])
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp") == lan.MACHINE


# Others


@pytest.mark.parametrize("later", [HYPERVISOR, HYPERVISOR + NAT], ids=["routed", "translated"])
def test_a_hypervisor_that_comes_later_keeps_its_network(
    lan: Lan, later: str, caplog: pytest.LogCaptureFixture
) -> None:
    lan.host.apply(LAB, WEB)
    shell(lan.host, later)
    machine = namespace(lan.host, "vm")

    def gets_out() -> bool:
        return call(machine, (lan.MACHINE, 7), lan.machine, 7, "tcp", SOON) is not None

    assert gets_out()
    assert call(lan.third, (lan.MACHINE, 7), lan.machine, 7, "tcp", SOON) is None
    lan.host.destroy_all()
    assert gets_out()
    assert "bridge virbr0" in caplog.text
    assert ("MASQUERADE" in caplog.text) is (later != HYPERVISOR)


def test_rules_that_translate_rely_on_forwarding(lan: Lan, caplog: pytest.LogCaptureFixture) -> None:
    lan.host.apply(LAB)
    shell(lan.host, NAT)
    lan.host.destroy_all()
    assert setting(lan.host, "all") == "1"
    assert "rules that translate" in caplog.text


@pytest.mark.parametrize(
    "there",
    [
        NAT,
        "ip link add br0 type bridge && ip address add 10.7.0.1/24 dev br0 && ip link set br0 up",
    ],
    ids=["translated", "bridge"],
)
def test_what_was_there_while_nothing_was_forwarded_does_not_rely_on_it(
    lan: Lan, there: str, caplog: pytest.LogCaptureFixture
) -> None:
    shell(lan.host, there)
    before = picture(lan.host)
    lan.host.apply(LAB, WEB)
    shell(lan.host, "ip link add up2 type veth peer name up3 && ip address add 203.0.113.1/24 dev up2")
    lan.host.destroy_all()
    assert setting(lan.host, "all") == "0"
    assert not caplog.records
    shell(lan.host, "ip link del up2")
    wait_until(lambda: picture(lan.host) == before, "the host is as it was")


def test_an_interface_that_forwarded_by_itself_goes_on(lan: Lan) -> None:
    set_(lan.host, eth0=1, eth1=1)
    assert call(lan.third, (lan.MACHINE, 7), lan.machine, 7, "tcp") == lan.THIRD
    lan.host.apply(LAB)
    assert call(lan.third, (lan.MACHINE, 7), lan.machine, 7, "tcp") == lan.THIRD


def test_forwarding_is_kept_where_a_call_was_killed(lan: Lan) -> None:
    """What was to take all of it back was killed as it began; whoever comes next sees that a hypervisor came."""
    lan.host.apply(LAB)
    store = lan.host._engine.store
    keys = [FIREWALL, Key("network", "lab"), FORWARDING]
    lan.host._call(lambda: store.begin_removal(store.records(keys)))
    shell(lan.host, HYPERVISOR)
    lan.host.apply(Sandbox(name="alone", mode=NoNetwork()))
    assert setting(lan.host, "all") == "1"
