"""What a program inside sees of the file system: the host's, but for /sys and, by name, files of /etc.

As `ip netns exec` has it: a /sys of the namespace's own, and what is in /etc/netns/NAME/ in place of /etc's. Unlike
there, what is mounted under /sys (cgroup, tracing, bpf) stays.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from netbuilder.errors import shown
from netbuilder.kernel import namespaces, resolver
from netbuilder.kernel.log import warn
from netbuilder.kernel.namespaces import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_SLAVE,
)

_ETC = "/etc/netns"
_RESOLV = "resolv.conf"
_said: set[str] = set()

_File = tuple[int, int] | None


def say_once(message: str, error: OSError | None = None) -> None:
    """Warn of something that a program inside will lack, once in a process."""
    if message not in _said:
        _said.add(message)
        warn(f"{message} ({error.strerror})" if error else message)


class Etc(NamedTuple):
    """What is to be seen in /etc instead of the host's: which files now, to tell whether that has changed."""

    files: tuple[tuple[str, _File, _File], ...] = ()
    """Each name with the file that is seen, and the one that is hidden."""
    resolver: bytes | None = None
    """The text of a resolv.conf without the host's loopback, if there is none for this name."""

    @classmethod
    def of(cls, name: str) -> Etc:
        """What there is for a namespace of this name, in the mount namespace of the calling thread."""
        try:
            names = sorted(os.listdir(f"{_ETC}/{name}"))
        except OSError:
            names = []
        files = tuple((one, _file(f"{_ETC}/{name}/{one}"), _file(f"/etc/{one}")) for one in names)
        return cls(files, None if _RESOLV in names else resolver.reachable())

    def bind(self, name: str) -> None:
        """Mount it, in the mount namespace of the calling thread; what can't be is told and left out."""
        for one, _, _ in self.files:
            try:
                namespaces.mount(f"{_ETC}/{name}/{one}", f"/etc/{one}", None, MS_BIND)
            except OSError as error:
                say_once(f"{shown(f'{_ETC}/{name}/{one}', 80)} can't be seen as {shown(f'/etc/{one}')} inside", error)
        if self.resolver is not None:
            try:
                _bind_text(self.resolver, f"/etc/{_RESOLV}")
            except OSError as error:
                say_once(f"/etc/{_RESOLV} names a server on the host's loopback, and can't be replaced inside", error)

    def unbind(self) -> None:
        """Take away what was mounted."""
        for one in (*(name for name, _, _ in self.files), *([_RESOLV] if self.resolver is not None else [])):
            try:
                namespaces.unmount(f"/etc/{one}")
            except OSError:  # what was to be hidden is gone, and with it went the mount
                continue


def follow() -> None:
    """Move the calling thread to a mount namespace of its own: what the host mounts is seen there, and not vice versa.

    A pin that is removed is removed there too, so it is not kept alive (mount_namespaces(7)).
    """
    namespaces.unshare(namespaces.NEWNS)
    namespaces.mount("none", "/", None, MS_REC | MS_SLAVE)


def share() -> None:
    """As `follow`, and vice versa, but for /sys and /proc."""
    namespaces.unshare(namespaces.NEWNS)
    _keep_to_itself("/sys")
    _keep_to_itself("/proc")


def own_sys() -> None:
    """A fresh sysfs over /sys, of the calling thread's network namespace; what is mounted under it stays in sight."""
    try:
        below = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in _mounts_below("/sys")]
        try:
            read_only = MS_RDONLY if os.statvfs("/sys").f_flag & os.ST_RDONLY else 0
            namespaces.mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | read_only)
            for path, fd in below:
                _bind_again(fd, path)
        finally:
            for _, fd in below:
                os.close(fd)
    except OSError as error:
        say_once("/sys inside is the machine's: a fresh one can't be mounted", error)


def _keep_to_itself(path: str) -> None:
    """What is mounted over a path from now on is not seen in other mount namespaces."""
    try:
        namespaces.mount("none", path, None, MS_PRIVATE)
    except OSError:  # it is no mount: a bind makes it one
        namespaces.mount(path, path, None, MS_BIND | MS_REC)
        namespaces.mount("none", path, None, MS_PRIVATE)


def _file(path: str) -> _File:
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_dev, seen.st_ino


def _bind_again(fd: int, path: str) -> None:
    try:
        namespaces.mount(f"/proc/thread-self/fd/{fd}", path, None, MS_BIND | MS_REC)
    except OSError as error:  # a fresh sysfs has no such directory
        say_once(f"{shown(path)} is not seen inside", error)


def _bind_text(text: bytes, target: str) -> None:
    """A text in place of a file. It is on a file system of its own, which goes with the mount and is seen nowhere."""
    aside = "/sys"  # covered for a moment
    namespaces.mount("none", aside, "tmpfs", 0)
    try:
        file = Path(aside, _RESOLV)
        file.write_bytes(text)
        file.chmod(0o644)  # whatever the umask
        namespaces.mount(str(file), target, None, MS_BIND)
    finally:
        namespaces.unmount(aside)


def _mounts_below(top: str) -> Iterator[str]:
    """The mounts under a directory, but for those under one of them."""
    seen: list[str] = []
    with open("/proc/thread-self/mountinfo", "rb") as file:
        for line in file:
            path = os.fsdecode(re.sub(rb"\\(\d{3})", lambda octal: bytes([int(octal[1], 8)]), line.split(b" ", 5)[4]))
            if path.startswith(f"{top}/") and not any(path == one or path.startswith(f"{one}/") for one in seen):
                seen.append(path)
                yield path
