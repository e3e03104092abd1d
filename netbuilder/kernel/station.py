"""A network namespace that is watched for a moment: what passes its interfaces, and what its rules do with it.

The table that marks packets belongs to the socket that made it (`flags owner`, Linux 5.12): the kernel takes it away as
that is closed, even by SIGKILL, and nobody else can change it. Nothing else is touched.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

from netbuilder.errors import NetbuilderError
from netbuilder.firewall.chains import INET
from netbuilder.kernel import forwarding, iptables, nftrace
from netbuilder.kernel.message import messages
from netbuilder.kernel.netlink import NETFILTER, Netlink
from netbuilder.kernel.nft import Nft, NftError
from netbuilder.kernel.nftrace import table_of
from netbuilder.kernel.nftrules import get_all_rules, get_chains, read_chain, read_known_by
from netbuilder.kernel.passing import Passing
from netbuilder.packets.seen import Book, Event, Seen

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_ROOM = 4 << 20  # bytes of a socket's receive buffer
_TABLE = re.compile(r"table (\S+ \S+) \{")
_RULE = re.compile(r"\t\t(.+) # handle (\d+)")
_COMMENT = re.compile(r' comment "[^"]*"$')
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")


class Station:
    """What is open in one namespace. Made by a thread that is in it; read and closed from anywhere."""

    def __init__(self, namespace: str, table: str, rules: Sequence[str], filter: bytes) -> None:
        """Begin to watch.

        Args:
            namespace: What it is called.
            table: The name of the table that is made there.
            rules: Its rules, as in "prerouting_first tcp dport 80 meta nftrace set 1".
            filter: What its interfaces are watched for.

        Raises:
            NetbuilderError: If the kernel does not know such a table.
        """
        self._namespace, self._table = namespace, table
        with ExitStack() as stack:
            self.route = Netlink()
            stack.callback(self.route.close)
            self.netfilter = Netlink(NETFILTER, self.route.buffer)
            stack.callback(self.netfilter.close)
            self._nft = Nft()
            stack.callback(self._nft.close)
            self._book = _read_book(self.netfilter, self._nft)
            self._before = _counters()
            self._events = stack.enter_context(_listening())
            self._passing = Passing(filter)
            stack.callback(self._passing.close)
            legacy = any(True for _ in iptables.tables())
            self._seen = Seen(namespace, table_of(INET, table), self._book, legacy=legacy)
            self._make(rules)
            self._open = stack.pop_all()

    def fileno(self) -> int:
        """To wait for the next event by."""
        return self._events.fileno()

    def look(self) -> Seen:
        """All that was seen by now."""
        self._seen.events += self._read_events()
        self._seen.frames += self._passing.read(self._namespace, self.route.name)
        return self._seen

    def forwards(self, interface: str, version: int) -> bool:
        """Whether what comes in by an interface is forwarded."""
        return interface in forwarding.interfaces_that_forward(self.route, version)

    def count(self) -> None:
        """Note which of the kernel's counters went up, by a thread that is in the namespace."""
        after = _counters()
        self._seen.gained = frozenset(name for name, count in after.items() if count > self._before.get(name, 0))

    def close(self) -> None:
        """End it; the table goes."""
        self._open.close()

    def _make(self, rules: Sequence[str]) -> None:
        chains = [f"{hook}_first {{ type filter hook {hook} priority -450; }}" for hook in ("prerouting", "output")]
        # Behind conntrack, which knows whose answer it is.
        chains += [f"{hook}_answers {{ type filter hook {hook} priority -199; }}" for hook in ("prerouting", "output")]
        chains += [f"{hook}_last {{ type filter hook {hook} priority 450; }}" for hook in _HOOKS]
        made = [f"add table inet {self._table} {{ flags owner; }}"]
        made += [f"add chain inet {self._table} {chain}" for chain in chains]
        made += [f"add rule inet {self._table} {rule}" for rule in rules]
        try:
            self._nft.run("\n".join(made))
        except NftError as error:
            hint = "a table that ends with its owner takes Linux 5.12" if error.errno == errno.EOPNOTSUPP else ""
            raise NetbuilderError(f"nothing can be traced in {self._namespace}: {error.detail}", hint) from None

    def _read_events(self) -> Iterator[Event]:
        for datagram in _received(self._events):
            for kind, _, _, body in messages(datagram):
                if kind == nftrace.TRACE:
                    yield nftrace.read_event(body, self.route.name)


def _received(one: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield one.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # more than the socket holds: what is left of it
                raise


def _listening() -> socket.socket:
    """Hears of packets with nftrace set."""
    one = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETFILTER)
    one.bind((0, 0))
    _widen(one)
    one.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, nftrace.GROUP)
    return one


def _widen(one: socket.socket) -> None:
    for option in (33, socket.SO_RCVBUF):  # SO_RCVBUFFORCE takes CAP_NET_ADMIN over the machine
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, option, _ROOM)
            return


def _counters() -> dict[str, int]:
    """What the kernel counts in the calling thread's namespace."""
    found: dict[str, int] = {}
    for name in ("snmp", "netstat"):
        lines = _file(name).splitlines()
        for names, counts in zip(lines[::2], lines[1::2], strict=False):
            found |= dict(zip(names.split()[1:], map(int, counts.split()[1:]), strict=False))
    pairs = (line.split() for line in _file("snmp6").splitlines())
    return found | {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def _file(name: str) -> str:
    try:
        with open(f"/proc/thread-self/net/{name}") as counters:
            return counters.read()
    except OSError:
        return ""


def _read_book(netfilter: Netlink, nft: Nft) -> Book:
    hooks, comments = {}, {}
    for chain in map(read_chain, netfilter.ask([get_chains()])[0].bodies):
        if chain.hook is not None and chain.hook < len(_HOOKS):
            hooks[table_of(chain.family, chain.table), chain.name] = _HOOKS[chain.hook]
    for body in netfilter.ask([get_all_rules()])[0].bodies:
        table, handle, comment = read_known_by(body)
        comments[table_of(body[0], table), handle] = comment
    return Book(hooks, comments, dict(_texts(nft)))


def _texts(nft: Nft) -> Iterator[tuple[tuple[str, int], str]]:
    """Each rule as nft lists it, without its comment."""
    table = ""
    for line in nft.list_rules().splitlines():
        if found := _TABLE.match(line):
            table = found[1]
        elif found := _RULE.fullmatch(line):
            yield (table, int(found[2])), _COMMENT.sub("", found[1])


def is_translating() -> bool:
    """Whether the calling thread's namespace has NAT, and so conntrack in use."""
    netfilter = Netlink(NETFILTER)
    try:
        return any(read_chain(body).type == "nat" for body in netfilter.ask([get_chains()])[0].bodies)
    finally:
        netfilter.close()
