"""Which flows a change makes wrong: by what they are, never by a number that another's may have too."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_address
from typing import Any

import pytest

from netbuilder.steps import AddAddress, PublishPort, StaleFlows
from netbuilder.steps.flows import Border, End, Flow
from netbuilder.values.addresses import IPAddress

SUBNET = IPv4Network("10.9.0.0/24")
LOCAL = {"192.0.2.1", "192.0.2.11", "10.9.0.1", "127.0.0.1", "2001:db8::1", "fd00:9::1", "::1"}


def end(text: str) -> End:
    """As in 10.9.0.2:80, or [fd00::2]:80."""
    address, _, port = text.rpartition(":") if text.startswith("[") else text.partition(":")
    return End(ip_address(address.strip("[]")), int(port or 0))


def flow(src: str, dst: str, by: str = "", to: str = "", protocol: str = "udp") -> Flow:
    return Flow(protocol, end(src), end(dst), end(by or dst), end(to or src))


def is_local(address: IPAddress) -> bool:
    return str(address) in LOCAL


def port(host_ip: str, host_port: int, address: str, sandbox_port: int, protocol: str = "udp") -> PublishPort:
    fields: dict[str, Any] = {"host_ip": host_ip, "protocol": protocol, "address": address}
    return PublishPort(host_port=host_port, sandbox_port=sandbox_port, **fields)


LED = flow("192.0.2.2:4000", "192.0.2.1:53", "10.9.0.2:5353")
LED_AT_THE_OTHER = flow("192.0.2.2:4000", "192.0.2.11:53", "10.9.0.3:5353")
LED_FROM_LOOPBACK = flow("127.0.0.1:4000", "127.0.0.1:53", "10.9.0.2:5353", "10.9.0.1:4000")
LED_BY_ANOTHER = flow("192.0.2.2:4000", "192.0.2.1:53", "10.8.0.9:5353")
THROUGH = flow("10.9.0.7:4000", "198.51.100.2:53", to="192.0.2.1:4000")
TO_THE_HOST = flow("192.0.2.2:4000", "192.0.2.1:53")
ALL = (LED, LED_AT_THE_OTHER, LED_FROM_LOOPBACK, LED_BY_ANOTHER, THROUGH, TO_THE_HOST)


def found(stale: StaleFlows, *flows: Flow) -> list[Flow]:
    assert stale
    return [one for one in flows if stale.has(one, is_local)]


def test_a_port_that_goes_ends_what_it_led_inside() -> None:
    assert found(StaleFlows(undone=[port("0.0.0.0", 53, "10.9.0.2", 5353)]), *ALL) == [LED, LED_FROM_LOOPBACK]
    assert found(StaleFlows(undone=[port("192.0.2.11", 53, "10.9.0.3", 5353)]), *ALL) == [LED_AT_THE_OTHER]
    for other in (
        port("0.0.0.0", 54, "10.9.0.2", 5353),
        port("0.0.0.0", 53, "10.9.0.2", 5354),
        port("0.0.0.0", 53, "10.9.0.4", 5353),
        port("0.0.0.0", 53, "10.9.0.2", 5353, "tcp"),
        port("127.0.0.2", 53, "10.9.0.2", 5353),
    ):
        assert not found(StaleFlows(undone=[other]), *ALL)


def test_a_port_that_comes_ends_what_goes_elsewhere() -> None:
    """But not what it is not open for: another address, another machine's port of the same number."""
    at_all = StaleFlows(done=[port("0.0.0.0", 53, "10.9.0.2", 5353)])
    assert found(at_all, *ALL) == [LED_AT_THE_OTHER, LED_BY_ANOTHER, TO_THE_HOST]
    assert found(StaleFlows(done=[port("192.0.2.11", 53, "10.9.0.2", 5353)]), *ALL) == [LED_AT_THE_OTHER]
    assert not found(StaleFlows(done=[port("0.0.0.0", 54, "10.9.0.2", 5353)]), *ALL)


def test_flows_of_a_range_are_told_by_the_port_that_they_are_for() -> None:
    led = port("0.0.0.0", 50, "10.9.0.2", 5350).replace(count=10)
    assert found(StaleFlows(undone=[led]), *ALL) == [LED, LED_FROM_LOOPBACK]
    assert found(StaleFlows(done=[led]), *ALL) == [LED_AT_THE_OTHER, LED_BY_ANOTHER, TO_THE_HOST]
    for change in ({"host_port": 51}, {"sandbox_port": 5351}, {"count": 3}, {"protocol": "tcp"}):
        assert not found(StaleFlows(undone=[led.replace(**change)]), *ALL)
    many = StaleFlows(done=[led.replace(count=60_000)])
    assert many.may_be_in("ipv4 2 udp 17 29 src=192.0.2.2 dst=192.0.2.1 sport=4000 dport=60049 [UNREPLIED]")
    assert not many.may_be_in("ipv4 2 udp 17 29 src=192.0.2.2 dst=192.0.2.1 sport=4000 dport=49 [UNREPLIED]")


def test_all_addresses_of_one_family_are_none_of_the_other() -> None:
    client, host, elsewhere = (End(IPv6Address(f"fd00::{at}"), 53) for at in (7, 1, 9))
    six = Flow("udp", client, host, elsewhere, client)
    stale = StaleFlows(done=[port("::", 53, "fd00::2", 53)])
    assert not found(stale, *ALL)
    assert stale.has(six, lambda _: True)
    assert not StaleFlows(done=[port("0.0.0.0", 53, "10.9.0.2", 53)]).has(six, lambda _: True)


def test_a_connection_with_a_program_of_the_host_goes_on() -> None:
    """Its listener is closed, or the port would not be free; the connection is open still."""
    stale = StaleFlows(done=[port("0.0.0.0", 53, "10.9.0.2", 5353, "tcp")])
    led_elsewhere = LED_BY_ANOTHER._replace(protocol="tcp")
    assert found(stale, TO_THE_HOST._replace(protocol="tcp"), led_elsewhere) == [led_elsewhere]


@pytest.mark.parametrize("protocol", ["tcp", "udp", "1"])
def test_with_an_address_go_all_its_flows(protocol: str) -> None:
    address = AddAddress(netns="web", dev="eth0", address=IPv4Interface("10.9.0.7/24"))
    into = flow("192.0.2.2:4000", "192.0.2.1:80", "10.9.0.7:80", protocol=protocol)
    hairpin = flow("10.9.0.8:1", "192.0.2.1:80", "10.9.0.7:80", "10.9.0.1:1", protocol)
    gone = [THROUGH._replace(protocol=protocol), into, hairpin]
    others = [LED, flow("10.9.0.8", "198.51.100.2", to="192.0.2.1", protocol=protocol)]
    assert found(StaleFlows(undone=[address]), *gone, *others) == gone
    assert not StaleFlows(done=[address])


OUT, UNTRANSLATED = THROUGH, flow("10.9.0.7:4000", "198.51.100.2:53")
PAST_THE_HOST = flow("192.0.2.2:4000", "10.9.0.7:53")
WITHIN = flow("10.9.0.7:4000", "10.9.0.8:53")
WITH_THE_HOST = [flow("10.9.0.7:4000", "192.0.2.1:53"), flow("192.0.2.1:4000", "10.9.0.7:53")]
INSIDE = [WITHIN, *WITH_THE_HOST, LED_FROM_LOOPBACK, flow("192.0.2.2", "198.51.100.2")]


@pytest.mark.parametrize(
    ("border", "wrong"),
    [
        (Border(SUBNET, internal=True, masquerade=None), [OUT, UNTRANSLATED, PAST_THE_HOST, LED]),
        (Border(SUBNET, internal=False, masquerade=True), [UNTRANSLATED, PAST_THE_HOST]),
        (Border(SUBNET, internal=False, masquerade=False), [OUT, PAST_THE_HOST]),
        (Border(SUBNET, internal=False, masquerade=None), [PAST_THE_HOST]),
    ],
    ids=["internal", "masqueraded", "not any more", "as it is"],
)
def test_what_may_pass_a_border(border: Border, wrong: list[Flow]) -> None:
    assert found(StaleFlows(borders=[border]), OUT, UNTRANSLATED, PAST_THE_HOST, LED, *INSIDE) == wrong


def test_a_listing_tells_whether_to_look_closer() -> None:
    listing = (
        "ipv4     2 udp      17 29 src=192.0.2.2 dst=192.0.2.1 sport=4000 dport=53 [UNREPLIED] src=10.9.0.2"
        " dst=192.0.2.2 sport=5353 dport=4000 mark=0 zone=0 use=2\n"
    )
    assert StaleFlows(done=[port("0.0.0.0", 53, "10.9.0.2", 5353)]).may_be_in(listing)
    assert not StaleFlows(done=[port("0.0.0.0", 5, "10.9.0.2", 5353)]).may_be_in(listing)
    for address, there in (("10.9.0.2", True), ("10.9.0.20", False), ("0.9.0.2", False)):
        gone = AddAddress(netns="web", dev="eth0", address=IPv4Interface(f"{address}/24"))
        assert StaleFlows(undone=[gone]).may_be_in(listing) is there
        assert StaleFlows(undone=[gone]).may_be_in(None)
    assert StaleFlows(borders=[Border(SUBNET, internal=True, masquerade=None)]).may_be_in(listing)


def test_nothing_is_stale_without_a_change() -> None:
    assert not StaleFlows()


# IPv6

SUBNET6 = IPv6Network("fd00:9::/64")
THROUGH6 = flow("[fd00:9::7]:4000", "[2001:db8:2::2]:53", to="[2001:db8::1]:4000")
AS_IT_IS6 = flow("[fd00:9::7]:4000", "[2001:db8:2::2]:53")
LED6 = flow("[2001:db8:2::2]:4000", "[2001:db8::1]:53", "[fd00:9::2]:5353")
ALL6 = (THROUGH6, AS_IT_IS6, LED6)


@pytest.mark.parametrize(
    ("border", "wrong"),
    [
        (Border(SUBNET6, internal=True, masquerade=None), [THROUGH6, AS_IT_IS6, LED6]),
        (Border(SUBNET6, internal=False, masquerade=True), [AS_IT_IS6]),
        (Border(SUBNET6, internal=False, masquerade=False), [THROUGH6]),
        (Border(SUBNET, internal=True, masquerade=None), [THROUGH]),
    ],
    ids=str,
)
def test_a_border_is_one_of_its_family(border: Border, wrong: list[Flow]) -> None:
    assert found(StaleFlows(borders=[border]), *ALL6, THROUGH) == wrong


def test_with_an_ipv6_address_go_all_its_flows_and_no_others() -> None:
    stale = StaleFlows(undone=[AddAddress(netns="web", dev="eth0", address=IPv6Interface("fd00:9::2/64"))])
    assert found(stale, *ALL6, *ALL) == [LED6]


def test_a_listing_has_ipv6_addresses_in_full() -> None:
    listing = (
        "ipv6 10 udp 17 29 src=2001:0db8:0002:0000:0000:0000:0000:0002 dst=fd00:0009:0000:0000:0000:0000:0000:0002"
    )
    for address, is_there in (("fd00:9::2/64", True), ("fd00:9::3/64", False)):
        gone = AddAddress(netns="web", dev="eth0", address=IPv6Interface(address))
        assert StaleFlows(undone=[gone]).may_be_in(listing) is is_there


def test_a_port_on_all_ipv4_addresses_is_on_no_ipv6_address() -> None:
    """The same number on the other family is another port's, or a program's."""
    assert found(StaleFlows(done=[port("0.0.0.0", 53, "10.9.0.2", 5353)]), *ALL6) == []
    assert found(StaleFlows(undone=[port("0.0.0.0", 53, "10.9.0.2", 5353)]), *ALL6) == []
