"""What to type where the kernel says no: how this very program is started on a host of its own, or what to allow."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

_SETTINGS = Path("/proc/sys")
_LONGEST = 120  # characters of a command that a hint repeats

_SWITCHES = (
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),  # Ubuntu 23.10 and later
    ("kernel.unprivileged_userns_clone", "0", "1"),  # Debian's kernels
    ("user.max_user_namespaces", "0", "10000"),
    ("user.max_net_namespaces", "0", "10000"),
    ("user.max_mnt_namespaces", "0", "10000"),
)
"""What forbids ordinary users namespaces of their own: the setting, the value that does, and one that does not."""


_HAVE_THREADS = ("ipykernel", "IPython", "execnet")
"""Where one of these is imported, threads run ahead of the user's first line (execnet: in what pytest-xdist starts)."""


def without_threads() -> str:
    """What to do about a process that has threads."""
    if any(module in sys.modules for module in _HAVE_THREADS):
        return start_isolated()
    return f"make the host before any thread is started; or {start_isolated()}"


def start_isolated() -> str:
    """How the program that calls is started on a host of its own: the line to type, if it is known what was typed."""
    if "ipykernel" in sys.modules:
        words = ", ".join(f'"{word}"' for word in [*_launcher(), "isolated", "--"])
        more = shlex.join([*_launcher(), "isolated", "--help"])
        return (
            f"start the notebook's kernel on a host of its own, by {words} ahead of argv in its kernel.json: see {more}"
        )
    return f"start {_what()} on a host of its own: {shlex.join([*_launcher(), 'isolated', '--'])} {_command()}"


def allow_namespaces() -> str:
    """The settings that keep ordinary users from namespaces of their own, as one sets them otherwise."""
    forbidding = [f"sysctl -w {key}={right}" for key, wrong, right in _SWITCHES if _setting(key) == wrong]
    if forbidding:
        return f"allow it: {' && '.join(forbidding)}"
    return "in a container, its profile or a read-only /proc may forbid it: docker run --privileged allows it"


def _what() -> str:
    return "pytest" if _is_worker() else "a shell" if _is_our_program() else "the program"


def _launcher() -> list[str]:
    return ["netbuilder"] if shutil.which("netbuilder") else [sys.executable, "-m", "netbuilder"]


def _command() -> str:
    """What was typed to start this program, if that can be told and is short."""
    if _is_worker():
        return _repeatable(_parents_command()) or "pytest -n 4"
    if _is_our_program():
        return "bash"
    return _repeatable(sys.orig_argv) or "PROGRAM"


def _repeatable(words: list[str]) -> str:
    line = shlex.join(words)
    return line if line.isprintable() and len(line) <= _LONGEST else ""


def _is_worker() -> bool:
    """Whether this is a process that pytest-xdist started; programs that a test starts inherit the variable too."""
    return "PYTEST_XDIST_WORKER" in os.environ and "execnet" in sys.modules


def _is_our_program() -> bool:
    return "netbuilder.cli" in sys.modules


def _parents_command() -> list[str]:
    try:
        return Path(f"/proc/{os.getppid()}/cmdline").read_bytes().decode().split("\0")[:-1]
    except (OSError, UnicodeDecodeError):
        return []


def _setting(key: str) -> str | None:
    try:
        return (_SETTINGS / key.replace(".", "/")).read_text().strip()
    except OSError:
        return None
