"""What was started inside ends with it, whatever it does to live on; and nothing else does."""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from netbuilder import Container, Host, HostNetwork, NoNetwork, Sandbox
from netbuilder.host.namespace import NetworkNamespace
from tests.kernel.escapes import ESCAPES, running, word
from tests.kernel.helpers import shell
from tests.kernel.leftovers import wait_until

ROOT = Path(__file__).parents[2]
WEB, BARE = Sandbox(name="web"), Sandbox(name="bare", mode=NoNetwork())
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

each_escape = pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)


def escaped(inside: NetworkNamespace, script: str) -> str:
    """Start something that wants to live on; the word by which it is found."""
    name = word()
    inside.popen(["sh", "-c", script.replace("WORD", name)], **QUIET)
    wait_until(lambda: running(name), f"it runs: {script}")
    return name


@each_escape
def test_what_was_started_in_a_sandbox_ends_with_it(host: Host, escape: str) -> None:
    host.apply(WEB, BARE)
    neighbour, outside = (escaped(place, "sleep WORD") for place in (host["bare"], host))
    foreign = escaped(host, "ip netns exec web sleep WORD")  # in the same network, put there by somebody else
    inside = escaped(host["web"], escape)
    host.destroy("web")
    assert not running(inside)
    assert all(map(running, (neighbour, outside, foreign)))


WAYS: dict[str, Callable[[Host], object]] = {
    "destroy": lambda host: host.destroy("box", "side", "top"),
    "destroy_all": Host.destroy_all,
    "take_down": lambda host: host.take_down(*SPECS),
    "close": Host.close,
    "with": lambda host: host.__exit__(),
    "change": lambda host: (host.destroy("side"), host.apply(Sandbox(name="box", mode=HostNetwork()))),
}
SPECS = (
    Sandbox(name="box", mode=NoNetwork()),
    Sandbox(name="side", mode=Container(sandbox="box")),
    Sandbox(name="top", mode=HostNetwork()),
)


@pytest.mark.parametrize("way", WAYS)
def test_it_ends_in_whichever_way_the_sandbox_goes(host: Host, way: str) -> None:
    host.apply(*SPECS)
    words = {name: escaped(host[name], ESCAPES["setsid"]) for name in ("box", "side", "top")}
    WAYS[way](host)
    assert {name for name, word in words.items() if running(word)} == ({"top"} if way == "change" else set())


def test_a_sharer_ends_alone(host: Host) -> None:
    """Container mode shares the network; pids are each sandbox's own, as with Docker."""
    host.apply(*SPECS)
    box, side = (escaped(host[name], "sleep WORD") for name in ("box", "side"))
    assert box not in shell(host["side"], "ps ax")
    host.destroy("side")
    assert (bool(running(box)), bool(running(side))) == (True, False)


@each_escape
def test_what_was_started_on_an_isolated_host_ends_with_it(host: Host, escape: str) -> None:
    on_host = escaped(host, escape)
    host.close()
    assert not running(on_host)


def test_a_host_that_nobody_closed() -> None:
    def leave() -> str:
        host = Host.isolated()
        host.apply(BARE)
        return escaped(host["bare"], ESCAPES["setsid"])

    left = leave()
    gc.collect()
    wait_until(lambda: not running(left), "it ends with its host")


# In time


@each_escape
def test_what_ran_out_of_time_ends_with_all_that_it_started(host: Host, escape: str) -> None:
    host.apply(BARE)
    neighbour, name = escaped(host["bare"], "sleep WORD"), word()
    script = f"{escape.replace('WORD', name)}\nsleep {name}"
    with pytest.raises(subprocess.TimeoutExpired):
        host["bare"].run(["sh", "-c", script], timeout=0.3, **QUIET)
    assert not running(name)
    assert running(neighbour)
    assert host["bare"].run(["true"], timeout=10).returncode == 0


def test_what_ended_in_time_may_leave_something_running(host: Host) -> None:
    host.apply(BARE)
    name = word()
    assert host["bare"].run(["sh", "-c", f"setsid sleep {name} &"], timeout=10).returncode == 0
    wait_until(lambda: running(name), "it runs")
    host["bare"].run(["true"], timeout=10)
    assert running(name)
    host.destroy("bare")
    assert not running(name)


def test_a_timed_run_sees_its_neighbours(host: Host) -> None:
    host.apply(BARE)
    with host["bare"].popen(["sleep", "60"]) as neighbour:
        host["bare"].run(["pkill", "sleep"], timeout=10, check=True)
        assert neighbour.wait(10) == -signal.SIGTERM


def test_an_interrupted_run_leaves_nothing(host: Host) -> None:
    host.apply(BARE)
    name = word()

    def press() -> None:
        wait_until(lambda: len(running(f"sleep\0{name}")) == 2, "both run")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    ctrl_c = threading.Thread(target=press)
    ctrl_c.start()
    with pytest.raises(KeyboardInterrupt):
        host["bare"].run(["sh", "-c", f"setsid sleep {name} & sleep {name}"])
    ctrl_c.join()
    assert not running(name)


# With its owner

OWNER = """
import os, signal, subprocess, sys, time
from netbuilder import *
host = Host.isolated()
host.apply(Sandbox(name="bare", mode=NoNetwork()))
host["bare"].popen(["sh", "-c", sys.argv[1]], stdout=subprocess.DEVNULL)
host.popen(["sh", "-c", sys.argv[1]], stdout=subprocess.DEVNULL)
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit()",
        "os._exit(1)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.fork() or time.sleep(60); os._exit(0)",  # a fork of it lives on
        "os.execvp('sleep', ['sleep', '60'])",
    ],
    ids=["exit", "_exit", "killed", "forked", "replaced"],
)
def test_it_ends_with_the_process_that_started_it(end: str) -> None:
    name = word()
    script = f"setsid sh -c 'trap \"\" TERM HUP; sleep {name}' &"
    program = [sys.executable, "-W", "ignore", "-c", OWNER + end, script]
    with subprocess.Popen(
        program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as owner:
        assert owner.stdin and owner.stdout
        assert owner.stdout.readline() == "ready\n"
        wait_until(lambda: len(running(f"sleep\0{name}")) == 2, "both run")
        owner.stdin.write("go on\n")
        owner.stdin.flush()
        wait_until(lambda: not running(f"sleep\0{name}"), "both have ended")
        os.killpg(owner.pid, signal.SIGKILL)


# Processes as they are seen


def test_a_program_is_known_outside_by_its_pid_there(host: Host) -> None:
    host.apply(BARE)
    with host["bare"].popen(["sh", "-c", "echo $$; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        assert one.stdout
        inside = int(one.stdout.readline())
        status = Path(f"/proc/{one.pid}/status").read_text()
        assert f"NSpid:\t{one.pid}\t{inside}\n" in status
        assert inside != one.pid
        one.send_signal(signal.SIGTERM)
        assert one.wait(10) == -signal.SIGTERM


def test_a_program_is_no_first_process(host: Host) -> None:
    """As one, it would ignore SIGTERM, and take along what it leaves running."""
    host.apply(BARE)
    assert shell(host["bare"], "echo $$").strip() != "1"
    with host["bare"].popen(["sleep", "60"]) as program:
        program.terminate()
        assert program.wait(10) == -signal.SIGTERM


def test_only_the_sandbox_is_seen_and_can_be_killed(host: Host) -> None:
    host.apply(BARE, WEB)
    with host["bare"].popen(["sleep", "60"]) as other, host["web"].popen(["sleep", "60"]) as same:
        seen = ["cat", "sleep", "sh", "ps"]  # the first one has been a shell
        wait_until(lambda: shell(host["web"], "ps -e -o comm=").split() == seen, "they see no others")
        host["web"].run(["sh", "-c", "kill -KILL -1"])
        assert same.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()
    assert host["web"].run(["true"]).returncode == 0


def test_orphans_are_reaped(host: Host) -> None:
    host.apply(BARE)
    shell(host["bare"], "for i in 1 2 3 4 5; do setsid true & done; sleep 0.1")
    wait_until(lambda: "Z" not in shell(host["bare"], "ps -e -o stat="), "no zombie is left")


def test_a_program_that_makes_another_the_child_of_its_own_parent(host: Host) -> None:
    """clone(2) with CLONE_PARENT makes it ours, and the kernel waits for us to reap it."""
    host.apply(BARE)
    name = word()
    code = (
        f"import ctypes, os; ctypes.CDLL(None).syscall(56, 0x8011, 0, 0, 0, 0) or os.execlp('sleep', 'sleep', '{name}')"
    )
    if os.uname().machine != "x86_64":
        code = code.replace("56", "220")
    host["bare"].run([sys.executable, "-c", code])
    wait_until(lambda: running(name), "it runs")
    begin = time.monotonic()
    host.destroy("bare")
    assert time.monotonic() - begin < 1.9
    assert not running(name)


def test_when_somebody_kills_the_first_process(host: Host) -> None:
    host.apply(BARE)
    with host["bare"].popen(["sleep", "60"]) as program:
        (room,) = host._processes._rooms.values()
        assert room._init
        room._init.kill()
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)  # not reaped yet, it keeps the first process waiting
        assert shell(host["bare"], "echo again") == "again\n"
        assert program.wait(10) == -signal.SIGKILL


def test_a_shell_has_job_control(host: Host) -> None:
    host.apply(BARE)
    ours, theirs = os.openpty()
    shell_ = ["setsid", "--ctty", "--wait", "sh", "-i"]
    with host["bare"].popen(shell_, stdin=theirs, stdout=theirs, stderr=theirs) as terminal:
        os.close(theirs)
        try:
            for typed, answer in (
                (b"echo rea''dy\n", b"ready"),
                (b"sleep 60\n", b"sleep 60\r\n"),
                (b"\x1a", b"Stopped"),  # Ctrl-Z
                (b"fg\n", b"sleep 60\r\n"),
                (b"\x03", b"# "),  # Ctrl-C
                (b"echo stat''us $?\n", b"status 130"),
            ):
                if typed in (b"\x1a", b"\x03"):
                    wait_until(lambda: "S+" in shell(host["bare"], "ps -C sleep -o stat="), "it runs, and is in front")
                os.write(ours, typed)
                _expect(ours, answer)
            os.write(ours, b"exit 5\n")
            assert terminal.wait(10) == 5
        finally:
            terminal.kill()
            os.close(ours)


def _expect(terminal: int, what: bytes) -> None:
    seen = b""
    while what not in seen:
        assert select.select([terminal], [], [], 10)[0], seen
        seen += os.read(terminal, 1000)


def test_a_sandbox_in_which_nothing_is_started_costs_no_process(host: Host) -> None:
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
    host.apply(WEB, BARE, Sandbox(name="side", mode=Container(sandbox="web")))
    assert len(host._processes._rooms) == 0
    assert Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text() == children
