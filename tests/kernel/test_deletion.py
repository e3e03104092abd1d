"""A deletion is done when names and indexes are free, and not when the kernel's readers are done with it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from netbuilder.kernel.deletion import Deletions
from netbuilder.kernel.netlink import Netlink
from tests.kernel.helpers import shell

LAB = Network(name="lab")
WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))
ALONE = """
import os, signal
from netbuilder import Bridge, Host, Network, Sandbox
host = Host.current()
for _ in range(3):
    host.apply(Network(name="lab"), Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"])))
    host.destroy("web", "lab")
"""
ENDS = {
    "by itself": "",
    "at once": "os._exit(0)",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "closed": "host.close()",
    "another program": "os.execv('/bin/true', ['true'])",
    "forked": "child = os.fork()\nif not child:\n    os._exit(0)\nassert os.waitpid(child, 0)[1] == 0\nhost.close()",
}


def links(host: Host) -> set[str]:
    return set(shell(host, "ls /sys/class/net").split())


def test_all_is_free_again_when_a_destroy_returns(host: Host) -> None:
    before = links(host)
    for _ in range(20):
        host.apply(LAB, WEB)
        address = host["web"].address
        host.destroy("web", "lab")
        assert links(host) == before
        assert "web" not in shell(host, "ip netns list")
    host.apply(LAB, WEB)
    assert host["web"].address == address
    assert not any(host.missing().values())


def test_nobody_waits_for_the_kernels_readers(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the kernel does not answer, the call comes back all the same."""
    answered = threading.Event()
    ask = Netlink.ask

    def late(netlink: Netlink, *batch: object) -> object:
        done = ask(netlink, *batch)  # type: ignore[arg-type]
        if threading.current_thread().name == "netbuilder deletion":
            assert answered.wait(30)
        return done

    host.apply(LAB, WEB)
    monkeypatch.setattr(Netlink, "ask", late)
    before = links(host)
    host.destroy("web")
    assert links(host) < before
    host.apply(WEB)
    answered.set()
    assert links(host) == before


def test_what_has_the_name_by_then_stays(host: Host) -> None:
    """Somebody took the veth pair away: there is nothing to delete, so not what comes next under its name either."""
    host.apply(LAB, WEB)
    (pair,) = host.links()
    shell(host, f"ip link del {pair.veth}")
    host.destroy("web")
    host.apply(WEB)
    host._call(host._engine.kernel._deletions.wait)
    assert [one.veth for one in host.links()] == [pair.veth]


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_process_that_ends_meanwhile_leaves_nothing(host: Host, end: str) -> None:
    before = links(host)
    done = host.run([sys.executable, "-c", ALONE + end], stderr=subprocess.PIPE)
    assert done.returncode == (-9 if "SIGKILL" in end else 0), done.stderr
    assert links(host) == before
    host.apply(LAB, WEB)
    assert not any(host.missing().values())


def test_what_the_kernel_refuses_is_told(host: Host) -> None:
    def refused() -> int:
        deletions, route = Deletions(), Netlink()
        deletions.add("lo")
        reply = deletions.delete(route)
        deletions.wait()
        route.close()
        return reply.errno if reply else 0

    assert host._call(refused) == errno.EOPNOTSUPP


def test_where_no_more_threads_are_allowed_it_waits_itself(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.apply(LAB, WEB)
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name == "netbuilder deletion":
            raise RuntimeError("can't start new thread")
        start(thread)

    before = links(host)
    monkeypatch.setattr(threading.Thread, "start", refused)
    files = len(os.listdir("/proc/self/fd"))
    host.destroy("web")
    assert links(host) < before
    assert len(os.listdir("/proc/self/fd")) == files
