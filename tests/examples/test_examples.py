"""Each example runs as it stands, says what it should, and leaves nothing: as root, and as an ordinary user."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

SAID = {
    "01_namespace.py": [
        "✓ blue has a loopback of its own, and it is down",
        "✓ each finds its own server on localhost:80",
        "✓ the two commands of before",
    ],
    "02_veth.py": [
        "✓ veth-blue is number 7 and points at 42; eth0 is number 42 and points at 7",
        "this is blue; you call from 10.0.0.1",
        "✓ the end inside is gone too",
        "leads to web's eth0",
    ],
    "03_bridge.py": [
        "ARP: who has 10.9.0.3? tell 10.9.0.2",
        "✓ it does not know where Cat is: she has not said anything",
        "✓ six calls, six answers",
    ],
    "04_docker0_by_hand.py": [
        "# ip link set docker0 address 02:42:ac:11:00:01",
        "✓ all is there but two steps",
        "# sysctl -q -w net/ipv4/ip_forward=1",
        "✓ the rules",
        "✓ reached, by_spec",
    ],
    "05_publish.py": [
        "> 192.0.2.1:8088 SYN",
        "> 172.17.0.2:80 SYN",
        "✓ the other machine was called by the host, 192.0.2.1",
        "✓ what is not published is not reached",
    ],
    "06_host_mode.py": [
        "✓ nothing: its plan has no steps",
        "✓ the other machine reaches it by the host's address",
        "✓ one namespace, one port 8080",
    ],
    "07_container_mode.py": [
        "✓ the app reaches the database there",
        "✓ the other does not reach it, not even by the address",
        "✓ “sandbox db: is in use by app”",
    ],
    "08_none_mode.py": [
        "✓ now the neighbours are reached, the host among them",
        "✓ but 192.0.2.2 is no neighbour, and there is no other way",
        "✓ the other machine answers, and it was called by the host's address",
    ],
    "capture.py": [
        "↓ DNAT: to 10.9.0.2:80",
        "✓ and the host counted as a router: one less may follow (TTL)",
        "↓ SNAT: from 192.0.2.1:8088, undoing DNAT",
        "✓ it begins as a pcapng file does",
    ],
    "09_router.py": [
        "✓ web does not reach the database",
        "✓ web reaches the database, by its own address",
        "✓ and has it no more",
    ],
    "10_ipv6.py": [
        "✓ by the bridge's address in both",
        "✓ the other machine reaches web by 2001:db8::1",
        "✓ the other machine was called by the host, 2001:db8::1",
    ],
    "walkthrough.py": [
        "✓ a rule in PREROUTING sent it on to 172.17.0.2:80 (DNAT)",
        "✓ web's localhost is its localhost",
        "✓ reached on the host's own port",
        "✓ the other machine answers: it was called by the host (MASQUERADE)",
        "✓ three sandboxes on docker0, three veth pairs",
        "✓ port 8088 of the host is port 80 of web",
        "✓ settings as before",
    ],
}

# Namespaces of its own: what an example left there can't be mistaken for what somebody else made meanwhile.
ALONE = ["unshare", "--net", "--mount"]
COMPARED = """
facts() {
    ip -details link; ip address; ip route show table all; ip netns list; nft list ruleset
    sysctl -a --pattern '^net[.](ipv4|ipv6|bridge)[.]' 2>&1; find /run
}
mount -t tmpfs none /run
facts >"$FACTS/before"; "$@"; status=$?; facts >"$FACTS/after"
exit $status
"""
ORDINARY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


@cache
def works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, cwd="/", env=environment()).returncode == 0


def environment(**more: str) -> dict[str, str]:
    """That of these tests, less what changes the look of the output; an ordinary user's PATH may lack sbin."""
    kept = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "COLUMNS")}
    path = f"{kept.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
    modules = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
    return kept | {"PATH": path, "PYTHONPATH": modules, "PYTHONDONTWRITEBYTECODE": "1"} | more


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory that everybody may write to; pytest's own is closed to others."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


def as_root() -> list[str]:
    return []


def as_an_ordinary_user() -> list[str]:
    if not works(*ORDINARY, "true"):
        pytest.skip("these tests run as root of a user namespace, in which there is nobody else")
    if not works(*ORDINARY, "unshare", "--user", "--map-root-user", "--net", "--mount", "true"):
        pytest.skip("this system allows no user namespaces to ordinary users")
    if not works(*ORDINARY, sys.executable, "-c", "import netbuilder"):
        pytest.skip("an ordinary user can't read this interpreter or the package")
    return ORDINARY


@pytest.fixture(params=[as_root, as_an_ordinary_user])
def program(request: pytest.FixtureRequest) -> list[str]:
    """How the interpreter is started."""
    if not works(*ALONE, "true"):
        pytest.skip("no network namespaces are allowed here")
    return [*ALONE, "sh", "-c", COMPARED, "facts", *request.param(), sys.executable, "-W", "error::ResourceWarning"]


def processes(mark: str) -> list[str]:
    """The processes that have a word in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_every_example_is_here() -> None:
    helpers = {"narrate.py", "talk.py", "tap.py"}
    assert {path.name for path in EXAMPLES.glob("*.py")} - helpers == set(SAID)


@pytest.mark.parametrize("example", SAID)
def test_an_example(example: str, program: list[str], scratch: Path, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    done = subprocess.run(
        [*program, str(EXAMPLES / example)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=scratch,
        env=environment(MARK=mark, TMPDIR=str(scratch), FACTS=str(tmp_path)),
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    for words in SAID[example]:
        assert words in done.stdout
    assert "\x1b" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if line != line.rstrip()]
    assert not list(scratch.iterdir())
    assert not processes(mark)
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()


def narrated(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd=EXAMPLES, env=environment()
    )


def test_a_claim_that_is_not_so_ends_the_example() -> None:
    done = narrated("from narrate import check; check('one is one', 1 == 1); check('one is two', 1 == 2); print('on')")
    assert (done.returncode, done.stdout) == (1, "  ✓ one is one\n")
    assert "not so: one is two" in done.stderr


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("('exit 3')", "exit status 3"),
        (".fails('true')", "exit status 0"),
        (".start('false')", "did not start"),
    ],
)
def test_a_command_that_does_otherwise_ends_the_example(typed: str, complaint: str) -> None:
    if not works(*ALONE, "true"):
        pytest.skip("no network namespaces are allowed here")
    done = narrated(
        "from narrate import Shell; from netbuilder import Host\n"
        f"with Host.isolated() as host: Shell(host, 'host'){typed}"
    )
    assert done.returncode == 1
    assert complaint in done.stderr


def test_a_refusal_is_told_with_what_helps() -> None:
    done = narrated(
        "from narrate import tell; from netbuilder import NetbuilderError\n"
        "def story(): raise NetbuilderError('no space', 'tidy up')\n"
        "tell(story)"
    )
    assert (done.returncode, done.stderr) == (1, "no space\ntidy up\n")
