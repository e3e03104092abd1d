"""What rules cost a packet: by netbuilder's, by Docker-shaped ones, and by none, in turns on hosts wired alike.

path.py N BATCHES    with N ports of TCP and N of UDP published; prints microseconds as JSON

Another machine and a sandbox are wired to each host by veth pairs, and all of a packet's way is carried out within the
system call that sends it: no process is woken up, and the time of the call is the time of the path.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from measure import between, fresh, percentile, settle
from rules import docker_shaped

LEVELS, ROUNDS, BATCHES, BATCH = (1, 100, 1000, 5000), 3, 25, 40
QUICK = (1,)
FIRST = 10000  # of the published ports
HERE, THERE = "192.0.2.1", "192.0.2.2"  # the host's address on the other machine's network, and that machine's
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no connection waits for its end
RULES = ("none", "docker", "netbuilder")


class Way:
    """A host with the rules of a kind, a sandbox that publishes ports, and another machine."""

    def __init__(self, rules: str, published: int) -> None:
        from netbuilder import Bridge, Host, Network, Sandbox

        self.host = Host.isolated()
        ports = f"{FIRST}-{FIRST + published - 1}"
        both = [f"{ports}:{ports}/{protocol}" for protocol in ("tcp", "udp")]
        web = Sandbox(name="web", mode=Bridge(network="lab", publish=both))
        machine = Sandbox(name="machine", mode="none")
        self.host.apply(Network(name="lab", subnet="10.9.0.0/16", bridge="lab0"), web, machine)
        self.web, self.machine = self.host["web"], self.host["machine"]
        self._wire()
        address, self.port = str(self.web.address), FIRST + published - 1
        if rules != "netbuilder":
            self._nft("delete table inet netbuilder")
        if rules == "docker":
            self._nft(docker_shaped("lab0", "10.9.0.0/16", address, range(FIRST, FIRST + published)))
        self.to = (address if rules == "none" else HERE, self.port)
        self._listen()

    def _wire(self) -> None:
        self._sh(f"""
            ip link add up0 type veth peer name eth0 netns machine
            ip address add {HERE}/24 dev up0
            ip link set up0 up
            ip -n machine address add {THERE}/24 dev eth0
            ip -n machine link set eth0 up
            ip -n machine route add default via {HERE}
            """)

    def _sh(self, script: str) -> None:
        self.host.run(["sh", "-euc", script], check=True)

    def _nft(self, text: str) -> None:
        self.host.run(["nft", "-f", "-"], input=text, check=True)

    def _listen(self) -> None:
        """Open all sockets that stay open, and let a first packet of each kind find everybody's MAC address."""
        self.tcp, self.udp = self.web.socket(kind=TCP), self.web.socket(kind=UDP)
        self.far = self.machine.socket(kind=UDP)
        for listener in (self.tcp, self.udp):
            listener.bind(("0.0.0.0", self.port))
        self.far.bind(("0.0.0.0", self.port))
        self.tcp.listen(BATCH)
        for listener in (self.tcp, self.udp, self.far):
            listener.settimeout(5)
        self.client = self.machine.socket(kind=TCP)
        self.client.connect(self.to)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server, _ = self.tcp.accept()
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for measure in MEASURES.values():
            measure(self, 2)

    # Each gives the microseconds of single packets, or of single round trips

    def connect(self, count: int) -> list[float]:
        """TCP from the other machine: a handshake, whose first packet is a flow's first."""
        costs = []
        for client in [self.machine.socket(kind=TCP) for _ in range(count)]:
            costs.append(_timed(lambda client=client: client.connect(self.to)))
            server, _ = self.tcp.accept()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            server.close()
        return costs

    def first_in(self, count: int) -> list[float]:
        """UDP from the other machine, each datagram another flow's first."""
        return self._datagrams(count, self.machine, self.to, self.udp)

    def first_out(self, count: int) -> list[float]:
        """UDP from the sandbox to the other machine, each datagram another flow's first."""
        return self._datagrams(count, self.web, (THERE, self.port), self.far)

    def established(self, count: int) -> list[float]:
        """One byte there and one back on a connection that stands, from the other machine."""
        return [_timed(self._there_and_back) for _ in range(count)]

    def _there_and_back(self) -> None:
        self.client.send(b"x")
        self.server.recv(1)
        self.server.send(b"y")
        self.client.recv(1)

    def _datagrams(self, count: int, inside: Any, to: tuple[str, int], listener: socket.socket) -> list[float]:
        costs = []
        for client in [inside.socket(kind=UDP) for _ in range(count)]:
            client.connect(to)
            costs.append(_timed(lambda client=client: client.send(b"x")))
            listener.recv(1)
            client.close()
        return costs


MEASURES: dict[str, Callable[[Way, int], list[float]]] = {
    "connect": Way.connect,
    "first_in": Way.first_in,
    "first_out": Way.first_out,
    "established": Way.established,
}


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e6


def measure(published: int, batches: int) -> dict[str, dict[str, float]]:
    """One round, in this process, its batches in turns: microseconds by measure and kind of rules.

    Of all packets the tenth percentile: what else the machine does only ever adds, and to more than half of them.
    """
    ways = {rules: Way(rules, published) for rules in RULES}
    costs: dict[str, dict[str, list[float]]] = {name: {rules: [] for rules in ways} for name in MEASURES}
    for _ in range(batches):
        for name, one in MEASURES.items():
            for rules, way in ways.items():
                costs[name][rules] += one(way, BATCH)
    return {name: {rules: percentile(values, 0.1) for rules, values in by.items()} for name, by in costs.items()}


# In the process of the benchmark


def compare(quick: bool) -> list[dict[str, Any]]:
    """A row for each number of ports and each measure."""
    levels = QUICK if quick else LEVELS
    rounds: dict[int, list[Any]] = {level: [] for level in levels}
    for _ in range(1 if quick else ROUNDS):
        for level in levels:
            settle()
            rounds[level].append(fresh("path.py", level, 2 if quick else BATCHES))
    return [_row(level, name, rounds[level], rounds[levels[0]]) for level in levels for name in MEASURES]


def _row(published: int, name: str, rounds: list[Any], few: list[Any]) -> dict[str, Any]:
    """One measure with so many ports, beside the other rules in the same round, and beside the fewest ports."""
    own, least = ([one[name] for one in them] for them in (rounds, few))
    return {
        "published": published,
        "measure": name,
        **{f"{rules}_us": between([one[rules] for one in own]) for rules in RULES},
        "docker_ratio": between([one["netbuilder"] / one["docker"] for one in own]),
        "none_ratio": between([_to_none(one) for one in own]),
        "flat_ratio": median(_to_none(many) / _to_none(low) for many, low in zip(own, least, strict=True)),
    }


def _to_none(one: dict[str, float]) -> float:
    return one["netbuilder"] / one["none"]


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
