"""One real packet, followed: what is told of it is what happened, and nothing is left of the telling."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import pytest

from netbuilder import Bridge, Host, Network, NotFound, Sandbox, SpecError, Trace
from netbuilder.host.namespace import NetworkNamespace
from netbuilder.packets.trace import Way
from tests.kernel.helpers import BRIDGE_NF, BRIDGE_NF6, Lan, picture, shell, six
from tests.kernel.leftovers import wait_until

TO = f"{Lan.HOST}:8088"
SPECS = (
    Network(name="lab", subnet="10.9.0.0/24", subnet6="fd00:9::/64"),
    Network(name="inner", subnet="10.8.0.0/24", internal=True),
    Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80", "8053:53/udp"])),
    Sandbox(name="db", mode=Bridge(network="lab")),
    Sandbox(name="shut", mode=Bridge(network="inner")),
)


@pytest.fixture
def built(lan: Lan) -> Lan:
    lan.speak_ipv6()
    lan.host.apply(*SPECS)
    return lan


@contextmanager
def listening(place: NetworkNamespace, port: int) -> Iterator[None]:
    """A server of both families, which answers by the kernel alone."""
    with place.socket(socket.AF_INET6) as listener:
        listener.bind(("::", port))
        listener.listen()
        yield


@contextmanager
def calling(work: Callable[[], object]) -> Iterator[None]:
    """Somebody else who calls again and again, meanwhile."""
    end = threading.Event()

    def call() -> None:
        while not end.wait(0.1):
            work()

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield
    finally:
        end.set()
        caller.join()


def connect(place: NetworkNamespace, to: tuple[str, int]) -> None:
    with place.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET) as caller:
        caller.settimeout(0.5)
        caller.connect_ex(to)


def there(trace: Trace) -> Way:
    assert trace.packet is not None
    return trace.packet


def interfaces(way: Way) -> list[tuple[str, str, str]]:
    return [(stop.namespace, stop.kind, stop.interface) for stop in way.stops if stop.interface]


def translations(way: Way) -> list[str]:
    return [stop.verdict for stop in way.met("translated")]


def warm_up(host: Host) -> None:
    """Let the host find its sandboxes, which takes IPv6 a second after they were made."""
    for name in ("web", "db"):
        assert host.trace("host", f"[{host[name].address6}]", timeout=5).outcome == "answered"


# Where it goes


def test_the_host_calls_a_published_port(built: Lan) -> None:
    host = built.host
    with listening(host["web"], 80):
        trace = host.trace("host", TO)
    way = there(trace)
    assert (trace.outcome, way.end) == ("answered", "arrived in web")
    (translated,) = way.met("translated")
    assert (translated.verdict, translated.text) == ("DNAT", f"{TO} → 10.9.0.2:80")
    assert translated.comment == "DNAT: published on all host addresses"
    assert [stop.comment for stop in way.met("rule")][:2] == ["to the host from itself", translated.comment]
    assert interfaces(way)[-1] == ("web", "in", "eth0")
    assert ("host", "out", host.links()[0].veth) in interfaces(way) or len(host.links()) == 3
    assert trace.answer is not None
    assert trace.answer.end == "arrived in host"
    assert trace.answer.stops[-1].src == TO


def test_a_neighbour_calls_a_published_port(built: Lan) -> None:
    host = built.host
    with listening(host["web"], 80):
        trace = host.trace("db", TO)
    assert (trace.outcome, there(trace).arrived) == ("answered", True)
    assert translations(there(trace)) == ["DNAT", "SNAT"]
    assert trace.answer is not None
    assert sorted(translations(trace.answer)) == ["DNAT", "SNAT"]
    assert trace.answer.stops[-1].src == TO
    assert not [stop.comment for stop in trace.answer.met("translated") if stop.comment]


def test_a_sandbox_leaves_as_the_host(built: Lan) -> None:
    with listening(built.machine, 9000):
        trace = built.host.trace("web", f"{Lan.MACHINE}:9000")
    way = there(trace)
    (translated,) = way.met("translated")
    assert (translated.verdict, translated.comment) == ("SNAT", "MASQUERADE: out of the subnet")
    (entry,) = way.met("conntrack")
    assert entry.text.startswith(f"answers are to come as {Lan.MACHINE}:9000 → {Lan.HOST}:")
    assert way.end == "left host by eth0"
    assert interfaces(way)[-1] == ("host", "out", "eth0")
    assert trace.answer is not None
    assert trace.answer.end == "arrived in web"


def test_a_ping_and_a_datagram(built: Lan) -> None:
    host = built.host
    ping = host.trace("web", Lan.MACHINE)
    assert (ping.protocol, ping.outcome, there(ping).packet) == ("icmp", "answered", "ICMP echo request")
    assert translations(there(ping)) == ["SNAT"]
    assert ping.answer is not None
    assert ping.answer.end == "arrived in web"
    datagram = host.trace("db", f"{Lan.HOST}:8053", protocol="udp")
    assert (datagram.outcome, there(datagram).cause) == ("refused", "no listener")
    assert translations(there(datagram)) == ["DNAT", "SNAT"]


def test_ipv6(built: Lan) -> None:
    host, to = built.host, f"[{six(Lan.HOST)}]:8088"
    with listening(host["web"], 80):
        warm_up(host)
        trace = host.trace("db", to)
        outside = host.trace("host", to)
    assert (trace.outcome, translations(there(trace))) == ("answered", ["DNAT", "SNAT"])
    assert (outside.outcome, there(outside).end) == ("answered", "arrived in web")
    assert not [stop for stop in there(trace).met("rule") if stop.rule.startswith("dnat") and not stop.verdict]
    with listening(built.machine, 9000):
        out = host.trace("web", f"[{six(Lan.MACHINE)}]:9000")
    assert (out.outcome, translations(there(out))) == ("answered", ["SNAT"])


# From outside


@pytest.mark.parametrize("to", [Lan.HOST, six(Lan.HOST)])
def test_another_machine_calls_a_published_port(built: Lan, to: str) -> None:
    host = built.host
    warm_up(host)
    with listening(host["web"], 80), calling(lambda: connect(built.machine, (to, 8088))):
        trace = host.trace("outside", "host:8088", watch=True, timeout=10)
    way = there(trace)
    assert (trace.outcome, way.end, translations(way)) == ("answered", "arrived in web", ["DNAT"])
    assert interfaces(way)[0] == ("host", "in", "eth0")
    assert interfaces(way)[-1] == ("web", "in", "eth0")
    assert trace.answer is not None
    assert (trace.answer.end, translations(trace.answer)) == ("left host by eth0", ["SNAT"])


def test_what_is_not_published_is_dropped_by_a_rule(built: Lan) -> None:
    with calling(lambda: connect(built.machine, ("10.9.0.3", 5432))):
        trace = built.host.trace("outside", "10.9.0.3:5432", watch=True, timeout=10)
    way = there(trace)
    assert (trace.outcome, way.arrived, way.cause) == ("no answer", False, "rule")
    assert way.end == 'dropped in host, in forward, by inet netbuilder forward_to_bridge: "not published"'


def test_a_spoofed_source_is_dropped_by_source_check(built: Lan) -> None:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 28, 7, 0, 64, 17, 0)
    ends = ip_address("8.8.8.8").packed + ip_address(Lan.MACHINE).packed
    forged = head + ends + struct.pack(">HHHH", 5, 9000, 8, 0)
    raw = built.host["web"].socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw, calling(lambda: raw.sendto(forged, (Lan.MACHINE, 0))):
        trace = built.host.trace("web", f"{Lan.MACHINE}:9000", protocol="udp", watch=True, timeout=10)
    way = there(trace)
    assert way.stops[0].src == "8.8.8.8:5"
    assert (way.cause, way.stops[-1].chain, way.stops[-1].verdict) == ("rule", "source_check", "drop")


def test_nobody_comes(built: Lan) -> None:
    trace = built.host.trace("outside", "host:8088", watch=True, timeout=0.1)
    assert (trace.outcome, trace.ways) == ("nothing came", ())


# Whose veth it is


def test_a_sandbox_knows_the_number_of_its_host_end(built: Lan) -> None:
    """As the help of `links` says it."""
    for link in built.host.links():
        number = shell(built.host[link.sandbox], f"cat /sys/class/net/{link.interface}/iflink")
        assert int(number) == link.ifindex


# Where it ends


def test_an_internal_network_is_not_entered(built: Lan) -> None:
    way = there(built.host.trace("db", "shut:80", timeout=0.2))
    assert (way.cause, way.stops[-1].comment) == ("rule", "internal network")


def test_an_internal_network_is_not_left(built: Lan) -> None:
    trace = built.host.trace("shut", f"{Lan.MACHINE}:80")
    assert (trace.outcome, there(trace).cause) == ("unreachable", "not sent")
    assert there(trace).end == "nothing left shut: Network is unreachable"


FOREIGN = """nft -f - <<'END'
table inet else { chain f { type filter hook forward priority 10; policy drop; tcp dport != 9000 accept; }; }
END"""
REJECT = """nft -f - <<'END'
table ip else { chain f { type filter hook forward priority 10; tcp dport 9000 reject comment "no way"; }; }
END"""


@pytest.mark.parametrize(
    ("script", "cause", "words"),
    [
        (FOREIGN, "policy", "the policy of inet else f"),
        (REJECT, "rule", 'rejected in host, in forward, by ip else f: "no way"'),
        ("echo 0 > /proc/sys/net/ipv4/ip_forward", "ip_forward", "ip_forward=0"),
        (f"ip route add blackhole {Lan.MACHINE}", "blackhole", "blackhole"),
        (f"ip route add unreachable {Lan.MACHINE}", "no route", "unreachable"),
        ("ip route del 192.0.2.0/24", "no route", "no route to 192.0.2.2"),
        ("ip -n machine address flush dev eth0; ip neigh flush dev eth0", "no neighbour", "nobody answers for"),
    ],
    ids=["policy", "reject", "ip_forward", "blackhole", "unreachable", "no route", "silent"],
)
def test_what_ends_it_is_named(built: Lan, script: str, cause: str, words: str) -> None:
    shell(built.host, script)
    trace = built.host.trace("web", f"{Lan.MACHINE}:9000", timeout=0.3)
    way = there(trace)
    assert not way.arrived
    assert (way.cause, words in way.end) == (cause, True)


def test_a_source_that_is_elsewhere_is_dropped_by_rp_filter(built: Lan) -> None:
    host = built.host
    shell(
        host,
        f"""
        ip -n web neigh replace 10.9.0.1 lladdr {host.networks()[0].mac} dev eth0
        echo 1 > /proc/sys/net/ipv4/conf/{host.networks()[0].bridge}/rp_filter
        ip route add 10.9.0.2/32 dev eth0
        """,
    )
    way = there(host.trace("web", f"{Lan.MACHINE}:9000", timeout=0.2))
    assert (way.cause, "rp_filter" in way.end) == ("rp_filter", True)


def test_ipv6_is_not_forwarded(built: Lan) -> None:
    warm_up(built.host)
    shell(built.host, "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")
    way = there(built.host.trace("web", f"[{six(Lan.MACHINE)}]:9000", timeout=0.2))
    assert (way.cause, "net.ipv6.conf.all.forwarding=0" in way.end) == ("ip_forward", True)


def test_nobody_listens(built: Lan) -> None:
    trace = built.host.trace("db", "web:81")
    assert (trace.outcome, there(trace).cause) == ("refused", "no listener")
    assert there(trace).end == "nobody listens on that port in web: refused (RST)"


def test_nobody_has_the_address(built: Lan) -> None:
    way = there(built.host.trace("db", "10.9.0.99:80", timeout=0.2))
    assert (way.cause, "10.9.0.99 (ARP)" in way.end) == ("no neighbour", True)


def test_its_interface_is_down(built: Lan) -> None:
    shell(built.host, "ip -n web link set eth0 down")
    for sender in ("host", "db"):
        way = there(built.host.trace(sender, "web:80", timeout=0.2))
        assert (way.arrived, way.cause != "rule") == (False, True)


def test_what_is_switched_meets_no_rule(built: Lan) -> None:
    shell(built.host, f"for one in {BRIDGE_NF} {BRIDGE_NF6}; do echo 0 > $one; done")
    with listening(built.host["web"], 80):
        trace = built.host.trace("db", "web:80")
    assert (trace.outcome, there(trace).met("rule")) == ("answered", ())
    assert [one[0] for one in interfaces(there(trace))] == ["db", "host", "host", "web"]


def test_hostile_comments_do_not_reach_a_terminal(built: Lan) -> None:
    shell(
        built.host,
        """printf 'table inet else { chain f { type filter hook forward priority 10;
        tcp dport 9000 drop comment "\\033[31mred"; }; }' | nft -f -""",
    )
    trace = built.host.trace("web", f"{Lan.MACHINE}:9000", timeout=0.2)
    assert there(trace).stops[-1].comment == "\x1b[31mred"
    assert all(line.isprintable() and len(line) <= 80 for line in str(trace).splitlines())


def test_what_is_asked_for_is_looked_at_first(built: Lan) -> None:
    scoped = "[fe80::1%; flush ruleset]:80"  # an address by ipaddress's reading
    for bad in ("", "web:", "web:0", "web:70000", "[::1", "a b:1:2", "outside:80", "[web]:80", scoped):
        with pytest.raises((SpecError, NotFound)):
            built.host.trace("web", bad)
    with pytest.raises(NotFound):
        built.host.trace("nobody", TO)
    with pytest.raises(SpecError, match="not ours"):
        built.host.trace("outside", TO)
    with pytest.raises(SpecError, match="no ports"):
        built.host.trace("web", TO, protocol="icmp")
    with pytest.raises(SpecError, match="sctp"):
        built.host.trace("web", TO, protocol="sctp")  # type: ignore[arg-type]


# What is left of it


def ruleset(host: Host) -> list[str]:
    return [shell(host, "nft list ruleset"), *(shell(host, f"ip netns exec {name} nft list ruleset") for name in host)]


def is_settled(host: Host) -> bool:
    """Whether all IPv6 addresses are there: their routes come when the search for duplicates ends."""
    each = 'for one in $(ip netns list | cut -d" " -f1); do ip -n $one -6 address show tentative; done'
    return not shell(host, f"ip -6 address show tentative; {each}")


def test_nothing_is_left(built: Lan) -> None:
    wait_until(lambda: is_settled(built.host), "IPv6 is there")
    before = picture(built.host), ruleset(built.host)
    with listening(built.host["web"], 80):
        assert built.host.trace("db", TO).outcome == "answered"
    assert built.host.trace("outside", "host:1", watch=True, timeout=0.05).outcome == "nothing came"
    assert (picture(built.host), ruleset(built.host)) == before


def test_a_killed_one_leaves_nothing(built: Lan) -> None:
    host = built.host
    before = ruleset(host)
    program = [sys.executable, "-m", "netbuilder", "trace", "--watch", "web", "db:80"]
    with host.popen(program, stdout=subprocess.DEVNULL) as tracing:
        wait_until(lambda: all("netbuilder_trace" in ruleset(host)[at] for at in (0, 2)), "it traces")
        assert "flags owner" in ruleset(host)[0]
        refused = host.run(["sh", "-c", "nft delete table inet $(nft list tables | grep -o 'netbuilder_trace.*')"])
        assert refused.returncode
        tracing.send_signal(signal.SIGKILL)
    wait_until(lambda: ruleset(host) == before, "its tables are gone")


def test_an_interrupted_one_leaves_nothing(built: Lan) -> None:
    host = built.host
    before = ruleset(host)
    program = [sys.executable, "-m", "netbuilder", "trace", "--watch", "outside", "host:8088"]
    with host.popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tracing:
        wait_until(lambda: "netbuilder_trace" in ruleset(host)[0], "it traces")
        tracing.send_signal(signal.SIGINT)
        assert tracing.wait(5) == 130
        assert "Traceback" not in tracing.stderr.read()
    assert ruleset(host) == before


def test_a_sandbox_without_conntrack_stays_so(built: Lan) -> None:
    hooks = "cat /proc/net/nf_conntrack 2>/dev/null | wc -l"
    with listening(built.host["web"], 80):
        assert built.host.trace("db", "web:80").outcome == "answered"
        assert shell(built.host["web"], hooks).strip() == "0"


def test_two_at_once_do_not_see_each_other(built: Lan) -> None:
    found: list[Trace] = []

    def one(sender: str) -> Callable[[], Any]:
        return lambda: found.append(built.host.trace(sender, TO))

    with listening(built.host["web"], 80):
        threads = [threading.Thread(target=one(sender)) for sender in ("db", "host", "web") * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(trace.outcome for trace in found) == ["answered"] * 6
    for trace in found:
        assert there(trace).stops[0].namespace == trace.sender
        assert not [stop for stop in there(trace).stops if "netbuilder_trace" in stop.table]


def test_it_does_not_take_what_others_have_traced(built: Lan) -> None:
    others = """
        nft add table inet else
        nft add chain inet else f '{ type filter hook output priority -460; }'
        nft add rule inet else f meta nftrace set 1
        """
    shell(built.host, others)
    with listening(built.machine, 9000), calling(lambda: connect(built.host, (Lan.MACHINE, 9000))):
        trace = built.host.trace("outside", "host:8088", watch=True, timeout=0.5)
    assert (trace.outcome, trace.ways) == ("nothing came", ())


# The command


def test_the_command_tells_it(built: Lan) -> None:
    command = [sys.executable, "-m", "netbuilder", "trace"]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    with listening(built.host["web"], 80):
        done = built.host.run([*command, "-v", "db", TO], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "⇒ DNAT" in done.stdout
    assert "masquerade" in done.stdout
    done = built.host.run([*command, "--format", "json", "db", "web:81"], capture_output=True, text=True)
    assert done.returncode == 1
    assert Trace.from_json(json.loads(done.stdout)).outcome == "refused"
    done = built.host.run([*command, "outside", TO], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--watch" in done.stderr
