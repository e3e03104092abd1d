"""Every way of asking for something, once: the laws hold for each."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netbuilder import Bridge, Container, Endpoint, Host, HostNetwork, Network, NoNetwork, Route, Sandbox
from tests.kernel.helpers import BRIDGE_NF6, shell
from tests.kernel.leftovers import wait_until

Specs = tuple[Network | Sandbox, ...]


def _a_pinned_namespace(host: Host) -> None:
    # The kernel gives a loopback 127.0.0.1 when it first comes up, and lets it keep it: in use, it has it already.
    shell(host, "ip netns add old && ip -n old link set lo up")


def _a_bridge(host: Host) -> None:
    # A bridge that somebody uses has carrier and an address of its own; another changes both as ports come and go.
    shell(
        host,
        """
        ip link add br0 address 02:00:00:00:00:01 type bridge
        ip address add 10.7.0.1/24 dev br0
        ip link add port master br0 type veth peer name peer
        for device in br0 port peer; do ip link set $device addrgenmode none; ip link set $device up; done
        """,
    )
    ready = "ff00::/8 dev br0" if Path("/proc/sys/net/ipv6").exists() else ""
    wait_until(lambda: ready in shell(host, "ip -6 route show table local"), "the bridge has carrier")


def _a_router(host: Host) -> None:
    shell(host, "echo 1 > /proc/sys/net/ipv4/ip_forward")


def _unseen_bridges(host: Host) -> None:
    # A port on ::1 takes that rules do not see what is bridged.
    shell(host, f"echo 0 > {BRIDGE_NF6}")


def _nothing(host: Host) -> None:
    pass


def a_process(host: Host) -> int:
    """The number of a process that is in a namespace of its own; pinned too, so that a picture shows it."""
    shell(host, "ip netns add theirs && ip -n theirs link set lo up")
    process = host.popen(["ip", "netns", "exec", "theirs", "sleep", "infinity"])
    here = shell(host, "readlink /proc/self/ns/net").strip()
    there = f"/proc/{process.pid}/ns/net"  # its number is that of the machine: a program inside has one of its own
    wait_until(lambda: os.readlink(there) != here, "the process has its own namespace")
    return process.pid


@dataclass(frozen=True)
class Recipe:
    """Specs, and what must be on a host before."""

    name: str
    specs: Callable[[Host], Specs]
    before: Callable[[Host], None] = _nothing

    def __str__(self) -> str:
        return self.name

    def prepare(self, host: Host) -> Specs:
        """Bring a new host to where the specs make sense, and give them."""
        self.before(host)
        return self.specs(host)


def _always(*specs: Network | Sandbox) -> Callable[[Host], Specs]:
    return lambda host: specs


LAB = Network(name="lab", subnet="10.9.0.0/24")

RECIPES = [
    Recipe("default-network", _always(Sandbox(name="web"))),
    Recipe(
        "published",
        _always(
            LAB,
            Sandbox(
                name="web",
                mode=Bridge(
                    network="lab",
                    address="10.9.0.77",
                    mac="02:00:00:00:00:77",
                    publish=["8088:80", "5353:53/udp", "127.0.0.1:9090:80", "127.0.0.1::443/udp"],
                ),
            ),
        ),
    ),
    Recipe("internal", _always(Network(name="lab", internal=True), Sandbox(name="db", mode=Bridge(network="lab")))),
    Recipe(
        "no-masquerade", _always(Network(name="lab", masquerade=False), Sandbox(name="a", mode=Bridge(network="lab")))
    ),
    Recipe(
        "mtu-and-gateway",
        _always(
            Network(name="lab", bridge="lab0", subnet="10.9.0.0/28", gateway="10.9.0.14", mtu=1400),
            Sandbox(name="a", mode=Bridge(network="lab")),
        ),
    ),
    Recipe("none", _always(Sandbox(name="empty", mode=NoNetwork()))),
    Recipe("host", _always(Sandbox(name="floor", mode=HostNetwork()))),
    Recipe(
        "container",
        _always(
            Sandbox(name="log", mode=Container(sandbox="proxy")),
            Sandbox(name="proxy", mode=Container(sandbox="web")),
            Sandbox(name="web"),
        ),
    ),
    Recipe("adopted-by-number", lambda host: (Sandbox(name="web", namespace=a_process(host)),)),
    Recipe("adopted-by-path", _always(Sandbox(name="web", namespace="/run/netns/old")), before=_a_pinned_namespace),
    Recipe(
        "adopted-under-its-name", _always(Sandbox(name="old", namespace="/run/netns/old")), before=_a_pinned_namespace
    ),
    Recipe("adopted-number-none", lambda host: (Sandbox(name="bare", mode=NoNetwork(), namespace=a_process(host)),)),
    Recipe(
        "adopted-path-none",
        _always(Sandbox(name="bare", mode=NoNetwork(), namespace="/run/netns/old")),
        before=_a_pinned_namespace,
    ),
    Recipe(
        "adopted-bridge",
        _always(Network(name="lab", bridge="br0"), Sandbox(name="web", mode=Bridge(network="lab", publish=["80"]))),
        before=_a_bridge,
    ),
    Recipe("on-a-router", _always(Sandbox(name="web", mode=Bridge(publish=["80:80"]))), before=_a_router),
    Recipe(
        "dual-stack",
        _always(
            Network(name="lab", subnet="10.9.0.0/24", subnet6="fd00:9::/64"),
            Sandbox(name="web", mode=Bridge("lab", publish=["8088:80", "[::1]:9090:80", "5353:53/udp"])),
            Network(name="vault", ipv4=False, subnet6="fd00:8::/64", internal=True),
            Sandbox(name="db", mode=Bridge("vault")),
        ),
        before=_unseen_bridges,
    ),
    Recipe(
        "several-networks",
        _always(
            Network(name="front", subnet="10.9.0.0/24", icc=False, interface_prefix="net"),
            Network(name="back", subnet="10.8.0.0/24", subnet6="fd00:8::/64", gateway_mode="routed", internal=False),
            Network(name="vault", internal=True, gateway_mode="isolated", subnet="10.7.0.0/24"),
            Sandbox(
                name="web",
                mode=Bridge(
                    endpoints=[
                        Endpoint("front", gw_priority=1),
                        Endpoint(
                            "back",
                            interface="back0",
                            link_local=["169.254.7.7"],
                            sysctls={"net.ipv4.conf.IFNAME.log_martians": 1},
                        ),
                        "vault",
                    ],
                    publish=["8088:80", "8000-8009:8000-8009"],
                ),
                routes=[Route("10.66.0.0/16", via="10.8.0.9"), Route("fd00:66::/48", via="fd00:8::9", metric=7)],
                sysctls={"net.ipv4.ip_forward": 1},
            ),
        ),
    ),
    Recipe(
        "several",
        _always(
            LAB,
            Network(name="vault", subnet="10.8.0.0/24", internal=True),
            Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"])),
            Sandbox(name="api", mode=Bridge(network="lab", publish=["8089:80"])),
            Sandbox(name="db", mode=Bridge(network="vault")),
            Sandbox(name="log", mode=Container(sandbox="api")),
            Sandbox(name="idle", mode=NoNetwork()),
            Sandbox(name="top", mode=HostNetwork()),
        ),
    ),
]
