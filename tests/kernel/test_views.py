"""What a program inside sees of the machine: /sys, /proc and /etc, and what it inherits from who starts it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netbuilder import Container, Host, HostNetwork, NoNetwork, Sandbox
from netbuilder.host.namespace import NetworkNamespace
from tests.kernel.escapes import running, word
from tests.kernel.helpers import shell
from tests.kernel.leftovers import wait_until

ROOT = Path(__file__).parents[2]
PLACES = ("host", "web", "side", "top", "bare")
SPECS = (
    Sandbox(name="web"),
    Sandbox(name="side", mode=Container(sandbox="web")),
    Sandbox(name="top", mode=HostNetwork()),
    Sandbox(name="bare", mode=NoNetwork()),
)

each_place = pytest.mark.parametrize("place", PLACES)


def at(host: Host, place: str) -> NetworkNamespace:
    return host if place == "host" else host[place]


@pytest.fixture
def built(host: Host) -> Host:
    host.apply(*SPECS)
    return host


@pytest.fixture
def etc(host: Host) -> Iterator[Host]:
    """A host with an /etc of its own, and nothing in /etc/netns."""
    shell(host, "cp -a /etc /run/etc; rm -rf /run/etc/netns; mount --bind /run/etc /etc; mkdir /etc/netns")
    shell(host, "rm -f /etc/resolv.conf; echo nameserver 192.0.2.53 > /etc/resolv.conf; echo plain > /etc/nb-plain")
    host.apply(*SPECS)
    yield host


# /sys and /proc


@each_place
def test_sys_is_of_the_network(built: Host, place: str) -> None:
    links = shell(at(built, place), "ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | sort").split()
    assert shell(at(built, place), "ls /sys/class/net | sort").split() == links


@pytest.mark.parametrize("file", ["iflink", "ifindex", "address", "mtu", "carrier", "operstate"])
def test_it_is_what_ip_netns_exec_shows(built: Host, file: str) -> None:
    look = f"cat /sys/class/net/eth0/{file}"
    assert shell(built["web"], look) == shell(built["side"], look) == shell(built, f"ip netns exec web {look}")


@each_place
def test_what_is_mounted_under_sys_stays(built: Host, place: str) -> None:
    look = "cut -d' ' -f2 /proc/mounts | grep '^/sys/' | sort -u"
    outside = subprocess.run(["sh", "-c", look], capture_output=True, text=True, check=False).stdout
    assert at(built, place).run(["sh", "-c", look], capture_output=True, text=True).stdout == outside
    for path in outside.split():
        assert sorted(shell(at(built, place), f"ls {path}").split()) == sorted(os.listdir(path))


@each_place
def test_proc_is_of_the_processes_inside(built: Host, place: str) -> None:
    inside = at(built, place)
    wait_until(lambda: shell(inside, "ps -e -o comm=").split() == ["cat", "sh", "ps"], "a cat is the first")
    assert shell(at(built, place), "tr '\\0' ' ' < /proc/$$/cmdline").startswith("sh ")


def test_what_is_mounted_on_the_host_is_seen_inside_and_not_the_other_way_round(built: Host) -> None:
    web = built["web"]
    shell(web, "true")
    shell(built, "mkdir /run/seen; mount -t tmpfs none /run/seen; touch /run/seen/it; ip netns add later")
    assert shell(web, "ls /run/seen; ip netns exec later ls /sys/class/net") == "it\nlo\n"
    shell(web, "mkdir /run/unseen; mount -t tmpfs none /run/unseen; touch /run/unseen/it")
    assert (shell(built, "ls /run/unseen"), shell(web, "ls /run/unseen")) == ("", "it\n")
    built.apply(Sandbox(name="after", mode=NoNetwork()))
    assert "after" in shell(built, "ip netns list")
    shell(built, "ip netns del later; umount /run/seen")
    assert shell(web, "ls /run/seen") == ""


def test_a_pin_that_is_removed_is_not_kept_alive_by_what_runs(built: Host) -> None:
    with built["web"].popen(["sleep", "60"]) as program:
        shell(built, "ip netns add gone; ip link add here type veth peer name there netns gone; ip netns del gone")
        wait_until(lambda: "here" not in shell(built, "ip link"), "the namespace is gone, and its veth pair with it")
        program.kill()


# /etc


@pytest.mark.parametrize("place", ["web", "side"])
def test_files_of_etc_netns_are_seen_in_place_of_etcs(etc: Host, place: str) -> None:
    shell(etc, "mkdir /etc/netns/web; echo nameserver 10.9.0.53 > /etc/netns/web/resolv.conf")
    shell(etc, "echo ours > /etc/netns/web/nb-plain")
    look = "cat /etc/resolv.conf /etc/nb-plain"
    assert shell(etc[place], look) == "nameserver 10.9.0.53\nours\n" == shell(etc, f"ip netns exec web {look}")
    assert shell(etc["bare"], look) == "nameserver 192.0.2.53\nplain\n" == shell(etc["top"], look) == shell(etc, look)


def test_they_are_those_of_now(etc: Host) -> None:
    web = etc["web"]
    assert shell(web, "cat /etc/nb-plain") == "plain\n"
    shell(etc, "mkdir /etc/netns/web; echo one > /etc/netns/web/nb-plain")
    with web.popen(["sleep", "60"]) as program:
        assert shell(web, "cat /etc/nb-plain") == "one\n"
        shell(etc, "echo two > /etc/netns/web/new; mv /etc/netns/web/new /etc/netns/web/nb-plain")
        assert shell(web, "cat /etc/nb-plain") == "two\n"
        shell(etc, "rm -r /etc/netns/web")
        assert shell(web, "cat /etc/nb-plain") == "plain\n"
        program.kill()


@pytest.mark.parametrize(
    "hostile",
    [
        "ln -s /etc/hosts /etc/netns/web/nb-plain",
        "ln -s nowhere /etc/netns/web/nb-plain",
        "mkdir /etc/netns/web/nb-plain",
        "touch /etc/netns/web/no-such-target",
        "touch \"/etc/netns/web/$(printf 'a\\033[31m b\\nc')\"",
        "mkdir -p /etc/netns/web/nb-dir /etc/nb-dir; touch /etc/netns/web/nb-dir/inside /etc/nb-dir/outside",
        "rmdir /etc/netns/web; touch /etc/netns/web",
        "rmdir /etc/netns/web; mkdir /run/other; echo other > /run/other/nb-plain; ln -s /run/other /etc/netns/web",
    ],
    ids=["link", "dangling", "directory", "no target", "control characters", "directories", "no directory", "linked"],
)
def test_whatever_is_there_is_taken_as_ip_netns_exec_takes_it(
    etc: Host, hostile: str, caplog: pytest.LogCaptureFixture
) -> None:
    shell(etc, f"mkdir /etc/netns/web; {hostile}")
    look = "cat /etc/nb-plain; ls /etc/nb-dir 2>&1 || true"
    theirs = etc.run(["ip", "netns", "exec", "web", "sh", "-c", look], capture_output=True, text=True).stdout
    assert shell(etc["web"], look) == theirs
    assert "\033" not in caplog.text


LOOPBACK = "# a stub\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n"


@pytest.mark.parametrize(
    ("hosts", "upstream", "inside"),
    [
        (LOOPBACK, "nameserver 192.0.2.1\nsearch lan\n", ["nameserver 192.0.2.1", "search lan"]),
        (LOOPBACK, "", ["# a stub", "options edns0 trust-ad", "search lan"]),
        ("nameserver ::1\nnameserver 192.0.2.9\n", "nameserver 192.0.2.1\n", ["nameserver 192.0.2.9"]),
        ("nameserver 192.0.2.9\n", "nameserver 192.0.2.1\n", ["nameserver 192.0.2.9"]),
    ],
    ids=["systemd", "no upstream", "one of two", "none"],
)
def test_no_resolver_on_the_hosts_loopback(etc: Host, hosts: str, upstream: str, inside: list[str]) -> None:
    etc.run(["tee", "/etc/resolv.conf"], input=hosts, text=True, stdout=subprocess.DEVNULL)
    if upstream:
        shell(etc, "mkdir -p /run/systemd/resolve")
        etc.run(["tee", "/run/systemd/resolve/resolv.conf"], input=upstream, text=True, stdout=subprocess.DEVNULL)
    seen = [line for line in shell(etc["web"], "cat /etc/resolv.conf").splitlines() if "netbuilder" not in line]
    assert seen == inside
    assert shell(etc["top"], "cat /etc/resolv.conf") == shell(etc, "cat /etc/resolv.conf") == hosts
    assert shell(etc["web"], "stat -c %a /etc/resolv.conf").strip() == "644"


# What is inherited


@each_place
def test_a_program_has_the_callers_umask_and_directory(
    built: Host, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    before = os.umask(0o077)
    try:
        shell(at(built, place), "touch new")
        shell(at(built, place), "touch new", cwd="below")
        shell(at(built, place), "touch newer", umask=0o027)
    finally:
        os.umask(before)
    modes = {str(one.relative_to(tmp_path)): oct(stat.S_IMODE(one.stat().st_mode)) for one in tmp_path.rglob("new*")}
    assert modes == {"new": "0o600", "below/new": "0o600", "newer": "0o640"}


@each_place
def test_a_program_has_the_niceness_and_affinity_of_the_calling_thread(built: Host, place: str) -> None:
    seen: list[str] = []

    def work() -> None:
        me = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, me, 7)
        os.sched_setaffinity(me, {min(os.sched_getaffinity(me))})
        seen.append(shell(at(built, place), "nice; nproc"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == ["7\n1\n"]


def test_inside_another_sandbox_it_is_still_the_right_one(built: Host) -> None:
    with built["bare"].enter():
        assert "eth0" in shell(built["web"], "ls /sys/class/net; ip link")
        assert "docker0" in shell(built, "ip link")


# Where the kernel refuses

REFUSING = """
import logging, subprocess
logging.basicConfig(format="%(message)s")
from netbuilder import *
with Host.isolated() as host:
    host.apply(Sandbox(name="web"), Sandbox(name="db"))
    for name in ("web", "db"):
        look = "ip -o link | grep -c eth0; ls -d /sys/class/net/* | wc -l"
        script = f"{look}; setsid sleep WORD >/dev/null 2>&1 &"
        done = host[name].run(["sh", "-c", script], capture_output=True, text=True)
        print(*done.stdout.split())
"""
USER = ["unshare", "--user", "--map-root-user", "--mount", "--net"]


@pytest.mark.parametrize(
    ("command", "sys_is_own", "said"),
    [
        # Masked by somebody else: from a user namespace inside, what covers parts of /proc and /sys can't be undone.
        (
            [
                *USER,
                "sh",
                "-c",
                'mount -t tmpfs none /proc/sys/fs; mount -t tmpfs none /sys/devices/virtual; exec "$0" "$@"',
                *USER,
            ],
            False,
            ["/sys inside is the machine's", "/proc inside is the machine's"],
        ),
        ([*USER, "sh", "-c", 'echo 0 > /proc/sys/user/max_pid_namespaces; exec "$0" "$@"'], True, ["no pid namespace"]),
        (
            [*USER, "sh", "-c", 'echo 2 > /proc/sys/user/max_mnt_namespaces; exec "$0" "$@"'],
            False,
            ["no mount namespace"],
        ),
        ([*USER, "setpriv", "--bounding-set=-sys_chroot", "--inh-caps=-sys_chroot"], False, ["no mount namespace"]),
        ([*USER, "sh", "-c", 'mount -o remount,bind,ro /sys; exec "$0" "$@"'], True, []),
    ],
    ids=["masked", "no pids", "no mounts", "no chroot", "read-only"],
)
def test_what_is_refused_is_said_once_and_all_ends_nevertheless(
    command: list[str], sys_is_own: bool, said: list[str]
) -> None:
    name = word()
    done = subprocess.run(
        [*command, sys.executable, "-c", REFUSING.replace("WORD", name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    seen = [line.split() for line in done.stdout.splitlines()]
    machines = len(os.listdir("/sys/class/net"))
    assert seen == [["1", "2" if sys_is_own else str(machines)]] * 2, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(said), done.stderr
    assert all(what in line for what, line in zip(said, lines, strict=True))
    wait_until(lambda: not running(f"sleep\0{name}"), "all has ended")
