"""Programs, sockets and threads inside sandboxes and on hosts."""

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
from netbuilder.place import Place
from tests.kernel.helpers import shell
from tests.kernel.leftovers import wait_until


@pytest.fixture(params=["host", "bridge", "none", "container", "host-mode"])
def place(request: pytest.FixtureRequest, host: Host) -> Place:
    if request.param == "host":
        return host
    modes = {
        "bridge": Bridge(),
        "none": NoNetwork(),
        "container": Container(sandbox="owner"),
        "host-mode": HostNetwork(),
    }
    owner = [Sandbox(name="owner", mode=NoNetwork())] if request.param == "container" else []
    host.apply(*owner, Sandbox(name="room", mode=modes[request.param]))
    return host["room"]


def test_everything_is_in_the_same_namespace(host: Host, place: Place) -> None:
    inside = shell(place, "readlink /proc/self/ns/net").strip()
    assert place._inside(lambda: os.readlink("/proc/thread-self/ns/net")) == inside
    with place.enter():
        assert os.readlink("/proc/thread-self/ns/net") == inside
        assert subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True).stdout.decode().strip() == inside
    assert os.readlink("/proc/thread-self/ns/net") != inside
    with place.socket() as one, place.enter(), socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        one.listen()
        two.connect(one.getsockname())


def test_localhost_works(place: Place) -> None:
    with place.socket() as server, place.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())


def test_run_is_as_subprocess_run(place: Place, tmp_path: Path) -> None:
    done = place.run(
        ["sh", "-c", "cat; pwd; echo $WORD; echo oops >&2; exit 3"],
        input="in\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"WORD": "out", "PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, f"in\n{tmp_path}\nout\n", "oops\n")
    assert place.run(["cat"], input=b"\0", capture_output=True).stdout == b"\0"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        place.run(["sh", "-c", "echo no; exit 3"], check=True, capture_output=True)
    assert (failed.value.returncode, failed.value.stdout) == (3, b"no\n")
    assert place.run(["true"], check=True).returncode == 0
    with pytest.raises(FileNotFoundError):
        place.run(["/no/such/program"])


def test_run_starts_where_the_caller_is(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place.run(["pwd"], capture_output=True, text=True).stdout.strip() == str(tmp_path)


def test_run_in_time(place: Place) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        place.run(["sleep", "infinity"], timeout=0.1)
    assert place.run(["true"], timeout=10).returncode == 0


def test_a_program_that_is_left_running_is_ended_with_the_host(host: Host, place: Place) -> None:
    program = place.popen(["sleep", "infinity"])
    assert program.poll() is None
    host.close()
    assert program.returncode == -signal.SIGTERM


def test_programs_that_ended_are_forgotten(host: Host) -> None:
    for _ in range(50):
        host.run(["true"])
    assert len(host._programs) <= 1


def test_a_namespace_that_is_gone(host: Host) -> None:
    host.apply(Sandbox(name="room", mode=NoNetwork()))
    room = host["room"]
    shell(host, "ip netns del room")
    for use in (lambda: room.run(["true"]), room.socket, lambda: room.enter().__enter__()):
        with pytest.raises(NotFound, match="gone"):
            use()
    host.apply(Sandbox(name="room", mode=NoNetwork()))
    assert room.run(["true"]).returncode == 0


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
    for cable in host.links():
        (outer,) = json.loads(shell(host, f"ip -j link show {cable.veth}"))
        (inner,) = json.loads(shell(host[cable.sandbox], f"ip -j link show {cable.interface}"))
        assert (outer["ifindex"], outer["link_index"]) == (cable.ifindex, cable.peer_ifindex)
        assert (inner["ifindex"], inner["link_index"]) == (cable.peer_ifindex, cable.ifindex)
        assert outer.get("master") == cable.bridge
        assert outer["link_netnsid"] == cable.netnsid
        assert (cable.bridge is None) == (cable.veth == "stray") == (cable.sandbox == "bare")
    assert [cable.sandbox for cable in host.links()] == ["a", "b", "bare"]


def test_a_with_block_takes_back_what_was_made_in_it(host: Host) -> None:
    """And not what stood before, nor what others still live on."""
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
