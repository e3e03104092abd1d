"""What is chosen where the spec leaves it open is as with Docker, and the same every time."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from netbuilder.resolve.defaults import POOLS, bridge_name, mac_of, veth_name

ADDRESSES = st.ip_addresses(v=4).map(lambda address: IPv4Address(int(address)))


def test_the_pools_are_dockers() -> None:
    assert [str(pool) for pool in POOLS] == [
        *(f"172.{second}.0.0/16" for second in range(17, 32)),
        *(f"192.168.{third}.0/20" for third in range(0, 256, 16)),
    ]


def test_a_mac_address_tells_the_address() -> None:
    assert mac_of(IPv4Address("172.17.0.2")) == "02:42:ac:11:00:02"


@given(ADDRESSES)
def test_an_address_is_read_back_from_its_mac(address: IPv4Address) -> None:
    octets = bytes.fromhex(mac_of(address).replace(":", ""))
    assert (octets[:2], IPv4Address(octets[2:])) == (b"\x02\x42", address)


def test_the_default_networks_bridge_is_docker0() -> None:
    assert bridge_name("bridge") == "docker0"


@given(st.text(min_size=1, max_size=63).filter(lambda name: name != "bridge"))
def test_a_bridge_is_named_after_its_network(network: str) -> None:
    assert re.fullmatch("br-[0-9a-f]{12}", bridge_name(network))
    assert bridge_name(network) != bridge_name(network + "x")


def test_a_veth_is_named_after_both_of_its_ends() -> None:
    names = [veth_name(sandbox, network, lambda _: True) for sandbox in ("web", "db") for network in ("lab", "bridge")]
    assert len(set(names)) == 4
    assert all(re.fullmatch("veth[0-9a-f]{7}", name) for name in names)


def test_a_veth_name_that_is_taken_is_passed_over() -> None:
    first = veth_name("web", "lab", lambda _: True)
    second = veth_name("web", "lab", lambda name: name != first)
    assert second != first
    assert veth_name("web", "lab", lambda name: name not in (first, second)) not in (first, second)
    assert re.fullmatch("veth[0-9a-f]{7}", second)
