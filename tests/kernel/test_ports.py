"""Published ports as ranges, out of ranges, and of each protocol, by real packets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from netbuilder import Bridge, Host, Network, Sandbox, SpecError
from netbuilder.kernel import busy_ports
from netbuilder.recipes.units import Key
from netbuilder.resolve.facts import HostPort
from netbuilder.steps import PublishPort
from tests.kernel.helpers import Lan, Protocol, call, missing, picture, shell

LAB = Network(name="lab", subnet="10.9.0.0/24")


def web(*publish: str, name: str = "web") -> Sandbox:
    return Sandbox(name=name, mode=Bridge(network="lab", publish=publish))


def published(host: Host, name: str = "web") -> list[str]:
    return [str(port) for port in host[name].ports]


@contextmanager
def held(host: Host, *addresses: tuple[str, int], kind: int = socket.SOCK_STREAM) -> Iterator[None]:
    """A process of the host that holds ports."""

    def listen() -> list[socket.socket]:
        sockets = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            one = socket.socket(family, kind)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            if kind == socket.SOCK_STREAM:
                one.listen()
            sockets.append(one)
        return sockets

    sockets = host._inside(listen)
    try:
        yield
    finally:
        for one in sockets:
            one.close()


@pytest.mark.parametrize(
    ("publish", "to", "inside"),
    [
        ("8000-17999:8000-17999", 8000, 8000),
        ("8000-17999:8000-17999", 12345, 12345),
        ("192.0.2.1:8000-17999:8000-17999", 17999, 17999),
        ("8000-8009:9000-9009", 8007, 9007),
        ("192.0.2.1:8000-8009:9000-9009", 8009, 9009),
    ],
)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_each_port_of_a_range_leads_inside_and_the_next_one_does_not(
    lan: Lan, publish: str, to: int, inside: int, protocol: Protocol
) -> None:
    lan.host.apply(LAB, web(f"{publish}/{protocol}"))
    sandbox = lan.host["web"]
    assert call(lan.machine, (lan.HOST, to), sandbox, inside, protocol) == lan.MACHINE
    assert call(lan.machine, (lan.HOST, 7999), sandbox, 7999, protocol, patience=0.3) is None
    assert call(lan.machine, (lan.HOST, 18000), sandbox, 18000, protocol, patience=0.3) is None


def test_ten_thousand_ports_are_one_element_one_step_and_one_record(host: Host) -> None:
    before = picture(host)
    host.apply(LAB, web("10000-19999:10000-19999"))
    key = Key("sandbox", "web")
    records = host._call(lambda: host._engine.store.records([key]))[key]
    assert len([one for one in records if isinstance(one.step, PublishPort)]) == 1
    shown = shell(host, "nft list map inet netbuilder publish_ranges_any4")
    assert "elements = { tcp . 10000-19999 : 10.9.0.2 }" in shown
    assert not host.apply(LAB, web("10000-19999:10000-19999")).plan
    host.destroy_all()
    assert picture(host) == before


def test_a_range_grows_shrinks_and_is_shifted(host: Host) -> None:
    for publish in ("80-89:80-89", "85-99:85-99", "85-89:85-89", "85-89:185-189", "87:187", "85-89:185-189", "80:80"):
        host.apply(LAB, web(publish))
        assert published(host) == [f"{publish}/tcp"]
        assert not host.apply(LAB, web(publish)).plan
        assert not any(host.missing().values())


@pytest.mark.parametrize(
    "damage",
    [
        "delete element inet netbuilder publish_any4 { tcp . 8003 }",
        "delete element inet netbuilder publish_any4 { tcp . 8000 }",
        "flush map inet netbuilder publish_any4",
    ],
)
def test_a_shifted_range_of_which_a_part_was_taken_away_is_put_right_and_taken_back(host: Host, damage: str) -> None:
    before = picture(host)
    host.apply(LAB, web("8000-8009:9000-9009"))
    whole = shell(host, "nft list map inet netbuilder publish_any4")
    shell(host, f"nft '{damage}'")
    assert host.apply(LAB, web("8000-8009:9000-9009")).plan
    assert shell(host, "nft list map inet netbuilder publish_any4") == whole
    shell(host, f"nft '{damage}'")
    host.destroy_all()
    assert picture(host) == before


def test_a_plan_of_a_long_shifted_range_is_a_script_that_does_it(host: Host) -> None:
    plan = host.diff(LAB, web("10000-14999:20000-24999")).plan
    host.run(["sh", "-e"], input=plan.script(), text=True, check=True)
    assert not missing(host, plan)


def test_one_port_out_of_a_range_is_the_first_that_is_free_and_is_kept(host: Host) -> None:
    specs = LAB, web("8000-8002:80", name="one"), web("8000-8002:80", name="two")
    with held(host, ("127.0.0.1", 8000)):
        host.apply(*specs)
    assert [published(host, name) for name in ("one", "two")] == [["8001:80/tcp"], ["8002:80/tcp"]]
    host.apply(*specs)  # 8000 is free by now
    assert [published(host, name) for name in ("one", "two")] == [["8001:80/tcp"], ["8002:80/tcp"]]
    host.apply(web("8000-8002:80", name="three"))
    with pytest.raises(SpecError, match="none of the host ports 8000-8002 is free") as refused:
        host.apply(web("8000-8002:80", name="four"))
    assert refused.value.field == "sandbox four.mode.publish[0]"


@pytest.mark.parametrize("count", [10, 10_000])
@pytest.mark.parametrize(
    ("address", "kind", "protocol", "publish_on", "is_busy"),
    [
        ("127.0.0.1", socket.SOCK_STREAM, "tcp", "", True),
        ("::1", socket.SOCK_STREAM, "tcp", "", True),
        ("::1", socket.SOCK_STREAM, "tcp", "0.0.0.0:", False),
        ("127.0.0.1", socket.SOCK_STREAM, "tcp", "127.0.0.2:", False),
        ("127.0.0.1", socket.SOCK_STREAM, "udp", "", False),
        ("127.0.0.1", socket.SOCK_DGRAM, "udp", "", True),
        ("::1", socket.SOCK_DGRAM, "udp", "", True),
    ],
)
def test_a_range_of_which_a_process_holds_a_port_is_refused(
    host: Host, count: int, address: str, kind: int, protocol: str, publish_on: str, is_busy: bool
) -> None:
    shell(host, "ip address add ::1/128 dev lo 2>/dev/null || true")
    last = 20_000 + count - 1
    asked = LAB, web(f"{publish_on}20000-{last}:20000-{last}/{protocol}")
    with held(host, (address, last), kind=kind):
        if not is_busy:
            host.apply(*asked)
            return
        with pytest.raises(SpecError, match=f"{last} of host ports 20000-{last}:20000-{last}/{protocol} is held"):
            host.apply(*asked)


def test_a_long_range_is_tried_with_few_sockets(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[HostPort] = []
    look = busy_ports.is_busy
    monkeypatch.setattr(busy_ports, "is_busy", lambda port: tried.append(port) or look(port))
    host.apply(LAB, web("10000-19999:10000-19999"))
    assert len(tried) < 5


def test_a_host_address_that_is_none_is_refused_for_either_family(host: Host) -> None:
    with pytest.raises(SpecError, match=r"203\.0\.113\.9 is not an address of this host"):
        host.apply(LAB, web("203.0.113.9:20000-29999:20000-29999"))
    with pytest.raises(SpecError, match="host_ip ::1 is of IPv6, which the sandbox does not have") as refused:
        host.apply(LAB, web("[::1]:8088:80"))
    assert refused.value.field == "sandbox web.mode.publish[0]"


def test_sctp_is_published_where_the_kernel_has_it(host: Host) -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        with pytest.raises(SpecError, match="this kernel has no SCTP") as refused:
            host.apply(LAB, web("3456:3456/sctp"))
        assert "modprobe sctp" in refused.value.hint
    else:
        host.apply(LAB, web("3456:3456/sctp"))
        assert "sctp . 3456 : 10.9.0.2 . 3456" in shell(host, "nft list map inet netbuilder publish_any4")


def test_flows_of_a_range_move_with_it(lan: Lan) -> None:
    host = lan.host
    with lan.machine.socket(kind=socket.SOCK_DGRAM) as client:
        client.bind(("0.0.0.0", 40000))
        for name, inside in (("first", 5001), ("second", 5001), ("last", 6001)):
            shift = inside - 5001
            host.apply(LAB, web(f"5000-5009:{5000 + shift}-{5009 + shift}/udp", name=name))
            with host[name].socket(kind=socket.SOCK_DGRAM) as server:
                server.bind(("0.0.0.0", inside))
                server.settimeout(5)
                client.sendto(name.encode(), (lan.HOST, 5001))
                assert server.recv(100) == name.encode()
            host.destroy(name)
