"""Where the way of a packet ended, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from netbuilder.packets.headers import End
from netbuilder.packets.heads import Head
from netbuilder.packets.seen import Cause, Route
from netbuilder.packets.trace import Stop
from netbuilder.packets.ways import Visit

Ending = tuple[bool, Cause, str]
IsSilent = Callable[[str, str, End], bool]

_COUNTERS: dict[str, tuple[Cause, str]] = {
    "IPReversePathFilter": ("rp_filter", "rp_filter: its sender is not behind the interface that it came by"),
    "InAddrErrors": ("martian", "an address that cannot come by this interface (martian)"),
    "Ip6InAddrErrors": ("martian", "an address that cannot come by this interface"),
}
"""Counters of the kernel that go up as it drops a packet without a rule."""


def ended(
    its_visits: Sequence[Visit],
    stops: Sequence[Stop],
    route: Route,
    is_silent: IsSilent,
    cables: Mapping[str, str],
    answer: Head | None,
) -> Ending:
    """Whether a packet arrived, what ended it otherwise, and that in words.

    Args:
        its_visits, stops: Its way.
        route: The last decision.
        is_silent: Whether nobody answers for an address behind an interface of a namespace.
        cables: The sandbox that an interface of the host leads into.
        answer: What came back.
    """
    if dropped := _dropped(stops):
        return dropped
    last = its_visits[-1]
    where = last.seen.namespace
    if "input" in last.passed or (last.left_by == "" and last.comes_in and not last.events and where != "host"):
        return _delivered(where, [*last.headers()][-1], answer)
    if last.left_by and last.left_by != "lo":
        if answer:
            return True, "", f"left {where} by {last.left_by}"
        return _left(last, is_silent, cables, route)
    if "postrouting" in last.passed:
        return _unsent(last, is_silent, route)
    return _vanished(last, route)


def _dropped(stops: Sequence[Stop]) -> Ending | None:
    """By a rule, or by the policy of a chain."""
    last = next((stop for stop in reversed(stops) if stop.verdict == "drop"), None)
    if last is None:
        return None
    hook = f", in {last.hook}" if last.hook else ""
    if last.kind == "policy":
        return False, "policy", f"dropped in {last.namespace}{hook}: the policy of {last.table} {last.chain}"
    verb = "rejected" if "reject" in last.rule else "dropped"
    by = f'"{last.comment}"' if last.comment else last.rule or f"rule {last.handle}"
    return False, "rule", f"{verb} in {last.namespace}{hook}, by {last.table} {last.chain}: {by}"


def _delivered(where: str, headers: Head, answer: Head | None) -> Ending:
    if answer and answer.is_reset:
        return False, "no listener", f"nobody listens on that port in {where}: refused (RST)"
    if answer and answer.quoted and answer.src.address == headers.dst.address:
        return False, "no listener", f"nobody listens on that port in {where}: refused ({answer.words})"
    return True, "", f"arrived in {where}"


def _left(last: Visit, is_silent: IsSilent, cables: Mapping[str, str], route: Route) -> Ending:
    where = last.seen.namespace
    if where != "host":
        asks = "is the other end up, and in a bridge?"
        return False, "bridge", f"left {where} by {last.left_by}, and did not come into the host: {asks}"
    if into := cables.get(last.left_by):
        return False, "unseen", f"left host by {last.left_by}, and {into} behind it did not take it"
    if route.next_hop and is_silent(where, last.left_by, route.next_hop):
        return False, "no neighbour", f"left {where} by {last.left_by}, where nobody answers for {route.next_hop}"
    return True, "", f"left {where} by {last.left_by}"


def _unsent(last: Visit, is_silent: IsSilent, route: Route) -> Ending:
    where = last.seen.namespace
    oif = next((event.oif for event in reversed(last.events) if event.oif), "")
    if route.next_hop and is_silent(where, oif, route.next_hop):
        asks = "ARP" if route.next_hop.address.version == 4 else "neighbour discovery"
        end = f"ready to leave {where} by {oif}, but nobody answers for {route.next_hop} ({asks})"
        return False, "no neighbour", end
    return False, "unseen", f"ready to leave {where} by {oif}, and never seen there: is that interface up?"


def _vanished(last: Visit, route: Route) -> Ending:
    """No rule dropped it, and it got no further: routing, or what the kernel counts."""
    where = last.seen.namespace
    if route.cause and route.cause != "martian":
        return False, route.cause, f"dropped in {where} by routing: {route.why}"
    for name, (cause, words) in _COUNTERS.items():
        if name in last.seen.gained:
            return False, cause, f"dropped in {where}, as its counter {name} says: {words}"
    if route.cause:
        return False, route.cause, f"dropped in {where} by routing: {route.why}"
    if last.seen.legacy:
        return False, "unseen", f"it got no further than this in {where}: iptables-legacy has rules there"
    if not last.events:
        came_by = last.frames[-1].interface
        return False, "bridge", f"came into {where} by {came_by}, and the bridge passed it on to nobody"
    return False, "unseen", f"it got no further than this in {where}; the kernel does not say why"
