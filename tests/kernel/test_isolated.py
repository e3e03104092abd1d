"""`netbuilder isolated`, and what docs/rootless.md says of it, as an ordinary user does it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rootless.md").read_text()
# Somebody who may read what the tests' user may read, and has no capability.
ORDINARY = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
AS_ROOT: list[str] = []
ISOLATED = [sys.executable, "-m", "netbuilder", "isolated", "--"]

# As they are on the PATH of an environment that has them; nothing here leans on how this one was installed.
PROGRAMS = {
    "netbuilder": "-m netbuilder",
    "pytest": "-m pytest",
    "ipython": "-m IPython",
    "jupyter": "-m jupyter_core",
    "jupyter-run": "-m jupyter_client.runapp",
    "python3": "",
}
PACKETS = """
from urllib.request import urlopen

from netbuilder import Bridge, Host, Network, PrivilegeError, Sandbox

def packets():
    with Host.isolated() as host:
        host.apply(Network(name="lab"), Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"])))
        server = host["web"].popen(["python3", "-u", "-m", "http.server", "80"], stdout=-1, stderr=-3)
        server.stdout.readline()
        with host.enter():
            return urlopen("http://127.0.0.1:8088", timeout=10).status
"""
BY_RUN = """
        ask = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:8088', timeout=10).status)"
        return int(host.run(["python3", "-c", ask], capture_output=True).stdout)
"""
TESTS = f"""
import pytest
{PACKETS}
@pytest.mark.parametrize("number", range(20))
def test_packets(number):
    assert packets() == 200
"""
CELL = f"""
from concurrent.futures import ThreadPoolExecutor
{PACKETS}
try:
    with ThreadPoolExecutor(4) as pool:
        print([one.result() for one in [pool.submit(packets) for _ in range(4)]])
except PrivilegeError as error:
    print("hint:", error.hint)
"""


@pytest.fixture
def desk() -> Iterator[Path]:
    """A user's working directory, with the programs of the page in `bin` beside it."""
    with tempfile.TemporaryDirectory() as directory:  # pytest's own is too long for the names of Jupyter's sockets
        for part in ("bin", "desk", "home"):
            Path(directory, part).mkdir()
        for name, words in PROGRAMS.items():
            program = Path(directory, "bin", name)
            program.write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
            program.chmod(0o755)
        yield Path(directory, "desk")


def environment(desk: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "JUPYTER", "XDG_"))}
    modules = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    path = f"{desk.parent / 'bin'}:{os.environ['PATH']}"
    return kept | {"PATH": path, "PYTHONPATH": modules, "HOME": str(desk.parent / "home"), "NO_COLOR": "1"}


def typed(desk: Path, line: str, *, who: list[str] = ORDINARY, text: str = "") -> subprocess.CompletedProcess[str]:
    """A line that somebody types there."""
    call = [*who, "sh", "-c", line]
    return subprocess.run(
        call, cwd=desk, env=environment(desk), input=text, capture_output=True, text=True, timeout=120
    )


def line(start: str) -> str:
    """A line of the page."""
    return re.findall(rf"^\$ ({re.escape(start)}.*)$", PAGE, re.MULTILINE)[0]


def block(language: str) -> str:
    """A block of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]


def named(said: str) -> str:
    """The line that a hint names."""
    return re.findall(r"hint: .*on a host of its own: (.*)$", said, re.MULTILINE)[0]


# What the page says


def test_pytest_xdist(desk: Path) -> None:
    (desk / "test_packets.py").write_text(TESTS)
    done = typed(desk, line("netbuilder isolated -- pytest"))
    assert "20 passed" in done.stdout, done.stdout


def test_pytest_xdist_is_told_its_line(desk: Path) -> None:
    (desk / "test_packets.py").write_text(TESTS)
    refused = typed(desk, "pytest -n 2 -k '[7]'")
    assert "start pytest on a host of its own: netbuilder isolated -- " in refused.stdout
    assert named(refused.stdout).endswith("-m pytest -n 2 -k '[7]'")
    assert "1 passed" in typed(desk, named(refused.stdout)).stdout


def test_ipython(desk: Path) -> None:
    assert (
        "200\n" in typed(desk, line("netbuilder isolated -- ipython"), text=f"{PACKETS}\n\nprint(packets())\n").stdout
    )


def test_ipython_is_told_its_line(desk: Path) -> None:
    (desk / "program.py").write_text(f"{PACKETS}\nprint(packets())\n")
    refused = typed(desk, "ipython program.py")
    assert refused.returncode == 1
    assert named(refused.stdout + refused.stderr).endswith("-m IPython program.py")
    assert typed(desk, named(refused.stdout + refused.stderr)).stdout == "200\n"


def test_asyncio(desk: Path) -> None:
    (desk / "program.py").write_text(block("python"))
    refused = typed(desk, "python3 program.py")
    assert refused.returncode == 1
    assert "make the host before any thread is started; or start the program" in refused.stderr
    assert named(refused.stderr).endswith(" program.py")
    for way in (line("netbuilder isolated -- python3"), named(refused.stderr)):
        done = typed(desk, way)
        assert (done.stdout.splitlines()[-1], done.stderr) == ("exit status 0", "")


def test_asyncio_with_the_host_made_first(desk: Path) -> None:
    program = block("python").replace("    host = await asyncio.to_thread(Host.isolated)\n", "")
    (desk / "program.py").write_text(program.replace("asyncio.run(", "host = Host.isolated()\nasyncio.run("))
    done = typed(desk, "python3 program.py")
    assert (done.stdout.splitlines()[-1], done.stderr) == ("exit status 0", "")


def install_kernel(desk: Path, text: str) -> None:
    kernel = desk.parent / "home/.local/share/jupyter/kernels/isolated/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(text)


def test_jupyter(desk: Path) -> None:
    install_kernel(desk, block("json"))
    (desk / "cell.py").write_text(CELL)
    done = typed(desk, line("jupyter run"))
    assert done.stdout == "[200, 200, 200, 200]\n", done.stderr


def test_jupyter_on_the_machines_network(desk: Path) -> None:
    launcher, instead = '"netbuilder", "isolated", "--"', '"unshare", "--map-root-user"'
    assert f"`{instead}` in place of\n`{launcher}`" in PAGE
    install_kernel(desk, block("json").replace(launcher, instead))
    by_run = PACKETS.partition("        with host.enter():")[0] + BY_RUN
    (desk / "cell.py").write_text(CELL.replace(PACKETS, by_run))
    done = typed(desk, line("jupyter run").replace("--transport=ipc ", ""))
    assert done.stdout.endswith("[200, 200, 200, 200]\n"), done.stderr


def test_jupyter_is_told_of_the_kernel(desk: Path) -> None:
    (desk / "cell.py").write_text(CELL)
    done = typed(desk, "jupyter run --transport=ipc --kernel=python3 cell.py")
    assert done.stdout.startswith("hint: start the notebook's kernel on a host of its own"), done.stderr
    assert "see netbuilder isolated --help" in done.stdout


def test_the_help_has_what_the_page_has(desk: Path) -> None:
    said = typed(desk, "netbuilder isolated --help").stdout
    for start in ("netbuilder isolated -- pytest", "netbuilder isolated -- ipython", "netbuilder isolated -- python3"):
        assert line(start) in said
    assert line("jupyter lab") in said
    kernel = json.loads(re.findall(r"^  (\{.*?\})$", said, re.MULTILINE | re.DOTALL)[0])
    assert kernel == json.loads(block("json"))


def test_on_the_machines_network(desk: Path) -> None:
    """In a user namespace with the network of another: whatever could not step back is refused, and stays."""
    (desk / "program.py").write_text("""
import os, threading
from netbuilder import Bridge, Host, PrivilegeError, Sandbox

def refused(use):
    before = os.readlink("/proc/thread-self/ns/net")
    try:
        use()
    except PrivilegeError as error:
        print("refused:", error.hint.partition(",")[0], before == os.readlink("/proc/thread-self/ns/net"))

def work():
    with Host.isolated() as host:
        host.apply(Sandbox(name="web", mode=Bridge(publish=["8088:80"])))
        with host["web"].socket() as server, host.socket() as client:
            server.bind(("0.0.0.0", 80))
            server.listen()
            client.settimeout(10)
            client.connect(("127.0.0.1", 8088))
        print(host["web"].run(["ip", "link", "show", "eth0"], stdout=-3).returncode)
        refused(host.enter().__enter__)
        refused(host["web"].enter().__enter__)
    refused(Host.current)

thread = threading.Thread(target=work)
thread.start()
thread.join()
""")
    done = typed(desk, line("unshare --map-root-user"))
    assert (done.stdout, done.stderr) == ("0\n" + "refused: Host.isolated() with run True\n" * 3, "")


# The program is this process


@pytest.mark.parametrize("who", [ORDINARY, AS_ROOT], ids=["ordinary", "root"])
def test_the_host(desk: Path, who: list[str]) -> None:
    script = "id -u; ip -brief link | cut -d' ' -f1; ip -brief address show lo | grep -o 127.0.0.1/8; ls -A /run"
    done = typed(desk, f"netbuilder isolated -- sh -c {shlex.quote(script)}", who=who)
    assert (done.stdout.split(), done.stderr) == (["0", "lo", "127.0.0.1/8"], "")


@pytest.mark.parametrize("who", [ORDINARY, AS_ROOT], ids=["ordinary", "root"])
def test_the_command_line_is_at_home_there(desk: Path, who: list[str]) -> None:
    (desk / "compose.yaml").write_text("services: { web: { ports: ['8088:80'] } }")
    script = "netbuilder up && netbuilder exec web -- ip -brief address && netbuilder isolated -- netbuilder ps"
    done = typed(desk, f"netbuilder isolated -- sh -c {shlex.quote(script)}", who=who)
    assert "✔ Sandbox web  Created" in done.stdout, done.stderr
    assert "eth0" in done.stdout
    assert done.stdout.endswith("no sandboxes on this host yet: netbuilder up makes some\n")


def test_its_host_is_the_current_one_and_threads_make_others(desk: Path) -> None:
    (desk / "program.py").write_text("""
import threading
from netbuilder import Bridge, Host, Sandbox

def work():
    with Host.current() as host:
        host.apply(Sandbox(name="web", mode=Bridge(publish=["8088:80"])))
        with Host.isolated() as other:
            print(list(host), list(other))
        with host["web"].enter():
            print(open("/proc/thread-self/net/dev").read().count("eth0"))

thread = threading.Thread(target=work)
thread.start()
thread.join()
""")
    done = typed(desk, "netbuilder isolated -- python3 program.py")
    assert (done.stdout, done.stderr) == ("['web'] []\n1\n", "")


def test_it_is_the_same_process(desk: Path) -> None:
    script = "umask 027; netbuilder isolated -- sh -c 'echo $PPID; pwd; umask; cat; echo \"$@\"; exit 7' 0 -x '' --help"
    done = typed(desk, f"echo $$; {script}; echo $?", text="input\n")
    assert done.stdout.splitlines() == [*[done.stdout.split()[0]] * 2, str(desk), "0027", "input", "-x  --help", "7"]


def test_a_signal_reaches_the_program(desk: Path) -> None:
    script = "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    call = [*ORDINARY, *ISOLATED, "sh", "-c", script]
    with subprocess.Popen(call, cwd=desk, env=environment(desk), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30)[0] == "got it\n"
    assert process.returncode == 9


@pytest.mark.parametrize(
    ("program", "status", "problem"),
    [
        ("nosuch", 127, "nosuch: command not found"),
        ("/nosuch", 127, "/nosuch: command not found"),
        ("./program.py", 126, "./program.py: can't be run: Permission denied"),
        ("$(printf 'a\\033[31m')", 127, r"a\x1b[31m: command not found"),
    ],
)
def test_a_program_that_cannot_be_run(desk: Path, program: str, status: int, problem: str) -> None:
    (desk / "program.py").write_text("print()")
    done = typed(desk, f'netbuilder isolated -- "{program}"')
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.splitlines()[0] == f"netbuilder: error: {problem}"


def test_the_user_is_still_known(desk: Path) -> None:
    """Programs that ask who they are run for do not take root's directories for theirs."""
    ask = "import getpass, os; print(getpass.getuser(), os.path.expanduser('~'))"
    bare = f"env -u USER -u LNAME -u USERNAME -u LOGNAME -u HOME netbuilder isolated -- python3 -c {shlex.quote(ask)}"
    outside = bare.replace("netbuilder isolated -- ", "")
    assert typed(desk, bare).stdout in (typed(desk, outside).stdout, f"1000 {desk}\n")
    assert (
        typed(desk, bare.replace("-u LOGNAME -u HOME", "LOGNAME=alice HOME=/home/alice")).stdout
        == "alice /home/alice\n"
    )


@pytest.mark.parametrize(
    ("directory", "listed"),
    [("/run/user/1000", "drwx------"), ("/run", "drwx"), ("/run/../tmp", "drwx"), ("", ""), ("/nosuch", "")],
)
def test_the_runtime_directory(desk: Path, directory: str, listed: str) -> None:
    script = 'stat -c %A "$XDG_RUNTIME_DIR"'
    done = typed(desk, f"XDG_RUNTIME_DIR={directory} netbuilder isolated -- sh -c {shlex.quote(script)}")
    assert done.stdout.startswith(listed) and bool(done.stdout) == bool(listed)
    assert "netbuilder" not in done.stderr


# Where it cannot be

SPARED = "setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs"


@pytest.mark.parametrize("names", ["user", "net", "mnt"])
def test_a_limit_is_named(desk: Path, names: str) -> None:
    limited = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    forbid = f"echo 0 > /proc/sys/user/max_{names}_namespaces"
    spared = SPARED if names == "user" else ""
    done = typed(desk, f"{forbid}; exec {spared} netbuilder isolated -- true", who=limited[:-2])
    assert (done.returncode, done.stdout) == (1, "")
    error, hint = done.stderr.splitlines()
    assert error.endswith("does not let an ordinary user have a namespace of their own (ENOSPC)")
    assert hint == f"netbuilder: hint: use sudo; or allow it: sysctl -w user.max_{names}_namespaces=10000"


def test_where_the_move_ends_half_way_nothing_has_moved(desk: Path) -> None:
    """As on Ubuntu, which gives a user namespace and then no right in it: here its maps can't be written."""
    (desk / "program.py").write_text("""
import os
from netbuilder import Host, PrivilegeError

def where():
    return os.getuid(), os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/user")

before = where()
try:
    Host.isolated()
except PrivilegeError as error:
    print(error)
print(before == where())
""")
    inside = ["unshare", "--user", "--map-root-user", "--mount"]
    done = typed(desk, f"mount -o remount,bind,ro /proc && exec {SPARED} python3 program.py", who=inside)
    problem, stayed = done.stdout.splitlines()
    assert problem == "this system does not let an ordinary user have a namespace of their own (EROFS)"
    assert stayed == "True"


def test_threads_that_need_it_end_with_no_child_left(desk: Path) -> None:
    """What is tried in a child first leaves none, whatever the program does with SIGCHLD."""
    (desk / "program.py").write_text("""
import os, signal
from netbuilder import Host

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
Host.isolated().close()
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("none")
""")
    assert typed(desk, "python3 program.py").stdout == "none\n"
