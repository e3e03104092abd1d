"""Captures of real packets: both sides of the NAT in one file, in true order, with nothing lost and nothing raw."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from ctypes.util import find_library
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from netbuilder.errors import MissingLibrary, NetbuilderError, NotFound, SpecError
from netbuilder.kernel import listening, pcap, tap
from netbuilder.packets.passage import Passage
from tests.kernel.helpers import Lan, call, shell, six
from tests.kernel.leftovers import wait_until

pcapng = pytest.importorskip("pcapng")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pcapng")

NETBUILDER = [sys.executable, "-m", "netbuilder"]
WEB = "10.9.0.2"
UPLINK, BRIDGE, ETH0 = "host:eth0", "host:lab0", "web:eth0"


@pytest.fixture
def lab(host: Host, lan: Lan) -> Lan:
    """A sandbox with published ports, and other machines that call it."""
    lan.speak_ipv6()
    shell(host, f"ip route add default via {lan.MACHINE}")
    network = Network("lab", subnet="10.9.0.0/24", subnet6="fd00:9::/64", bridge="lab0")
    web = Bridge(network="lab", publish=["8088:80", "5353:53/udp", "8000-8009:9000-9009"])
    host.apply(network, Sandbox("web", mode=web), Sandbox("db", mode=Bridge(network="lab")))
    for address in (lan.HOST, six(lan.HOST)):  # from here on everybody knows everybody's MAC address
        wait_until(lambda to=address: call(lan.machine, (to, 8088), host["web"], 80, "tcp"), "it answers")
    return lan


class File:
    """A pcapng file, as another reader sees it."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.blocks = list(pcapng.FileScanner(file))
        self.interfaces = [one for one in self.blocks if isinstance(one, pcapng.blocks.InterfaceDescription)]
        self.packets = [one for one in self.blocks if isinstance(one, pcapng.blocks.EnhancedPacket)]
        self.counts = [one for one in self.blocks if isinstance(one, pcapng.blocks.InterfaceStatistics)]

    @property
    def names(self) -> list[str]:
        return [one.options["if_name"] for one in self.interfaces]

    def seen(self) -> list[tuple[str, str, str, str]]:
        """Of each packet the interface, the direction, and its ends."""
        return [(self.names[one.interface_id], self._direction(one), *_ends(one.packet_data)) for one in self.packets]

    @staticmethod
    def _direction(packet: Any) -> str:
        flags = int.from_bytes(packet.options.get_raw("epb_flags"), "little")
        return {1: "in", 2: "out"}[flags & 3]

    def times(self) -> list[int]:
        return [(one.timestamp_high << 32) + one.timestamp_low for one in self.packets]


def _ends(frame: bytes) -> tuple[str, str]:
    if frame[12:14] == b"\x86\xdd":
        found = [socket.inet_ntop(socket.AF_INET6, frame[at : at + 16]) for at in (22, 38)]
        at = 54
    else:
        found = [socket.inet_ntop(socket.AF_INET, frame[at : at + 4]) for at in (26, 30)]
        at = 14 + (frame[14] & 15) * 4
    ports = struct.unpack_from("!HH", frame, at)
    return f"{found[0]} {ports[0]}", f"{found[1]} {ports[1]}"


def _sums(frame: bytes) -> int:
    """The sum over a TCP or UDP segment in IPv4 with its pseudo header: 0xFFFF if its checksum is right."""
    start, total = 14 + (frame[14] & 15) * 4, int.from_bytes(frame[16:18], "big")
    segment = frame[start : 14 + total]
    summed = frame[26:34] + struct.pack("!HH", frame[23], len(segment)) + segment + bytes(len(segment) % 2)
    return sum(struct.unpack(f"!{len(summed) // 2}H", summed)) % 0xFFFF or 0xFFFF


# The lesson


@pytest.mark.parametrize("family", [4, 6])
def test_a_call_from_outside_is_seen_on_both_sides_of_the_nat(lab: Lan, tmp_path: Path, family: int) -> None:
    here, there, inside = (six(one) if family == 6 else one for one in (lab.HOST, lab.MACHINE, WEB))
    inside = str(lab.host["web"].address6) if family == 6 else inside
    path, passages = tmp_path / "way.pcapng", list[Passage]()
    with lab.host.capture("web", file=path, published=8088, watch=passages.append) as capture:
        assert call(lab.machine, (here, 8088), lab.host["web"], 80, "tcp") == there
    file = File(path)
    assert file.names == [UPLINK, ETH0] == [one.name for one in capture.interfaces]
    first, second, third, fourth = file.seen()[:4]
    caller = first[2]
    assert first == (UPLINK, "in", caller, f"{here} 8088")
    assert second == (ETH0, "in", caller, f"{inside} 80")
    assert third == (ETH0, "out", f"{inside} 80", caller)
    assert fourth == (UPLINK, "out", f"{here} 8088", caller)
    assert all(earlier < later for earlier, later in pairwise(file.times()))
    assert [count.packets for count in capture.counts.values()] == [len(file.packets) // 2] * 2

    assert all(len(one.hops) == 2 for one in passages)
    assert len(passages) == len(file.packets) // 2
    (dnat,), (snat,) = (one.rewrites for one in passages[:2])
    assert (dnat.kind, dnat.after.port, dnat.between, dnat.undoes) == ("DNAT", 80, (UPLINK, ETH0), False)
    assert (snat.kind, snat.after.port, snat.between, snat.undoes) == ("SNAT", 8088, (ETH0, UPLINK), True)
    assert str(dnat.after.address) == inside and str(snat.after.address) == here


def test_what_leaves_is_masqueraded_and_the_answer_comes_back(lab: Lan) -> None:
    passages = list[Passage]()
    with lab.host.capture("web", watch=passages.append):
        assert call(lab.host["web"], (lab.MACHINE, 9000), lab.machine, 9000, "udp") == lab.HOST
    kinds = {tuple((one.kind, one.undoes) for one in passage.rewrites) for passage in passages}
    assert kinds - {()} == {(("SNAT", False),), (("DNAT", True),)}


def test_checksums_are_as_a_wire_would_carry_them(lab: Lan, tmp_path: Path) -> None:
    path = tmp_path / "way.pcapng"
    with lab.host.capture("web", file=path, published=8088, also=["bridge", "veth"]):
        call(lab.machine, (lab.HOST, 8088), lab.host["web"], 80, "tcp")
    packets = File(path).packets
    assert len(packets) >= 4 * 8
    assert {_sums(one.packet_data) for one in packets} == {0xFFFF}


def test_bridge_and_veth_are_listened_to_if_asked_for(lab: Lan, tmp_path: Path) -> None:
    path = tmp_path / "way.pcapng"
    with lab.host.capture("web", file=path, published="5353/udp", also=["veth", "bridge", "eth1"]):
        call(lab.machine, (lab.HOST, 5353), lab.host["web"], 53, "udp")
    file, (pair,) = File(path), [one for one in lab.host.links() if one.sandbox == "web"]
    veth = f"host:{pair.veth}"
    assert set(file.names) == {UPLINK, "host:eth1", BRIDGE, veth, ETH0}
    question, answer = file.seen()[:4], file.seen()[4:]
    assert [one[:2] for one in question] == [(UPLINK, "in"), (BRIDGE, "out"), (veth, "out"), (ETH0, "in")]
    assert [one[:2] for one in answer] == [(ETH0, "out"), (veth, "in"), (BRIDGE, "in"), (UPLINK, "out")]
    assert "sandbox web" in file.interfaces[-1].options["if_description"]
    assert file.interfaces[0].timestamp_resolution == 1e-9


def test_all_sandboxes_are_listened_to_if_none_is_named_and_with_a_port_those_it_leads_to(lab: Lan) -> None:
    lab.host.apply(Sandbox("side", mode="container:web"), Sandbox("bare", mode="none"), Sandbox("onhost", mode="host"))
    with lab.host.capture() as everything, lab.host.capture(published="8005/tcp") as port:
        pass
    assert [one.name for one in everything.interfaces] == [UPLINK, ETH0, "db:eth0"]
    assert [one.name for one in port.interfaces] == [UPLINK, ETH0]
    assert "port 9005" in port.interfaces[0].filter
    with lab.host.capture("onhost") as hosts:
        pass
    assert [one.name for one in hosts.interfaces] == [UPLINK]


def test_what_is_wired_by_hand_is_listened_to_too(lab: Lan) -> None:
    lab.host.apply(Sandbox("blue", mode="none"))
    shell(lab.host, "ip link add hand type veth peer name wired netns blue; ip -n blue link set wired up")
    with lab.host.capture("blue", also=["veth"]) as capture:
        pass
    assert [one.name for one in capture.interfaces] == [UPLINK, "host:hand", "blue:wired"]


def test_without_a_default_route_the_uplink_is_what_has_an_address(lab: Lan) -> None:
    shell(lab.host, "ip route del default")
    with lab.host.capture("web") as capture:
        pass
    assert [one.name for one in capture.interfaces] == [UPLINK, "host:eth1", ETH0]


def test_the_uplink_is_what_the_default_routes_lead_by(lab: Lan) -> None:
    shell(
        lab.host,
        f"""
        ip route replace default nexthop via {lab.MACHINE} nexthop via {lab.THIRD}
        ip link add eth2 type veth peer name far
        ip address add 203.0.113.1/24 dev eth2
        """,
    )
    with lab.host.capture("web") as capture:
        pass
    assert [one.name for one in capture.interfaces] == [UPLINK, "host:eth1", ETH0]


# Filters


@pytest.fixture
def libpcap() -> None:
    if not find_library("pcap"):
        pytest.skip("libpcap is not installed")


@pytest.mark.usefixtures("libpcap")
@pytest.mark.parametrize(
    ("filter", "published", "count"),
    [
        ("udp", None, 4),
        ("host web", None, 2),
        ("tcp", 5353, 0),
        ("udp and outbound", 5353, 2),
        ("dst host web", None, 1),
        ("host db", None, 0),
    ],
)
def test_a_filter_is_in_tcpdumps_language(lab: Lan, filter: str, published: int | None, count: int) -> None:
    with lab.host.capture("web", filter=filter, published=published) as capture:
        call(lab.machine, (lab.HOST, 5353), lab.host["web"], 53, "udp")
    assert sum(one.packets for one in capture.counts.values()) == count


@pytest.mark.usefixtures("libpcap")
def test_a_filter_fits_what_frames_begin_with(lab: Lan) -> None:
    shell(lab.host, "ip tuntap add dev bare0 mode tun || ip link add bare0 type sit local 192.0.2.1 remote 192.0.2.2")
    with lab.host.capture("web", also=["bare0"], filter="udp port 53") as capture:
        pass
    assert [one.link_type for one in capture.interfaces] == [1, 101, 1]


@pytest.mark.usefixtures("libpcap")
@pytest.mark.parametrize("filter", ["bogus and", "(" * 3000, "tcp port 80\0", "host \x1b[31m", "port 99999"])
def test_what_is_no_filter_is_refused_and_no_file_is_touched(lab: Lan, tmp_path: Path, filter: str) -> None:
    path = tmp_path / "kept"
    path.write_text("mine")
    with pytest.raises(SpecError, match="filter"), lab.host.capture("web", file=path, filter=filter):
        pytest.fail("it began")
    assert path.read_text() == "mine"


def test_without_libpcap_the_package_is_named_and_a_published_port_needs_none(
    lab: Lan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcap, "_NAMES", ("libnosuch.so.7",))
    pcap._library.cache_clear()
    with pytest.raises(MissingLibrary) as refusal, lab.host.capture("web", filter="tcp"):
        pytest.fail("it began")
    assert "apt install libpcap0.8" in refusal.value.hint
    with lab.host.capture("web", published=5353) as capture:
        call(lab.machine, (lab.HOST, 5353), lab.host["web"], 53, "udp")
    assert sum(one.packets for one in capture.counts.values()) == 4
    pcap._library.cache_clear()


@pytest.mark.parametrize("published", [9, "8088/udp", "x", "0", "65536", "80\x1b", "8088:80", "１"])
def test_what_is_no_published_port_is_refused(lab: Lan, published: Any) -> None:
    with pytest.raises(SpecError, match="published"), lab.host.capture(published=published):
        pytest.fail("it began")


def test_what_is_not_there_is_refused(lab: Lan, tmp_path: Path) -> None:
    for names, options, error in (
        (["nosuch"], {}, NotFound),
        (["web"], {"also": ["nosuch"]}, NetbuilderError),
        (["web"], {"also": ["x\x1b[31m" * 9]}, NetbuilderError),
        (["web"], {"file": tmp_path / "no" / "such"}, FileNotFoundError),
    ):
        with pytest.raises(error), lab.host.capture(*names, **options):  # type: ignore[arg-type]
            pytest.fail("it began")
    for limit in (0, -1, float("nan")):
        with pytest.raises(SpecError, match="seconds"):
            lab.host.capture(seconds=limit)


# Limits, and how it ends


def chatter(lab: Lan, count: int) -> None:
    with lab.machine.socket(kind=socket.SOCK_DGRAM) as caller:
        for number in range(count):
            caller.sendto(number.to_bytes(4, "big"), (lab.HOST, 5353))


def test_it_ends_after_so_many_packets(lab: Lan, tmp_path: Path) -> None:
    path = tmp_path / "some.pcapng"
    with lab.host.capture("web", file=path, published=5353, packets=5) as capture:
        chatter(lab, 20)
        capture.wait()
    assert len(File(path).packets) == 5 == sum(one.packets for one in capture.counts.values())
    assert sum(count.options["isb_usrdeliv"] for count in File(path).counts) == 5


def test_it_ends_after_so_long(lab: Lan) -> None:
    with lab.host.capture("web", seconds=0.3) as capture:
        capture.wait()
        ended = time.time_ns()
    assert ended >= capture.began + 300_000_000


def test_the_last_packet_is_not_lost(lab: Lan, tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.pcapng"
        with lab.host.capture("web", file=path, published=5353):
            chatter(lab, number + 1)
        assert len(File(path).packets) == 2 * (number + 1)


def test_a_sandbox_that_goes_meanwhile_is_gone_and_the_capture_goes_on(lab: Lan) -> None:
    with lab.host.capture("web", "db", also=["veth"]) as capture:
        lab.host.destroy("web")
        assert "web" not in shell(lab.host, "ip netns list; ip -br link")
        call(lab.machine, (lab.HOST, 9), lab.host, 9, "udp")
    assert capture.counts[UPLINK].packets >= 2


def test_what_is_dropped_is_counted_and_said(lab: Lan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_EVERY", 3600)  # nobody takes anything until the end
    monkeypatch.setattr(tap, "_FEWEST_BLOCKS", 1)
    monkeypatch.setattr(tap, "_ALL_BLOCKS", 2)
    path = tmp_path / "full.pcapng"
    capture = lab.host.capture("web", file=path, published=5353)
    with capture:
        chatter(lab, 3000)
        monkeypatch.setattr(listening, "_EVERY", 0.02)
    file = File(path)
    for counts, said in zip(capture.counts.values(), file.counts, strict=True):
        assert counts.dropped > 0
        assert counts.packets + counts.dropped == 3000 == said.options["isb_ifrecv"]
        assert said.options["isb_ifdrop"] == counts.dropped


def test_what_comes_faster_than_it_is_read_waits_in_a_file(
    lab: Lan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netbuilder.kernel.spool._IN_MEMORY", 0)
    path = tmp_path / "many.pcapng"
    with lab.host.capture("web", file=path, published=5353) as capture:
        for _ in range(5):
            chatter(lab, 300)
            time.sleep(0.03)
    assert [(one.packets, one.dropped) for one in capture.counts.values()] == [(1500, 0)] * 2
    assert all(earlier < later for earlier, later in pairwise(File(path).times()))


def test_an_error_of_the_watcher_ends_it_and_is_raised(lab: Lan) -> None:
    def fail(passage: Passage) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), lab.host.capture("web", watch=fail, published=5353) as capture:
        chatter(lab, 1)
        capture.wait()


def test_a_full_disk_is_told(lab: Lan) -> None:
    with pytest.raises(OSError, match="No space left"), lab.host.capture("web", file="/dev/full"):
        pytest.fail("it began")


def test_a_capture_is_for_one_time(lab: Lan) -> None:
    with lab.host.capture("web") as capture:
        pass
    with pytest.raises(NetbuilderError, match="begun already"), capture:
        pytest.fail("it began again")


def test_a_download_in_large_packets_is_paired(lab: Lan) -> None:
    passages = list[Passage]()
    with lab.host["web"].socket() as listener, lab.machine.socket() as caller:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", 80))
        listener.listen()
        with lab.host.capture("web", published=8088, watch=passages.append) as capture:
            caller.connect((lab.HOST, 8088))
            server, _ = listener.accept()
            with server:
                for _ in range(20):
                    server.sendall(bytes(100_000))
                    assert len(caller.recv(100_000, socket.MSG_WAITALL)) == 100_000
    assert [one.dropped for one in capture.counts.values()] == [0, 0]
    assert {len(one.hops) for one in passages} == {2}


def test_nothing_is_left_of_it(lab: Lan, tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd")), threading.active_count()
    with lab.host.capture("web", file=tmp_path / "x.pcapng"):
        pass
    with pytest.raises(SpecError), lab.host.capture("web", published=9):
        pass
    assert (set(os.listdir("/proc/self/fd")), threading.active_count()) == before


# The command line


@pytest.fixture
def running(lab: Lan) -> Iterator[Any]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(*words: str, **options: Any) -> subprocess.Popen[bytes]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = lab.host.popen([*NETBUILDER, "capture", *words], **(pipes | options))
        processes.append(process)
        assert process.stderr
        line = process.stderr.readline()
        assert line.startswith(b"netbuilder: listening to "), line + process.stderr.read()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_drains_and_ends_well(lab: Lan, running: Any, tmp_path: Path, end: signal.Signals) -> None:
    path = tmp_path / "way.pcapng"
    process = running("--published", "8088", "--summary", "-o", str(path), "web")
    call(lab.machine, (lab.HOST, 8088), lab.host["web"], 80, "tcp")
    process.send_signal(end)
    out, err = process.communicate(timeout=30)
    packets = len(File(path).packets)
    assert process.returncode == 0
    assert err.decode().splitlines() == [
        f"netbuilder: {UPLINK}: {packets // 2} packets, 0 dropped",
        f"netbuilder: {ETH0}: {packets // 2} packets, 0 dropped",
    ]
    told = out.decode()
    assert f"↓ DNAT: to {WEB}:80\n" in told
    assert f"↓ SNAT: from {lab.HOST}:8088, undoing DNAT\n" in told
    assert all(len(line) <= 80 for line in told.splitlines())


def test_into_a_pipe_it_is_a_file_as_it_goes(lab: Lan, running: Any, tmp_path: Path) -> None:
    process = running("-o", "-", "--published", "8088", "-c", "8", "web")
    call(lab.machine, (lab.HOST, 8088), lab.host["web"], 80, "tcp")
    out, _ = process.communicate(timeout=30)
    (tmp_path / "piped.pcapng").write_bytes(out)
    assert process.returncode == 0
    assert len(File(tmp_path / "piped.pcapng").packets) == 8


def test_what_a_sandbox_sends_never_reaches_a_terminal_raw(lab: Lan, running: Any) -> None:
    red = r"$(printf 'x\033[31m')"
    shell(lab.host, f"ip -n web link add {red} type veth peer name other && ip -n web link set {red} up")
    process = running("web")
    with lab.machine.socket(kind=socket.SOCK_DGRAM) as caller:
        caller.sendto(b"\x1b[31mred", (lab.HOST, 5353))
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert b"\x1b" not in out + err
    assert b"x\\x1b[31m" in err
    terminal, other = pty.openpty()
    try:
        done = lab.host.run([*NETBUILDER, "capture", "-o", "-", "web"], stdout=other, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(terminal)
        os.close(other)
    assert done.returncode == 2
    assert "is a terminal" in done.stderr


def test_a_reader_that_goes_ends_it(lab: Lan, running: Any) -> None:
    process = running("-o", "-", "web")
    process.stdout.close()
    wait_until(lambda: chatter(lab, 1) or process.poll() is not None, "it has ended", 10)
    assert process.stderr.read() == b""
    process.stdout = None


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed; python-pcapng reads it in any case")
def test_tshark_finds_nothing_wrong(lab: Lan, tmp_path: Path) -> None:
    path = tmp_path / "way.pcapng"
    with lab.host.capture("web", file=path, published=8088):
        call(lab.machine, (lab.HOST, 8088), lab.host["web"], 80, "tcp")
    fields = ["frame.interface_name", "tcp.checksum.status", "_ws.expert.severity", "tcp.analysis.flags"]
    asked = ["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-T", "fields"]
    done = subprocess.run([*asked, *(word for one in fields for word in ("-e", one))], capture_output=True, text=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {row[0] for row in rows} == {UPLINK, ETH0}
    assert {row[1] for row in rows} == {"1"}
    assert {row[3] for row in rows} == {""}, "no retransmission that is none"
    order = subprocess.run(["capinfos", "-o", str(path)], capture_output=True, text=True).stdout
    assert "True" in order
