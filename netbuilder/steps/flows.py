"""Which flows go on in a way that is wrong by now.

The kernel decides the NAT of a flow once, by its first packet, and accepts what belongs to it from then on (conntrack).
So a flow that began before a change has to be forgotten where it would be decided otherwise after it: its next packet
begins it anew. That goes by what a flow is, never by a number alone, as another's may have the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from netbuilder.addresses import IPAddress, IPNetwork
from netbuilder.steps.address import AddAddress
from netbuilder.steps.base import Step
from netbuilder.steps.nft import PublishPort

IsLocal = Callable[[IPAddress], bool]
"""Whether an address is one of the host's own."""


class End(NamedTuple):
    """One end of a flow; where its protocol has no ports, 0."""

    address: IPAddress
    port: int


class Flow(NamedTuple):
    """A flow as the kernel has it (`conntrack -L`): how its first packet came in, and who answers whom.

    Without NAT `answered_by` is `dst`, and `answered_to` is `src`.
    """

    protocol: str
    src: End
    dst: End
    answered_by: End
    answered_to: End


@dataclass(frozen=True)
class Border:
    """What may pass between a network's subnet and the rest of the world.

    Args:
        subnet: The subnet.
        internal: Whether nothing may.
        masquerade: Whether what leaves has to leave as the host; None where that is left to others.
    """

    subnet: IPNetwork
    internal: bool
    masquerade: bool | None

    def is_broken_by(self, flow: Flow, is_local: IsLocal) -> bool:
        """Whether a flow passes that may not, or not like this; the host itself is on both sides."""
        client, server = flow.src.address, flow.answered_by.address
        leaves = client in self.subnet
        if leaves == (server in self.subnet) or is_local(server if leaves else client):
            return False
        if self.internal:
            return True
        if leaves:
            return self.masquerade not in (None, flow.answered_to.address != client)
        return flow.dst.address == server  # only by a published port


class StaleFlows:
    """The flows that a change makes wrong. False where there can be none."""

    def __init__(self, undone: Iterable[Step] = (), done: Iterable[Step] = (), borders: Iterable[Border] = ()) -> None:
        """Say what the change is.

        Args:
            undone: Steps that do not hold any more: with an address go all its flows, with a published port those that
                it led inside.
            done: Steps that hold from now on: a published port ends what was led elsewhere.
            borders: Subnets for which the rules did not hold, or are others now.
        """
        undone, done = tuple(undone), tuple(done)
        self._gone = {step.address.ip for step in undone if isinstance(step, AddAddress)}
        self._closed, self._opened = _by_port(undone), _by_port(done)
        self._borders = tuple(borders)

    def __bool__(self) -> bool:
        return bool(self._gone or self._closed or self._opened or self._borders)

    def may_be_in(self, listing: str | None) -> bool:
        """Whether any of them may be among all flows, as /proc/net/nf_conntrack lists them; None if it does not."""
        if listing is None or self._borders:
            return True
        words = {f"dport={port}" for _, port in (*self._closed, *self._opened)}
        words.update(f"{end}={address.exploded}" for address in self._gone for end in ("src", "dst"))
        return not words.isdisjoint(listing.split())

    def has(self, flow: Flow, is_local: IsLocal) -> bool:
        """Whether a flow is one of them."""
        key = flow.protocol, flow.dst.port
        return (
            any(end.address in self._gone for end in flow[1:])
            or any(_is_led_by(port, flow) for port in self._closed.get(key, ()))
            or any(_misses(port, flow, is_local) for port in self._opened.get(key, ()))
            or any(border.is_broken_by(flow, is_local) for border in self._borders)
        )


def _by_port(steps: Iterable[Step]) -> dict[tuple[str, int], list[PublishPort]]:
    found: dict[tuple[str, int], list[PublishPort]] = defaultdict(list)
    for step in steps:
        if isinstance(step, PublishPort):
            found[step.protocol, step.host_port].append(step)
    return dict(found)


def _is_led_by(port: PublishPort, flow: Flow) -> bool:
    """Whether a flow, which is for that port number, was led inside by a published port."""
    is_for_it = _is_any(port, flow.dst.address) or port.host_ip == flow.dst.address
    return is_for_it and flow.answered_by == (port.address, port.sandbox_port)


def _misses(port: PublishPort, flow: Flow, is_local: IsLocal) -> bool:
    """Whether a flow, which is for that port number, is the published port's and leads elsewhere.

    A connection with the host itself is a program's that still has it: a closed one would begin anew by itself.
    """
    to = flow.dst.address
    if _is_led_by(port, flow) or (flow.protocol == "tcp" and flow.answered_by == flow.dst):
        return False
    return to == port.host_ip or (_is_any(port, to) and is_local(to))


def _is_any(port: PublishPort, address: IPAddress) -> bool:
    """Whether a port is published on all addresses of the host of the family of one."""
    return port.host_ip.is_unspecified and port.host_ip.version == address.version
