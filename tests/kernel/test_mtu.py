"""The size of packets, on the bridge and at both ends of each veth pair."""

from __future__ import annotations

import json

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from netbuilder.host.namespace import NetworkNamespace
from tests.kernel.helpers import shell


def lab(size: int) -> tuple[Network, Sandbox]:
    return (
        Network(name="lab", bridge="lab0", subnet="10.9.0.0/24", mtu=size),
        Sandbox(name="web", mode=Bridge(network="lab")),
    )


def mtus(host: Host) -> list[int]:
    """Of the bridge, and of the outer and the inner end of the veth pair."""
    return [mtu(host, "lab0"), mtu(host, veth(host)), mtu(host["web"], "eth0")]


def mtu(inside: NetworkNamespace, dev: str) -> int:
    (link,) = json.loads(shell(inside, f"ip -j link show dev {dev}"))
    return int(link["mtu"])


def veth(host: Host) -> str:
    (endpoint,) = host["web"].endpoints
    return endpoint.veth


@pytest.mark.parametrize("size", [68, 1000, 1279, 1280])
def test_a_network_of_any_mtu_stands_and_goes(host: Host, size: int) -> None:
    """On a device with an MTU under 1280 the kernel has no IPv6, and there is nothing to switch off."""
    specs = lab(size)
    host.apply(*specs)
    web = host["web"]
    assert not host.diff(*specs)
    assert mtus(host) == [size] * 3
    assert shell(host, "ip -6 address show dev lab0") == ""
    assert shell(web, "ip -6 address show dev eth0") == ""
    host.destroy_all()
    assert "lab0" not in shell(host, "ip -brief link")


def test_an_mtu_changed_by_hand_shows_and_is_repaired(host: Host) -> None:
    host.apply(*lab(1400))
    shell(host, f"ip link set lab0 mtu 1300; ip link set {veth(host)} mtu 1290; ip -n web link set eth0 mtu 1280")
    assert [step.command().rsplit(" ", 2)[1:] for step in host.diff(*lab(1400)).plan] == [["mtu", "1400"]] * 3
    host.apply(*lab(1400))
    assert mtus(host) == [1400] * 3


def test_the_bridge_of_somebody_else_gets_its_mtu_back(host: Host) -> None:
    shell(host, "ip link add lab0 mtu 1450 type bridge")
    host.apply(*lab(1400))
    assert mtus(host) == [1400] * 3
    host.destroy_all()
    assert mtu(host, "lab0") == 1450
