"""Host ports are held as intervals, and clash where they meet, on whatever addresses that can be reached alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.resolve.held_ports import HeldPorts
from netbuilder.resolve.resolved import ResolvedPort

ADDRESSES = [None, "0.0.0.0", "::", "127.0.0.1", "10.0.0.1", "::1"]


def port(first: int, count: int = 1, host_ip: str | None = None, protocol: Any = "tcp") -> ResolvedPort:
    numbers = {"host_port": first, "sandbox_port": first, "count": count}
    return ResolvedPort(host_ip=host_ip, protocol=protocol, **numbers)


PORTS = st.builds(
    port, st.integers(1, 30), st.integers(1, 8), st.sampled_from(ADDRESSES), st.sampled_from(["tcp", "udp"])
)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (None, None, True),
        (None, "127.0.0.1", True),
        (None, "::1", True),
        (None, "::", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "::1", False),
        ("0.0.0.0", "::", False),
        ("::", "::1", True),
        ("::", "10.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "10.0.0.1", False),
    ],
)
def test_which_addresses_meet(one: str | None, other: str | None, meet: bool) -> None:
    for first, second in ((one, other), (other, one)):
        held = HeldPorts()
        held.take(port(80, host_ip=first), "web")
        assert held.holder(port(80, host_ip=second)) == ("web" if meet else None)


@given(st.lists(PORTS | st.integers(0, 20), max_size=30))
def test_it_is_as_if_each_port_were_noted_by_itself(calls: list[ResolvedPort | int]) -> None:
    """Ports are taken where they are free, and by a number one that was taken is released; half of it in an overlay."""
    held, noted, taken = HeldPorts(), dict[tuple[Any, ...], str](), list[ResolvedPort]()
    for at, call in enumerate(calls):
        if at == len(calls) // 2:
            under, before = held, {number for number in range(40) if held.is_held("tcp", number)}
            held = HeldPorts(under)
        if isinstance(call, int):
            if call < len(taken):
                gone = taken.pop(call)
                held.release(gone)
                noted = {key: by for key, by in noted.items() if by != str(gone)}
            continue
        numbers = range(call.host_port, call.last_host_port + 1)
        clash = {
            by
            for (protocol, ip, number), by in noted.items()
            if protocol == call.protocol and number in numbers and _meet(ip, call.host_ip)
        }
        assert (held.holder(call) in clash) if clash else held.holder(call) is None
        if not clash:
            held.take(call, str(call))
            taken.append(call)
            noted |= {(call.protocol, call.host_ip, number): str(call) for number in numbers}
    for number in range(40):
        assert held.is_held("tcp", number) == any(key[0] == "tcp" and key[2] == number for key in noted)
    if calls:
        assert {number for number in range(40) if under.is_held("tcp", number)} == before


def _meet(one: Any, other: Any) -> bool:
    reach = [{4, 6} if ip is None else {ip.version} for ip in (one, other)]
    alls = [ip is None or ip.is_unspecified for ip in (one, other)]
    return bool(reach[0] & reach[1]) and (any(alls) or one == other)
