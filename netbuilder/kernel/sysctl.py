"""Settings under /proc/sys, which shows the network namespace of the thread that opens a file there."""

from __future__ import annotations

import os


def read(key: str) -> str | None:
    """The value of a setting such as net/ipv4/ip_forward, numbers apart by a space; None if there is none to read."""
    try:
        fd = os.open(f"/proc/sys/{key}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    try:
        return " ".join(os.read(fd, 4096).decode().split())
    except IsADirectoryError:
        return None
    finally:
        os.close(fd)


def write(key: str, value: str) -> None:
    """Set a setting."""
    fd = os.open(f"/proc/sys/{key}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
