"""A sandbox that stands gets a network or a port more, or less, and what has nothing to do with that goes on."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from netbuilder import Bridge, Host, LiveSandbox, Network, NotFound, Plan, Sandbox, SpecError
from netbuilder.host.namespace import NetworkNamespace
from netbuilder.spec import Endpoint, Route
from tests.kernel.helpers import PATIENCE, SOON, Lan, call, picture, shell
from tests.kernel.mortal import mortal
from tests.kernel.test_concurrency import go, start

A, B = Network("a", subnet="10.61.0.0/24"), Network("b", subnet="10.62.0.0/24")
INNER = Network("inner", subnet="10.63.0.0/24", internal=True)
DUAL = Network("dual", subnet="10.64.0.0/24", subnet6="fd00:64::/64")
NETWORKS = (A, B, INNER, DUAL)
WEB = Sandbox("web", mode=Bridge("a", publish=["8088:80"]))
ON_A, ON_B = (Sandbox(f"on-{name}", mode=Bridge(name)) for name in ("a", "b"))


# What a link that comes and goes leaves behind in those that stay: indexes that count on, and the bridge's own state.
_RESTLESS = re.compile(
    r"^\d+: |@if\d+| link-netnsid \d+| topology_change(?:_detected)? \d| fdb_n_learned \d+| (?:port_id|port_no) \w+"
    r"| designated_port \d+|(?<=ether )\S+(?= brd \S+ link-netns)|valid_lft.*|^    bridge forward_delay.*"
)


def state(host: Host) -> list[str]:
    """A picture of a host on which something stands, but for what restless links have besides what they are."""
    said = (_RESTLESS.sub("", line) for line in picture(host))
    return sorted(line for line in said if line.strip() and "fe80:" not in line and "ff00::/8" not in line)


def ask(
    client: NetworkNamespace,
    to: tuple[str, int],
    server: NetworkNamespace,
    at: int | tuple[str, int],
    patience: float = PATIENCE,
) -> str | None:
    """Who asks, as a server sees it over TCP."""
    return call(client, to, server, at, "tcp", patience)


@pytest.fixture
def web(host: Host) -> LiveSandbox:
    """On network a, with a neighbour on each of a and b."""
    host.apply(*NETWORKS, WEB, ON_A, ON_B)
    return host["web"]


@contextmanager
def conversation(client: NetworkNamespace, to: tuple[str, int], server: NetworkNamespace, at: int) -> Iterator[None]:
    """A TCP connection that is open ahead of a `with` block, and goes on behind it."""
    with server.socket() as listener, client.socket() as caller:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", at))
        listener.listen()
        caller.settimeout(5)
        caller.connect(to)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            for said in (b"ahead", b"behind"):
                caller.sendall(said)
                assert connection.recv(100) == said
                connection.sendall(said)
                assert caller.recv(100) == said
                if said == b"ahead":
                    yield


def end(process: subprocess.Popen[str]) -> int:
    """How a process ends."""
    process.communicate(timeout=30)
    return process.returncode


def default_routes(sandbox: LiveSandbox, family: int = 4) -> list[tuple[str, str]]:
    routes = json.loads(shell(sandbox, f"ip -{family} -json route show default"))
    return [(route["gateway"], route["dev"]) for route in routes]


def interfaces(sandbox: LiveSandbox) -> list[str]:
    return sorted(set(shell(sandbox, "ls /sys/class/net").split()) - {"lo"})


def test_connected_it_has_one_more_interface_and_is_reached_by_it(host: Host, web: LiveSandbox) -> None:
    before = state(host)
    changes = web.connect("b")
    assert [(one.kind, one.name, one.action) for one in changes] == [("sandbox", "web", "updated")]
    assert interfaces(web) == ["eth0", "eth1"]
    assert default_routes(web) == [("10.61.0.1", "eth0")]
    assert ask(host["on-b"], ("10.62.0.3", 80), web, 80) == "10.62.0.2"
    assert ask(web, ("10.62.0.2", 80), host["on-b"], 80) == "10.62.0.3"
    assert ask(host["on-a"], ("10.61.0.2", 80), web, 80) == "10.61.0.3"
    assert [one.network for one in host["web"].endpoints] == ["a", "b"]
    assert host.missing()["sandbox", "web"] == Plan()
    web.disconnect("b")
    assert state(host) == before


def test_what_is_asked_for_of_the_endpoint(host: Host, web: LiveSandbox) -> None:
    web.connect(
        DUAL,
        address="10.64.0.77",
        address6="fd00:64::77",
        mac="02:00:00:00:00:77",
        interface="net7",
        link_local=["169.254.7.7"],
        sysctls={"net.ipv4.conf.IFNAME.log_martians": 1},
    )
    [seen] = json.loads(shell(web, "ip -json address show net7"))
    assert seen["address"] == "02:00:00:00:00:77"
    addresses = {one["local"] for one in seen["addr_info"]}
    assert {"10.64.0.77", "fd00:64::77", "169.254.7.7"} <= addresses
    assert shell(web, "cat /proc/sys/net/ipv4/conf/net7/log_martians") == "1\n"


def test_the_gateway_moves_by_priority_and_the_ports_with_it(lan: Lan) -> None:
    host = lan.host
    host.apply(*NETWORKS, WEB)
    web, before = host["web"], state(host)
    web.connect("b", gw_priority=10)
    assert default_routes(web) == [("10.62.0.1", "eth1")]
    assert ask(lan.machine, (lan.HOST, 8088), web, ("10.62.0.2", 80)) == lan.MACHINE
    assert ask(web, (lan.MACHINE, 7000), lan.machine, 7000) == lan.HOST
    web.disconnect("b")
    assert default_routes(web) == [("10.61.0.1", "eth0")]
    assert ask(lan.machine, (lan.HOST, 8088), web, ("10.61.0.2", 80)) == lan.MACHINE
    assert state(host) == before


def test_of_equal_priority_one_with_both_families_has_the_gateway(host: Host, web: LiveSandbox) -> None:
    web.connect(DUAL)
    assert default_routes(web) == [("10.64.0.1", "eth1")]
    assert default_routes(web, 6) == [("fd00:64::1", "eth1")]


def test_a_connection_by_another_network_goes_on(lan: Lan) -> None:
    host = lan.host
    host.apply(*NETWORKS, WEB, ON_A)
    web = host["web"]
    with (
        conversation(host["on-a"], ("10.61.0.2", 80), web, 80),
        conversation(host, ("10.61.0.2", 81), web, 81),
    ):
        web.connect("b", gw_priority=10)
        web.publish("9090:90")
        web.unpublish("9090:90")
        web.disconnect("b")


def test_a_connection_by_a_published_port_goes_on_where_the_gateway_stays(lan: Lan) -> None:
    host = lan.host
    host.apply(*NETWORKS, WEB)
    web = host["web"]
    with conversation(lan.machine, (lan.HOST, 8088), web, 80):
        web.connect("b", gw_priority=-1)
        web.publish("9090:90", "9000-9100:9000-9100/udp")
        web.disconnect("b")


def test_off_its_last_network_it_has_its_loopback_and_its_ports_come_back(lan: Lan) -> None:
    host = lan.host
    host.apply(*NETWORKS, WEB)
    web = host["web"]
    web.disconnect("a")
    assert (interfaces(web), host["web"].ports, host["web"].mode) == ([], (), "bridge")
    assert ask(web, ("127.0.0.1", 80), web, 80) == "127.0.0.1"
    assert ask(lan.machine, (lan.HOST, 8088), web, 80, patience=SOON) is None
    host.apply(Sandbox("other", mode=Bridge("b", publish=["8088:80"])))  # nobody holds the number
    with pytest.raises(SpecError, match="host port 8088:80/tcp is published by sandbox other"):
        web.connect("b")
    host.destroy("other")
    web.connect(INNER)
    assert host["web"].ports == ()
    web.connect("b")
    assert ask(lan.machine, (lan.HOST, 8088), web, ("10.62.0.2", 80)) == lan.MACHINE


def test_ports_are_opened_and_closed(lan: Lan) -> None:
    host = lan.host
    host.apply(*NETWORKS, WEB)
    web, before = host["web"], state(host)
    web.publish("9090:90", 91)
    free = host["web"].ports[-1].host_port
    assert ask(lan.machine, (lan.HOST, 9090), web, 90) == lan.MACHINE
    assert ask(lan.machine, (lan.HOST, free), web, 91) == lan.MACHINE
    web.publish("9091:92")
    assert host["web"].ports[-2].host_port == free
    web.unpublish(90, 91, "9091:92")
    assert ask(lan.machine, (lan.HOST, 9090), web, 90, patience=SOON) is None
    assert ask(lan.machine, (lan.HOST, 8088), web, 80) == lan.MACHINE
    assert state(host) == before


def test_a_route_by_a_network_goes_with_it(host: Host) -> None:
    routes = [Route("10.8.0.0/24", via="10.62.0.9"), Route("10.9.0.0/24", via="10.61.0.9")]
    host.apply(*NETWORKS, Sandbox("web", mode=Bridge(endpoints=["a", "b"]), routes=routes))
    host["web"].disconnect("b")
    assert [str(one.dst) for one in host["web"].resolved.routes] == ["10.9.0.0/24"]
    assert "10.8.0.0" not in shell(host["web"], "ip route")
    assert host.missing()["sandbox", "web"] == Plan()


def test_those_who_share_its_namespace_come_along(host: Host, web: LiveSandbox) -> None:
    host.apply(Sandbox("mate", mode="container:web"))
    web.connect("b")
    assert ask(host["on-b"], ("10.62.0.3", 80), host["mate"], 80) == "10.62.0.2"
    assert [one.network for one in host["mate"].endpoints] == ["a", "b"]
    with pytest.raises(SpecError, match="is in container mode") as caught:
        host["mate"].connect(INNER)
    assert caught.value.hint == "do it with sandbox web"


def test_what_was_damaged_is_mended_with_it(host: Host, web: LiveSandbox) -> None:
    shell(web, "ip address flush dev eth0")
    web.connect("b")
    assert host.missing()["sandbox", "web"] == Plan()


@pytest.mark.parametrize(
    ("change", "kind", "problem"),
    [
        (lambda web: web.connect("a"), SpecError, "is on network a already"),
        (lambda web: web.disconnect("b"), SpecError, "is not on network b"),
        (lambda web: web.connect("inenr"), NotFound, "there is no network 'inenr'"),
        (lambda web: web.connect("b", address="10.61.0.9"), SpecError, "is outside 10.62.0.0/24"),
        (lambda web: web.connect("b", address="10.62.0.2"), SpecError, "is taken by sandbox on-b"),
        (lambda web: web.connect("b", address6="fd00::2"), SpecError, "network b has no IPv6"),
        (lambda web: web.connect("b", interface="eth0"), SpecError, "two interfaces cannot be called eth0"),
        (lambda web: web.connect("b", mac="02:42:0a:3e:00:01"), SpecError, "is the MAC address of the bridge"),
        (lambda web: web.connect("../b"), ValueError, "is not a valid name"),
        (lambda web: web.publish("8088:81"), SpecError, "is published by sandbox web already"),
        (lambda web: web.publish("x"), ValueError, "is not a valid published port"),
        (lambda web: web.unpublish("81"), SpecError, "does not publish 81/tcp"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_touched(
    host: Host, web: LiveSandbox, change: object, kind: type[Exception], problem: str
) -> None:
    before = state(host)
    with pytest.raises(kind, match=problem):
        change(web)  # type: ignore[operator]
    assert state(host) == before
    assert host["web"].resolved == web.resolved


def test_a_handle_is_of_the_same_sandbox_throughout(host: Host, web: LiveSandbox) -> None:
    web.connect("b")
    assert host["web"] == web
    assert len(web.endpoints) == 1  # as of when it was got
    host.destroy("web")
    host.apply(WEB)
    with pytest.raises(NotFound, match="it is gone"):
        web.connect("b")


def test_what_was_connected_is_what_apply_would_make(host: Host, web: LiveSandbox) -> None:
    web.connect("b", gw_priority=3)
    web.publish("81:81")
    both = Bridge(endpoints=["a", Endpoint("b", gw_priority=3)], publish=["8088:80", "81:81"])
    assert not host.diff(*NETWORKS, Sandbox("web", mode=both))
    assert host.apply(WEB)
    assert interfaces(web) == ["eth0"]


def test_two_at_once_are_both_done(host: Host, web: LiveSandbox) -> None:
    code = "host[sys.argv[1]].connect(sys.argv[2])"
    others = [start(host, code, "web", network) for network in ("b", "inner", "dual")]
    for one in others:
        go(one)
    assert [end(one) for one in others] == [0, 0, 0]
    after = host["web"]
    assert sorted(one.network for one in after.endpoints) == ["a", "b", "dual", "inner"]
    assert interfaces(web) == ["eth0", "eth1", "eth2", "eth3"]
    assert host.missing()["sandbox", "web"] == Plan()


def test_of_two_who_want_the_same_one_is_refused(host: Host, web: LiveSandbox) -> None:
    code = "try:\n    host['web'].connect('b')\nexcept SpecError:\n    sys.exit(7)"
    others = [start(host, code) for _ in range(2)]
    for one in others:
        go(one)
    assert sorted(map(end, others)) == [0, 7]


@pytest.mark.parametrize("network", [B, Network("z", subnet="10.66.0.0/24", subnet6="fd00:66::/64")], ids=["b", "z"])
def test_killed_anywhere_in_connect(host: Host, network: Network) -> None:
    """The gateway stays with the one, and moves with the other; the next call finds nothing half-way."""
    host.apply(A, network, WEB)
    before = state(host)
    with mortal(host, network, WEB) as somebody:
        for point in count():
            killed = somebody("connect", point)
            if network.name not in host["web"].resolved.networks:
                if point % 2:
                    host.apply(WEB)
                    assert state(host) == before, point
                host["web"].connect(network)
            assert host.missing()["sandbox", "web"] == Plan(), point
            host["web"].disconnect(network)
            assert state(host) == before, point
            if not killed:
                break
    assert point > 3


def test_killed_anywhere_in_disconnect(host: Host) -> None:
    host.apply(A, DUAL, WEB)
    host["web"].connect(DUAL)
    before = state(host)
    with mortal(host, DUAL, WEB) as somebody:
        for point in count():
            killed = somebody("disconnect", point)
            if "dual" in host["web"].resolved.networks:
                host["web"].publish("99:99")
                host["web"].unpublish("99:99")
                assert state(host) == before, point
                host["web"].disconnect(DUAL)
            assert default_routes(host["web"]) == [("10.61.0.1", "eth0")]
            host["web"].connect(DUAL)
            assert state(host) == before, point
            if not killed:
                break
    assert point > 3
