"""What stands on a host, and how it is found: by its name, by its spec or by its handle."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar, cast

from netbuilder.engine.engine import Engine
from netbuilder.host.arguments import sandbox_named
from netbuilder.host.namespace import NetworkNamespace
from netbuilder.host.sandbox import LiveSandbox
from netbuilder.resolve.resolved import ResolvedNetwork, ResolvedSandbox
from netbuilder.steps import Plan
from netbuilder.values.names import NetworkLike, SandboxLike

if TYPE_CHECKING:
    from netbuilder.host.capture import Capture
    from netbuilder.host.host import Host
    from netbuilder.kernel.veth_pairs import VethPair
    from netbuilder.packets.passage import Passage
    from netbuilder.packets.trace import Trace

P = ParamSpec("P")
T = TypeVar("T")


class Standing(NetworkNamespace):
    """A host as the collection of the sandboxes on it."""

    _engine: Engine

    @abstractmethod
    def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function on the host's thread."""

    @abstractmethod
    def _live(self, resolved: ResolvedSandbox, number: int) -> LiveSandbox:
        """The handle of a sandbox."""

    def __getitem__(self, sandbox: str | SandboxLike) -> LiveSandbox:
        """The sandbox of a name, a spec or a handle.

        Raises:
            NotFound: If there is none; or that of the handle is gone, or on another host.
        """
        return self._live(*self._call(self._engine.found, sandbox_named(sandbox)))

    def __iter__(self) -> Iterator[str]:
        """The names of the sandboxes, in the order in which they were made."""
        return iter([one.name for one in self._call(self._engine.sandboxes)])

    def __contains__(self, what: str | SandboxLike | NetworkLike) -> bool:
        """Whether there is a sandbox of a name, a spec or a handle; or a network of a spec, or as `networks` has it."""
        if isinstance(what, NetworkLike):
            network = self._call(self._engine.network, what.name)
            return network == what if isinstance(what, ResolvedNetwork) else network is not None
        return self._call(self._engine.sandbox, sandbox_named(what)) is not None

    def sandboxes(self) -> tuple[LiveSandbox, ...]:
        """The sandboxes, in the order in which they were made."""
        return tuple(self._live(*one) for one in self._call(self._engine.numbered))

    def networks(self) -> tuple[ResolvedNetwork, ...]:
        """The networks, in the order in which they were made."""
        return self._call(self._engine.networks)

    def links(self) -> tuple[VethPair, ...]:
        """Which host veth belongs to which sandbox, by ifindex and namespace id."""
        return self._call(self._engine.veth_pairs)

    def trace(
        self,
        sender: str,
        to: str,
        *,
        protocol: Literal["tcp", "udp", "icmp"] | None = None,
        watch: bool = False,
        timeout: float | None = None,
    ) -> Trace:
        """Send one packet, or with `watch` wait for the next, and tell its whole way and its answer's.

        Nothing else is disturbed, and nothing is left behind, even by a call that is killed.

        Args:
            sender: A sandbox's name, "host", or with `watch` "outside".
            to: As in "web:80", "host:8088", "192.0.2.1:8088" and "[::1]:80"; without a port it is a ping.
            protocol: tcp by default, or icmp without a port.
            timeout: Seconds that the answer has, 1 by default; or with `watch` that there are for it to come, 60.

        Raises:
            NotFound: If there is no such sandbox.
            SpecError: If there is no such destination, or another machine is to send.
            NetbuilderError: If the kernel has no tables that end with their owner (Linux 5.12).
        """
        from netbuilder.host.trace import trace

        return trace(cast("Host", self), sender, to, protocol, watch, timeout)

    def capture(
        self,
        *sandboxes: str | SandboxLike,
        file: str | PathLike[str] | int | None = None,
        also: Sequence[str] = (),
        published: str | int | None = None,
        filter: str = "",
        packets: int | None = None,
        seconds: float | None = None,
        watch: Callable[[Passage], object] | None = None,
    ) -> Capture:
        """Record packets at the host's uplink and at sandboxes' interfaces, for the length of a `with` block.

        The uplink is what the default routes lead by; on a host without one, each interface with an address that is no
        bridge of netbuilder's. Times are in order across all namespaces, and checksums as a wire would carry them.

        Args:
            sandboxes: Whose interfaces; by default all sandboxes', or with `published` those that the port leads to.
            file: The pcapng file to write, or the descriptor of a pipe.
            also: More interfaces of the host: "bridge" and "veth" for what leads to the sandboxes, or any by its name.
            published: A port of the host, like 8088 or "8088/udp": what goes to it and comes from it on both sides of
                the NAT, and nothing else.
            filter: What to record, in tcpdump's language (man 7 pcap-filter). `host NAME` may be a sandbox.
            packets: After how many to end: a packet counts at each interface.
            seconds: After how long to end.
            watch: Called with each packet as a `Passage`, all its copies and what was translated between them, half a
                second after it was seen; on a thread of the capture's own.

        Raises:
            SpecError: If a limit is not more than 0; all else is raised as the block is entered.
        """
        from netbuilder.host.capture import Capture, Wanted

        return Capture(self, Wanted(sandboxes, file, also, published, filter, packets, seconds, watch))

    def missing(self) -> dict[tuple[str, str], Plan]:
        """What does not hold any more, by kind ("network", "sandbox" …) and name of what stands."""
        return {(kind, name): plan for (kind, name), plan in self._call(self._engine.missing).items()}

    def owner_of(self, sandbox: ResolvedSandbox) -> ResolvedSandbox:
        """The sandbox whose namespace a sandbox lives in: itself, or the one that container mode leads to."""
        if sandbox.shares is None:
            return sandbox
        return self._call(self._engine.sandbox, sandbox.namespace or "") or sandbox
