"""A host's life: interrupts, programs that end with it, and calls that could never be answered."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from netbuilder import Bridge, Container, Host, HostNetwork, NetbuilderError, Network, NoNetwork, Sandbox, SpecError
from netbuilder.steps import Step
from tests.kernel.helpers import picture
from tests.kernel.leftovers import wait_until

ROOT = Path(__file__).parents[2]
LAB = Network(name="lab", subnet="10.9.0.0/24")
WEB = Sandbox(name="web", mode=Bridge(network="lab"))
SIDE = Sandbox(name="side", mode=Container(sandbox="web"))


class Interrupter:
    """Presses Ctrl-C ahead of a certain step, and from there on gives the main thread time to see it.

    A signal that the kernel hands to another thread than the main one does not wake the main one: nor does one that
    comes a moment before the main thread begins to wait.
    """

    def __init__(self, at: int, wakes: bool = True) -> None:
        self.at = at
        self.wakes = wakes
        self.seen = 0

    def __call__(self, step: Step) -> None:
        self.seen += 1
        if self.seen == self.at:
            to = threading.main_thread() if self.wakes else threading.current_thread()
            assert to.ident
            signal.pthread_kill(to.ident, signal.SIGINT)
        if self.seen >= self.at:
            time.sleep(0.3)


def in_a_fork(function: Callable[[], object]) -> str:
    """What a forked process raises, which has a few seconds for it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(5)
        try:
            function()
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    assert os.waitpid(child, 0)[1] == 0
    return said


@pytest.mark.parametrize("wakes", [True, False])
@pytest.mark.parametrize("at", [1, 5])
def test_ctrl_c_takes_everything_back(host: Host, at: int, wakes: bool) -> None:
    before = picture(host)
    steps = len(host.plan(LAB, WEB))
    watch = Interrupter(at, wakes)
    with pytest.raises(KeyboardInterrupt):
        host.apply(LAB, WEB, watch=watch)
    assert watch.seen < steps
    assert not host._mine
    assert picture(host) == before


def test_ctrl_c_too_late_leaves_it_to_the_with_block(host: Host) -> None:
    steps = len(host.plan(LAB, WEB))
    with pytest.raises(KeyboardInterrupt):
        host.apply(LAB, WEB, watch=Interrupter(steps))
    assert {key.name for key in host._mine} >= {"lab", "web"}
    assert "web" in host


def interrupt_once_it_waits(host: Host) -> None:
    wait_until(host._thread._jobs.qsize, "the main thread's call is in the queue")
    main = threading.main_thread().ident
    assert main
    signal.pthread_kill(main, signal.SIGINT)


def test_what_has_not_begun_when_interrupted_does_not_begin(host: Host) -> None:
    """Another thread has the host; Ctrl-C meets a caller that waits for its turn."""
    host.apply(LAB, WEB)
    begun, go_on = threading.Event(), threading.Event()

    def slow(step: Step) -> None:
        begun.set()
        go_on.wait(10)

    other = threading.Thread(target=host.apply, args=(Sandbox(name="slow", mode=NoNetwork()),), kwargs={"watch": slow})
    other.start()
    begun.wait(10)
    ctrl_c = threading.Thread(target=interrupt_once_it_waits, args=(host,))
    ctrl_c.start()
    with pytest.raises(KeyboardInterrupt):
        host.destroy("web")
    go_on.set()
    other.join()
    ctrl_c.join()
    assert [*host] == ["web", "slow"]


@pytest.mark.parametrize(
    "code",
    [
        "import atexit; host = Host.current(); host.apply(Sandbox(name='a', mode=NoNetwork()))\n"
        "atexit.register(host.destroy, 'a')",
        "import threading, time\n"
        "def work():\n"
        "    with Host.current() as host:\n"
        "        time.sleep(0.3)\n"
        "        host.apply(Sandbox(name='a', mode=NoNetwork()))\n"
        "threading.Thread(target=work).start()",
        "Host.current().plan(Sandbox(name='a', mode=NoNetwork()))",
    ],
    ids=["atexit", "thread", "dropped"],
)
def test_a_host_works_until_the_very_end_of_the_interpreter(host: Host, code: str) -> None:
    before = picture(host)
    program = [sys.executable, "-c", f"from netbuilder import *\n{code}"]
    done = host.run(program, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert picture(host) == before


def test_processes_live_on_if_a_sandbox_may_not_go(host: Host) -> None:
    host.apply(LAB, WEB, SIDE)
    with host["web"].popen(["sleep", "60"]) as program:
        with pytest.raises(SpecError, match="in use by side"):
            host.destroy("web")
        host.take_down(WEB)
        assert program.poll() is None
        host.destroy("web", "side")
        assert program.poll() == -signal.SIGTERM
    assert {key.name for key in host._mine}.isdisjoint({"web", "side"})


def test_processes_end_with_a_namespace_that_a_change_takes_away(host: Host) -> None:
    host.apply(LAB, WEB, SIDE)
    with host["web"].popen(["sleep", "60"]) as inside, host.popen(["sleep", "60"]) as outside:
        host.apply(WEB.model_copy(update={"mode": Bridge(network="lab", publish=["80"])}))
        assert inside.poll() is None
        host.destroy("side")
        host.apply(Sandbox(name="web", mode=HostNetwork()))
        assert (inside.poll(), outside.poll()) == (-signal.SIGTERM, None)
        outside.kill()


def test_what_container_mode_names_stays_as_long(host: Host) -> None:
    host.apply(LAB, WEB, SIDE, Sandbox(name="inner", mode=Container(sandbox="side")))
    with pytest.raises(SpecError, match="in use by inner"):
        host.destroy("side")
    host.destroy("side", "inner")


def test_what_was_taken_down_is_not_ours_any_more(host: Host) -> None:
    host.apply(LAB, WEB)
    host.take_down(WEB)
    assert not host._mine


def test_stubborn_processes_share_one_deadline(host: Host) -> None:
    stubborn = ["sh", "-c", "trap '' TERM; echo; while :; do sleep 1; done"]
    programs = [host.popen(stubborn, stdout=subprocess.PIPE) for _ in range(3)]
    for program in programs:
        assert program.stdout
        program.stdout.readline()
        program.stdout.close()
    begin = time.monotonic()
    host.close()
    assert time.monotonic() - begin < 3.5
    assert [program.returncode for program in programs] == [-signal.SIGKILL] * 3


def test_ended_processes_are_reaped(host: Host) -> None:
    ended = host.popen(["true"])
    wait_until(lambda: os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG), "it ended")
    host.run(["true"])
    assert ended.returncode == 0


@pytest.mark.parametrize("use", [list, Host.close, Host.networks, Host.destroy])
def test_the_host_is_not_used_in_watch(host: Host, use: Callable[[Host], object]) -> None:
    before = picture(host)
    with pytest.raises(NetbuilderError, match="called from the host's own thread"):
        host.apply(LAB, WEB, watch=lambda step: use(host))
    assert picture(host) == before


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_no_part_in_a_host(host: Host) -> None:
    def leave() -> None:
        with host:
            pass

    host.apply(LAB, WEB)
    web, program = host["web"], host.popen(["sleep", "60"])
    for use in (host.networks, lambda: web.run(["true"]), lambda: web.enter().__enter__()):
        assert in_a_fork(use).startswith("NetbuilderError: this host belongs to the process")
    assert in_a_fork(host.close) == in_a_fork(leave) == ""
    assert program.poll() is None
    assert "web" in host


def test_a_closed_host(host: Host) -> None:
    host.apply(LAB, WEB)
    web = host["web"]
    with host:
        host.close()
    for use in (
        host.networks,
        lambda: host.apply(LAB),
        lambda: host.run(["true"]),
        lambda: host.enter().__enter__(),
        lambda: web.enter().__enter__(),
        web.socket,
        web.destroy,
    ):
        with pytest.raises(NetbuilderError, match="this host is closed"):
            use()
    host.close()


@pytest.mark.parametrize("call", ["apply", "plan", "diff", "take_down"])
def test_specs_of_another_type(host: Host, call: str) -> None:
    for handed in ([LAB, WEB], (LAB,), iter([WEB])):
        with pytest.raises(TypeError, match=rf"pass specs one by one: {call}\(\*specs\)"):
            getattr(host, call)(handed)
    with pytest.raises(TypeError, match=f"{call} takes Network or Sandbox, not str: 'web'"):
        getattr(host, call)("web")
    with pytest.raises(TypeError, match="not Bridge"):
        getattr(host, call)(LAB, Bridge())


def test_to_destroy_takes_names_one_by_one(host: Host) -> None:
    host.apply(LAB, WEB)
    with pytest.raises(TypeError, match="one by one"):
        host.destroy(["web"])  # type: ignore[arg-type]
    host.destroy("web")


def test_a_host_that_nobody_closed_leaves_no_file() -> None:
    def drop() -> None:
        Host.isolated().networks()

    drop()
    gc.collect()
    time.sleep(0.2)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        drop()
    gc.collect()
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before, "its files are closed")
