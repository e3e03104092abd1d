"""What goes wrong at a bad moment: a race with others, a book that is lost or unreadable, a route of an odd kind."""

from __future__ import annotations

import errno
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from netbuilder import Bridge, Host, NetbuilderError, Network, NoNetwork, Plan, Sandbox, SpecError, StepError
from netbuilder.kernel import namespaces, privileges, survey
from netbuilder.kernel.kernel import Kernel
from netbuilder.steps import AddAddress, AddDefaultRoute, AddNamespace, Step
from netbuilder.store import Store
from tests.kernel.helpers import picture, shell
from tests.kernel.mortal import mortal

LAB = Network(name="lab", subnet="10.9.0.0/24", bridge="br-lab")
WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))
OLD = "/run/netns/old"


# Races and rollbacks


def test_a_namespace_that_somebody_makes_just_before_us_is_left_to_them(host: Host) -> None:
    def somebody(step: Step) -> None:
        if isinstance(step, AddNamespace):
            subprocess.run(["sh", "-ec", "ip netns add web; ip -n web link add theirs type bridge"], check=True)

    with pytest.raises(StepError) as caught:
        host.apply(LAB, WEB, watch=somebody)
    assert caught.value.command == "ip netns add web"
    assert "theirs" in shell(host, "ip -n web link show")
    assert host.sandboxes() == host.networks() == ()
    assert "br-lab" not in shell(host, "ip link show")
    shell(host, "ip netns del web")
    host.apply(LAB, WEB)
    assert host.diff(LAB, WEB) == Plan()


def test_pins_can_be_removed_after_ip_has_pinned_one(host: Host) -> None:
    """`ip netns add` makes /run/netns a mount, unless it is one: what was pinned under it could not be removed."""
    count = "grep -c ' /run/netns' /proc/mounts || true"
    machines = int(shell(host, count))  # those of the machine are listed here too, and out of reach
    host.apply(Sandbox(name="ours", mode=NoNetwork()))
    shell(host, "ip netns add theirs")
    host.destroy("ours")
    shell(host, "ip netns add ours; ip netns del ours; ip netns del theirs")
    assert shell(host, "ip netns list") == ""
    assert int(shell(host, count)) == machines + 1


def test_an_alias_that_is_no_text_is_somebody_elses(host: Host) -> None:
    host.apply(LAB)
    shell(host, "ip link set br-lab alias \"$(printf 'x\\377')\"")
    host.apply(LAB, WEB)
    assert host.diff(LAB, WEB) == Plan()


def test_an_error_in_taking_back_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str) -> None:
        raise OSError(errno.EROFS, name)

    host.apply(Sandbox(name="web", mode=NoNetwork()))
    with monkeypatch.context() as patch, pytest.raises(StepError, match="'ip netns del web' failed: EROFS"):
        patch.setattr(namespaces, "unpin", refused)
        host.destroy("web")


def test_nothing_named_is_nothing_destroyed(host: Host) -> None:
    host.apply(LAB, WEB)
    host.destroy(*[])
    assert "web" in host
    host.destroy_all()
    assert host.sandboxes() == host.networks() == ()


def test_a_step_that_was_not_begun_is_not_taken_back(host: Host) -> None:
    """What others make of the same name, while we fail at an earlier step, is theirs."""

    def somebody(step: Step) -> None:
        if isinstance(step, AddNamespace) and step.name == "web":
            subprocess.run(["ip", "netns", "add", "db"], check=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        host.apply(LAB, WEB, Sandbox(name="db", mode=NoNetwork()), watch=somebody)
    assert shell(host, "ip netns list").split()[0] == "db"


def test_an_error_in_taking_back_is_a_note_and_stops_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = picture(host)

    def refused(step: Step, kernel: Kernel, before: str | None = None) -> None:
        kernel.set_link(None, "no-such-link", up=True)

    with monkeypatch.context() as patch:
        patch.setattr(AddDefaultRoute, "do", refused)
        patch.setattr(AddNamespace, "undo", refused)
        with pytest.raises(StepError) as caught:
            host.apply(LAB, WEB)
    assert "route add default" in caught.value.command
    assert any("taking it back" in note for note in caught.value.__notes__)
    assert "br-lab" not in shell(host, "ip link show")
    host.destroy_all()
    assert picture(host) == before


def test_what_two_steps_share_is_taken_back_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two that take back the same thing finds it gone: that is no error."""
    before = picture(host)
    host.apply(LAB, WEB)

    def twice(step: AddAddress, kernel: Kernel, before: str | None) -> None:
        for _ in range(2):
            kernel.delete_address(step.netns, step.dev, step.address)

    monkeypatch.setattr(AddAddress, "hangs_on", lambda step: None)
    monkeypatch.setattr(AddAddress, "undo", twice)
    host.destroy_all()
    assert picture(host) == before


# What is adopted


def refused_untouched(host: Host, *specs: Network | Sandbox) -> SpecError:
    before = picture(host)
    with pytest.raises(SpecError) as caught:
        host.apply(*specs)
    assert picture(host) == before
    return caught.value


def test_a_namespace_is_adopted_once(host: Host) -> None:
    shell(host, "ip netns add old; touch /run/netns/too; mount --bind /run/netns/old /run/netns/too")
    one, two = Sandbox(name="c1", namespace=OLD), Sandbox(name="c2", namespace="/run/netns/too")
    assert refused_untouched(host, one, two).field == "sandbox c2.namespace"


def test_the_hosts_own_namespace_is_not_adopted(host: Host) -> None:
    shell(host, "mkdir -p /run/netns; touch /run/netns/old; mount --bind /proc/self/ns/net /run/netns/old")
    assert "host's own" in str(refused_untouched(host, Sandbox(name="web", mode=NoNetwork(), namespace=OLD)))


def test_bridge_mode_wants_no_eth0_in_an_adopted_namespace(host: Host) -> None:
    shell(host, "ip netns add old && ip -n old link add eth0 type bridge")
    assert "eth0" in str(refused_untouched(host, Sandbox(name="web", namespace=OLD)))
    host.apply(Sandbox(name="web", mode=NoNetwork(), namespace=OLD))


# What a killed call left


@pytest.mark.parametrize("look", [Host.plan, Host.diff], ids=lambda look: look.__name__)
def test_a_look_first_takes_back_what_a_killed_call_left(host: Host, look: Callable[..., Plan]) -> None:
    before, fresh = picture(host), look(host, LAB, WEB)
    with mortal(host, LAB, WEB) as somebody:
        for point in (6, 12):
            assert somebody("apply", point)
            assert look(host, LAB, WEB) == fresh
            assert picture(host) == before


# The host's own routes and ports


def test_routes_without_one_interface_are_reached_too(host: Host) -> None:
    shell(
        host,
        """
        ip link add name a type bridge && ip link add name b type bridge && ip link set dev a up && ip link set dev b up
        ip route add unreachable 10.62.0.0/16 scope link
        ip route add 10.63.0.0/16 scope link nexthop dev a nexthop dev b
        """,
    )
    host.apply(LAB, WEB)
    for subnet in ("10.62.1.0/24", "10.63.1.0/24"):
        assert "overlaps" in str(refused_untouched(host, Network(name="dmz", subnet=subnet)))


@contextmanager
def listening(host: Host, ports: range) -> Iterator[None]:
    def listen() -> list[socket.socket]:
        return [socket.create_server(("0.0.0.0", port)) for port in ports]

    held = host._inside(listen)
    try:
        yield
    finally:
        for one in held:
            one.close()


def test_many_busy_ports_cost_few_looks(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    resolve = survey.busy_ports
    monkeypatch.setattr(survey, "busy_ports", lambda *args: looks.append(1) or resolve(*args))
    first = host._engine.resolver.ephemeral[0]
    with listening(host, range(first, first + 300)):
        host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab", publish=["80", "81"])))
    endpoint = host["web"].resolved.endpoint
    assert endpoint and [port.host_port for port in endpoint.publish] == [first + 300, first + 301]
    assert len(looks) <= 6


# The book


@pytest.mark.parametrize("was_router", [False, True])
def test_a_host_whose_book_is_lost_is_the_router_that_it_was(host: Host, was_router: bool) -> None:
    shell(host, f"echo {int(was_router)} > /proc/sys/net/ipv4/ip_forward")
    host.apply(LAB)
    table = shell(host, "nft list chain inet netbuilder foreign")
    shell(host, "rm -rf /run/netbuilder")
    with host._call(Host.current) as again:
        again.apply(LAB, WEB)
        assert shell(host, "nft list chain inet netbuilder foreign") == table
        assert ("drop" in table) is not was_router


def test_a_book_that_is_damaged_is_named(host: Host) -> None:
    shell(host, "for book in /run/netbuilder/*.db; do head -c 8192 /dev/urandom > $book; rm -f $book-*; done")
    with pytest.raises(NetbuilderError, match="/run/netbuilder") as caught:
        host._call(Host.current)
    assert caught.value.hint


def test_a_book_that_is_full_is_named_and_nothing_is_left(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = picture(host)

    @contextmanager
    def full(store: Store) -> Iterator[None]:
        with store._open_book():
            raise sqlite3.OperationalError("database or disk is full")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_transaction", full)
        with pytest.raises(NetbuilderError, match=r"/run/netbuilder.*full"):
            host.apply(LAB, WEB)
    assert picture(host) == before
    host.apply(LAB, WEB)
    assert host.diff(LAB, WEB) == Plan()


# Mounts

ROOT = "22 1 8:1 / / rw,relatime {} - ext4 /dev/sda1 rw\n"
RUN = "25 22 0:23 / /run rw,nosuid {} - tmpfs tmpfs rw\n"
NETNS = "99 25 0:23 /netns /run/netns rw {} - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("mountinfo", "follows"),
    [
        (ROOT.format("shared:1") + RUN.format("shared:5"), False),
        (ROOT.format("master:1") + RUN.format("master:5"), True),
        (ROOT.format("master:1") + RUN.format("master:5") + NETNS.format("master:7"), True),
        (ROOT.format("master:1") + RUN.format("shared:9 master:5"), False),
        (ROOT.format("master:1"), True),
        (ROOT.format("master:1").replace(" {}", "") + RUN.replace(" {}", ""), False),
        (ROOT.format("shared:1") + RUN.format("master:5") + RUN.replace(" {}", ""), False),
    ],
)
def test_pins_in_mounts_that_follow_others_would_be_lost(mountinfo: str, follows: bool) -> None:
    assert privileges._follows_another(mountinfo) is follows
