"""The handle of a sandbox: what it is, and programs inside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from netbuilder.engine.report import Changes
from netbuilder.errors import NotFound
from netbuilder.host.namespace import NetworkNamespace
from netbuilder.kernel import namespaces
from netbuilder.kernel.room import Room, move_in
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedPort, ResolvedSandbox
from netbuilder.steps import PINS
from netbuilder.values.addresses import IPAddress
from netbuilder.values.frozen import FrozenDict
from netbuilder.values.names import NetworkLike, SandboxLike, name_of

if TYPE_CHECKING:
    from netbuilder.host import Host
    from netbuilder.spec import PublishedPort, Sandbox

T = TypeVar("T")


class LiveSandbox(NetworkNamespace, SandboxLike):
    """A sandbox that stands on a host; `host["NAME"]` gives it.

    Once that is gone, it is of nothing: a later sandbox of the same name is another, with another `number`. Two of one
    sandbox are equal. What it tells (`mode`, `address`, `ports` …) is as of when it was got, also after `connect` and
    the like, and `host["NAME"]` tells it anew; what it does, it does with the sandbox as it is by then.
    """

    def __init__(self, host: Host, resolved: ResolvedSandbox, number: int) -> None:
        self.host = host
        self.resolved = resolved
        self.number = number

    def __repr__(self) -> str:
        return f"<{self.resolved.summary}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LiveSandbox) and self._which == other._which

    def __hash__(self) -> int:
        return hash(self._which)

    @property
    def _which(self) -> tuple[Host, str, int]:
        return self.host, self.name, self.number

    @property
    def name(self) -> str:
        """The sandbox's name."""
        return self.resolved.name

    @property
    def mode(self) -> str:
        """bridge, host, container or none."""
        return self.resolved.mode

    @property
    def namespace(self) -> Path | None:
        """Where its namespace is pinned, as the host sees it; None in the host's own."""
        return Path(PINS, self.resolved.namespace) if self.resolved.namespace else None

    @property
    def endpoints(self) -> tuple[ResolvedEndpoint, ...]:
        """Its attachments to networks; in container mode those of the sandbox whose namespace it shares."""
        return self._owner.endpoints

    @property
    def address(self) -> IPv4Address | None:
        """Its first IPv4 address, if it has one."""
        return next((ip for ip in self._addresses if isinstance(ip, IPv4Address)), None)

    @property
    def address6(self) -> IPv6Address | None:
        """Its first IPv6 address, if it has one."""
        return next((ip for ip in self._addresses if isinstance(ip, IPv6Address)), None)

    @property
    def _addresses(self) -> Iterator[IPAddress]:
        return (address.ip for endpoint in self.endpoints for address in endpoint.addresses)

    @property
    def mac(self) -> str | None:
        """The MAC address of its first interface, if it has one beside its loopback."""
        return next((endpoint.mac for endpoint in self.endpoints), None)

    @property
    def ports(self) -> tuple[ResolvedPort, ...]:
        """The ports of the host that lead inside, each with its number."""
        return self._owner.ports

    @property
    def _owner(self) -> ResolvedSandbox:
        """The sandbox whose namespace it has; itself, once it is gone: another may have that one's name by then."""
        if self.resolved.shares is None or self not in self.host:
            return self.resolved
        return self.host.owner_of(self.resolved)

    # Live changes: what they do not change goes on, open connections too; and each is all done, or on an error undone.

    def connect(
        self,
        network: str | NetworkLike,
        *,
        address: IPv4Address | str | None = None,
        address6: IPv6Address | str | None = None,
        mac: str | None = None,
        interface: str | None = None,
        gw_priority: int = 0,
        link_local: Sequence[IPAddress | str] = (),
        sysctls: Mapping[str, str | int] = FrozenDict(),
    ) -> Changes:
        """Attach the sandbox to one more network, as `docker network connect` does.

        The default route goes to the endpoint that is first by Docker's order, and published ports go with it: by
        `gw_priority`, then both families ahead of one, then by the network's name.

        Args:
            network: The network, which stands; only the default network is made if it does not.
            address, address6, mac, interface, gw_priority, link_local, sysctls: As for `Endpoint`.

        Raises:
            NotFound: If there is no such network; or the sandbox is gone, or on another host.
            SpecError: If it is on that network already, in another mode than bridge, or what is asked for clashes.
        """
        from netbuilder.resolve import edits
        from netbuilder.spec import Endpoint

        addresses: dict[str, Any] = {"address": address, "address6": address6, "link_local": link_local, "mac": mac}
        endpoint = Endpoint(network, interface=interface, gw_priority=gw_priority, sysctls=sysctls, **addresses)
        return self._edit(lambda standing: edits.connected(standing, endpoint))

    def disconnect(self, network: str | NetworkLike) -> Changes:
        """Detach the sandbox from a network, as `docker network disconnect` does; its routes by that network go too.

        Default route and published ports go to the endpoint that is next. Without any, it has its loopback alone, and
        its ports are closed until it is connected again.

        Raises:
            NotFound: If the sandbox is gone, or on another host.
            SpecError: If it is not on that network, or one of its ports is for a family that it would have no more.
        """
        from netbuilder.resolve import edits
        from netbuilder.spec import Endpoint

        name = Endpoint(network).network
        return self._edit(lambda standing: edits.disconnected(standing, name))

    def publish(self, *ports: PublishedPort | str | int) -> Changes:
        """Publish more ports, in Docker's `-p` syntax or as `PublishedPort`.

        Raises:
            NotFound: If the sandbox is gone, or on another host.
            SpecError: If it is in another mode than bridge, or a port of the host is taken.
        """
        from netbuilder.resolve import edits
        from netbuilder.spec import Bridge

        asked = Bridge(publish=ports).publish
        return self._edit(lambda standing: edits.published(standing, asked))

    def unpublish(self, *ports: PublishedPort | str | int) -> Changes:
        """Close published ports: "8088:80" is that one, "80" all that lead to this port inside, "53/udp" of UDP.

        Raises:
            NotFound: If the sandbox is gone, or on another host.
            SpecError: If it publishes none like one of them.
        """
        from netbuilder.resolve import edits
        from netbuilder.spec import Bridge

        asked = Bridge(publish=ports).publish
        return self._edit(lambda standing: edits.unpublished(standing, asked))

    def _edit(self, change: Callable[[ResolvedSandbox], Sandbox]) -> Changes:
        return self.host._edit(name_of(self), change)

    def destroy(self) -> Changes:
        """Take the sandbox back; see `Host.destroy`."""
        return self.host.destroy(self)

    def _open_namespace(self) -> int:
        return self._open_named_namespace()[0]

    def _open_named_namespace(self) -> tuple[int, str | None]:
        """A descriptor of the namespace that it has by now, and the name that this is pinned under."""
        sandbox, _ = self.host._engine.found(name_of(self))
        if sandbox.namespace is None:
            return self.host._open_namespace(), None
        try:
            return namespaces.open_pin(sandbox.namespace), sandbox.namespace
        except FileNotFoundError:
            raise NotFound(f"the namespace of sandbox {self.name} is gone", "make it again with apply") from None

    def _inside(self, function: Callable[[], T]) -> T:
        def step_in() -> T:
            fd = self._open_namespace()
            try:
                with namespaces.entered(fd):
                    return function()
            finally:
                os.close(fd)

        return self.host._inside(step_in)

    def move_in(self) -> None:
        """The calling thread moves inside for good, to become a program there: exec(3).

        As with `ip netns exec`, it gets a /sys of the sandbox's own and the files of /etc/netns/NAME; but it stays
        among the processes of the host, and does not end with the sandbox.
        """
        fd, name = self.host._inside(self._open_named_namespace)
        try:
            move_in(fd, name)
        finally:
            os.close(fd)

    def _room(self) -> Room:
        def room() -> Room:
            fd, namespace = self._open_named_namespace()
            return self.host._processes.room(self.name, namespace, fd, "sandbox")

        return self.host._call(room)
