"""The command line's words, its errors and its exit statuses, as far as they need no host."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any, cast

import pytest

from netbuilder.cli import main, show
from netbuilder.cli.parser import parser
from netbuilder.engine.report import Change, Changes
from netbuilder.errors import SpecError
from netbuilder.host import Host, LiveSandbox
from netbuilder.kernel.veth_pairs import VethPair
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedSandbox
from netbuilder.spec import Network, Sandbox
from netbuilder.steps import AddNamespace, Plan, SetUp, Step, Undo

COMMANDS = """
    up plan diff down ps networks inspect links trace capture connect disconnect publish unpublish network exec
    isolated
    completion
    """.split()  # noqa: SIM905
VERBS = ["ls", "inspect", "create", "rm", "prune", "connect", "disconnect"]
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


class HostInMemory:
    """A host of which a call makes this, or ends so."""

    def __init__(self, changes: Changes | BaseException) -> None:
        self.changes, self.calls, self.closed = changes, list[str](), False
        self.names = list[str]()
        self.standing: tuple[ResolvedSandbox, ...] = ()

    def apply(self, *specs: Network | Sandbox, watch: Callable[[Step], object]) -> Changes:
        self.names = [spec.name for spec in specs]
        for step in self._ended("apply").plan:
            watch(step)
        return self._ended("apply")

    def diff(self, *specs: object) -> Changes:
        return self._ended("diff")

    def take_down(self, *specs: Network | Sandbox) -> Changes:
        self.names = [spec.name for spec in specs]
        return self._ended("take_down")

    def sandboxes(self) -> tuple[LiveSandbox, ...]:
        return tuple(LiveSandbox(cast(Host, self), one, 1) for one in self.standing)

    def owner_of(self, sandbox: ResolvedSandbox) -> ResolvedSandbox:
        return sandbox

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


# The words


NO_FILES: dict[str, list[str]] = {"file": [], "env_file": [], "profile": []}


@pytest.mark.parametrize(
    ("argv", "understood"),
    [
        (
            "-f a --env-file x --profile one diff -f b --env-file y --profile two",
            {"command": "diff", "file": ["a", "b"], "env_file": ["x", "y"], "profile": ["one", "two"], "services": []},
        ),
        ("up", {"command": "up", **NO_FILES, "services": [], "verbose": False}),
        ("up -v -f lab.yaml", {"command": "up", **NO_FILES, "file": ["lab.yaml"], "services": [], "verbose": True}),
        (
            "up -f lab.yaml web db",
            {"command": "up", **NO_FILES, "file": ["lab.yaml"], "services": ["web", "db"], "verbose": False},
        ),
        (
            "-f lab.yaml up web",
            {"command": "up", **NO_FILES, "file": ["lab.yaml"], "services": ["web"], "verbose": False},
        ),
        ("plan --file -", {"command": "plan", **NO_FILES, "file": ["-"], "services": []}),
        ("--file=- plan web", {"command": "plan", **NO_FILES, "file": ["-"], "services": ["web"]}),
        ("diff", {"command": "diff", **NO_FILES, "services": []}),
        (
            "down -f lab.yaml",
            {
                "command": "down",
                **NO_FILES,
                "file": ["lab.yaml"],
                "services": [],
                "everything": False,
                "verbose": False,
            },
        ),
        (
            "-f lab.yaml down -v web",
            {
                "command": "down",
                **NO_FILES,
                "file": ["lab.yaml"],
                "services": ["web"],
                "everything": False,
                "verbose": True,
            },
        ),
        ("down --all", {"command": "down", **NO_FILES, "services": [], "everything": True, "verbose": False}),
        ("ps", {"command": "ps", "format": "table"}),
        ("networks --format json", {"command": "networks", "format": "json"}),
        ("completion zsh", {"command": "completion", "shell": "zsh"}),
        ("inspect web --format json", {"command": "inspect", "name": "web", "format": "json"}),
        ("links --format table", {"command": "links", "format": "table"}),
        (
            "trace web 192.0.2.2:80 -v --timeout 2",
            {
                "command": "trace",
                "sender": "web",
                "to": "192.0.2.2:80",
                "udp": False,
                "watch": False,
                "timeout": "2",
                "verbose": True,
                "format": "table",
            },
        ),
        (
            "capture -o way.pcapng --published 8088 --tap bridge --tap veth -c 9 --seconds 1.5 --summary web db",
            {
                "command": "capture",
                "names": ["web", "db"],
                "output": "way.pcapng",
                "also": ["bridge", "veth"],
                "published": "8088",
                "filter": "",
                "packets": 9,
                "seconds": 1.5,
                "summary": True,
            },
        ),
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
        "up --verb",
        "up -f",
        "-f lab.yaml",
        "up --env-file",
        "up --profile=",
        "--profile x ps",
        "--env-file x ps",
        "down --all --profile x",
        "-f lab.yaml down --all",
        "-f lab.yaml ps",
        "--file= up",
        "down --all web",
        "networks lab",
        "completion",
        "completion tcsh",
        "plan -v",
        "down --all -f lab.yaml",
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
        "capture -o",
        "capture --output=",
        "capture -o a -o b",
        "capture -c x",
        "capture --seconds soon",
        "-f lab.yaml capture",
    ],
)
def test_a_bad_call_is_refused_with_a_hint(argv: str, capsys: Capture) -> None:
    assert status(*argv.split()) == 2
    assert "netbuilder: hint: see netbuilder" in complaint(capsys)


@pytest.mark.parametrize(
    ("argv", "problem", "meant"),
    [
        ("pss", "there is no command 'pss'", "ps"),
        ("netwrok", "there is no command 'netwrok'", "network"),
        ("dwon", "there is no command 'dwon'", "down"),
        ("ps --format jsn", "there is no --format 'jsn'", "json"),
        ("completion bsh", "there is no SHELL 'bsh'", "bash"),
        ("\x1bplan", r"there is no command '\x1bplan'", "plan"),
    ],
)
def test_a_word_that_is_nearly_right_is_put_right(argv: str, problem: str, meant: str, capsys: Capture) -> None:
    assert status(*argv.split()) == 2
    said = complaint(capsys)
    assert f"netbuilder: error: {problem}\nnetbuilder: hint: did you mean {meant}? see netbuilder" in said


def test_of_a_word_that_is_like_none_nothing_is_meant(capsys: Capture) -> None:
    assert status("bogus") == 2
    assert complaint(capsys) == (
        "netbuilder: error: there is no command 'bogus'\nnetbuilder: hint: see netbuilder --help\n"
    )


@pytest.mark.parametrize("command", ["up", "plan", "diff", "down"])
@pytest.mark.parametrize("option", ["-f", "--file", "--env-file", "--profile"])
def test_an_empty_name_is_refused(command: str, option: str, capsys: Capture) -> None:
    Path("compose.yaml").write_text(COMPOSE)
    assert status(command, option, "") == 2
    problem = f"{option} is given an empty name"
    assert complaint(capsys) == f"netbuilder: error: {problem}\nnetbuilder: hint: see netbuilder {command} --help\n"


def test_help_names_every_command(capsys: Capture) -> None:
    assert status("--help") == 0
    out = capsys.readouterr().out
    assert all(f"\n  {command} " in out for command in COMMANDS)
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize("command", [*COMMANDS, *(f"network {verb}" for verb in VERBS)])
def test_the_help_of_each_command_has_an_example_that_is_understood(command: str, capsys: Capture) -> None:
    assert status(*command.split(), "--help") == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines())
    words = out.partition("example:\n")[2].partition("netbuilder ")[2].split()
    end = next((at for at, word in enumerate(words) if word in ("&&", "|", ">")), None)
    assert parser().parse_args(words[:end]).command.startswith(command)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("network", "the following arguments are required: COMMAND"),
        ("network lss", "there is no command 'lss'"),
        ("network create", "the following arguments are required: NETWORK"),
        ("network create --driver macvlan x", "there is no -d/--driver 'macvlan'"),
        ("connect back", "the following arguments are required: NAME"),
        ("publish web", "the following arguments are required: PORT"),
        ("-f lab.yaml network ls", "-f is given, and network ls takes no file"),
        ("connect ../x web", "name: '../x' is not a valid name"),
        ("connect --ip 10.8.0.256 back web", "--ip: '10.8.0.256' is not a valid IPv4 address"),
        ("connect --gw-priority high back web", "--gw-priority: 'high' is not a whole number"),
        (
            "connect --driver-opt com.docker.network.endpoint.ifnam=x back web",
            "com.docker.network.endpoint.ifnam: is an",
        ),
        ("network create --subnet fd00::/64 x", "--subnet: is for IPv6, which this network has not"),
        ("network create --subnet 10.9.0.0/24 --subnet 10.8.0.0/24 x", "is a second IPv4 subnet"),
        ("network create --gateway 10.9.0.1 x", "--gateway: gateway needs a subnet"),
        (
            "network create -o com.docker.network.bridge.enable_ic=no x",
            "com.docker.network.bridge.enable_ic: is an unk",
        ),
        ("network create host", "'host' is a mode, not a network"),
    ],
)
def test_what_docker_would_not_take_either_is_refused_by_its_option(words: str, problem: str, capsys: Capture) -> None:
    assert status(*words.split()) == 2
    assert problem in complaint(capsys)


def test_packets_and_what_is_told_of_them_do_not_go_the_same_way(capsys: Capture) -> None:
    assert status("capture", "--summary", "-o", "-") == 2
    assert "--summary: is told on standard output" in complaint(capsys)


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
        (None, None, "compose.yaml: is neither in the working directory nor above"),
        ("nosuch.yaml", None, "nosuch.yaml: can't be read: No such file or directory"),
        (".", None, ".: can't be read: Is a directory"),
        ("a\nb\x1b[0m", None, r"a\nb\x1b[0m: can't be read: No such file or directory"),
        ("x" * 10_000, None, "File name too long"),
        ("lab.yaml", b"\xff\xfe", "lab.yaml: can't be read: it is not UTF-8 text"),
        ("lab.yaml", b"services: [", "line 1, column "),
        ("lab.yaml", b"services: { web: { dns: [9.9.9.9] } }", "services.web.dns: is not supported yet"),
        ("lab.yaml", b"", "lab.yaml: services: nothing to do: there are no services and no networks"),
        ("lab.yaml", b"services: { web: { ports: ['80:0'] } }", "services.web.ports[0]: "),
        ("lab.yaml", b"services: { '../x': {} }", "is not a valid name"),
        (
            "lab.yaml",
            b"# \xc3\xa9\nservices:\n  web:\n    prots: [80]",
            "lab.yaml:4: services.web.prots: is an unknown",
        ),
        ("/dev/zero", None, "/dev/zero: is longer than 4 MiB"),
    ],
)
def test_a_bad_file_is_refused(
    command: str, file: str | None, text: bytes | None, problem: str, capsys: Capture
) -> None:
    if text is not None:
        Path("lab.yaml").write_bytes(text)
    assert status(command, *(["-f", file] if file else [])) == 2
    assert problem in complaint(capsys)


CLASH = """\
services:
  w1: { container_name: first, ports: ["8088:80"] }
  w2:
    ports:
      - 8000-8001:80-81
      - 127.0.0.1:8088:80
"""


@pytest.mark.parametrize("words", [["-f", "lab.yaml", "plan"], ["plan", "-f", "lab.yaml"]], ids=" ".join)
def test_a_clash_is_told_with_the_files_own_place_words_and_line(words: list[str], capsys: Capture) -> None:
    Path("lab.yaml").write_text(CLASH)
    assert status(*words) == 2
    assert complaint(capsys) == (
        "netbuilder: error: lab.yaml:6: services.w2.ports[1]: host port 127.0.0.1:8088:80/tcp is published by service"
        " w1 already\nnetbuilder: hint: choose another host port\n"
    )


def test_what_comes_from_standard_input_has_lines_too(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(CLASH))
    assert status("plan", "-f", "-") == 2
    assert "netbuilder: error: standard input:6: services.w2.ports[1]: " in complaint(capsys)


def test_an_error_that_is_not_about_the_file_does_not_name_it(on: On, capsys: Capture) -> None:
    on(SpecError("table inet netbuilder", "is there and is not netbuilder's"))
    assert status("up") == 2
    assert complaint(capsys) == "netbuilder: error: table inet netbuilder: is there and is not netbuilder's\n"


@pytest.mark.parametrize("command", ["up", "plan", "diff", "down"])
def test_a_service_that_the_file_does_not_have_is_refused(command: str, on: On, capsys: Capture) -> None:
    on(Changes(Plan(), ()))
    assert status(command, "wbe") == 2
    assert complaint(capsys) == (
        "netbuilder: error: compose.yaml:1: services: there is none named 'wbe'\nnetbuilder: hint: did you mean web?\n"
    )


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("command", ["inspect", "exec", "capture"])
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


@pytest.mark.parametrize("command", ["up", "down", "down --all"])
def test_an_interrupt_ahead_of_all_says_so(command: str, on: On, capsys: Capture) -> None:
    on(interrupt())
    assert status(*command.split()) == 130
    assert capsys.readouterr() == ("", "netbuilder: interrupted: nothing was changed\n")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("up", "all was done by then, and stands"),
        ("down", "all that was to go is taken back"),
        ("down --all", "all that was to go is taken back"),
    ],
)
def test_an_interrupt_after_all_is_done_says_so(
    command: str, told: str, on: On, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(Changes(Plan(), ()))
    monkeypatch.setattr("netbuilder.cli.changes.report", lambda *_, **__: _raise(KeyboardInterrupt()))
    assert status(*command.split()) == 130
    assert capsys.readouterr() == ("", f"netbuilder: interrupted: {told}\n")


@pytest.mark.parametrize("command", ["diff", "ps", "networks", "links"])
def test_an_interrupt_of_what_changes_nothing_is_no_noise(
    command: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("compose.yaml").write_text("services: { web: { network_mode: none } }")
    monkeypatch.setattr("netbuilder.host.Host.current", lambda: _raise(KeyboardInterrupt()))
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

PORT = {
    "host_ip": None,
    "open_on": ["0.0.0.0"],
    "host_port": 8088,
    "sandbox_port": 80,
    "protocol": "tcp",
    "count": 1,
}
ENDPOINT = {
    "network": "lab",
    "bridge": "br9",
    "veth": "veth1",
    "interface": "eth0",
    "addresses": ["10.9.0.2/24"],
    "link_local": [],
    "gateways": ["10.9.0.1"],
    "gw_priority": 0,
    "mac": "02:42:0a:09:00:02",
    "mtu": None,
}
WEB: dict[str, Any] = {
    "name": "web",
    "mode": "bridge",
    "shares": None,
    "namespace": "/run/netns/web",
    "endpoints": [ENDPOINT],
    "ports": [PORT, {**PORT, "host_ip": "127.0.0.1", "open_on": ["127.0.0.1"], "host_port": 5353, "protocol": "udp"}],
    "waiting": [],
    "state": "ok",
    "broken": None,
}
TOP = {**WEB, "name": "top", "mode": "host", "namespace": None, "endpoints": [], "ports": []}
MATE = {**WEB, "name": "mate", "mode": "container", "shares": "web", "state": "gone"}
BROKEN = {**WEB, "name": "broken", "state": "broken", "broken": "bring up the inner end"}
REST: dict[str, Any] = {"adopted": None, "missing": [], "packets_in": [], "packets_out": [], "commands": []}
LAB = {
    "name": "lab",
    "bridge": "br9",
    "adopted": False,
    "subnets": ["10.9.0.0/24"],
    "gateways": ["10.9.0.1"],
    "gateway_modes": ["nat"],
    "mac": "02:42:0a:09:00:01",
    "mtu": None,
    "masquerade": True,
    "internal": False,
    "icc": True,
    "labels": {},
    "sandboxes": ["web", "db"],
    "state": "ok",
    "broken": None,
}


def test_sandboxes_are_a_table_of_whole_lines(capsys: Capture) -> None:
    show.sandboxes([WEB, TOP, MATE, BROKEN])
    head, *rows = capsys.readouterr().out.splitlines()
    ports = "8088->80/tcp, 127.0.0.1:5353->80/udp"
    assert re.split("  +", head) == ["NAME", "MODE", "NETWORK", "ADDRESS", "MAC", "PORTS", "NAMESPACE", "STATE"]
    wired = ["lab", "10.9.0.2", "02:42:0a:09:00:02", ports, "/run/netns/web"]
    *rows, blank, how = rows
    assert (blank, how) == ("", f"broken, gone: {HOW_TO_MEND}")
    assert [re.split("  +", row) for row in rows] == [
        ["web", "bridge", *wired, "ok"],
        ["top", "host", "-", "-", "-", "-", "the host's", "ok"],
        ["mate", "container:web", *wired, "gone"],
        ["broken", "bridge", *wired, "BROKEN: bring up the inner end"],
    ]
    starts = {heading: head.index(heading) for heading in ("MODE", "NETWORK", "ADDRESS")}
    assert all(row[starts["NETWORK"] - 2 : starts["NETWORK"]] == "  " for row in rows)


HOW_TO_MEND = "netbuilder diff shows what is missing, netbuilder up mends it"


def terminal(wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on one that is so wide."""
    for module in ("tables", "show"):
        monkeypatch.setattr(f"netbuilder.cli.{module}.width", lambda: wide)


def columns(out: str) -> list[list[str]]:
    """The cells of a table, each put together again from its lines."""
    head, *lines = out.splitlines()
    at = [match.start() for match in re.finditer(r"(?<!\S )\S+( \S+)*", head)]
    cut = [[line[a:b].strip() for a, b in zip(at, [*at[1:], None], strict=True)] for line in lines]
    rows: list[list[str]] = []
    for cells in cut:
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [f"{above} {below}".strip() for above, below in zip(rows[-1], cells, strict=True)]
    return [head.split(), *rows]


@pytest.mark.parametrize("wide", [77, 80, 100])
def test_a_table_fits_where_it_is_read(wide: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(wide, monkeypatch)
    broken = {**BROKEN, "broken": "the rules, once for all networks: DNAT in, MASQUERADE out"}
    show.sandboxes([WEB, TOP, MATE, broken])
    out = capsys.readouterr().out
    assert all(len(line) <= wide and line == line.rstrip() for line in out.splitlines())
    head, *rows = columns(out.removesuffix(f"\nbroken, gone: {HOW_TO_MEND}\n"))
    assert head == ["NAME", "MODE", "NETWORK", "ADDRESS", "PORTS", "STATE"]
    assert [row[0] for row in rows] == ["web", "top", "mate", "broken"]
    ports = {"8088->80/tcp,", "127.0.0.1:5353->80/udp"}
    assert {part for row in rows for part in row[head.index("PORTS")].split()} == ports | {"-"}
    assert rows[3][-1] == "BROKEN: the rules, once for all networks: DNAT in, MASQUERADE out"


@pytest.mark.parametrize(("wide", "left_out"), [(100, {"NAMESPACE", "MAC"}), (115, {"NAMESPACE"}), (140, set())])
def test_what_is_of_least_use_is_left_out_first(
    wide: int, left_out: set[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(wide, monkeypatch)
    show.sandboxes([WEB, TOP, {**MATE, "state": "ok"}])
    head, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 3
    assert {"NAMESPACE", "MAC"} - set(head.split()) == left_out


def test_a_name_that_is_wider_than_the_terminal_is_still_all_there(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(80, monkeypatch)
    name = "n" * 100
    show.sandboxes([{**WEB, "name": name}])
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "".join(line.split()[0] for line in lines[1:] if line.startswith("n")) == name


def published(
    *numbers: int, inside: int = 0, protocol: str = "tcp", ip: str | None = None, count: int = 1
) -> list[dict[str, Any]]:
    """Ports that lead to the same ones inside, or so much further."""
    return [
        {
            "host_ip": ip,
            "open_on": [ip or "0.0.0.0"],
            "host_port": number,
            "sandbox_port": number + inside,
            "protocol": protocol,
            "count": count,
        }
        for number in numbers
    ]


@pytest.mark.parametrize(
    ("ports", "shown"),
    [
        (published(*range(10_000, 20_000)), "10000-19999->10000-19999/tcp"),
        (published(80), "80->80/tcp"),
        (published(8000, inside=1000, count=10), "8000-8009->9000-9009/tcp"),
        (published(8000, 8010, count=10) + published(8020), "8000-8020->8000-8020/tcp"),
        (published(80, ip="0.0.0.0") + published(80, ip="::"), "0.0.0.0:80->80/tcp, [::]:80->80/tcp"),
        (published(80, 81, inside=8000), "80-81->8080-8081/tcp"),
        (published(82, 80, 81), "80-82->80-82/tcp"),
        (published(80, 82), "80->80/tcp, 82->82/tcp"),
        (
            published(80) + published(81, inside=1) + published(82),
            "80->80/tcp, 82->82/tcp, 81->82/tcp",
        ),
        (
            [port for number in (5, 6, 7) for of in ("tcp", "udp") for port in published(number, protocol=of)],
            "5-7->5-7/tcp, 5-7->5-7/udp",
        ),
        (published(80) + published(81, ip="127.0.0.1"), "80->80/tcp, 127.0.0.1:81->81/tcp"),
    ],
)
def test_consecutive_ports_are_one_range(ports: list[dict[str, Any]], shown: str, capsys: Capture) -> None:
    show.sandboxes([{**WEB, "ports": ports}])
    assert re.split("  +", capsys.readouterr().out.splitlines()[1])[5] == shown


def test_where_there_are_none_that_is_said(capsys: Capture) -> None:
    show.sandboxes([])
    show.networks([])
    show.links([])
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "no sandboxes on this host yet",
        "no networks on this host yet",
        "no links on this host yet",
    ]


def test_networks_are_a_table(capsys: Capture) -> None:
    vault = {**LAB, "name": "vault", "internal": True, "masquerade": False, "adopted": True, "mtu": 1400}
    plain = {**LAB, "name": "plain", "masquerade": False, "sandboxes": [], "state": "broken", "broken": "the bridge"}
    show.networks([LAB, vault, plain])
    head, *rows = capsys.readouterr().out.removesuffix(f"\nbroken: {HOW_TO_MEND}\n").splitlines()
    assert head.split() == ["NAME", "BRIDGE", "SUBNET", "GATEWAY", "MTU", "SANDBOXES", "OPTIONS", "STATE"]
    assert [re.split("  +", row) for row in rows] == [
        ["lab", "br9", "10.9.0.0/24", "10.9.0.1", "-", "2", "-", "ok"],
        ["vault", "br9", "10.9.0.0/24", "10.9.0.1", "1400", "2", "internal, adopted", "ok"],
        ["plain", "br9", "10.9.0.0/24", "10.9.0.1", "-", "0", "no masquerade", "BROKEN: the bridge"],
    ]


def test_veth_pairs_are_a_table(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [VethPair("veth1", 7, "br9", "web", "eth0", 2, 0), VethPair("veth2", 8, None, "db", "eth0", 2, 1)]
    show.links(pair._asdict() for pair in pairs)
    head, *rows = capsys.readouterr().out.splitlines()
    assert re.split("  +", head) == ["VETH", "IFINDEX", "BRIDGE", "SANDBOX", "INTERFACE", "PEER", "NETNSID"]
    assert [row.split() for row in rows] == [
        ["veth1", "7", "br9", "web", "eth0", "2", "0"],
        ["veth2", "8", "-", "db", "eth0", "2", "1"],
    ]
    terminal(80, monkeypatch)
    show.links([VethPair("veth18926d6", 70_000, "br-a51146d38077", "web" * 9, "eth0", 2, 0)._asdict()])
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())


def test_a_sandbox_is_a_page(capsys: Capture) -> None:
    rewritten = {
        "packets_in": [{"why": "published", "command": "nft in"}],
        "packets_out": [{"why": "out of the subnet", "command": "nft out"}],
        "commands": [{"why": "a namespace", "command": "ip netns add web"}],
    }
    show.sandbox({**WEB, **REST, **rewritten, "adopted": "/proc/7/ns/net"})
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
        ["PORTS", "8088->80/tcp, 127.0.0.1:5353->80/udp"],
        ["PACKETS IN", "published"],
        ["", "nft in"],
        ["PACKETS OUT", "out of the subnet"],
        ["", "nft out"],
    ]


def test_a_page_says_what_is_broken_and_which_command_is_missing(capsys: Capture) -> None:
    missing = [
        {"why": "the rules", "command": "nft -f - <<'EOF'\nadd table"},
        {"why": "up", "command": "ip link set br9 up"},
    ]
    show.sandbox({**BROKEN, **REST, "missing": missing})
    page = capsys.readouterr().out.splitlines()
    assert page[2:4] == ["STATE      BROKEN: bring up the inner end", "           nft -f - <<'EOF' …"]


def test_a_page_of_thousands_of_ports_has_an_end(capsys: Capture) -> None:
    steps = [{"why": f"published port {number}", "command": f"nft {number}"} for number in range(10_000)]
    show.sandbox({**WEB, **REST, "ports": published(*range(10_000)), "packets_in": steps, "commands": steps})
    out = capsys.readouterr().out
    assert len(out.splitlines()) < 300
    assert out.count("and 9950 more like these: see --format json") == 2


def test_a_page_fits_where_it_is_read(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(80, monkeypatch)
    long = {"why": "word " * 40, "command": "nft " + "'add element' " * 20}
    show.sandbox({**WEB, **REST, "packets_in": [long], "commands": [{**long, "command": "ip netns add web"}]})
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())


def test_a_sandbox_without_a_network_has_a_short_page(capsys: Capture) -> None:
    show.sandbox({**TOP, **REST})
    facts = [re.split("  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert facts == [["NAME", "top"], ["MODE", "host"], ["STATE", "ok"], ["NAMESPACE", "the host's"]]


def test_json_is_for_programs(capsys: Capture) -> None:
    show.json([WEB])
    assert json.loads(capsys.readouterr().out) == [WEB]


# What is done by the hundred


MADE = tuple(Change("sandbox", f"s{number}", "created") for number in range(300))
HUNDREDS = Changes(
    Plan(),
    (
        Change("network", "lab", "created"),
        *MADE,
        Change("sandbox", "web", "updated"),
        Change("firewall", "", "repaired"),
    ),
)


def test_of_hundreds_there_is_a_summary(on: On, capsys: Capture) -> None:
    on(HUNDREDS)
    assert status("up") == 0
    assert capsys.readouterr().out.splitlines() == [
        " ✔ 1 network  Created",
        " ✔ 300 sandboxes  Created",
        " ✔ 1 sandbox  Updated",
        " ✔ Firewall  Repaired",
        "   (-v lists them)",
    ]


@pytest.mark.parametrize("command", ["up -v", "down -v", "down --all -v"])
def test_hundreds_are_listed_where_that_is_wanted(command: str, on: On, capsys: Capture) -> None:
    on(HUNDREDS)
    assert status(*command.split()) == 0
    assert len(capsys.readouterr().out.splitlines()) == 303


def test_those_that_stay_are_counted_too(on: On, capsys: Capture) -> None:
    stay = [Change("network", f"n{number}", "unchanged", users=("db",)) for number in range(30)]
    on(Changes(Plan(), tuple(stay)))
    assert status("down") == 0
    assert capsys.readouterr().out == " - 30 networks  In use\n   (-v lists them)\n"


class Terminal(io.StringIO):
    """What standard error is to a person."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("sandboxes", "terminal", "shown"),
    [(300, True, True), (3, True, False), (300, False, False)],
    ids=["hundreds", "a few", "no terminal"],
)
def test_a_terminal_shows_how_far_it_is(
    sandboxes: int, terminal: bool, shown: bool, on: On, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Terminal() if terminal else io.StringIO()
    services = ", ".join(f"s{number}: {{ network_mode: none }}" for number in range(sandboxes))
    on(Changes(Plan([AddNamespace(name="s1"), SetUp(netns="s1", dev="lo")]), ()))
    Path("compose.yaml").write_text(f"services: {{ {services} }}")
    monkeypatch.setattr(sys, "stderr", said)
    assert status("up") == 0
    first = f"\rsandbox 2 of {sandboxes}: s1"
    assert said.getvalue() == (f"{first}\r{' ' * (len(first) - 1)}\r" if shown else "")


# Some services, and what is none of them

FILE = """
services:
  web: { networks: [lab], container_name: shop-web }
  log: { network_mode: "service:web" }
  tail: { network_mode: "service:log" }
  db: { networks: [back] }
  spare: { network_mode: none }
networks: { lab: {}, back: {}, unused: {} }
"""


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("up", ["lab", "back", "unused", "shop-web", "log", "tail", "db", "spare"]),
        ("up db", ["back", "db"]),
        ("up spare web", ["lab", "shop-web", "spare"]),
        ("up tail", ["lab", "shop-web", "log", "tail"]),
        ("down db", ["db"]),
        ("down web", ["shop-web"]),
        ("down tail web", ["tail", "shop-web"]),
    ],
)
def test_services_by_name(command: str, names: list[str], on: On) -> None:
    host = on(Changes(Plan(), ()))
    Path("compose.yaml").write_text(FILE)
    assert status(*command.split()) == 0
    assert host.names == names


def test_what_is_planned_of_services_by_name(capsys: Capture) -> None:
    Path("compose.yaml").write_text(FILE)
    assert status("plan", "tail") == 0
    assert re.findall(r"ip netns add (\S+)", capsys.readouterr().out) == ["shop-web"]


def standing(name: str, network: str) -> ResolvedSandbox:
    endpoint = ResolvedEndpoint(
        network=network,
        bridge="br9",
        veth="veth1",
        addresses=(IPv4Interface("10.9.0.2/24"),),
        gateways=(),
        mac="02:42:0a:09:00:02",
        mtu=None,
        disable_ipv6=True,
    )
    return ResolvedSandbox(name=name, mode="bridge", namespace=name, endpoints=(endpoint,))


STANDING = (standing("shop-web", "lab"), standing("old", "lab"), standing("other", "far"), standing("db", "back"))


@pytest.mark.parametrize("command", ["up", "up db"])
def test_up_names_what_is_on_its_networks_and_none_of_its_services(command: str, on: On, capsys: Capture) -> None:
    host = on(Changes(Plan(), ()))
    host.standing = STANDING
    Path("compose.yaml").write_text(FILE)
    assert status(*command.split()) == 0
    assert capsys.readouterr().err.splitlines() == [
        "netbuilder: warning: on this file's networks, and none of its services: old",
        "netbuilder: hint: another file's may stay; what was left behind goes with: netbuilder down NAME",
    ]


def test_down_takes_such_a_one_by_its_name_and_no_other(on: On, capsys: Capture) -> None:
    host = on(Changes(Plan(), ()))
    host.standing = STANDING
    Path("compose.yaml").write_text(FILE)
    assert status("down", "old", "db") == 0
    assert host.names == ["old", "db"]
    capsys.readouterr()
    assert status("down", "other") == 2
    assert "there is none named 'other'" in complaint(capsys)


# Completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_knows_every_command_and_option(shell: str, capsys: Capture) -> None:
    assert status("completion", shell) == 0
    script = capsys.readouterr().out
    words = set(re.findall(r"[a-z-]+", script))
    options = {
        f"--{option}" for option in ("help", "version", "file", "env-file", "profile", "format", "all", "verbose")
    }
    assert words >= set(COMMANDS)
    assert words >= (options if shell != "fish" else {option[2:] for option in options})


def completed(*words: str, pins: Path) -> list[str]:
    """What bash offers for the last of some words."""
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", *words],
        capture_output=True,
        text=True,
        env={**ENV, "PINS": str(pins)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
SCRIPT = ROOT / "netbuilder" / "cli" / "completion" / "netbuilder.bash"
COMPLETE = f"""
eval "$(sed "s|/run/netns|$PINS|g" {SCRIPT})"
compopt() {{ :; }}
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_netbuilder
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["netbuilder", ""], COMMANDS),
        (["netbuilder", "ex"], ["exec"]),
        (["netbuilder", "-f", "lab.yaml", "ne"], ["networks", "network"]),
        (["netbuilder", "network", "c"], ["create", "connect"]),
        (["netbuilder", "network", "ls", "--"], ["--help", "--format"]),
        (["netbuilder", "connect", "--gw"], ["--gw-priority"]),
        (["netbuilder", "unpublish", "w"], ["web"]),
        (["netbuilder", "-f", "up", "down", "--a"], ["--all"]),
        (["netbuilder", "--v"], ["--version"]),
        (["netbuilder", "up", "--"], ["--help", "--file", "--env-file", "--profile", "--verbose"]),
        (["netbuilder", "ps", "--format", ""], ["table", "json"]),
        (["netbuilder", "inspect", ""], ["db", "web"]),
        (["netbuilder", "exec", "w"], ["web"]),
        (["netbuilder", "exec", "web", "--", "netbuilder-no-such"], []),
        (["netbuilder", "down", "d"], ["db"]),
        (["netbuilder", "capture", "w"], ["web"]),
        (["netbuilder", "capture", "--ta"], ["--tap"]),
        (["netbuilder", "capture", "web", "--tap", ""], ["bridge", "veth"]),
        (["netbuilder", "completion", "f"], ["fish"]),
        (["netbuilder", "trace", "--format", "s"], ["svg"]),
        (["netbuilder", "ps", "--format", "s"], []),
        (["netbuilder", "ps", "$(reboot)"], []),
    ],
)
def test_bash_completes(words: list[str], offered: list[str], tmp_path: Path) -> None:
    pins = tmp_path / "netns"
    pins.mkdir()
    for name in ("web", "db"):
        (pins / name).touch()
    assert completed(*words, pins=pins) == offered


def test_bash_offers_no_sandboxes_where_there_are_none(tmp_path: Path) -> None:
    assert completed("netbuilder", "exec", "", pins=tmp_path / "nosuch") == []


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
