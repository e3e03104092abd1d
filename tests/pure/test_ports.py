"""Published ports read and write Docker's `-p` syntax, and refuse what is no port."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netbuilder.spec.ports import PublishedPort

PORTS = st.integers(1, 65535)


def published(sandbox_port: int, host_port: int | None, more: int, is_choice: bool, **fields: Any) -> PublishedPort:
    """A port, a range of them, or one out of a range."""
    more = min(more, 65535 - max(sandbox_port, host_port or 0))
    if host_port and more and is_choice:
        fields["last_host_port"] = host_port + more
    elif host_port:
        fields["count"] = more + 1
    return PublishedPort(sandbox_port, host_port=host_port, **fields)


def is_of_a_host(ip: IPv4Address | IPv6Address) -> bool:
    try:
        PublishedPort(80, host_ip=ip)
    except ValidationError:
        return False
    return True


PUBLISHED = st.builds(
    published,
    sandbox_port=PORTS,
    host_port=st.none() | PORTS,
    more=st.integers(0, 20_000),
    is_choice=st.booleans(),
    host_ip=st.none() | st.sampled_from(["0.0.0.0", "::", "::1"]) | st.ip_addresses().filter(is_of_a_host),
    protocol=st.sampled_from(["tcp", "udp", "sctp"]),
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
        ("80/", {"sandbox_port": 80}),
        ("80/SCTP", {"sandbox_port": 80, "protocol": "sctp"}),
        ("0:80", {"sandbox_port": 80}),
        ("127.0.0.1:0:80", {"sandbox_port": 80, "host_ip": "127.0.0.1"}),
        ("0.0.0.0:80:80", {"sandbox_port": 80, "host_port": 80, "host_ip": "0.0.0.0"}),
        ("[::1]:8089:80", {"sandbox_port": 80, "host_port": 8089, "host_ip": "::1"}),
        ("[2001:db8::68]::333", {"sandbox_port": 333, "host_ip": "2001:db8::68"}),
        ("2001:db8:0:1::68::333", {"sandbox_port": 333, "host_ip": "2001:db8:0:1::68"}),
        ("::::80", {"sandbox_port": 80, "host_ip": "::"}),
        ("8000-8000:80", {"sandbox_port": 80, "host_port": 8000}),
        ("8000-8009:8000-8009", {"sandbox_port": 8000, "host_port": 8000, "count": 10}),
        ("8000-8009:9000-9009/udp", {"sandbox_port": 9000, "host_port": 8000, "count": 10, "protocol": "udp"}),
        ("8000-8009:80", {"sandbox_port": 80, "host_port": 8000, "last_host_port": 8009}),
        ("1-65535:1-65535", {"sandbox_port": 1, "host_port": 1, "count": 65535}),
    ],
)
def test_one_port(text: str | int, fields: dict[str, Any]) -> None:
    assert PublishedPort.parse(text) == (PublishedPort(**fields),)


def test_a_range_inside_alone_is_so_many_free_ones() -> None:
    assert PublishedPort.parse("80-82/udp") == tuple(PublishedPort(port, protocol="udp") for port in (80, 81, 82))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not a valid published port"),
        ("http", "is not a valid published port"),
        ("80:", "is not a valid published port"),
        ("80/tcp\n", "is not a valid published port"),
        ("80\x00", "is not a valid published port"),
        ("٨٠", "is not a valid published port"),
        ("1:2:3:4", "'1:2' in '1:2:3:4' is not a valid address of a host"),
        ("80/dccp", "protocol 'dccp' in '80/dccp' is not supported: use tcp, udp or sctp"),
        ("/udp", "is not a valid published port"),
        ("0-80:0-80", "0-80 in '0-80:0-80' is outside 1 to 65535"),
        ("0-5:80", "0-5 in '0-5:80' is outside 1 to 65535"),
        ("0:80-81", "'0:80-81' pairs 1 host ports with 2 sandbox ports"),
        ("8000-8009:80-81", "'8000-8009:80-81' pairs 10 host ports with 2 sandbox ports"),
        ("[::1:80:80", "'[::1' in '[::1:80:80' is not a valid address of a host"),
        ("[::1]:80", "'[::1]:80' is not a valid published port: write [HOST_IP:][HOST_PORT:]SANDBOX_PORT"),
        ("[fe80::1]:80:80", "fe80::1 is an address of one link only"),
        ("[fe80::1%eth0]:80:80", "is not a valid published port"),
        ("[ff02::1]:80:80", "ff02::1 is not an address that a host can have"),
        ("[::ffff:10.0.0.1]:80:80", "write 10.0.0.1"),
        ("+80", "is not a valid published port"),
        ("9" * 10_000, "is not a valid published port"),
        (-1, "is not a valid port or range of ports"),
        (True, "is not a valid published port"),
        ("127.0.0.1:80", "'127.0.0.1:80' is not a valid published port: write [HOST_IP:][HOST_PORT:]SANDBOX_PORT"),
        ("80-", "'80-' in '80-' is not a valid port or range of ports"),
        ("1-2-3", "is not a valid port or range of ports"),
        ("82-80", "range 82-80 in '82-80' runs backwards"),
        ("0", "0 in '0' is outside 1 to 65535"),
        ("65536", "65536 in '65536' is outside 1 to 65535"),
        (f"1-{'9' * 60}", "is outside 1 to 65535"),
        ("80:80-82", "'80:80-82' pairs 1 host ports with 3 sandbox ports"),
        ("1.2.3:80:80", "'1.2.3' in '1.2.3:80:80' is not a valid address of a host"),
        ("1.2.3.256:80:80", "is not a valid address of a host"),
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
        {"sandbox_port": 80, "host_port": False},
        {"sandbox_port": 80, "host_ip": "fe80::1%eth0"},
        {"sandbox_port": 80, "host_ip": "::1%lo"},
        {"sandbox_port": 80, "count": 0},
        {"sandbox_port": 80, "count": 2},
        {"sandbox_port": 65535, "host_port": 80, "count": 2},
        {"sandbox_port": 80, "host_port": 65535, "count": 2},
        {"sandbox_port": 80, "last_host_port": 90},
        {"sandbox_port": 80, "host_port": 80, "last_host_port": 80},
        {"sandbox_port": 80, "host_port": 80, "last_host_port": 79},
        {"sandbox_port": 80, "host_port": 80, "last_host_port": 90, "count": 2},
        {"sandbox_port": 80, "host_ip": 1},
        {"sandbox_port": 80, "protocol": "dccp"},
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
        (PublishedPort(80, host_port=0), "80/tcp"),
        (PublishedPort(80, host_port=80, host_ip="0.0.0.0"), "0.0.0.0:80:80/tcp"),
        (PublishedPort(80, host_ip="::1"), "[::1]::80/tcp"),
        (PublishedPort(80, host_port=8089, host_ip=IPv6Address("::")), "[::]:8089:80/tcp"),
        (PublishedPort(9000, host_port=8000, count=10), "8000-8009:9000-9009/tcp"),
        (PublishedPort(80, host_port=8000, last_host_port=8009), "8000-8009:80/tcp"),
    ],
)
def test_a_port_is_shown_in_dockers_syntax(port: PublishedPort, text: str) -> None:
    assert str(port) == text


@given(PUBLISHED)
def test_what_is_shown_is_read_back(port: PublishedPort) -> None:
    assert PublishedPort.parse(str(port)) == (port,)
    assert PublishedPort.model_validate_json(port.model_dump_json()) == port


@given(st.text() | st.text("0123456789.:-/tcpuds[]f", max_size=24) | st.integers())
def test_hostile_text_is_read_or_refused(text: str | int) -> None:
    try:
        ports = PublishedPort.parse(text)
    except ValueError as error:
        assert len(str(error)) < 1000
    else:
        assert ports
        assert len({port.sandbox_port for port in ports}) == len(ports)
