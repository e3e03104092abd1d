"""The steps that are about addresses do the same for both families, by themselves: done, seen, undone."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from netbuilder import Host, NoNetwork, Sandbox
from netbuilder.steps import AddAddress, AddLocalRoute, AddRoute, Plan, SetNeighbour, Step, Undo
from netbuilder.steps.state import AddressesOf, LinkOf, RoutesOf
from tests.kernel.helpers import PATIENCE, missing, picture, shell
from tests.kernel.leftovers import wait_until

MAC, MINE = "02:00:00:00:00:09", "02:00:00:00:00:01"


@pytest.fixture
def wired(host: Host) -> Host:
    """A sandbox with an eth0 and a neighbour on the host, both up, that give themselves no address."""
    host.apply(Sandbox(name="web", mode=NoNetwork()))
    shell(
        host,
        f"""
        ip link add br9 address {MAC} type bridge
        ip link add port master br9 type veth peer name eth0 address {MINE} netns web
        for device in br9 port; do ip link set $device addrgenmode none up; done
        ip -n web link set eth0 addrgenmode none up
        ip address add 10.9.0.1/24 dev br9
        ip address add fd00:9::1/64 dev br9 nodad
        """,
    )
    carrier = "ip -6 route show table local; ip -n web -6 route show table local"
    wait_until(lambda: shell(host, carrier).count("ff00::/8") == 3, "all of it has carrier")
    return host


def do(host: Host, *steps: Step) -> None:
    def work() -> None:
        kernel = host._engine.kernel
        for step in steps:
            kernel.begin(step)
            step.do(kernel)
        kernel.flush()
        kernel.leave_namespace()

    host._call(work)


def undo(host: Host, *steps: Step) -> None:
    do(host, *(Undo(undone_step=step) for step in reversed(steps)))


ADDRESSES = ["10.9.0.2/24", "169.254.7.7/16", "10.9.0.2/32", "fd00:9::2/64", "fe80::42/64", "fd00:9::2/128"]
GATEWAYS = {4: ip_address("10.9.0.1"), 6: ip_address("fd00:9::1")}
OWN = {4: ip_interface("10.9.0.2/24"), 6: ip_interface("fd00:9::2/64")}


def steps_of(version: int) -> list[Step]:
    """What the vocabulary has for one family."""
    far = ip_network({4: "10.8.0.0/16", 6: "fd00:8::/48"}[version])
    near = ip_network({4: "10.7.0.0/16", 6: "fd00:7::/64"}[version])
    mine = ip_network({4: "192.0.2.1/32", 6: "::1/128"}[version])
    return [
        AddAddress(netns="web", dev="eth0", address=OWN[version]),
        AddRoute(netns="web", via=GATEWAYS[version], dev="eth0"),
        AddRoute(netns="web", dst=far, via=GATEWAYS[version], dev="eth0", metric=7),
        AddRoute(netns="web", dst=near, dev="eth0"),
        AddLocalRoute(netns="web", dst=mine, dev="eth0", metric=2000),
        SetNeighbour(netns="web", dev="eth0", dev_mac=MINE, address=GATEWAYS[version] + 7, mac=MAC),
    ]


@pytest.mark.parametrize("version", [4, 6])
def test_each_step_is_done_seen_and_undone(wired: Host, version: int) -> None:
    before, steps = picture(wired), steps_of(version)
    for at, step in enumerate(steps):
        assert missing(wired, steps) == Plan(steps[at:])
        do(wired, step)
    assert missing(wired, steps) == Plan()
    undo(wired, *steps)
    assert picture(wired) == before
    assert missing(wired, steps) == Plan(steps)


@pytest.mark.parametrize("version", [4, 6])
def test_what_is_typed_is_what_is_done_and_back(wired: Host, version: int) -> None:
    before, steps = picture(wired), steps_of(version)
    shell(wired, Plan(steps).script())
    typed = picture(wired)
    assert missing(wired, steps) == Plan()
    shell(wired, "\n".join(step.undo_command(None) for step in reversed(steps)))
    assert picture(wired) == before
    do(wired, *steps)
    assert picture(wired) == typed


@pytest.mark.parametrize("version", [4, 6])
def test_what_goes_with_an_address_is_what_is_predicted(wired: Host, version: int) -> None:
    """With its last IPv4 address an interface loses its IPv4 routes; IPv6 keeps those that were added."""
    both_families = [*steps_of(4), *steps_of(6)]
    do(wired, *both_families)
    address = AddAddress(netns="web", dev="eth0", address=OWN[version])
    queries = [AddressesOf("web", "eth0"), RoutesOf("web"), LinkOf("web", "eth0")]
    kernel = wired._engine.kernel
    state = wired._call(lambda: kernel.observe(queries))
    predicted = address.undone(state)
    undo(wired, address)
    after = wired._call(lambda: kernel.observe(queries))
    assert {query: after[query] for query in predicted} == predicted
    assert {query: after[query] for query in queries if query not in predicted} == {
        query: state[query] for query in queries if query not in predicted
    }


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_there_once_it_was_added(wired: Host, address: str) -> None:
    step = AddAddress(netns="web", dev="eth0", address=ip_interface(address))
    do(wired, step)
    assert missing(wired, [step]) == Plan()
    assert "tentative" not in shell(wired, "ip -n web address show dev eth0")
    undo(wired, step)
    assert missing(wired, [step]) == Plan([step])


@pytest.mark.parametrize(("version", "family"), [(4, socket.AF_INET), (6, socket.AF_INET6)])
def test_an_address_works_at_once(wired: Host, version: int, family: socket.AddressFamily) -> None:
    """Nobody waits for a second of asking whether somebody has it, as for an IPv6 address without nodad."""
    do(wired, *steps_of(version)[:2])
    with wired["web"].socket(family) as listener, wired.socket(family) as caller:
        listener.bind((str(OWN[version].ip), 8080))
        listener.listen()
        caller.settimeout(PATIENCE)
        caller.connect((str(OWN[version].ip), 8080))
