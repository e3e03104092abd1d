"""The rules that have packets traced: which of all that pass are the one that is meant, and its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netbuilder.values.addresses import IPAddress

_TRACE = "meta nftrace set 1"
_ONE = "limit rate 1/hour burst 1 packets"
_SOME = "limit rate 20/second"
_ENTRANCES = ("prerouting_first", "output_first")
_ANSWERS = ("prerouting_answers", "output_answers")
# Where an ICMP error quotes the source port of what it is about, behind its own 8 bytes and an IP header.
_ERRORS = (
    "icmp type {{ destination-unreachable, time-exceeded }} @th,224,16 {}",
    "icmpv6 type {{ destination-unreachable, packet-too-big, time-exceeded }} @th,384,16 {}",
)


class Asked(NamedTuple):
    """The packet that is meant.

    Args:
        protocol: tcp, udp or icmp.
        address: Where it goes; None for anywhere.
        port: To which port; None of icmp.
        inside: The port inside that this one leads to.
    """

    protocol: str
    address: IPAddress | None
    port: int | None = None
    inside: int | None = None

    @property
    def ports(self) -> set[int]:
        """Those that it goes to, before and after DNAT."""
        return {port for port in (self.port, self.inside) if port}


def of_probe(asked: Asked, number: int, has_conntrack: bool) -> list[str]:
    """The rules for a packet of ours, which is known by the port that it comes from, or by its number as an echo.

    Args:
        asked: The packet.
        number: That port, or number.
        has_conntrack: Whether the namespace has it in use anyway: to ask for it would switch it on. Then an answer is
            found though its port was translated.
    """
    if asked.protocol == "icmp":
        matches = [f"icmp id {number}", f"icmpv6 id {number}"]
    else:
        matches = [f"{asked.protocol} {end} {number}" for end in ("sport", "dport")]
        matches += [error.format(number) for error in _ERRORS]
    rules = [f"{chain} {match} {_TRACE}" for chain in _ENTRANCES for match in matches]
    if has_conntrack:
        own = {asked.protocol} - {"icmp"}
        of_flow = f"ct direction reply ct original proto-src {number} {_TRACE}"  # an ICMP error about it too
        kinds = sorted(own | {"icmp", "ipv6-icmp"})
        rules += [f"{chain} meta l4proto {kind} {of_flow}" for chain in _ANSWERS for kind in kinds]
    return rules


def of_destination(asked: Asked) -> list[str]:
    """The rules for where it arrives, as its own port may be another by then."""
    ends = ("dport", "prerouting_first"), ("sport", "output_first")
    return [f"{chain} {asked.protocol} {end} {port} {_SOME} {_TRACE}" for end, chain in ends for port in asked.ports]


def of_next(asked: Asked, chain: str, sources: Sequence[str], has_conntrack: bool) -> Iterator[str]:
    """The rules for somebody else's next packet, on the host.

    Args:
        asked: The packet.
        chain: Where the host meets it first.
        sources: Whose it may be, as matches.
        has_conntrack: As for `of_probe`.
    """
    to = f"{'ip' if asked.address.version == 4 else 'ip6'} daddr {asked.address} " if asked.address else ""
    what = {
        "tcp": f"tcp dport {asked.port} tcp flags & (syn | ack) == syn",
        "udp": f"udp dport {asked.port}",
    }
    matches = [what[asked.protocol]] if asked.port else ["icmp type echo-request", "icmpv6 type echo-request"]
    for match in matches:
        for source in sources:
            yield f"{chain} {source} {to}{match} {_ONE} {_TRACE}"
    if has_conntrack and asked.port:
        first = "tcp flags & (syn | rst) != 0" if asked.protocol == "tcp" else "meta l4proto udp"
        for answers in _ANSWERS:
            yield f"{answers} {first} ct direction reply ct original proto-dst {asked.port} {_SOME} {_TRACE}"
