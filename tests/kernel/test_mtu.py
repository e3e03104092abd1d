"""Small packets: on a device with an MTU under 1280 the kernel has no IPv6, and there is nothing to switch off."""

from __future__ import annotations

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from tests.kernel.helpers import shell


@pytest.mark.parametrize("mtu", [68, 1000, 1279, 1280])
def test_a_network_of_any_mtu_stands_and_goes(host: Host, mtu: int) -> None:
    specs = (
        Network(name="lab", bridge="lab0", subnet="10.9.0.0/24", mtu=mtu),
        Sandbox(name="web", mode=Bridge(network="lab")),
    )
    host.apply(*specs)
    web = host["web"]
    assert not host.diff(*specs)
    assert f" mtu {mtu} " in shell(web, "ip link show dev eth0")
    assert shell(host, "ip -6 address show dev lab0") == ""
    assert shell(web, "ip -6 address show dev eth0") == ""
    host.destroy()
    assert "lab0" not in shell(host, "ip -brief link")
