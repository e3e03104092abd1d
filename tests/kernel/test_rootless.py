"""An ordinary user, without any privilege: a throw-away host in a user namespace of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netbuilder.kernel.privileges import missing_capabilities

ROOT = Path(__file__).parents[2]
# Somebody who may read what the tests' user may read, and has no capability.
ORDINARY = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


def as_ordinary_user(code: str, *before: str) -> subprocess.CompletedProcess[str]:
    code = f"from netbuilder import *\nimport os, threading\n{code}"
    return subprocess.run(
        [*ORDINARY, *before, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_somebody_without_privileges_is_one() -> None:
    code = "from netbuilder.kernel.privileges import missing_capabilities; print(os.geteuid(), *missing_capabilities())"
    assert as_ordinary_user(code).stdout.split() == ["1000", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"]
    assert not missing_capabilities()


def test_a_host_of_ones_own() -> None:
    done = as_ordinary_user("""
with Host.isolated() as host:
    web = Sandbox(name="web", mode=Bridge(publish=["8088:80"]))
    host.apply(web, Sandbox(name="log", mode=Container(sandbox="web")), Sandbox(name="bare", mode=NoNetwork()))
    with host["web"].socket() as server, host.socket() as client:
        server.bind(("0.0.0.0", 80))
        server.listen()
        client.settimeout(5)
        client.connect(("127.0.0.1", 8088))
        connection, source = server.accept()
        connection.close()
        print(source[0])
    print(host.run(["ip", "netns", "exec", "web", "cat", "/sys/class/net/eth0/mtu"], capture_output=True).returncode)
    print(len(host.diff(web).plan), len(host.links()))
    host.destroy_all()
    print(host.run(["ls", "/run/netns"], capture_output=True, text=True).stdout.strip() or "nothing")
with Host.isolated() as one, Host.isolated() as two:
    one.apply(web)
    two.apply(web)
    print("two")
""")
    assert done.stderr == ""
    assert done.stdout.split() == ["172.17.0.1", "0", "0", "1", "nothing", "two"]


def test_the_host_as_it_is_takes_privileges() -> None:
    done = as_ordinary_user("""
try:
    Host.current()
except PrivilegeError as error:
    print(error)
    print(error.hint)
""")
    problem, hint = done.stdout.splitlines()
    assert "CAP_NET_ADMIN and CAP_SYS_ADMIN" in problem
    assert "Host.isolated()" in hint


def test_a_process_with_threads_is_told_what_to_do() -> None:
    done = as_ordinary_user("""
stop = threading.Event()
threading.Thread(target=stop.wait).start()
try:
    Host.isolated()
except PrivilegeError as error:
    print(error)
    print(error.hint)
stop.set()
""")
    problem, hint = done.stdout.splitlines()
    assert "one thread" in problem
    assert hint.startswith("make the host before any thread is started; or start the program on a host of its own: ")


@pytest.mark.parametrize("names", ["user", "net"])
def test_where_namespaces_are_forbidden(names: str) -> None:
    """As some distributions do for ordinary users."""
    code = """
try:
    Host.isolated()
except PrivilegeError as error:
    print(error)
    print(error.hint)
"""
    forbid = f"echo 0 > /proc/sys/user/max_{names}_namespaces"
    allowed = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{forbid} && exec "$0" "$@"']
    if names == "user":
        allowed += ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]
    code = f"from netbuilder import *\n{code}"
    done = subprocess.run([*allowed, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    problem, hint = done.stdout.splitlines()
    assert "does not let an ordinary user" in problem
    assert "sudo" in hint


def test_in_a_user_namespace_without_a_run_of_its_own() -> None:
    """The store has to be somewhere: without a writable /run, what is missing is said."""
    code = """
from netbuilder import *
try:
    Host.current()
except PrivilegeError as error:
    print(error)
    print(error.hint)
"""
    inside = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    block = 'mount -t tmpfs -o ro none /run && exec "$0" "$@"'
    done = subprocess.run(
        [*inside, "sh", "-c", block, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert "/run/netbuilder" in done.stdout, done.stderr
    assert "in a user namespace it takes a /run of one's own; start the program on a host of its own: " in done.stdout


def test_the_tests_run_as_root_of_some_machine() -> None:
    """With root's rights in the namespace that they are in: pytest sees to that, see conftest.py."""
    assert os.geteuid() == 0
