"""Nothing is held on to: no file, no thread, no namespace."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from netbuilder import Bridge, Host, Network, Sandbox, StepError
from netbuilder.steps import AddAddress
from tests.kernel.leftovers import wait_until

ROOT = Path(__file__).parents[2]


def open_files() -> list[str]:
    """What is open, once the kernel has answered the deletions that nobody waits for."""
    wait_until(lambda: all(one.name != "netbuilder deletion" for one in threading.enumerate()), "all is answered")
    files = Path("/proc/self/fd")
    return sorted(os.readlink(file) for file in files.iterdir() if os.path.lexists(file))


def use(host: Host) -> None:
    network = Network(name="lab")
    host.apply(network, *(Sandbox(name=f"web{n}", mode=Bridge(network="lab", publish=["80"])) for n in range(2)))
    host.run(["true"])
    host["web0"].run(["true"])
    with host["web1"].enter(), host["web1"].socket():
        pass
    host.links()
    host.diff(network)
    host.destroy("web0")


def test_hosts_leave_no_file_and_no_thread() -> None:
    with Host.isolated() as host:  # what is opened once and for all
        use(host)
    files, threads = open_files(), set(threading.enumerate())
    for _ in range(20):
        with Host.isolated() as host:
            use(host)
    assert open_files() == files
    assert set(threading.enumerate()) <= threads


def test_sandboxes_leave_no_file(host: Host) -> None:
    use(host)
    files = open_files()
    for _ in range(20):
        use(host)
    assert open_files() == files


def test_errors_leave_no_file(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(step: AddAddress, kernel: object) -> None:
        raise StepError(step.command(), 1)

    def fail() -> None:
        with pytest.raises(StepError):
            host.apply(Sandbox(name="web"))

    monkeypatch.setattr(AddAddress, "do", refused)
    fail()
    files = open_files()
    for _ in range(20):
        fail()
    assert open_files() == files


def test_a_host_can_be_closed_twice(new_host: Callable[[], Host]) -> None:
    host = Host.isolated()
    host.close()
    host.close()


def test_namespaces_are_gone() -> None:
    """In a user namespace that may have ten network namespaces at a time, forty hosts of three each one after another.

    The kernel counts them to the last: one that leaks is one too many sooner or later. It takes a moment to destroy
    them, so the next host may have to wait.
    """
    code = """
import time
from netbuilder import *

def host_when_allowed(patience=5.0):
    deadline = time.monotonic() + patience
    while True:
        try:
            return Host.isolated()
        except PrivilegeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)

for _ in range(40):
    with host_when_allowed() as host:
        for _ in range(500):
            try:
                host.apply(Sandbox(name="web", mode=Bridge(publish=["80"])), Sandbox(name="bare", mode=NoNetwork()))
                break
            except StepError:
                time.sleep(0.01)
        assert "bare" in host
print("done")
"""
    limit = "echo 10 > /proc/sys/user/max_net_namespaces"
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{limit} && exec "$0" "$@"']
    done = subprocess.run([*inside, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "done\n", done.stderr


def test_a_leak_would_be_seen() -> None:
    """The same count, of hosts that are kept: the eleventh is refused."""
    code = """
from netbuilder import *
hosts = []
try:
    while len(hosts) < 20:
        hosts.append(Host.isolated())
except PrivilegeError:
    print(len(hosts))
"""
    limit = "echo 10 > /proc/sys/user/max_net_namespaces"
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{limit} && exec "$0" "$@"']
    done = subprocess.run([*inside, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "10\n", done.stderr
