"""The command line's words, its errors and its exit statuses, as far as they need no host."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netbuilder.cli import main
from netbuilder.cli.parser import parser

COMMANDS = ["up", "plan", "diff", "down", "ps", "inspect", "links", "exec"]
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
    assert done.stderr == "netbuilder: passed over, as not about networking: services.web.image\n"


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
        ("lab.yaml", b"\xff\xfe", "lab.yaml: can't be read: it is no text in UTF-8"),
        ("lab.yaml", b"services: [", "line 1, column "),
        ("lab.yaml", b"services: { web: { profiles: [debug] } }", "services.web.profiles: is not supported yet"),
        ("lab.yaml", b"", "the file has no services and no networks"),
        ("lab.yaml", b"services: { web: { ports: ['0:80'] } }", "services.web.ports[0]: "),
        ("lab.yaml", b"services: { '../x': {} }", "is no name"),
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
    assert "is no name" in complaint(capsys)


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


class Interrupted:
    """A host whose work is interrupted: once it is done, or in time."""

    def __init__(self, before: set[str], after: set[str]) -> None:
        self.names, self.after = before, after

    def sandboxes(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name, resolved=name) for name in self.names]

    def networks(self) -> tuple[()]:
        return ()

    def apply(self, *specs: object, **options: object) -> None:
        self.names = self.after
        raise KeyboardInterrupt

    take_down = apply

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("command", "before", "after", "told"),
    [
        ("up", set(), set(), "what was begun is taken back"),
        ("up", set(), {"web"}, "all was done by then, and stands"),
        ("down", {"web"}, {"web"}, "nothing is taken back"),
        ("down", {"web"}, set(), "all that was to go is taken back"),
    ],
)
def test_an_interrupt_tells_what_it_left(
    command: str, before: set[str], after: set[str], told: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("compose.yaml").write_text("services: { web: { network_mode: none } }")
    monkeypatch.setattr("netbuilder.host.Host.current", lambda: Interrupted(before, after))
    assert status(command) == 130
    assert capsys.readouterr() == ("", f"netbuilder: interrupted: {told}\n")


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
    assert "passed over" not in done.stdout
