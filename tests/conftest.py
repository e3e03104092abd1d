"""Throw-away hosts for the tests, and proof that nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from netbuilder import Host
from netbuilder.kernel import neighbours
from netbuilder.kernel.privileges import missing_capabilities
from tests.kernel.helpers import Lan
from tests.kernel.leftovers import MARK, Witness, differences, machine, processes, wait_until

# A shell starts what runs in the background with Ctrl-C ignored, nohup does so with SIGHUP, and children inherit that:
# some tests send one.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Speed is measured by `make bench`, never by a test; hypothesis would fail one on a slow machine.
settings.register_profile("netbuilder", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("netbuilder")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each CPU: most of a test is waiting, for a packet that must not come or for the kernel to let go."""
    return 2 * len(os.sched_getaffinity(0))


# An ordinary user's session runs in a user namespace, as root of a machine that has nothing but a loopback. A process
# with threads cannot enter one, and pytest's workers have threads, so all of pytest is started anew inside.


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    inside = [sys.executable, "-m", "netbuilder", "isolated", "--"]
    if not missing_capabilities() or subprocess.run([*inside, "true"], capture_output=True).returncode:
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture:
        capture.stop_global_capturing()
    sys.stdout.flush()
    os.execvp(inside[0], [*inside, sys.executable, *sys.orig_argv[1:]])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at the machine before any worker is started."""
    if _is_worker(session.config) or missing_capabilities():
        return
    os.environ[MARK] = uuid.uuid4().hex
    session.config.stash[_BEFORE] = machine()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Look again when all workers are gone: whatever differs fails the session."""
    yield
    before = session.config.stash.get(_BEFORE, None)
    if before is None:
        return
    try:
        wait_until(lambda: not processes(os.environ[MARK]) and machine() == before, "the machine is as it was", 5)
    except AssertionError:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.stash[_LEFT] = [
            *(f"process: + {line}" for line in processes(os.environ[MARK])),
            *differences(before, machine()),
        ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_LEFT, [])[:50]:
        terminalreporter.write_line(f"LEFT BEHIND {line}", red=True)


_BEFORE = pytest.StashKey[dict[str, list[str]]]()
_LEFT = pytest.StashKey[list[str]]()


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


# Fixtures


@pytest.fixture(scope="session")
def witness() -> Iterator[Witness]:
    """Sees to it that every namespace of every test is gone in the end."""
    witness = Witness()
    yield witness
    try:
        wait_until(lambda: not witness.survivors(), "every namespace that the tests made is gone")
    finally:
        witness.close()


@pytest.fixture
def new_host(witness: Witness) -> Iterator[Callable[[], Host]]:
    """Makes as many hosts as a test needs."""
    hosts: list[Host] = []

    def make() -> Host:
        host = Host.isolated()
        witness.note(host)
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        witness.note_sandboxes(host)
        host.close()


@pytest.fixture
def host(new_host: Callable[[], Host]) -> Host:
    """A throw-away host with nothing on it but its loopback."""
    return new_host()


@pytest.fixture
def quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of many calls, each of which asks anew who else is on an adopted bridge."""
    monkeypatch.setattr(neighbours, "INTERVAL", 0.01)


@pytest.fixture
def lan(host: Host) -> Lan:
    """A throw-away host with two networks of other machines beside it; it is no router."""
    return Lan(host)
