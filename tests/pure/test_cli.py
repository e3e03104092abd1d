"""The command line's words, its errors and its exit statuses, as far as they need no host."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netbuilder.cli import main, show
from netbuilder.cli.parser import parser
from netbuilder.engine.report import Change, Changes
from netbuilder.kernel.veth_pairs import VethPair
from netbuilder.steps import AddNamespace, Plan, SetUp, Step, Undo

COMMANDS = ["up", "plan", "diff", "down", "ps", "inspect", "links", "exec", "isolated"]
COMPOSE = """
services:
  web: { image: nginx, networks: [lab], ports: ["8088:80"] }
  db: { networks: [lab] }
networks:
  lab: { ipam: { config: [ { subnet: 10.9.0.0/24 } ] } }
"""
HOSTILE = ["../x", "", "a\nb", "x" * 10_000, "\x1b[31mred", "/run/netns/web", "a;reboot", "$(reboot)", "-", "\udcff"]
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]

ROOT = Path(__file__).parents[2]

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status(*argv: str) -> int:
    """The exit status of a call."""
    try:
        return main(argv)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code


def complaint(capsys: Capture) -> str:
    """What a call said that went wrong, which is an error in one line, and perhaps a hint in another."""
    said = capsys.readouterr()
    error, *hint = said.err.splitlines()
    assert said.out == ""
    assert error.startswith("netbuilder: error: ")
    assert [line.startswith("netbuilder: hint: ") for line in hint] in ([], [True])
    assert all(len(line) < 600 and line.isprintable() for line in (error, *hint))
    return said.err


# The words


@pytest.mark.parametrize(
    ("argv", "understood"),
    [
        ("up", {"command": "up", "file": None, "verbose": False}),
        ("up -v -f lab.yaml", {"command": "up", "file": "lab.yaml", "verbose": True}),
        ("plan --file -", {"command": "plan", "file": "-"}),
        ("diff", {"command": "diff", "file": None}),
        ("down -f lab.yaml", {"command": "down", "file": "lab.yaml", "everything": False}),
        ("down --all", {"command": "down", "file": None, "everything": True}),
        ("ps", {"command": "ps", "format": "table"}),
        ("inspect web --format json", {"command": "inspect", "name": "web", "format": "json"}),
        ("links --format table", {"command": "links", "format": "table"}),
        ("exec web ls", {"command": "exec", "name": "web", "program": ["ls"]}),
        ("exec web -- ls", {"command": "exec", "name": "web", "program": ["ls"]}),
        (
            "exec web ls -l --help -f x",
            {"command": "exec", "name": "web", "program": ["ls", "-l", "--help", "-f", "x"]},
        ),
        ("isolated ls -l --help -f x", {"command": "isolated", "program": ["ls", "-l", "--help", "-f", "x"]}),
        ("isolated -- grep -- -x", {"command": "isolated", "program": ["grep", "--", "-x"]}),
        ("exec web -- grep -- -x", {"command": "exec", "name": "web", "program": ["grep", "--", "-x"]}),
    ],
)
def test_a_call_is_understood(argv: str, understood: dict[str, Any]) -> None:
    assert vars(parser().parse_args(argv.split())) == understood


@pytest.mark.parametrize(
    "argv",
    [
        "",
        "bogus",
        "up lab.yaml",
        "up --verb",
        "up -f",
        "plan -v",
        "down --all -f lab.yaml",
        "up -f lab.yaml -f other.yaml",
        "up --file=",
        "down --all --file=",
        "down --file= --all",
        "ps web",
        "ps --format xml",
        "inspect",
        "inspect web db",
        "exec",
        "exec web",
        "exec web --",
        "isolated",
        "isolated --",
    ],
)
def test_a_bad_call_is_refused_with_a_hint(argv: str, capsys: Capture) -> None:
    assert status(*argv.split()) == 2
    assert "netbuilder: hint: see netbuilder" in complaint(capsys)


@pytest.mark.parametrize("command", ["up", "plan", "diff", "down"])
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["-f", "a", "-f", "b"], "-f is given twice: one file at a time"),
        (["-f", "a", "--file", "a"], "--file is given twice: one file at a time"),
        (["-f", ""], "-f is given an empty name"),
    ],
)
def test_one_file_is_named_once(command: str, words: list[str], problem: str, capsys: Capture) -> None:
    Path("compose.yaml").write_text(COMPOSE)
    assert status(command, *words) == 2
    assert complaint(capsys) == f"netbuilder: error: {problem}\nnetbuilder: hint: see netbuilder {command} --help\n"


def test_help_names_every_command(capsys: Capture) -> None:
    assert status("--help") == 0
    out = capsys.readouterr().out
    assert all(f"\n  {command} " in out for command in COMMANDS)
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_an_example_that_is_understood(command: str, capsys: Capture) -> None:
    assert status(command, "--help") == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines())
    words = out.partition("example:\n")[2].partition("netbuilder ")[2].split()
    end = next((at for at, word in enumerate(words) if word in ("&&", "|", ">")), None)
    assert parser().parse_args(words[:end]).command == command


def test_the_version(capsys: Capture) -> None:
    assert status("--version") == 0
    assert capsys.readouterr().out.startswith("netbuilder ")


def test_help_imports_nothing_that_is_slow() -> None:
    slow = {"pydantic", "pyroute2", "sqlite3", "yaml", "typing", "shutil", "netbuilder.spec"}
    script = "import sys; from netbuilder.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-SEs", "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert "usage: netbuilder" in done.stdout
    assert slow.isdisjoint(done.stdout.splitlines()[-1].split())


# What comes in


def test_a_plan_needs_no_privileges() -> None:
    call = [*UNPRIVILEGED, sys.executable, "-m", "netbuilder", "plan", "-f", "-"]
    done = subprocess.run(call, input=COMPOSE, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("#!/bin/sh\nset -eu\n")
    assert "\nip netns add web\n" in done.stdout
    assert done.stderr == "netbuilder: ignored, as not about networking: services.web.image\n"


@pytest.mark.parametrize("command", ["up", "diff", "down", "ps", "links", "inspect web", "exec web ls"])
def test_what_needs_privileges_says_so(command: str) -> None:
    Path("compose.yaml").write_text("services: { web: {} }")
    call = [*UNPRIVILEGED, sys.executable, "-m", "netbuilder", *command.split()]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == (2 if command == "diff" else 1)
    error, hint = done.stderr.splitlines()
    assert error.startswith("netbuilder: error: ") and "CAP_NET_ADMIN" in error
    assert hint.startswith("netbuilder: hint: use sudo")


def test_a_plan_is_the_same_each_time(capsys: Capture) -> None:
    Path("lab.yaml").write_text(COMPOSE)
    assert [status("plan", "-f", "lab.yaml"), status("plan", "-f", "lab.yaml")] == [0, 0]
    out = capsys.readouterr().out
    assert out[: len(out) // 2] == out[len(out) // 2 :]


def test_a_file_is_found_where_compose_looks_for_it(capsys: Capture) -> None:
    for name in ("docker-compose.yaml", "docker-compose.yml", "compose.yml", "compose.yaml"):
        Path(name).write_text(f"services: {{ {name.replace('.', '-')}: {{ network_mode: none }} }}")
        assert status("plan") == 0
        assert f"ip netns add {name.replace('.', '-')}\n" in capsys.readouterr().out


def test_nothing_but_one_file_is_read(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compose", "compose.override", "named"):
        Path(f"{name}.yaml").write_text(f"services: {{ {name}: {{ network_mode: none }} }}")
    monkeypatch.setenv("COMPOSE_FILE", "named.yaml")
    assert status("plan") == 0
    assert capsys.readouterr().out.count("ip netns add") == 1
    Path("below").mkdir()
    monkeypatch.chdir("below")
    assert status("plan") == 2
    assert "compose.yaml: is not in the working directory" in complaint(capsys)


def test_a_file_comes_from_standard_input(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("services: { web: { network_mode: none } }"))
    assert status("plan", "-f", "-") == 0
    assert "ip netns add web\n" in capsys.readouterr().out


def redirected(how: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """A call as a shell makes it with such a redirection."""
    call = ["sh", "-c", f'exec "$0" "$@" {how}', sys.executable, "-m", "netbuilder", *words]
    return subprocess.run(call, input=text, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("<&-", "standard input: is closed\nnetbuilder: hint: name a Compose file: -f FILE"),
        ("0>/dev/null", "standard input: can't be read: Bad file descriptor"),
    ],
)
def test_a_standard_input_that_cannot_be_read_is_named(how: str, problem: str) -> None:
    done = redirected(how, "plan", "-f", "-")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"netbuilder: error: {problem}\n")


@pytest.mark.parametrize("command", ["up", "plan", "diff", "down"])
@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        (None, None, "compose.yaml: is not in the working directory"),
        ("nosuch.yaml", None, "nosuch.yaml: can't be read: No such file or directory"),
        (".", None, ".: can't be read: Is a directory"),
        ("a\nb\x1b[0m", None, r"a\nb\x1b[0m: can't be read: No such file or directory"),
        ("x" * 10_000, None, "File name too long"),
        ("lab.yaml", b"\xff\xfe", "lab.yaml: can't be read: it is not UTF-8 text"),
        ("lab.yaml", b"services: [", "line 1, column "),
        ("lab.yaml", b"services: { web: { profiles: [debug] } }", "services.web.profiles: is not supported yet"),
        ("lab.yaml", b"", "the file has no services and no networks"),
        ("lab.yaml", b"services: { web: { ports: ['0:80'] } }", "services.web.ports[0]: "),
        ("lab.yaml", b"services: { '../x': {} }", "is not a valid name"),
    ],
)
def test_a_bad_file_is_refused(
    command: str, file: str | None, text: bytes | None, problem: str, capsys: Capture
) -> None:
    if text is not None:
        Path("lab.yaml").write_bytes(text)
    assert status(command, *(["-f", file] if file else [])) == 2
    assert problem in complaint(capsys)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("command", ["inspect", "exec"])
def test_a_name_that_can_be_none_reaches_no_host(
    command: str, name: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netbuilder.host.Host.current", lambda: pytest.fail("the host was asked"))
    assert status(command, name, *(["ls"] if command == "exec" else [])) == 2
    assert "is not a valid name" in complaint(capsys)


# What goes wrong


@pytest.mark.parametrize(
    ("error", "expected", "line"),
    [
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (OSError(13, "Permission denied", "/run/x"), 1, "/run/x: Permission denied"),
        (KeyError("x"), 1, "unexpected KeyError: 'x'"),
        (RuntimeError("a\nb" * 1000), 1, "unexpected RuntimeError: a\\nba\\nb"),
    ],
)
def test_no_error_is_a_traceback(
    error: Exception, expected: int, line: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netbuilder.host.Host.current", lambda: _raise(error))
    assert status("ps") == expected
    assert line in complaint(capsys)


@pytest.mark.parametrize(("error", "expected"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_whoever_ends_a_call_needs_no_message(
    error: BaseException, expected: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netbuilder.host.Host.current", lambda: _raise(error))
    assert status("ps") == expected
    assert capsys.readouterr() == ("", "")


def _raise(error: BaseException) -> None:
    raise error


class HostInMemory:
    """A host of which a call makes this, or ends so."""

    def __init__(self, changes: Changes | BaseException) -> None:
        self.changes, self.calls, self.closed = changes, list[str](), False

    def apply(self, *specs: object, watch: Callable[[Step], object]) -> Changes:
        for step in self._ended("apply").plan:
            watch(step)
        return self._ended("apply")

    def diff(self, *specs: object) -> Changes:
        return self._ended("diff")

    def take_down(self, *specs: object) -> Changes:
        return self._ended("take_down")

    def destroy_all(self) -> Changes:
        return self._ended("destroy_all")

    def close(self) -> None:
        self.closed = True

    def _ended(self, call: str) -> Changes:
        self.calls.append(call)
        if isinstance(self.changes, BaseException):
            raise self.changes
        return self.changes


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[Changes | BaseException], HostInMemory]:
    """Be on such a host, with a file that says what is wanted."""
    Path("compose.yaml").write_text("services: { web: { network_mode: none } }")

    def on(changes: Changes | BaseException) -> HostInMemory:
        host = HostInMemory(changes)
        monkeypatch.setattr("netbuilder.host.Host.current", lambda: host)
        return host

    return on


On = Callable[[Changes | BaseException], HostInMemory]


def interrupt(*notes: str) -> KeyboardInterrupt:
    error = KeyboardInterrupt()
    for note in notes:
        error.add_note(note)
    return error


@pytest.mark.parametrize("command", ["up", "down", "down --all"])
@pytest.mark.parametrize("told", ["what was begun is taken back", "all was done by then, and stands"])
def test_an_interrupt_tells_what_it_left(command: str, told: str, on: On, capsys: Capture) -> None:
    host = on(interrupt(told))
    assert status(*command.split()) == 130
    assert capsys.readouterr() == ("", f"netbuilder: interrupted: {told}\n")
    assert host.closed


@pytest.mark.parametrize("command", ["up", "down", "diff"])
def test_an_interrupt_of_which_nothing_is_known_is_no_noise(command: str, on: On, capsys: Capture) -> None:
    on(interrupt())
    assert status(command) == 130
    assert capsys.readouterr() == ("", "")


# What a call did

ADD, LO = AddNamespace(name="web", because="a namespace"), SetUp(netns="web", dev="lo", because="its loopback")
GOES = Undo(undone_step=SetUp(dev="br9"), because="it goes first")


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ([], ["nothing to do"]),
        ([Change("network", "lab", "unchanged"), Change("sandbox", "web", "unchanged")], ["nothing to do"]),
        (
            [Change("network", "lab", "created"), Change("sandbox", "web", "created")],
            [" ✔ Network lab  Created", " ✔ Sandbox web  Created"],
        ),
        (
            [Change("network", "lab", "unchanged"), Change("sandbox", "web", "updated")],
            [" ✔ Sandbox web  Updated"],
        ),
        ([Change("sandbox", "web", "repaired")], [" ✔ Sandbox web  Repaired"]),
        (
            [Change("firewall", "", "updated"), Change("forwarding", "", "repaired")],
            [" ✔ Firewall  Updated", " ✔ Forwarding  Repaired"],
        ),
        (
            [Change("sandbox", "web", "removed"), Change("network", "lab", "unchanged", users=("db",))],
            [" ✔ Sandbox web  Removed", " - Network lab  In use by db"],
        ),
        (
            [Change("network", "lab", "unchanged", users=("a", "b", "c", "d"))],
            [" - Network lab  In use by a, b, c and 1 more"],
        ),
    ],
)
@pytest.mark.parametrize("command", ["up", "down", "down --all"])
def test_a_line_for_each_network_and_sandbox_that_is_not_as_it_was(
    command: str, changes: list[Change], lines: list[str], on: On, capsys: Capture
) -> None:
    host = on(Changes(Plan(), tuple(changes)))
    assert status(*command.split()) == 0
    assert capsys.readouterr() == ("\n".join(lines) + "\n", "")
    assert host.closed


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("up", {"apply"}),
        ("up -v", {"apply"}),
        ("diff", {"diff"}),
        ("down", {"take_down"}),
        ("down --all", {"destroy_all"}),
    ],
)
def test_what_a_command_asks_of_the_host(command: str, calls: set[str], on: On) -> None:
    host = on(Changes(Plan(), ()))
    assert status(*command.split()) == 0
    assert set(host.calls) == calls


def test_each_command_is_shown_as_it_is_done_where_that_is_wanted(on: On, capsys: Capture) -> None:
    on(Changes(Plan([GOES, ADD]), (Change("sandbox", "web", "created"),)))
    assert status("up", "-v") == 0
    assert capsys.readouterr().out.splitlines() == [
        "# it goes first",
        "ip link set br9 down",
        "# a namespace",
        "ip netns add web",
        " ✔ Sandbox web  Created",
    ]
    assert status("up") == 0
    assert capsys.readouterr().out == " ✔ Sandbox web  Created\n"


@pytest.mark.parametrize(
    ("plan", "changes", "expected", "script", "remarks"),
    [
        ([], [], 0, False, []),
        ([], [Change("sandbox", "web", "unchanged")], 0, False, []),
        (
            [],
            [Change("sandbox", "web", "created")],
            1,
            False,
            ["# sandbox web: to be created, which takes no commands"],
        ),
        (
            [],
            [Change("sandbox", "web", "updated")],
            1,
            False,
            ["# sandbox web: to be updated, which takes no commands"],
        ),
        ([ADD, LO], [Change("sandbox", "web", "created", Plan([ADD, LO]))], 1, True, []),
        (
            [ADD],
            [Change("sandbox", "web", "created", Plan([ADD])), Change("sandbox", "top", "updated")],
            1,
            True,
            ["# sandbox top: to be updated, which takes no commands"],
        ),
    ],
)
def test_a_difference_is_a_script_and_an_exit_status(
    plan: list[Step],
    changes: list[Change],
    expected: int,
    script: bool,
    remarks: list[str],
    on: On,
    capsys: Capture,
) -> None:
    on(Changes(Plan(plan), tuple(changes)))
    assert status("diff") == expected
    remarked = "".join(f"{line}\n" for line in remarks)
    assert capsys.readouterr() == ((Plan(plan).script() if script else "") + remarked, "")


# What is told of a sandbox

PORT = {"host_ip": "0.0.0.0", "host_port": 8088, "sandbox_port": 80, "protocol": "tcp"}
WEB: dict[str, Any] = {
    "name": "web",
    "mode": "bridge",
    "shares": None,
    "network": "lab",
    "address": "10.9.0.2",
    "mac": "02:42:0a:09:00:02",
    "ports": [PORT, {**PORT, "host_ip": "127.0.0.1", "host_port": 5353, "protocol": "udp"}],
    "namespace": "/run/netns/web",
    "state": "ok",
}
NOTHING = {"network": None, "address": None, "mac": None, "ports": []}
TOP = {**WEB, **NOTHING, "name": "top", "mode": "host", "namespace": None}
MATE = {**WEB, "name": "mate", "mode": "container", "shares": "web", "state": "gone"}


def test_sandboxes_are_a_table_of_whole_lines(capsys: Capture) -> None:
    show.sandboxes([WEB, TOP, MATE])
    head, *rows = capsys.readouterr().out.splitlines()
    ports = "0.0.0.0:8088->80/tcp, 127.0.0.1:5353->80/udp"
    assert re.split("  +", head) == ["NAME", "MODE", "NETWORK", "ADDRESS", "MAC", "PORTS", "NAMESPACE", "STATE"]
    assert [re.split("  +", row) for row in rows] == [
        ["web", "bridge", "lab", "10.9.0.2", "02:42:0a:09:00:02", ports, "/run/netns/web", "ok"],
        ["top", "host", "-", "-", "-", "-", "the host's", "ok"],
        ["mate", "container:web", "lab", "10.9.0.2", "02:42:0a:09:00:02", ports, "/run/netns/web", "gone"],
    ]
    starts = {heading: head.index(heading) for heading in ("MODE", "NETWORK", "ADDRESS")}
    assert all(row[starts["NETWORK"] - 2 : starts["NETWORK"]] == "  " for row in rows)


def test_where_there_are_none_that_is_said(capsys: Capture) -> None:
    show.sandboxes([])
    show.links([])
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "no sandboxes on this host yet",
        "no links on this host yet",
    ]


def test_veth_pairs_are_a_table(capsys: Capture) -> None:
    pairs = [VethPair("veth1", 7, "br9", "web", "eth0", 2, 0), VethPair("veth2", 8, None, "db", "eth0", 2, 1)]
    show.links(pair._asdict() for pair in pairs)
    head, *rows = capsys.readouterr().out.splitlines()
    assert re.split("  +", head) == ["VETH", "IFINDEX", "BRIDGE", "SANDBOX", "INTERFACE", "PEER IFINDEX", "NETNSID"]
    assert [row.split() for row in rows] == [
        ["veth1", "7", "br9", "web", "eth0", "2", "0"],
        ["veth2", "8", "-", "db", "eth0", "2", "1"],
    ]


def test_a_sandbox_is_a_page(capsys: Capture) -> None:
    wired = {
        "prefix": 24,
        "gateway": "10.9.0.1",
        "bridge": "br9",
        "veth": "veth1",
        "mtu": None,
        "adopted": "/proc/7/ns/net",
    }
    rewritten = {
        "packets_in": [{"why": "published", "command": "nft in"}],
        "packets_out": [{"why": "out of the subnet", "command": "nft out"}],
        "commands": [{"why": "a namespace", "command": "ip netns add web"}],
    }
    show.sandbox({**WEB, **wired, **rewritten, "adopted": "/proc/7/ns/net"})
    page, commands = capsys.readouterr().out.split("\n\n")
    assert commands == "# a namespace\nip netns add web\n"
    facts = [re.split("  +", line, maxsplit=1) for line in page.splitlines()]
    assert facts == [
        ["NAME", "web"],
        ["MODE", "bridge"],
        ["STATE", "ok"],
        ["NAMESPACE", "/run/netns/web, adopted from /proc/7/ns/net"],
        ["NETWORK", "lab"],
        ["ADDRESS", "10.9.0.2/24"],
        ["MAC", "02:42:0a:09:00:02"],
        ["GATEWAY", "10.9.0.1"],
        ["VETH PAIR", "veth1 in bridge br9, eth0 inside"],
        ["PORTS", "0.0.0.0:8088->80/tcp, 127.0.0.1:5353->80/udp"],
        ["PACKETS IN", "published"],
        ["", "nft in"],
        ["PACKETS OUT", "out of the subnet"],
        ["", "nft out"],
    ]


def test_a_sandbox_without_a_network_has_a_short_page(capsys: Capture) -> None:
    show.sandbox({**TOP, "adopted": None, "packets_in": [], "packets_out": [], "commands": []})
    facts = [re.split("  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert facts == [["NAME", "top"], ["MODE", "host"], ["STATE", "ok"], ["NAMESPACE", "the host's"]]


def test_json_is_for_programs(capsys: Capture) -> None:
    show.json([WEB])
    assert json.loads(capsys.readouterr().out) == [WEB]


# How a call ends


@pytest.mark.parametrize(
    ("before", "outcome"), [("SIG_DFL", "interrupted 129"), ("SIG_IGN", "not heard")], ids=["plain", "under nohup"]
)
def test_a_hangup_is_an_interrupt_unless_it_is_ignored(before: str, outcome: str) -> None:
    script = f"""
import signal
from netbuilder.cli.signals import as_interrupts, status
signal.signal(signal.SIGHUP, signal.{before})
try:
    with as_interrupts():
        signal.raise_signal(signal.SIGHUP)
    print("not heard")
except KeyboardInterrupt as interrupt:
    print("interrupted", status(interrupt))
assert signal.getsignal(signal.SIGHUP) is signal.{before}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{outcome}\n", "")


@pytest.mark.parametrize("call", ["--help", "plan -f -", "exec --help"])
def test_a_reader_that_is_gone_is_no_noise(call: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "netbuilder", *call.split()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        process.stdin.write("services: { web: {} }")
        process.stdin.close()
        assert process.stderr.read() == ""
    assert process.returncode in (0, 141)


@pytest.mark.parametrize("call", ["--help", "--version", "plan --help", "plan -f -", "plan -f many.yaml"])
def test_a_full_disk_is_an_error(call: str) -> None:
    many = ", ".join(f"s{number}: {{}}" for number in range(20))
    Path("many.yaml").write_text(f"services: {{ {many} }}")
    done = redirected("> /dev/full", *call.split(), text="services: { web: {} }")
    assert (done.returncode, done.stderr) == (1, "netbuilder: error: standard output: No space left on device\n")


@pytest.mark.parametrize(
    ("call", "expected"), [("--help", 1), ("--version", 1), ("plan", 1), ("up", 1), ("diff", 2), ("ps", 1)]
)
def test_a_closed_standard_output_is_an_error_before_anything_is_done(call: str, expected: int) -> None:
    Path("compose.yaml").write_text("services: { web: {} }")
    done = redirected(">&-", *call.split())
    assert done.returncode == expected
    assert done.stderr.splitlines() == [
        "netbuilder: error: standard output is closed",
        "netbuilder: hint: to see nothing of it, use > /dev/null",
    ]


def test_a_closed_standard_error_does_not_put_remarks_into_the_script() -> None:
    done = redirected("2>&-", "plan", "-f", "-", text=COMPOSE)
    assert (done.returncode, done.stdout[:10]) == (0, "#!/bin/sh\n")
    assert "ignored" not in done.stdout
