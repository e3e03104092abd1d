"""Published ports read and write Docker's `-p` syntax, and refuse what is no port."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netbuilder.spec.ports import PublishedPort
from netbuilder.values import ANY, BROADCAST

PORTS = st.integers(1, 65535)
PUBLISHED = st.builds(
    PublishedPort,
    sandbox_port=PORTS,
    host_port=st.none() | PORTS,
    host_ip=st.just(ANY) | st.ip_addresses(v=4).filter(lambda ip: not ip.is_multicast and ip != BROADCAST),
    protocol=st.sampled_from(["tcp", "udp"]),
)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (80, {"sandbox_port": 80}),
        ("80", {"sandbox_port": 80}),
        ("080", {"sandbox_port": 80}),
        (":80", {"sandbox_port": 80}),
        ("::80", {"sandbox_port": 80}),
        ("80/udp", {"sandbox_port": 80, "protocol": "udp"}),
        ("80/UDP", {"sandbox_port": 80, "protocol": "udp"}),
        ("80/Tcp", {"sandbox_port": 80, "protocol": "tcp"}),
        ("8088:80", {"sandbox_port": 80, "host_port": 8088}),
        ("8088:80/tcp", {"sandbox_port": 80, "host_port": 8088}),
        (":8088:80", {"sandbox_port": 80, "host_port": 8088}),
        ("127.0.0.1::80", {"sandbox_port": 80, "host_ip": "127.0.0.1"}),
        ("127.0.0.1:8088:80/udp", {"sandbox_port": 80, "host_port": 8088, "host_ip": "127.0.0.1", "protocol": "udp"}),
        ("65535:1", {"sandbox_port": 1, "host_port": 65535}),
    ],
)
def test_one_port(text: str | int, fields: dict[str, Any]) -> None:
    assert PublishedPort.parse(text) == (PublishedPort(**fields),)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("80-82", [(None, 80), (None, 81), (None, 82)]),
        ("8000-8001:80-81", [(8000, 80), (8001, 81)]),
        ("8000-8000:80", [(8000, 80)]),
    ],
)
def test_a_range_is_one_port_each(text: str, pairs: list[tuple[int | None, int]]) -> None:
    assert [(port.host_port, port.sandbox_port) for port in PublishedPort.parse(text)] == pairs


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not a valid published port"),
        ("http", "is not a valid published port"),
        ("80:", "is not a valid published port"),
        ("80/SCTP", "protocol 'SCTP' in '80/SCTP' is not supported: use tcp or udp"),
        ("80/tcp\n", "is not a valid published port"),
        ("80\x00", "is not a valid published port"),
        ("٨٠", "is not a valid published port"),
        ("[::1]:80:80", "is not a valid published port"),
        ("1:2:3:4", "is not a valid published port"),
        ("+80", "is not a valid published port"),
        ("9" * 10_000, "is not a valid published port"),
        (-1, "is not a valid port or range of ports"),
        (True, "is not a valid published port"),
        ("80/sctp", "protocol 'sctp' in '80/sctp' is not supported: use tcp or udp"),
        ("127.0.0.1:80", "'127.0.0.1' in '127.0.0.1:80' is not a valid port or range of ports"),
        ("80-", "'80-' in '80-' is not a valid port or range of ports"),
        ("1-2-3", "is not a valid port or range of ports"),
        ("82-80", "range 82-80 in '82-80' runs backwards"),
        ("0", "0 in '0' is outside 1 to 65535"),
        ("65536", "65536 in '65536' is outside 1 to 65535"),
        ("0:80", "0 in '0:80' is outside 1 to 65535"),
        (f"1-{'9' * 60}", "is outside 1 to 65535"),
        ("80-82:80", "'80-82:80' pairs 3 host ports with 1 sandbox ports"),
        ("80:80-82", "'80:80-82' pairs 1 host ports with 3 sandbox ports"),
        ("1.2.3:80:80", "'1.2.3' in '1.2.3:80:80' is not a valid IPv4 address"),
        ("1.2.3.256:80:80", "is not a valid IPv4 address"),
        ("224.0.0.1:80:80", "224.0.0.1 is not an address that a host can have"),
        ("255.255.255.255:80:80", "255.255.255.255 is not an address that a host can have"),
    ],
)
def test_what_is_no_port_is_refused(text: str | int, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        PublishedPort.parse(text)
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "fields",
    [
        {"sandbox_port": 0},
        {"sandbox_port": 65536},
        {"sandbox_port": "80"},
        {"sandbox_port": True},
        {"sandbox_port": 80, "host_port": 0},
        {"sandbox_port": 80, "host_ip": "::1"},
        {"sandbox_port": 80, "host_ip": 1},
        {"sandbox_port": 80, "protocol": "sctp"},
        {"sandbox_port": 80, "comment": "x"},
        {},
    ],
)
def test_fields_that_can_never_be_right_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PublishedPort(**fields)


@pytest.mark.parametrize(
    ("port", "text"),
    [
        (PublishedPort(sandbox_port=80), "80/tcp"),
        (PublishedPort(sandbox_port=80, host_port=8088), "8088:80/tcp"),
        (PublishedPort(sandbox_port=80, host_ip=IPv4Address("127.0.0.1")), "127.0.0.1::80/tcp"),
        (PublishedPort(sandbox_port=53, host_port=53, host_ip="10.9.0.1", protocol="udp"), "10.9.0.1:53:53/udp"),
    ],
)
def test_a_port_is_shown_in_dockers_syntax(port: PublishedPort, text: str) -> None:
    assert str(port) == text


@given(PUBLISHED)
def test_what_is_shown_is_read_back(port: PublishedPort) -> None:
    assert PublishedPort.parse(str(port)) == (port,)


@given(st.text() | st.text("0123456789.:-/tcpud", max_size=24) | st.integers())
def test_hostile_text_is_read_or_refused(text: str | int) -> None:
    try:
        ports = PublishedPort.parse(text)
    except ValueError as error:
        assert len(str(error)) < 1000
    else:
        assert ports
        assert len({port.sandbox_port for port in ports}) == len(ports)
