"""What is chosen where the spec leaves it open is as with Docker, and the same every time."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.errors import SpecError
from netbuilder.resolve.defaults import POOLS, address_pools, bridge_name, mac_of, veth_name

ADDRESSES = st.ip_addresses(v=4).map(lambda address: IPv4Address(int(address)))


def test_the_pools_are_dockers() -> None:
    assert [str(subnet) for pool in POOLS for subnet in pool.subnets()] == [
        *(f"172.{second}.0.0/16" for second in range(17, 32)),
        *(f"192.168.{third}.0/20" for third in range(0, 256, 16)),
    ]


def test_pools_of_ones_own_are_blocks_and_the_size_of_their_subnets() -> None:
    first, second = address_pools([("10.200.0.0/23", 24), ("10.9.0.0/30", 31)])
    assert list(map(str, first.subnets())) == ["10.200.0.0/24", "10.200.1.0/24"]
    assert list(map(str, second.subnets())) == ["10.9.0.0/31", "10.9.0.2/31"]
    assert address_pools([]) == POOLS


@pytest.mark.parametrize(
    ("base", "size", "problem"),
    [
        ("10.200.0.1/16", 24, "address_pools[1]: '10.200.0.1/16' is not a valid block of IPv4 addresses"),
        ("fd00::/48", 64, "address_pools[1]: 'fd00::/48' is not a valid block of IPv4 addresses"),
        ("10.200.0.0/16", 12, "subnets of 10.200.0.0/16 cannot be of /'12': it must be 16 to 31"),
        ("10.200.0.0/16", 32, "it must be 16 to 31"),
        ("10.200.0.0/16", "24", "it must be 16 to 31"),
    ],
)
def test_a_pool_that_can_be_none_is_named(base: str, size: Any, problem: str) -> None:
    with pytest.raises(SpecError) as refused:
        address_pools([("10.0.0.0/8", 24), (base, size)])
    assert problem in str(refused.value)
    assert '("10.200.0.0/16", 24)' in refused.value.hint


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
