"""What the kernel tests are written with: other machines, real packets, and a picture of a host to compare."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterable
from typing import Literal

from netbuilder import Host, LiveSandbox
from netbuilder.host.namespace import NetworkNamespace
from netbuilder.kernel import namespaces
from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.steps.plan import Plan
from tests.kernel.leftovers import wait_until

BRIDGE_NF = "/proc/sys/net/bridge/bridge-nf-call-iptables"
BRIDGE_NF6 = "/proc/sys/net/bridge/bridge-nf-call-ip6tables"

Protocol = Literal["tcp", "udp"]
KINDS: dict[Protocol, int] = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
PATIENCE = 5.0
"""Seconds that what must arrive has: it takes well below a millisecond, on a machine that has nothing else to do."""
SOON = 0.2
"""Seconds that what must not arrive has."""


def shell(inside: NetworkNamespace, script: str, **options: object) -> str:
    """What a script prints that is run in a namespace and must not fail."""
    done = inside.run(["sh", "-euc", script], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return str(done.stdout)


def among_the_machines_processes(host: Host) -> list[str]:
    """What starts a program on a host where it sees the machine's processes: a spec names one by its number there."""
    task = f"/proc/{os.getpid()}/task/{host._call(threading.get_native_id)}"
    return ["nsenter", f"--net={task}/ns/net", f"--mount={task}/ns/mnt"]


def namespace(host: Host, name: str) -> LiveSandbox:
    """A handle of a namespace that somebody else pinned on a host, such as another machine."""
    return Pinned(host, ResolvedSandbox(name=name, mode="none", namespace=name), 0)


class Pinned(LiveSandbox):
    """What somebody pinned by hand."""

    def _open_named_namespace(self) -> tuple[int, str]:
        return namespaces.open_pin(self.name), self.name


_IPV4 = re.compile(r"(\d+)\.(\d+)\.(\d+)\.(\d+)")


def six(text: str) -> str:
    """A text with an IPv6 address in place of each IPv4 address: all networks of the tests have one of each."""

    def other(found: re.Match[str]) -> str:
        first, second, third, last = found.groups()
        if first == "127":
            return "::1"
        return f"fd00:{second}::{last}" if first == "10" else f"2001:db8:{third}::{last}"

    return _IPV4.sub(other, text)


class Lan:
    """A host, another machine on its first network, and a third machine on its second. All have routes everywhere."""

    HOST, MACHINE = "192.0.2.1", "192.0.2.2"
    HOST_TOO, THIRD = "198.51.100.1", "198.51.100.2"

    def __init__(self, host: Host) -> None:
        self.host = host
        self._links: list[tuple[str, str, str, str]] = []
        self.machine = self.add("machine", "eth0", self.HOST, self.MACHINE)
        self.third = self.add("third", "eth1", self.HOST_TOO, self.THIRD)

    def add(self, name: str, device: str, here: str, there: str) -> LiveSandbox:
        """Another machine, on a network of its own with the host, which is its router."""
        shell(
            self.host,
            f"""
            ip netns add {name}
            ip -n {name} link set lo up
            ip link add {device} type veth peer name eth0 netns {name}
            echo 1 > /proc/sys/net/ipv6/conf/{device}/disable_ipv6
            ip netns exec {name} sh -c 'echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6'
            ip address add {here}/24 dev {device}
            ip -n {name} address add {there}/24 dev eth0
            ip link set {device} up
            ip -n {name} link set eth0 up
            ip -n {name} route add default via {here}
            """,
        )
        show = f"ip -o link show {device}; ip -n {name} -o link show eth0"
        wait_until(lambda: shell(self.host, show).count("state UP") == 2, "the veth pair has carrier")
        self._links.append((name, device, here, there))
        return namespace(self.host, name)

    def speak_ipv6(self) -> None:
        """Let all of them have IPv6 addresses too, and routes."""
        for name, device, here, there in self._links:
            shell(
                self.host,
                f"""
                echo 0 > /proc/sys/net/ipv6/conf/{device}/disable_ipv6
                ip netns exec {name} sh -c 'echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6'
                ip address add {six(here)}/64 dev {device} nodad
                ip -n {name} address add {six(there)}/64 dev eth0 nodad
                ip -n {name} -6 route add default via {six(here)}
                """,
            )


# Real packets


class Unanswered(AssertionError):
    """A question arrived, and the answer did not: that is neither reached nor never."""


def call(
    client: NetworkNamespace,
    to: tuple[str, int],
    server: NetworkNamespace,
    at: int | tuple[str, int],
    protocol: Protocol,
    patience: float = PATIENCE,
) -> str | None:
    """Ask a server that listens in one namespace from another: the address that it is asked from; None if never.

    Args:
        client: Where the question comes from.
        to: The address and port that it is sent to.
        server: Where the server is.
        at: The port that it listens on, on all addresses or on one.
        protocol: TCP, one connection with a line in each direction; or UDP, one datagram in each direction.
        patience: Seconds until it counts as never.

    Raises:
        Unanswered: If the question arrives and the answer does not, or comes from elsewhere than was asked.
    """
    family, anywhere = (socket.AF_INET6, "::") if ":" in to[0] else (socket.AF_INET, "0.0.0.0")
    kind = KINDS[protocol]
    with server.socket(family, kind) as listener, client.socket(family, kind) as caller:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(at if isinstance(at, tuple) else (anywhere, at))
        listener.settimeout(patience)
        caller.settimeout(patience)
        return (_connection if protocol == "tcp" else _datagram)(caller, to, listener)


def _connection(caller: socket.socket, to: tuple[str, int], listener: socket.socket) -> str | None:
    listener.listen()
    try:
        caller.connect(to)
    except OSError:  # no answer, refused, no route: it must not have arrived either
        listener.setblocking(False)
        try:
            raise Unanswered(f"a connection from {listener.accept()[1]} arrived, and the caller knows nothing of it")
        except BlockingIOError:
            return None
    connection, source = listener.accept()
    with connection:
        connection.settimeout(caller.gettimeout())
        caller.sendall(b"question")
        assert connection.recv(100) == b"question"
        connection.sendall(b"answer")
        assert caller.recv(100) == b"answer"
    return str(source[0])


def _datagram(caller: socket.socket, to: tuple[str, int], listener: socket.socket) -> str | None:
    try:
        caller.sendto(b"question", to)
        question, source = listener.recvfrom(100)
    except OSError:
        return None
    assert question == b"question"
    listener.sendto(b"answer", source)
    try:
        answer, sender = caller.recvfrom(100)
    except OSError as error:
        raise Unanswered(f"a datagram from {source} arrived, and the caller got {error!r}") from None
    if sender[:2] != to[:2]:
        raise Unanswered(f"the answer came from {sender}, where nobody was asked")
    assert answer == b"answer"
    return str(source[0])


# A picture of a host

_LOOK = r"""
for netns in "" $(ip netns list | cut -d' ' -f1 | sort); do
    echo "=== namespace ${netns:-of the host}"
    ip -d ${netns:+-n $netns} -batch - <<END
        address
        route show table all
        rule
END
done
nft list ruleset
echo "=== settings"
find /proc/sys/net -type f -not -path '*/neigh/*' | sort | xargs grep -s '' || true
echo "=== files"
find /run -path /run/netbuilder -prune -o -type f -printf '%p %i\n' | sort
grep ' /run' /proc/mounts | grep -v ' /run/netns ' || true  # ip netns add leaves that one too
"""
# What changes by itself: clocks, counters, carrier, and the state of IPv6's search for duplicates.
_RESTLESS = re.compile(
    r"(?m)_timer +[0-9.]+|^/proc/sys/net/netfilter/nf_conntrack_(?:count|buckets):.*\n|^.*/(?:flush|stable_secret):.*\n"
    r"| (?:tentative|dadfailed|linkdown)\b| expires \d+sec|NO-CARRIER,|,LOWER_UP| state \w+"
)


def picture(host: Host) -> list[str]:
    """Everything on a host that a step could change: links, addresses, routes, rules, settings, pins, mounts."""
    seen = _RESTLESS.sub("", shell(host, _LOOK))
    return seen.replace("qdisc noop ", "qdisc noqueue ").splitlines()  # a link that was up once says so from then on


def missing(host: Host, plan: Iterable[object]) -> Plan:
    """The steps of a plan that do not hold on a host."""
    whole_plan = Plan(plan)  # type: ignore[arg-type]
    kernel = host._engine.kernel

    def look() -> Plan:
        try:
            return whole_plan.missing(kernel.observe(whole_plan.queries()))
        finally:
            kernel.leave_namespace()

    return host._call(look)
