"""Who reaches whom: every row of the table that the rules promise, by real connections and real datagrams.

Each holds in IPv4 and in IPv6, with bridge-nf-call-iptables and -ip6tables off and on: the kernel's default differs,
and installing Docker flips it. Each that says never has a control: the same server at the same moment, reached in a way
that is allowed.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from netbuilder import Bridge, Container, Host, HostNetwork, Network, Sandbox
from netbuilder.host.namespace import NetworkNamespace
from tests.kernel.helpers import (
    BRIDGE_NF,
    BRIDGE_NF6,
    KINDS,
    PATIENCE,
    SOON,
    Lan,
    Protocol,
    Unanswered,
    call,
    namespace,
    shell,
    six,
)
from tests.kernel.leftovers import Witness, wait_until

SPECS = (
    Network(name="lab", subnet="10.10.0.0/24", subnet6="fd00:10::/64"),
    Network(name="other", subnet="10.20.0.0/24", subnet6="fd00:20::/64"),
    Network(name="closed", subnet="10.30.0.0/24", subnet6="fd00:30::/64", internal=True),
    Network(name="plain", subnet="10.40.0.0/24", subnet6="fd00:40::/64", masquerade=False),
    Sandbox(
        name="web",
        mode=Bridge(
            network="lab",
            publish=[
                "8088:80",
                "8088:80/udp",
                "127.0.0.1:9090:80",
                "127.0.0.1:9090:80/udp",
                "192.0.2.1:7070:80",
                "192.0.2.1:7070:80/udp",
                "[2001:db8:2::1]:7070:80",
                "[2001:db8:2::1]:7070:80/udp",
            ],
        ),
    ),
    Sandbox(name="neighbour", mode=Bridge(network="lab")),
    Sandbox(name="liar", mode=Bridge(network="lab")),
    Sandbox(name="mate", mode=Container(sandbox="web")),
    Sandbox(name="far", mode=Bridge(network="other", publish=["8089:80", "8089:80/udp"])),
    Sandbox(name="inner", mode=Bridge(network="closed")),
    Sandbox(name="inner2", mode=Bridge(network="closed")),
    Sandbox(name="bare", mode=Bridge(network="plain")),
    Sandbox(name="floor", mode=HostNetwork()),
)
# A machine that lies: for it 127.0.0.1 is not itself, but somewhere behind its router.
LIE = """
ip address flush dev lo
ip route add 127.0.0.0/8 via {router}
ip -6 route add ::1 via {router6}
echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet
"""


@dataclass(frozen=True)
class Row:
    """A server in one namespace, asked from another."""

    client: str
    to: str
    server: str
    at: str = "80"
    sees: str = ""  # the address that the server sees; empty if it is never reached
    but: tuple[str, str] = ("", "")  # if never: who reaches the same server, and by what address
    by_rules: bool = True  # whether it is our rules alone that are in the way

    def __str__(self) -> str:
        return f"{self.client}-{self.to}-{self.server}{'' if self.sees else '-never'}"

    def in_ipv6(self) -> Row:
        """The same in IPv6. The kernel itself takes no packet to or from ::1 that comes in by an interface."""
        but = (self.but[0], _six(self.but[1])) if self.but[0] else self.but
        by_rules = self.by_rules and not self.to.startswith("127.")
        return replace(self, to=_six(self.to), at=_six(self.at), sees=six(self.sees), but=but, by_rules=by_rules)


def _six(text: str) -> str:
    """An address and a port, in IPv6."""
    address, _, port = text.rpartition(":")
    return f"[{six(address)}]:{port}" if address else port


ROWS = [
    # another machine
    Row("machine", "192.0.2.1:8088", "web", sees="192.0.2.2"),
    Row("third", "198.51.100.1:8088", "web", sees="198.51.100.2"),
    Row("machine", "192.0.2.1:8089", "far", sees="192.0.2.2"),
    Row("machine", "192.0.2.1:7070", "web", sees="192.0.2.2"),
    Row("third", "198.51.100.1:7070", "web", but=("machine", "192.0.2.1:7070"), by_rules=False),
    Row("machine", "192.0.2.1:9090", "web", but=("host", "127.0.0.1:9090"), by_rules=False),
    Row("liar-machine", "127.0.0.1:9090", "web", but=("host", "127.0.0.1:9090"), by_rules=False),
    Row("liar-machine", "127.0.0.1:8088", "web", but=("machine", "192.0.2.1:8088"), by_rules=False),
    Row("machine", "10.10.0.2:80", "web", but=("machine", "192.0.2.1:8088")),
    Row("machine", "10.10.0.3:80", "neighbour", but=("web", "10.10.0.3:80")),
    Row("machine", "10.40.0.2:80", "bare", but=("host", "10.40.0.2:80")),
    Row("machine", "10.30.0.2:80", "inner", but=("inner2", "10.30.0.2:80")),
    Row("machine", "10.10.0.1:6000", "host", at="6000", but=("machine", "192.0.2.1:6000")),
    Row("machine", "10.10.0.1:8088", "web", but=("machine", "192.0.2.1:8088"), by_rules=False),
    # the host
    Row("host", "127.0.0.1:8088", "web", sees="10.10.0.1"),
    Row("host", "127.0.0.1:9090", "web", sees="10.10.0.1"),
    Row("host", "192.0.2.1:8088", "web", sees="192.0.2.1"),
    Row("host", "192.0.2.1:7070", "web", sees="192.0.2.1"),
    Row("host", "198.51.100.1:7070", "web", but=("host", "192.0.2.1:7070"), by_rules=False),
    Row("host", "10.10.0.1:8088", "web", sees="10.10.0.1"),
    Row("host", "10.20.0.1:8088", "web", sees="10.10.0.1"),
    Row("host", "10.40.0.1:8088", "web", sees="10.40.0.1"),
    Row("host", "10.10.0.2:80", "web", sees="10.10.0.1"),
    Row("host", "10.30.0.2:80", "inner", sees="10.30.0.1"),
    # a sandbox and its neighbour
    Row("neighbour", "10.10.0.2:80", "web", sees="10.10.0.3"),
    Row("web", "10.10.0.3:80", "neighbour", sees="10.10.0.2"),
    Row("neighbour", "192.0.2.1:8088", "web", sees="10.10.0.1"),
    Row("neighbour", "10.10.0.1:8088", "web", sees="10.10.0.1"),
    Row("neighbour", "192.0.2.1:9090", "web", but=("neighbour", "192.0.2.1:8088"), by_rules=False),
    Row("web", "192.0.2.1:8088", "web", sees="10.10.0.1"),
    Row("web", "10.10.0.1:8088", "web", sees="10.10.0.1"),
    Row("web", "127.0.0.1:80", "web", sees="127.0.0.1"),
    # a sandbox of another network
    Row("far", "10.10.0.2:80", "web", but=("far", "192.0.2.1:8088")),
    Row("far", "10.10.0.3:80", "neighbour", but=("web", "10.10.0.3:80")),
    Row("far", "192.0.2.1:8088", "web", sees="10.10.0.1"),
    Row("far", "10.20.0.1:8088", "web", sees="10.10.0.1"),
    Row("web", "192.0.2.1:8089", "far", sees="10.20.0.1"),
    Row("bare", "10.10.0.2:80", "web", but=("neighbour", "10.10.0.2:80")),
    Row("bare", "192.0.2.1:8088", "web", sees="10.40.0.2"),
    # an internal network
    Row("inner", "10.30.0.3:80", "inner2", sees="10.30.0.2"),
    Row("inner", "10.30.0.1:6000", "host", at="6000", sees="10.30.0.2"),
    Row("inner", "192.0.2.1:8088", "web", but=("neighbour", "192.0.2.1:8088"), by_rules=False),
    Row("inner", "10.30.0.1:8088", "web", but=("neighbour", "192.0.2.1:8088"), by_rules=False),
    Row("inner", "10.10.0.2:80", "web", but=("neighbour", "10.10.0.2:80")),
    Row("inner", "192.0.2.2:80", "machine", but=("web", "192.0.2.2:80")),
    Row("web", "10.30.0.2:80", "inner", but=("inner2", "10.30.0.2:80")),
    # services of the host
    Row("web", "10.10.0.1:6000", "host", at="6000", sees="10.10.0.2"),
    Row("liar", "127.0.0.1:6000", "host", at="127.0.0.1:6000", but=("host", "127.0.0.1:6000")),
    Row("liar-machine", "127.0.0.1:6000", "host", at="127.0.0.1:6000", but=("host", "127.0.0.1:6000")),
    # to the outside
    Row("web", "192.0.2.2:80", "machine", sees="192.0.2.1"),
    Row("web", "198.51.100.2:80", "third", sees="198.51.100.1"),
    Row("mate", "192.0.2.2:80", "machine", sees="192.0.2.1"),
    Row("bare", "192.0.2.2:80", "machine", sees="10.40.0.2"),
    Row("floor", "192.0.2.2:80", "machine", sees="192.0.2.1"),
    # other machines through the host, which was no router
    Row("machine", "198.51.100.2:80", "third", but=("host", "198.51.100.2:80")),
    Row("third", "192.0.2.2:80", "machine", but=("host", "192.0.2.2:80")),
    # container mode and host mode
    Row("web", "127.0.0.1:5000", "mate", at="127.0.0.1:5000", sees="127.0.0.1"),
    Row("mate", "127.0.0.1:5000", "web", at="127.0.0.1:5000", sees="127.0.0.1"),
    Row("machine", "192.0.2.1:8088", "mate", sees="192.0.2.2"),
    Row("machine", "192.0.2.1:6000", "floor", at="6000", sees="192.0.2.2"),
    Row("web", "127.0.0.1:6000", "floor", at="127.0.0.1:6000", but=("host", "127.0.0.1:6000"), by_rules=False),
]
# In IPv6 a port on all addresses is not open on ::1, as one on 127.0.0.1 is; for a port on ::1 see below.
ROWS += [row.in_ipv6() for row in ROWS if ":9090" not in row.to and row.to != "127.0.0.1:8088"]
ROWS.append(Row("host", "[::1]:8088", "web", but=("host", "[2001:db8:2::1]:8088"), by_rules=False))


class World:
    """All the hosts and sandboxes of the table, by name."""

    def __init__(self, host: Host, bridge_nf: str) -> None:
        if not Path(BRIDGE_NF).exists():
            pytest.skip("this kernel has no br_netfilter, so there is no bridge-nf-call-iptables to be on or off")
        shell(host, f"echo {bridge_nf} > {BRIDGE_NF}; echo {bridge_nf} > {BRIDGE_NF6}")
        lan = Lan(host)
        self._namespaces: dict[str, NetworkNamespace] = {"host": host, "machine": lan.machine, "third": lan.third}
        self._namespaces["liar-machine"] = lan.add("liar-machine", "eth2", "203.0.113.1", "203.0.113.2")
        lan.speak_ipv6()
        shell(self["liar-machine"], LIE.format(router="203.0.113.1", router6=six("203.0.113.1")))
        # The kernel's own check lets the lie pass, so that the rules alone are left to see through it.
        shell(host, "echo 1 > /proc/sys/net/ipv4/conf/eth2/route_localnet")

    def build(self, host: Host) -> None:
        """All networks and sandboxes."""
        host.apply(*SPECS)
        self._namespaces |= {sandbox.name: sandbox for sandbox in host.sandboxes()}
        shell(self["liar"], LIE.format(router="10.10.0.1", router6="fd00:10::1"))
        # as one with root inside could
        shell(self["inner"], "ip route add default via 10.30.0.1; ip route add default via fd00:30::1")

    def __getitem__(self, name: str) -> NetworkNamespace:
        return self._namespaces[name]

    def call(self, client: str, to: str, server: str, at: str, protocol: Protocol, patience: float) -> str | None:
        return call(self[client], _socket_address(to), self[server], _listens_at(at), protocol, patience)


def _socket_address(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


def _listens_at(text: str) -> int | tuple[str, int]:
    return _socket_address(text) if ":" in text else int(text)


@pytest.fixture(scope="module", params=["0", "1"], ids=["bridge-nf-0", "bridge-nf-1"])
def bridge_nf(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def world(bridge_nf: str, witness: Witness) -> Iterator[World]:
    """One for all rows: no row changes it."""
    with Host.isolated() as host:
        witness.note(host)
        world = World(host, bridge_nf)
        world.build(host)
        yield world
        witness.note_sandboxes(host)


@pytest.fixture(scope="module")
def world_without_rules(bridge_nf: str, witness: Witness) -> Iterator[World]:
    """The same without any rules: what never arrives in the other one arrives here."""
    with Host.isolated() as host:
        witness.note(host)
        world = World(host, bridge_nf)
        world.build(host)
        shell(host, "nft delete table inet netbuilder")
        yield world
        witness.note_sandboxes(host)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_row_of_the_table(world: World, row: Row, protocol: Protocol) -> None:
    if row.sees:
        assert world.call(row.client, row.to, row.server, row.at, protocol, PATIENCE) == row.sees
    else:
        assert world.call(row.client, row.to, row.server, row.at, protocol, SOON) is None
        assert world.call(*row.but, row.server, row.at, protocol, PATIENCE)


@pytest.mark.parametrize("row", [row for row in ROWS if not row.sees and row.by_rules], ids=str)
def test_it_is_the_rules_that_keep_it_out(world_without_rules: World, row: Row) -> None:
    """By UDP, where a question that arrives can be told from one that is answered: a lie is not always answered."""
    with contextlib.suppress(Unanswered):
        assert world_without_rules.call(row.client, row.to, row.server, row.at, "udp", PATIENCE)


def test_the_rules_keep_out_a_lie_about_a_published_port(world_without_rules: World, bridge_nf: str) -> None:
    """With the ports' own rules and without chain raw_prerouting, a port published on 127.0.0.1 is reached by a lie."""
    host = world_without_rules["host"]
    assert isinstance(host, Host)
    host.apply(*SPECS)
    shell(host, "nft flush chain inet netbuilder raw_prerouting")
    try:
        for port in (9090, 8088):
            assert world_without_rules.call("liar-machine", f"127.0.0.1:{port}", "web", "80", "tcp", PATIENCE)
        assert world_without_rules.call("machine", "10.10.0.1:8088", "web", "80", "tcp", PATIENCE)
    finally:
        shell(host, "nft delete table inet netbuilder")


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_port_on_the_hosts_ipv6_loopback(
    lan: Lan, bridge_nf: str, protocol: Protocol, caplog: pytest.LogCaptureFixture
) -> None:
    """The kernel takes no packet to ::1 from a bridge, but what becomes one later, unless rules see it there."""
    lan.speak_ipv6()
    shell(lan.host, f"echo {bridge_nf} > {BRIDGE_NF6}")
    web = Sandbox("web", mode=Bridge("lab", publish=[f"[::1]:9090:80/{protocol}", f"8088:80/{protocol}"]))
    if bridge_nf == "1":
        with caplog.at_level("WARNING", "netbuilder"):
            lan.host.apply(SPECS[0], web)
        assert "bridge-nf-call-ip6tables is 1" in caplog.text
        try:
            assert call(lan.host, ("::1", 9090), lan.host["web"], 80, protocol, SOON) is None
        except Unanswered:
            assert protocol == "udp"  # it is the answer that the kernel does not take
        return
    lan.host.apply(*SPECS[:2], web, Sandbox("neighbour", mode=Bridge("lab")), Sandbox("far", mode=Bridge("other")))
    assert call(lan.host, ("::1", 9090), lan.host["web"], 80, protocol) == "fd00:10::1"
    for client in (lan.machine, lan.host["neighbour"], lan.host["far"]):
        assert call(client, (six(lan.HOST), 9090), lan.host["web"], 80, protocol, SOON) is None
        assert call(client, (six(lan.HOST), 8088), lan.host["web"], 80, protocol)


@pytest.mark.skipif(not Path("/proc/sys/net/ipv6").exists(), reason="this kernel has no IPv6")
@pytest.mark.parametrize("subnet6", [None, "fd00:10::/64"], ids=["ipv4", "both"])
@pytest.mark.parametrize("forwarding", ["0", "1"])
def test_an_ipv6_router_stays_one(host: Host, forwarding: str, subnet6: str | None) -> None:
    """And another host becomes none, but for its own sandboxes."""
    shell(
        host,
        f"""
        echo {forwarding} > /proc/sys/net/ipv6/conf/all/forwarding
        for n in 1 2; do
            ip netns add m$n; ip link add up$n type veth peer name eth0 netns m$n
            ip address add fd00:$n::1/64 dev up$n nodad; ip -n m$n address add fd00:$n::2/64 dev eth0 nodad
            ip link set up$n up; ip -n m$n link set eth0 up; ip -n m$n route add default via fd00:$n::1
        done
        """,
    )

    def reached() -> bool:
        one, two = (namespace(host, name).socket(socket.AF_INET6) for name in ("m1", "m2"))
        with one as caller, two as listener:
            listener.bind(("fd00:2::2", 80))
            listener.listen()
            caller.settimeout(0.5)
            return caller.connect_ex(("fd00:2::2", 80)) == 0

    if forwarding == "1":
        wait_until(reached, "the host is a router")
    lab = Network(name="lab", subnet="10.10.0.0/24", subnet6=subnet6)
    host.apply(lab, Sandbox(name="web", mode=Bridge(network="lab")))
    assert reached() == (forwarding == "1")
    host.destroy_all()
    assert reached() == (forwarding == "1")


@pytest.mark.parametrize("forwarding", ["0", "1"])
def test_the_host_is_a_router_for_others_if_it_was_one(lan: Lan, bridge_nf: str, forwarding: str) -> None:
    def others_pass() -> list[bool]:
        ways = [(lan.machine, (lan.THIRD, 80), lan.third), (lan.third, (lan.MACHINE, 80), lan.machine)]
        asked = [(*way, 80, protocol) for way in ways for protocol in KINDS]
        patience = PATIENCE if forwarding == "1" else SOON
        with ThreadPoolExecutor() as threads:
            return list(threads.map(lambda one: call(*one, patience) is not None, asked))

    shell(lan.host, f"echo {bridge_nf} > {BRIDGE_NF}; echo {forwarding} > /proc/sys/net/ipv4/ip_forward")
    as_before = [forwarding == "1"] * 4
    assert others_pass() == as_before
    lan.host.apply(Sandbox(name="web", mode=Bridge(publish=["8088:80"])))
    assert others_pass() == as_before
    assert call(lan.machine, ("172.17.0.2", 80), lan.host["web"], 80, "tcp", SOON) is None
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp") == lan.MACHINE
    lan.host.destroy_all()
    assert others_pass() == as_before
    assert shell(lan.host, "cat /proc/sys/net/ipv4/ip_forward").strip() == forwarding


def test_a_connection_lives_on_while_the_host_changes(lan: Lan, bridge_nf: str) -> None:
    shell(lan.host, f"echo {bridge_nf} > {BRIDGE_NF}")
    specs = Network(name="bridge"), Sandbox(name="web", mode=Bridge(publish=["8088:80"]))
    lan.host.apply(*specs)
    with lan.host["web"].socket() as listener, lan.machine.socket() as caller:
        listener.bind(("0.0.0.0", 80))
        listener.listen()
        caller.settimeout(PATIENCE)
        caller.connect((lan.HOST, 8088))
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(PATIENCE)
            for change in (
                lambda: lan.host.apply(Sandbox(name="db", mode=Bridge(publish=["5432:5432"]))),
                lambda: lan.host.apply(Sandbox(name="web", mode=Bridge(publish=["8088:80", "8443:443"]))),
                lambda: lan.host.destroy("db"),
                lambda: (shell(lan.host, "nft delete table inet netbuilder"), lan.host.apply(*specs)),
            ):
                change()
                caller.sendall(b"still here?")
                assert connection.recv(100) == b"still here?"


def test_a_port_is_the_hosts_again_when_its_sandbox_is_gone(lan: Lan) -> None:
    lan.host.apply(Sandbox(name="web", mode=Bridge(publish=["8088:80"])))
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp") == lan.MACHINE
    lan.host.destroy("web")
    assert call(lan.machine, (lan.HOST, 8088), lan.host, 8088, "tcp") == lan.MACHINE
    lan.host.apply(Sandbox(name="next", mode=Bridge(publish=["8088:8000"])))
    assert call(lan.machine, (lan.HOST, 8088), lan.host["next"], 8000, "tcp") == lan.MACHINE


def test_what_is_masqueraded_does_not_ask_for_its_own_port(lan: Lan) -> None:
    """Two that get it at once, each on a CPU of its own, would lose a packet: that is a matter of microseconds."""
    lan.host.apply(Sandbox(name="web"))
    ports = range(5300, 5303)
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(lan.machine.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in ports]
        client = stack.enter_context(lan.host["web"].socket(socket.AF_INET, socket.SOCK_DGRAM))
        client.bind(("", 5353))
        client.settimeout(PATIENCE)
        seen = []
        for port, server in zip(ports, servers, strict=True):
            server.bind(("", port))
            server.settimeout(PATIENCE)
            client.sendto(b"?", (lan.MACHINE, port))
            _, asker = server.recvfrom(9)
            seen.append(asker)
            server.sendto(b"!", asker)
            assert client.recv(9) == b"!"
    assert {address for address, _ in seen} == {lan.HOST}
    assert [port for _, port in seen] != [5353, 5353, 5353]
