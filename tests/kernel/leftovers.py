"""Proof that the tests leave nothing: the machine as it was, no process, and no network namespace.

A namespace that only the kernel knows can't be listed. But a namespace can be given a number by another one (man 8
ip-netns, `set`), and the number is gone when the namespace is: so every host and sandbox of a test is numbered by a
witness, and at the end the witness must have no number left.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from netbuilder import Host
from netbuilder.kernel.message import ACK, DUMP, Message, number
from netbuilder.kernel.netlink import Netlink

MARK = "NETBUILDER_TEST_SESSION"
"""In the environment of every process that a session starts."""

_NEWNSID, _GETNSID = 88, 90
_NETNSA_NSID, _NETNSA_FD = 1, 3
_ANY_FAMILY = bytes(4)
_EEXIST = 17


def wait_until(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Wait for something that happens by itself, and fail if it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds:g} s: {what}"
        time.sleep(0.005)


class Witness:
    """A namespace that knows which of the namespaces it was shown are still there."""

    def __init__(self) -> None:
        self._host = Host.isolated()
        self._netlink = self._host._call(Netlink)

    def note(self, host: Host) -> None:
        """Number a host's namespace."""
        self._number(host._inside(host._open_namespace))

    def note_sandboxes(self, host: Host) -> None:
        """Number all namespaces that are pinned on a host, if it is not closed yet."""
        if host._thread.closed:
            return
        pins = host.run(["find", "/run/netns", "-type", "f"], capture_output=True, text=True).stdout.split()
        for pin in pins:
            self._number(host._inside(lambda pin=pin: os.open(pin, os.O_RDONLY)))  # type: ignore[misc]

    def _number(self, fd: int) -> None:
        body = _ANY_FAMILY + number(_NETNSA_NSID, 2**32 - 1) + number(_NETNSA_FD, fd)
        (reply,) = self._netlink.ask([Message(_NEWNSID, ACK, body)])
        os.close(fd)
        assert reply.errno in (0, _EEXIST), os.strerror(reply.errno)

    def survivors(self) -> int:
        """How many of the namespaces it was shown are still there."""
        (reply,) = self._netlink.ask([Message(_GETNSID, DUMP, _ANY_FAMILY)])
        return len(reply.bodies)

    def close(self) -> None:
        """Go too."""
        self._netlink.close()
        self._host.close()


def machine() -> dict[str, list[str]]:
    """What can be seen of the machine that the tests run on, and must be the same afterwards."""
    seen = {name: _output(command) for name, command in _LOOKS.items()}
    seen["mounts"] = Path("/proc/self/mounts").read_text().splitlines()
    seen["settings"] = list(_settings())
    for directory in ("/run/netns", "/run/netbuilder"):
        seen[directory] = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    return seen


_LOOKS = {
    "addresses": ["ip", "-o", "address"],
    "links": ["ip", "-o", "link"],
    "routes": ["ip", "route", "show", "table", "all"],
    "routing rules": ["ip", "rule"],
    "firewall": ["nft", "--stateless", "list", "ruleset"],
}
_CLOCKS = re.compile(r"(?:valid_lft|preferred_lft|expires) \S+")


def _output(command: list[str]) -> list[str]:
    if not shutil.which(command[0]):  # then no test of the kernel can run, and the others may
        return []
    seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return _CLOCKS.sub("", seen).splitlines()


def _settings() -> Iterator[str]:
    for root in ("/proc/sys/net/ipv4", "/proc/sys/net/ipv6", "/proc/sys/net/bridge"):
        for directory, directories, files in os.walk(root):
            if "neigh" in directories:
                directories.remove("neigh")
            for path in (Path(directory, file) for file in files):
                try:
                    yield f"{path} {path.read_text().strip()}"
                except OSError:  # some can only be written, some are root's
                    continue


def processes(session: str) -> list[str]:
    """The processes of a session other than the calling one."""
    mark = f"{MARK}={session}".encode()
    return [
        process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and int(process.name) != os.getpid() and mark in _environment(process)
    ]


def _environment(process: Path) -> list[bytes]:
    try:
        return process.joinpath("environ").read_bytes().split(b"\0")
    except OSError:  # it has just ended, or is another user's
        return []


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """What is not as it was, a line each."""
    return [
        f"{name}: {sign} {line}"
        for name in before
        for sign, one, other in (("-", before[name], after[name]), ("+", after[name], before[name]))
        for line in one
        if line not in other
    ]
