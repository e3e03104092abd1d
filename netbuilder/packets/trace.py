"""The way of a packet, as a value: each interface, rule, routing decision and translation, and where it ended."""

from __future__ import annotations

from typing import Literal

from netbuilder.packets.seen import Cause
from netbuilder.values.value import Value

StopKind = Literal["in", "out", "rule", "policy", "translated", "route", "conntrack"]
Outcome = Literal["answered", "refused", "unreachable", "no answer", "nothing came"]


class Stop(Value):
    """One thing that a packet meets.

    Args:
        namespace: Where: a sandbox's name, or "host".
        kind: "in" and "out" of an interface; a "rule" that it matched; the "policy" of a chain that drops it;
            "translated" by NAT; the "route" that it takes; and the "conntrack" entry that it makes.
        src, dst: Its ends from here on, as in "192.0.2.1:8088" and "[2001:db8::1]:8088".
        interface: Of "in" and "out".
        hook: prerouting, input, forward, output or postrouting.
        table, chain, handle: Where the rule is, as in "inet netbuilder"; with its number.
        rule: The rule, as nft lists it.
        comment: The rule's comment; of "translated" that of the rule that did it, and "" where conntrack did as before.
        verdict: As nft has it: "accept", "drop", "goto published"; "" where it goes on with the next rule.
        text: What there is to say of it.
        at: Nanoseconds since it was first seen, of "in" and "out".
    """

    namespace: str
    kind: StopKind
    src: str
    dst: str
    interface: str = ""
    hook: str = ""
    table: str = ""
    chain: str = ""
    handle: int | None = None
    rule: str = ""
    comment: str = ""
    verdict: str = ""
    text: str = ""
    at: int | None = None


class Way(Value):
    """The way of one packet.

    Args:
        packet: What it is, as in "TCP SYN".
        stops: What it met, in order.
        arrived: Whether it got to where it was going; an uplink's is as far as can be seen.
        cause: What ended it otherwise, or "no listener".
        end: The same, for a person.
    """

    packet: str
    stops: tuple[Stop, ...]
    arrived: bool
    cause: Cause
    end: str

    def met(self, kind: StopKind) -> tuple[Stop, ...]:
        """The stops of one kind."""
        return tuple(stop for stop in self.stops if stop.kind == kind)


class Trace(Value):
    """What `Host.trace` saw: of the packet, and of its answer.

    Args:
        sender: Who sent it, as asked for: a sandbox's name, "host" or "outside".
        to: To whom, as asked for.
        protocol: tcp, udp or icmp.
        outcome: What became of it for the sender.
        ways: The packet's, and that of its answer, if there was one.
        notes: What cannot be seen.
    """

    sender: str
    to: str
    protocol: str
    outcome: Outcome
    ways: tuple[Way, ...]
    notes: tuple[str, ...] = ()

    @property
    def packet(self) -> Way | None:
        """The way of the packet."""
        return self.ways[0] if self.ways else None

    @property
    def answer(self) -> Way | None:
        """The way of its answer."""
        return self.ways[1] if self.ways[1:] else None

    def svg(self) -> str:
        """The picture of it, which a notebook shows by itself."""
        from netbuilder.packets.picture import svg

        return svg(self)

    def _repr_svg_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        from netbuilder.packets.tell import lines

        return "\n".join(lines(self))
