"""Handles and plans as a Python programmer uses them: printed, compared, and passed where a name would do."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netbuilder import Bridge, Container, Host, HostNetwork, Network, NoNetwork, NotFound, Sandbox, SpecError
from netbuilder.compose import dump, parse
from tests.kernel.helpers import shell

LAB, WEB = Network("lab", subnet="10.9.0.0/24"), Sandbox("web", mode=Bridge("lab"))


def test_a_handle_or_a_spec_does_where_a_name_would(host: Host) -> None:
    host.apply(LAB, WEB)
    web = host["web"]
    assert host[web] == host[WEB] == web
    assert hash(host[WEB]) == hash(web)
    assert web in host
    assert WEB in host
    host.apply(Sandbox("mate", mode=Container(web)))
    assert host["mate"] != web
    assert host["mate"].address == web.address
    assert host["mate"].mac == web.mac == "02:42:0a:09:00:02"
    host.destroy(host["mate"])
    host.destroy(web)
    assert web not in host
    with pytest.raises(NotFound):
        host[web]
    with pytest.raises(TypeError, match="named by its name, its spec or its handle, not int"):
        host[7]  # type: ignore[index]


def test_what_is_printed_is_short_and_true(host: Host) -> None:
    plan = host.plan(LAB, WEB)
    assert str(plan) == plan.script()
    assert repr(plan) == f"<Plan: {len(plan)} steps>"
    assert repr(plan[:1]) != repr(plan)
    assert repr(host) == "<isolated host>"
    with Host.isolated() as other:
        pass
    assert repr(other) == "<closed isolated host>"
    changes = host.apply(LAB, WEB)
    assert repr(changes) == f"<Changes: 2 created; {len(changes.plan)} steps>"
    assert repr(host.apply(LAB, WEB)) == "<Changes: 2 unchanged; 0 steps>"
    assert repr(host["web"].resolved) == "<resolved sandbox web: bridge mode, 10.9.0.2>"
    assert str(host["web"].endpoints) == "(<resolved endpoint on lab: eth0, 10.9.0.2/24>,)"
    assert repr(host["web"]) == "<sandbox web: bridge mode, 10.9.0.2>"


def test_programs_read_what_they_are_given(host: Host) -> None:
    assert host.run(["cat"], input="text", capture_output=True).stdout == "text"
    assert host.run(["cat"], input=b"bytes", capture_output=True).stdout == b"bytes"


def test_what_is_written_otherwise_is_answered_with_what_to_write(host: Host) -> None:
    for start in (host.run, host.popen):
        with pytest.raises(TypeError, match=r"a program is a list, .*: \['ip', 'addr'\], or \['sh', '-c', 'ip addr'\]"):
            start("ip addr")
    with pytest.raises(TypeError, match="apply takes specs, not a dict"):
        host.apply({"name": "web"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"apply\(\*specs\)"):
        host.apply([WEB])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"no shell reads a program: leave out shell=True, or write \['sh', '-c'"):
        host.run(["ip"], shell=True)
    with pytest.raises(TypeError, match=r"Host.current\(\), the host you are on, or Host.isolated\(\)"):
        Host()


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ("compose.yaml", r"write apply\(\*netbuilder.compose.parse\(TEXT\).specs\)"),
        (Path("compose.yml"), r"write apply\(\*netbuilder.compose.parse\(TEXT\).specs\)"),
        (parse("services: {web: {}}"), r"write apply\(\*composed.specs\)"),
        ("web", r'write Sandbox\("web"\) or Network\("lab"\)'),
        (Bridge("lab"), r'a mode is a sandbox\'s: write Sandbox\("web", mode=…\)'),
        (Sandbox, "not ModelMetaclass"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_spec_is_answered(host: Host, given: Any, instead: str) -> None:
    with pytest.raises(TypeError, match=instead):
        host.apply(given)


def test_a_guess_is_answered(host: Host) -> None:
    host.apply(WEB.model_copy(update={"mode": Bridge()}))
    web = host["web"]
    for guess, instead in (
        (lambda: web.ip, "LiveSandbox has no attribute 'ip': write address"),  # type: ignore[attr-defined]
        (lambda: web.stop(), r"write destroy\(\)"),  # type: ignore[attr-defined]
        (lambda: web.adress, "did you mean address?"),  # type: ignore[attr-defined]
        (lambda: host.ps(), r"Host has no attribute 'ps': write sandboxes\(\)"),  # type: ignore[attr-defined]
        (lambda: host.dif(), "did you mean diff?"),  # type: ignore[attr-defined]
        (lambda: host._repr_html_(), "Host has no attribute '_repr_html_'$"),  # type: ignore[attr-defined]
    ):
        with pytest.raises(AttributeError, match=instead):
            guess()
    with pytest.raises(TypeError, match=r"apply takes Network or Sandbox, .*; that stands already"):
        host.apply(web)  # type: ignore[arg-type]
    with pytest.raises(NotFound) as caught:
        host["wbe"]
    assert caught.value.hint == "did you mean web?"


# Which one a handle is of


def refused(host: Host, web: Any) -> None:
    """A handle is taken nowhere, and nothing is done."""
    before = [*host], [one.name for one in host.networks()]
    gone = "the sandbox 'web' of this handle is not on this host: it is gone, or another host's"
    mate = Sandbox("mate", mode=Container(web))
    for call in (lambda: host.destroy(web), lambda: host[web]):
        with pytest.raises(NotFound, match=gone):
            call()
    for ask in (host.apply, host.plan, host.diff):
        with pytest.raises(SpecError, match=f"sandbox mate.mode.sandbox: {gone}"):
            ask(mate)
    assert web not in host
    assert ([*host], [one.name for one in host.networks()]) == before


def test_a_handle_of_another_host_is_of_nothing_here(host: Host, new_host: Callable[[], Host]) -> None:
    other = new_host()
    for one in (host, other):
        one.apply(LAB, WEB)
    assert host != other
    assert host["web"] != other["web"]
    refused(other, host["web"])
    assert host["web"] in host


def test_a_handle_of_a_sandbox_that_is_gone_is_of_no_other(host: Host) -> None:
    host.apply(LAB, WEB)
    old = host["web"]
    host.destroy(old)
    refused(host, old)
    host.apply(Network("web", subnet="10.8.0.0/24"))
    refused(host, old)
    host.apply(LAB, WEB)
    refused(host, old)
    assert host["web"] != old
    for use in (lambda: old.run(["true"]), lambda: old.popen(["true"]), old.socket, old.destroy, old.move_in):
        with pytest.raises(NotFound, match="of this handle is not on this host"):
            use()
    assert host["web"].run(["true"]).returncode == 0


def test_a_sandbox_that_changes_is_the_same(host: Host) -> None:
    host.apply(LAB, WEB)
    web = host["web"]
    host.apply(Network("lab", subnet="10.8.0.0/24"), WEB)
    host.apply(Network("lab", subnet="10.8.0.0/24"), Sandbox("web", mode=Bridge("lab", publish=["8088:80"])))
    assert web == host["web"]
    assert host.destroy(web)


def test_a_network_is_not_the_sandbox_of_its_name(host: Host) -> None:
    host.apply(LAB, WEB)
    assert Network("web") not in host
    assert Sandbox("lab") not in host
    assert LAB in host
    network = host.networks()[0]
    assert network in host
    assert network.replace(bridge="br9") not in host
    for what, problem in ((Network("web"), "no network 'web'"), (Sandbox("lab"), "no sandbox 'lab'")):
        with pytest.raises(NotFound, match=f"there is {problem} on this host") as caught:
            host.destroy(what)
        assert caught.value.hint.startswith("there is a ")
    with pytest.raises(NotFound, match="'lab' is a network, and no sandbox"):
        host[LAB]  # type: ignore[index]
    host.apply(Sandbox("side", mode=Bridge(host.networks()[0])))
    with pytest.raises(TypeError, match=r"may be another host's: write Network\('lab'\)"):
        host.destroy(*host.networks())  # type: ignore[arg-type]
    assert [one.name for one in host.destroy(LAB, *host.sandboxes())] == ["side", "web", "lab"]


def test_a_spec_with_a_handle_is_a_value_like_any(host: Host) -> None:
    host.apply(LAB, WEB)
    mate = Sandbox("mate", mode=Container(host["web"]))
    assert mate == Sandbox("mate", mode="container:web")
    assert hash(mate) == hash(Sandbox("mate", mode="container:web"))
    assert Sandbox.model_validate_json(mate.model_dump_json()) == mate
    assert repr(mate) == "Sandbox(name='mate', mode=Container(sandbox='web'))"
    assert "service:web" in dump([LAB, WEB, mate])
    again = pickle.loads(pickle.dumps(mate))
    host.destroy("web")
    host.apply(LAB, WEB)
    for spec in (mate, again, mate.model_copy(update={"name": "other"})):
        with pytest.raises(SpecError, match="of this handle is not on this host"):
            host.apply(spec)


def test_two_handles_of_one_host_are_equal() -> None:
    code = """
from netbuilder import Host
with Host.current() as one, Host.current() as two, Host.isolated() as other:
    assert one == two and hash(one) == hash(two) and one is not two
    assert one != other and one != "host"
    with other.enter(), Host.current() as another:  # the same network, and another /run: nothing of what stands there
        assert another != other
"""
    mounted = ["unshare", "--net", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]
    done = subprocess.run([*mounted, sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_namespace_is_adopted_by_its_name_and_by_its_path(host: Host) -> None:
    inode = "stat -Lc %i /proc/self/ns/net"
    shell(host, "ip netns add one; ip netns add two")
    host.apply(Sandbox("a", mode="none", namespace="one"), Sandbox("b", mode="none", namespace=Path("/run/netns/two")))
    for name, pin in (("a", "one"), ("b", "two")):
        assert shell(host[name], inode) == shell(host, f"ip netns exec {pin} {inode}")


def test_a_handle_goes_along_when_its_sandbox_changes_its_mode(host: Host) -> None:
    """The same sandbox, in another namespace by now: a program goes there, and not into the host's as before."""
    look = "ls /sys/class/net"
    shell(host, "ip link add outside type bridge")
    host.apply(Sandbox(name="web", mode=HostNetwork()))
    web = host["web"]
    assert "outside" in shell(web, look)
    host.apply(Sandbox(name="web", mode=NoNetwork()))
    assert shell(web, look) == "lo\n"
    assert web._inside(socket.if_nameindex) == [(1, "lo")]
    host.apply(Sandbox(name="db", mode=NoNetwork()), Sandbox(name="web", mode=Container(sandbox="db")))
    shell(host["db"], "ip link add within type bridge")
    assert "within" in shell(web, look)


def test_a_handle_of_what_is_gone_tells_nothing_of_others(host: Host) -> None:
    db = Sandbox(name="db", mode=Bridge(network="lab", address="10.9.0.9"))
    host.apply(Network(name="lab", subnet="10.9.0.0/24"), db, Sandbox(name="web", mode=Container(sandbox="db")))
    web = host["web"]
    assert str(web.address) == "10.9.0.9"
    host.destroy("web", "db")
    host.apply(Sandbox(name="db", mode=Bridge(network="lab", address="10.9.0.77")))
    assert web.address is None
