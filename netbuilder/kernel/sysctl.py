"""Settings under /proc/sys, which shows the network namespace of the thread that opens a file there."""

from __future__ import annotations

import os

from netbuilder.kernel import namespaces

_USES = 64


class Procfs:
    """A procfs of our own for the settings inside sandboxes, mounted nowhere; where that is refused, the machine's.

    In a procfs the "eth0" of all namespaces hang in one hash chain of names (its dentries), so that each one looked up
    makes the next one dearer: a procfs that has seen a thousand sandboxes takes ten times what a new one does.
    """

    def __init__(self) -> None:
        self._fd: int | None = None
        self._uses = 0
        self._is_refused = False

    def path(self, key: str) -> tuple[str, int | None]:
        """The path of a setting, and the directory that it is relative to."""
        if not self._is_refused and (self._fd is None or self._uses >= _USES):
            self.close()
            self._fd = namespaces.mount_detached("proc")
            self._uses, self._is_refused = 0, self._fd is None
        self._uses += 1
        return (f"/proc/sys/{key}", None) if self._fd is None else (f"sys/{key}", self._fd)

    def close(self) -> None:
        """Unmount it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def read(key: str, procfs: Procfs | None = None) -> str | None:
    """The value of a setting such as net/ipv4/ip_forward, numbers apart by a space; None if there is none to read."""
    try:
        fd = _open(key, os.O_RDONLY, procfs)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    try:
        return " ".join(os.read(fd, 4096).decode().split())
    except IsADirectoryError:
        return None
    finally:
        os.close(fd)


def write(key: str, value: str, procfs: Procfs | None = None) -> None:
    """Set a setting."""
    fd = _open(key, os.O_WRONLY, procfs)
    try:
        os.write(fd, f"{value}\n".encode())  # the end of a line, for one that is empty
    finally:
        os.close(fd)


def _open(key: str, mode: int, procfs: Procfs | None) -> int:
    path, directory = procfs.path(key) if procfs else (f"/proc/sys/{key}", None)
    return os.open(path, mode | os.O_CLOEXEC, dir_fd=directory)
