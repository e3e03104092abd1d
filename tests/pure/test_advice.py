"""What is said where the kernel says no: the line for what is running, and the setting that forbids it."""

from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path

import pytest

from netbuilder.kernel import advice


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was started as `python3 program.py`, with netbuilder on the PATH."""
    for module in ("ipykernel", "IPython", "execnet", "netbuilder.cli"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "orig_argv", ["python3", "program.py"])
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


def running(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, types.ModuleType(module))


PLAIN = "start the program on a host of its own: netbuilder isolated -- python3 program.py"


def test_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    assert advice.start_isolated() == PLAIN
    assert advice.without_threads() == f"make the host before any thread is started; or {PLAIN}"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "executable", "/a b/python")
    assert "its own: '/a b/python' -m netbuilder isolated -- python3" in advice.start_isolated()


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["python3", "a b.py", "$(reboot)"], "python3 'a b.py' '$(reboot)'"),
        (["python3", "-c", "print()\nprint()"], "PROGRAM"),
        (["python3", "\x1b[31m"], "PROGRAM"),
        (["python3", "\udcff"], "PROGRAM"),
        (["python3", "x" * 10_000], "PROGRAM"),
        (["python3"], "python3"),
        ([], "PROGRAM"),  # a program that has Python inside it
    ],
    ids=ascii,
)
def test_what_was_typed_is_repeated_if_it_can_be(
    words: list[str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", words)
    assert advice.start_isolated() == f"start the program on a host of its own: netbuilder isolated -- {command}"


def test_ipython_has_a_thread_before_anything_could_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "IPython")
    monkeypatch.setattr(sys, "orig_argv", ["/usr/bin/python3", "/usr/bin/ipython"])
    line = "start the program on a host of its own: netbuilder isolated -- /usr/bin/python3 /usr/bin/ipython"
    assert advice.without_threads() == line


def test_a_worker_of_xdist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert advice.start_isolated() == PLAIN  # a program that a test started
    running(monkeypatch, "execnet")
    monkeypatch.setattr(advice, "_parents_command", lambda: ["python3", "-m", "pytest", "-n", "8", "tests"])
    line = "start pytest on a host of its own: netbuilder isolated -- python3 -m pytest -n 8 tests"
    assert advice.start_isolated() == advice.without_threads() == line
    monkeypatch.setattr(advice, "_parents_command", lambda: [])
    assert advice.start_isolated() == "start pytest on a host of its own: netbuilder isolated -- pytest -n 4"


def test_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "IPython")
    running(monkeypatch, "ipykernel")
    said = advice.without_threads()
    assert said == advice.start_isolated()
    assert 'by "netbuilder", "isolated", "--" ahead of argv in its kernel.json: see netbuilder isolated --help' in said
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "executable", "/venv/bin/python")
    assert 'by "/venv/bin/python", "-m", "netbuilder", "isolated", "--" ahead of argv' in advice.start_isolated()


def test_our_own_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "netbuilder.cli")
    assert advice.start_isolated() == "start a shell on a host of its own: netbuilder isolated -- bash"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "in a container, "),
        ({"kernel.unprivileged_userns_clone": "1", "user.max_user_namespaces": "96364"}, "in a container, "),
        (
            {"kernel.apparmor_restrict_unprivileged_userns": "1", "kernel.unprivileged_userns_clone": "1"},
            "allow it: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ({"kernel.unprivileged_userns_clone": "0"}, "allow it: sysctl -w kernel.unprivileged_userns_clone=1"),
        (
            {"user.max_user_namespaces": "0", "user.max_net_namespaces": "0"},
            "allow it: sysctl -w user.max_user_namespaces=10000 && sysctl -w user.max_net_namespaces=10000",
        ),
    ],
)
def test_what_forbids_it_is_named(
    settings: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in settings.items():
        file = tmp_path / key.replace(".", "/")
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{value}\n")
    monkeypatch.setattr(advice, "_SETTINGS", tmp_path)
    assert advice.allow_namespaces().startswith(said)
    assert said == "in a container, " or advice.allow_namespaces() == said
