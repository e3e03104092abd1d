"""A host that forwards IPv6 keeps the default route and the address that its own router advertises."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv6Address

import pytest

from netbuilder import Host
from netbuilder.kernel import host_facts
from netbuilder.resolve.facts import HostFacts
from netbuilder.steps import AcceptAdvertisements, EnableIPv6Forwarding, Plan, Step, Undo
from tests.kernel.helpers import missing, namespace, picture, shell
from tests.kernel.leftovers import wait_until

ROUTER, PREFIX = IPv6Address("fe80::1"), IPv6Address("fd00:5::")
FOREVER = 0xFFFFFFFF


@pytest.fixture
def uplink(host: Host) -> Host:
    """A host with an uplink to a router, and a bridge of somebody's that takes no advertisements."""
    shell(
        host,
        f"""
        ip netns add router
        ip link add eth0 type veth peer name eth0 netns router
        ip -n router link set eth0 addrgenmode none up
        ip -n router address add {ROUTER}/64 dev eth0 nodad
        ip link add theirs type bridge
        ip link add port master theirs type veth peer name far
        echo 0 > /proc/sys/net/ipv6/conf/theirs/accept_ra
        echo 0 > /proc/sys/net/ipv6/conf/eth0/router_solicitations
        ip link set eth0 up
        """,
    )
    wait_until(lambda: "ff00::/8" in shell(host, "ip -6 route show table local dev eth0"), "it has carrier")
    advertise(host)
    wait_until(lambda: has_route(host) and has_address(host), "the host takes it")
    return host


def advertise(host: Host) -> None:
    """A router advertisement (RFC 4861): a default route, and a prefix for addresses of one's own making."""
    prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, FOREVER, FOREVER, 0, PREFIX.packed)
    message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 9000, 0, 0) + prefix
    with namespace(host, "router").socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as router:
        router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        router.bind((str(ROUTER), 0, 0, 2))
        router.sendto(message, ("ff02::1", 0, 0, 2))


def has_route(host: Host) -> bool:
    return f"default via {ROUTER} dev eth0 proto ra" in shell(host, "ip -6 route")


def has_address(host: Host) -> bool:
    return "inet6 fd00:5::" in shell(host, "ip -6 address show dev eth0")


def facts(host: Host) -> HostFacts:
    kernel = host._engine.kernel
    return host._call(lambda: host_facts.with_advertised(host_facts.facts(kernel), kernel))


def done(host: Host, steps: list[Step]) -> list[Undo]:
    """Do steps, and say what takes them back."""
    kernel = host._engine.kernel

    def work() -> list[Undo]:
        state = kernel.observe(Plan(steps).queries())
        undos = [Undo(undone_step=step, was=step.before(state)) for step in reversed(steps)]
        for step in steps:
            step.do(kernel)
        kernel.flush()
        return undos

    return host._call(work)


def the_steps(host: Host) -> list[Step]:
    return [*(AcceptAdvertisements(dev=dev) for dev in facts(host).advertised), EnableIPv6Forwarding()]


def test_who_takes_advertisements(uplink: Host) -> None:
    assert facts(uplink).advertised == ("default", "eth0", "far")  # neither the bridge nor its port
    assert not facts(uplink).forwarding6


def test_the_route_and_the_address_stay(uplink: Host) -> None:
    before, steps = picture(uplink), the_steps(uplink)
    undos = done(uplink, steps)
    assert missing(uplink, steps) == Plan()
    assert facts(uplink).forwarding6
    assert facts(uplink).advertised == ()
    assert has_route(uplink)
    assert has_address(uplink)
    shell(uplink, f"ip -6 route del default via {ROUTER} dev eth0")
    advertise(uplink)
    wait_until(lambda: has_route(uplink), "the next one is taken too")
    done(uplink, list(undos))
    assert has_route(uplink)
    assert has_address(uplink)
    assert picture(uplink) == before


def test_without_it_the_route_goes(uplink: Host) -> None:
    """What the steps are for: it shows that the test would see it."""
    done(uplink, [EnableIPv6Forwarding()])
    assert not has_route(uplink)


def test_what_is_typed_does_the_same(uplink: Host) -> None:
    before, steps = picture(uplink), the_steps(uplink)
    kernel = uplink._engine.kernel
    state = uplink._call(lambda: kernel.observe(Plan(steps).queries()))
    shell(uplink, Plan(steps).script())
    assert has_route(uplink)
    assert missing(uplink, steps) == Plan()
    shell(uplink, "\n".join(step.undo_command(step.before(state)) for step in reversed(steps)))
    assert has_route(uplink)
    assert picture(uplink) == before


def test_each_setting_is_put_back_and_who_is_gone_is_left(uplink: Host) -> None:
    set_ = "; ".join(f"echo {value} > /proc/sys/net/ipv6/conf/{key}" for key, value in SETTINGS.items())
    shell(uplink, set_)
    assert facts(uplink).advertised == ("far",)
    before, steps = picture(uplink), the_steps(uplink)
    undos = done(uplink, steps)
    shell(uplink, "ip link add late type ifb")
    done(uplink, list(undos))
    shell(uplink, "ip link del late")
    assert picture(uplink) == before
    undos = done(uplink, steps)
    shell(uplink, "ip link del far; ip link del eth0")
    assert missing(uplink, steps) == Plan()  # nothing is owed to what is gone
    done(uplink, list(undos))


SETTINGS = {"default/forwarding": 1, "eth0/forwarding": 1, "theirs/forwarding": 1, "eth0/accept_ra": 2}
