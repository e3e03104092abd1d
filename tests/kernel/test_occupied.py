"""An address that somebody has is not given away: the host's own, a machine's on the bridge, one wired by hand."""

from __future__ import annotations

import shlex

import pytest

from netbuilder import Bridge, Host, Network, NoNetwork, Sandbox, SpecError
from netbuilder.kernel import neighbours
from tests.kernel.helpers import call, namespace, picture, shell

LAB = Network(name="lab", bridge="br0", subnet="10.9.0.0/24")
WEB = Sandbox(name="web", mode=Bridge(network="lab"))
MORE = Sandbox(name="more", mode=Bridge(network="lab"))
BY_HAND = """
ip link add vbox type veth peer name eth0 netns box
ip link set vbox master docker0 up
ip -n box address add {address} brd + dev eth0
ip -n box link set eth0 up
ip -n box route add default via 172.17.0.1 dev eth0
"""


def bridge(host: Host, *addresses: str) -> None:
    """A bridge that was there before; with a MAC address of its own and a carrier, its neighbour table lasts."""
    shell(
        host,
        """
        ip link add br0 address 02:00:00:00:00:01 type bridge
        echo 1 > /proc/sys/net/ipv6/conf/br0/disable_ipv6
        ip link add steady type veth peer name steady1
        ip link set steady master br0 up
        ip link set steady1 up
        ip link set br0 up
        """,
    )
    for address in addresses:
        shell(host, f"ip address add {address} dev br0")


def machine(host: Host, *addresses: str) -> None:
    """Another machine, on br0."""
    shell(host, "ip netns add far; ip link add vfar type veth peer name eth0 netns far; ip link set vfar master br0 up")
    shell(host, "for one in lo eth0; do ip -n far link set $one up; done")
    shell(host, "ip -n far -batch -", input="".join(f"address add {address} dev eth0\n" for address in addresses))


def addresses(host: Host, *specs: Network | Sandbox) -> dict[str, str]:
    host.apply(*specs)
    return {name: str(host[name].address) for name in ("web", "more") if name in host}


def refusal(host: Host, *specs: Network | Sandbox) -> tuple[str, str]:
    before = picture(host)
    with pytest.raises(SpecError) as dry:
        host.diff(*specs)
    with pytest.raises(SpecError) as caught:
        host.apply(*specs)
    assert str(dry.value) == str(caught.value)
    assert picture(host) == before
    return str(caught.value), caught.value.hint


def at(address: str) -> Sandbox:
    return Sandbox(name="web", mode=Bridge(network="lab", address=address))


def test_what_the_bridge_itself_has(host: Host) -> None:
    bridge(host, "10.9.0.1/24", "10.9.0.2/24")
    told, hint = refusal(host, LAB, at("10.9.0.2"))
    assert told == "sandbox web.mode.address: 10.9.0.2 is taken by this host, on br0"
    assert hint == "choose another, or leave it out for the next free one"
    assert addresses(host, LAB, WEB) == {"web": "10.9.0.3"}


def test_the_first_address_of_a_bridge_whose_gateway_is_another(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    gateway = Network(name="lab", bridge="br0", subnet="10.9.0.0/24", gateway="10.9.0.254")
    assert addresses(host, gateway, WEB) == {"web": "10.9.0.2"}


@pytest.mark.parametrize("device", ["lo", "spare"])
@pytest.mark.parametrize("stands", [True, False], ids=["network stands", "new network"])
def test_what_the_host_has_on_another_interface(host: Host, device: str, stands: bool) -> None:
    if stands:
        host.apply(LAB)
    shell(host, "ip link add spare type veth peer name other")
    shell(host, f"ip address add 10.9.0.2/32 dev {device}")
    told, _ = refusal(host, LAB, at("10.9.0.2"))
    assert told == f"sandbox web.mode.address: 10.9.0.2 is taken by this host, on {device}"
    assert addresses(host, LAB, WEB, MORE) == {"web": "10.9.0.3", "more": "10.9.0.4"}
    assert call(host, ("10.9.0.3", 80), host["web"], 80, "tcp") == "10.9.0.1"


def test_who_answers_on_a_bridge_that_was_there(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    machine(host, "10.9.0.3/24")
    mac = shell(host, "ip -n far -o link show eth0").partition("link/ether ")[2].split()[0]
    told, _ = refusal(host, LAB, at("10.9.0.3"))
    assert told == f"sandbox web.mode.address: 10.9.0.3 is taken by {mac}, which answers on br0"
    assert addresses(host, LAB, WEB, MORE) == {"web": "10.9.0.2", "more": "10.9.0.4"}
    assert call(host, ("10.9.0.3", 80), namespace(host, "far"), 80, "tcp") == "10.9.0.1"


def test_many_who_answer_one_after_the_other(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    machine(host, *(f"10.9.0.{last}/24" for last in range(2, 200)))
    assert addresses(host, LAB, WEB, MORE) == {"web": "10.9.0.200", "more": "10.9.0.201"}


def test_a_network_of_which_others_have_every_address(host: Host) -> None:
    bridge(host, "10.9.0.1/28")
    machine(host, *(f"10.9.0.{last}/28" for last in range(2, 15)))
    told, _ = refusal(host, Network(name="lab", bridge="br0"), WEB)
    assert told == "sandbox web.mode.address: network lab is full: every address of 10.9.0.0/28 is taken"


def test_who_was_there_and_is_quiet_now(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    machine(host, "10.9.0.2/24")
    assert call(host, ("10.9.0.2", 80), namespace(host, "far"), 80, "tcp") == "10.9.0.1"
    shell(host, "ip -n far link set eth0 down")
    told, _ = refusal(host, LAB, at("10.9.0.2"))
    assert told.endswith(", a neighbour seen on br0")
    assert addresses(host, LAB, WEB) == {"web": "10.9.0.3"}


def test_the_router_of_a_bridge_that_has_no_address_itself(host: Host) -> None:
    bridge(host)
    machine(host, "10.9.0.1/24")
    named = Network(name="lab", bridge="br0", subnet="10.9.0.0/24", gateway="10.9.0.1")
    told, hint = refusal(host, named, WEB)
    assert told.startswith("network lab.gateway: 10.9.0.1 is taken by ")
    assert told.endswith(", which answers on br0")
    assert hint == "name another gateway, or leave it out for a free one"
    assert addresses(host, LAB, WEB) == {"web": "10.9.0.3"}
    assert str(host.networks()[0].gateways[0]) == "10.9.0.2/24"
    assert call(host["web"], ("10.9.0.1", 80), namespace(host, "far"), 80, "tcp") == "10.9.0.3"


@pytest.mark.parametrize("address", ["172.17.0.2/16", "172.17.0.99/16"])
def test_what_was_wired_by_hand_onto_a_bridge_of_ours(host: Host, address: str) -> None:
    """As in docs/packets.md."""
    ip = address.partition("/")[0]
    host.apply(Network(name="bridge"), Sandbox(name="box", mode=NoNetwork()))
    shell(host, BY_HAND.format(address=address))
    told, _ = refusal(host, Sandbox(name="web", mode=Bridge(address=ip)))
    assert "is taken by" in told
    assert told.endswith(", which answers on docker0")
    many = [Sandbox(name=f"s{number}", mode=Bridge()) for number in range(100)]
    host.apply(*many)
    assert ip not in {str(host[spec.name].address) for spec in many}
    assert call(host["s0"], (ip, 80), host["box"], 80, "tcp") == str(host["s0"].address)


def test_a_bridge_that_only_our_own_veths_are_on_is_not_asked(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "answering", None)
    assert addresses(host, LAB, WEB) == {"web": "10.9.0.2"}
    assert addresses(host, MORE) == {"web": "10.9.0.2", "more": "10.9.0.3"}
    host.apply(at("10.9.0.77"))


def test_what_a_sandbox_had_is_given_away_once_it_is_gone(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    machine(host, "10.9.0.3/24")
    specs = LAB, Sandbox(name="web", mode=Bridge(network="lab", mac="02:00:00:00:00:09"))
    for _ in range(2):  # the neighbour table remembers it
        assert addresses(host, *specs) == {"web": "10.9.0.2"}
        assert call(host, ("10.9.0.2", 80), host["web"], 80, "tcp") == "10.9.0.1"
        host.destroy("web")
    assert addresses(host, LAB, MORE) == {"more": "10.9.0.4"}  # another MAC address had it a moment ago


def test_sandboxes_that_stand_may_exchange_addresses(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    machine(host, "10.9.0.9/24")
    assert addresses(host, LAB, WEB, MORE) == {"web": "10.9.0.2", "more": "10.9.0.3"}
    more = Sandbox(name="more", mode=Bridge(network="lab", address="10.9.0.2"))
    assert addresses(host, at("10.9.0.3"), more) == {"web": "10.9.0.3", "more": "10.9.0.2"}
    assert not host.diff(at("10.9.0.3"), more).plan


def test_the_script_of_a_diff_leaves_nothing_to_do_beside_others(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    machine(host, "10.9.0.2/24")
    assert addresses(host, LAB, WEB) == {"web": "10.9.0.3"}
    shell(host, "\n".join(step.command() for step in host.diff(LAB, at("10.9.0.77")).plan))
    assert not host.diff(LAB, at("10.9.0.77")).plan  # it answers itself by now


def test_a_bridge_that_is_down_is_nobodys(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    machine(host, "10.9.0.3/24")
    shell(host, "ip link set br0 down")
    assert addresses(host, LAB, WEB) == {"web": "10.9.0.2"}


def test_a_port_with_a_hostile_name(host: Host) -> None:
    bridge(host, "10.9.0.1/24")
    machine(host, "10.9.0.2/24")
    name = shlex.quote("\x1b[2J$(id)\udcff".encode(errors="replace").decode())
    shell(host, f"ip link set vfar down; ip link set vfar name {name}; ip link set {name} up")
    assert addresses(host, LAB, WEB) == {"web": "10.9.0.3"}
