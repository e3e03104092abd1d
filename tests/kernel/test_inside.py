"""Processes, sockets and threads inside sandboxes and on hosts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netbuilder import Bridge, Container, Host, HostNetwork, NoNetwork, NotFound, Sandbox
from netbuilder.host.namespace import NetworkNamespace
from tests.kernel.helpers import shell
from tests.kernel.leftovers import wait_until


@pytest.fixture(params=["host", "bridge", "none", "container", "host-mode"])
def namespace(request: pytest.FixtureRequest, host: Host) -> NetworkNamespace:
    if request.param == "host":
        return host
    modes = {
        "bridge": Bridge(),
        "none": NoNetwork(),
        "container": Container(sandbox="owner"),
        "host-mode": HostNetwork(),
    }
    owner = [Sandbox(name="owner", mode=NoNetwork())] if request.param == "container" else []
    host.apply(*owner, Sandbox(name="box", mode=modes[request.param]))
    return host["box"]


def test_everything_is_in_the_same_namespace(host: Host, namespace: NetworkNamespace) -> None:
    inside = shell(namespace, "readlink /proc/self/ns/net").strip()
    assert namespace._inside(lambda: os.readlink("/proc/thread-self/ns/net")) == inside
    with namespace.enter():
        assert os.readlink("/proc/thread-self/ns/net") == inside
        assert subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True).stdout.decode().strip() == inside
    assert os.readlink("/proc/thread-self/ns/net") != inside
    with namespace.socket() as one, namespace.enter(), socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        one.listen()
        two.connect(one.getsockname())


def test_localhost_works(namespace: NetworkNamespace) -> None:
    with namespace.socket() as server, namespace.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())


def test_run_is_as_subprocess_run(namespace: NetworkNamespace, tmp_path: Path) -> None:
    done = namespace.run(
        ["sh", "-c", "cat; pwd; echo $WORD; echo oops >&2; exit 3"],
        input="in\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"WORD": "out", "PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, f"in\n{tmp_path}\nout\n", "oops\n")
    assert namespace.run(["cat"], input=b"\0", capture_output=True).stdout == b"\0"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        namespace.run(["sh", "-c", "echo no; exit 3"], check=True, capture_output=True)
    assert (failed.value.returncode, failed.value.stdout) == (3, b"no\n")
    assert namespace.run(["true"], check=True).returncode == 0
    with pytest.raises(FileNotFoundError):
        namespace.run(["/no/such/program"])


def test_run_starts_where_the_caller_is(
    namespace: NetworkNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert namespace.run(["pwd"], capture_output=True, text=True).stdout.strip() == str(tmp_path)


def test_run_in_time(namespace: NetworkNamespace) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        namespace.run(["sleep", "infinity"], timeout=0.1)
    assert namespace.run(["true"], timeout=10).returncode == 0


def test_a_program_that_is_left_running_is_ended_with_the_host(host: Host, namespace: NetworkNamespace) -> None:
    program = namespace.popen(["sleep", "infinity"])
    assert program.poll() is None
    host.close()
    assert program.returncode == -signal.SIGTERM


def test_processes_that_ended_are_forgotten(host: Host) -> None:
    for _ in range(50):
        host.run(["true"])
    assert len(host._processes) <= 1


def test_a_namespace_that_is_gone(host: Host) -> None:
    host.apply(Sandbox(name="box", mode=NoNetwork()))
    box = host["box"]
    shell(host, "ip netns del box")
    for use in (lambda: box.run(["true"]), box.socket, lambda: box.enter().__enter__()):
        with pytest.raises(NotFound, match="gone"):
            use()
    host.apply(Sandbox(name="box", mode=NoNetwork()))
    assert box.run(["true"]).returncode == 0


def test_what_a_sandbox_tells_of_itself(host: Host) -> None:
    host.apply(
        Sandbox(name="web", mode=Bridge(publish=["8088:80"])),
        Sandbox(name="log", mode=Container(sandbox="web")),
        Sandbox(name="bare", mode=NoNetwork()),
        Sandbox(name="top", mode=HostNetwork()),
    )
    told = {
        one.name: (one.mode, str(one.namespace), str(one.address), [str(port) for port in one.ports])
        for one in host.sandboxes()
    }
    assert told == {
        "web": ("bridge", "/run/netns/web", "172.17.0.2", ["8088:80/tcp"]),
        "log": ("container", "/run/netns/web", "172.17.0.2", ["8088:80/tcp"]),
        "bare": ("none", "/run/netns/bare", "None", []),
        "top": ("host", "None", "None", []),
    }
    assert repr(host["web"]) == "<sandbox web: bridge mode, 172.17.0.2>"
    assert repr(host["bare"]) == "<sandbox bare: none mode>"


def test_links_are_what_the_kernel_says(host: Host) -> None:
    host.apply(*(Sandbox(name=name) for name in ("a", "b")), Sandbox(name="bare", mode=NoNetwork()))
    shell(host, "ip link add stray type veth peer name eth0 netns bare && ip link add loose type veth peer name tight")
    for pair in host.links():
        (outer,) = json.loads(shell(host, f"ip -j link show {pair.veth}"))
        (inner,) = json.loads(shell(host[pair.sandbox], f"ip -j link show {pair.interface}"))
        assert (outer["ifindex"], outer["link_index"]) == (pair.ifindex, pair.peer_ifindex)
        assert (inner["ifindex"], inner["link_index"]) == (pair.peer_ifindex, pair.ifindex)
        assert outer.get("master") == pair.bridge
        assert outer["link_netnsid"] == pair.netnsid
        assert (pair.bridge is None) == (pair.veth == "stray") == (pair.sandbox == "bare")
    assert [pair.sandbox for pair in host.links()] == ["a", "b", "bare"]


def test_a_with_block_takes_back_what_was_made_in_it(host: Host) -> None:
    """And not what stood before, nor what others still use."""
    host.apply(Sandbox(name="before"))
    code = """
from netbuilder import *
with Host.current() as host:
    lab, x = Network(name="lab"), Sandbox(name="x", mode=Bridge(network="lab"))
    host.apply(Sandbox(name="before"), Sandbox(name="mine"), lab, x)
    Host.current().apply(Sandbox(name="guest", mode=Container(sandbox="x")))
    print(*(one.name for one in host.sandboxes()))
"""
    root = Path(__file__).parents[2]
    done = host.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["before", "mine", "x", "guest"]
    assert sorted(one.name for one in host.sandboxes()) == ["before", "guest", "x"]
    wait_until(lambda: "mine" not in shell(host, "ls /run/netns"), "the namespace is gone")
