"""Namespaces, by system call: a thread steps into a new one, pins it, and steps back. No process is started.

unshare(2) and setns(2) move the calling thread alone; Python 3.12 has them in `os`, 3.11 does not.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from netbuilder.steps import PINS

NEWNS, NEWUTS, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x04000000, 0x10000000, 0x20000000, 0x40000000
_CLONE_FS = 0x200
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC = 1, 2, 4, 8, 4096, 1 << 14
MS_PRIVATE, MS_SLAVE, MS_SHARED, _MNT_DETACH = 1 << 18, 1 << 19, 1 << 20, 2
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432  # glibc has functions for them from 2.36 on
_SO_NETNS_COOKIE = 71
_NS_GET_NSTYPE = 0xB703
HERE = "/proc/thread-self/ns/net"
"""The network namespace of the thread that opens it."""

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(flags: int) -> None:
    """Move the calling thread into new namespaces."""
    _check(_libc.unshare(flags))


def setns(fd: int, flags: int = NEWNET) -> None:
    """Move the calling thread into the namespace that a descriptor stands for."""
    _check(_libc.setns(fd, flags))


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """See mount(2)."""
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), kind.encode() if kind else None, flags, None))


def mount_detached(kind: str) -> int | None:
    """A file system that is mounted nowhere, by the descriptor of its root; None where the kernel refuses it.

    As it does where a part of the caller's own one is hidden, in many containers (fsopen(2), fsmount(2)).
    """
    context = _libc.syscall(_FSOPEN, kind.encode(), 1)  # FSOPEN_CLOEXEC
    if context < 0:
        return None
    try:
        made = _libc.syscall(_FSCONFIG, context, 6, None, None, 0) == 0  # FSCONFIG_CMD_CREATE
        root: int = _libc.syscall(_FSMOUNT, context, 1, 0) if made else -1  # FSMOUNT_CLOEXEC
    finally:
        os.close(context)
    return root if root >= 0 else None


def unmount(target: str) -> None:
    """Take a mount away, though it may be in use; does nothing where there is none."""
    if _libc.umount2(os.fsencode(target), _MNT_DETACH) and ctypes.get_errno() != errno.EINVAL:
        _check(-1)


def enter_mounts(fd: int, root: int) -> None:
    """Move the calling thread, which is to be a short-lived one, into a mount namespace, and to a root in it.

    setns(2) alone leads to that namespace's own root: out of a chroot.
    """
    unshare(_CLONE_FS)
    setns(fd, NEWNS)
    os.fchdir(root)
    _check(_libc.chroot(b"."))


@contextmanager
def entered(fd: int) -> Iterator[None]:
    """The calling thread is in another network namespace for the length of a `with` block."""
    home = open_path(HERE)
    try:
        setns(fd)
        try:
            yield
        finally:
            setns(home)
    finally:
        os.close(home)


def share_pins() -> None:
    """Make the directory of pins a mount of its own that is shared with other mount namespaces, as `ip netns add` does.

    Done after the first pin, by `ip`, it would hide the pins that are there by then, and they could not be removed.
    """
    Path(PINS).mkdir(mode=0o755, exist_ok=True)
    directory = os.open(PINS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)  # ip takes the same lock
        try:
            mount("", PINS, "none", MS_SHARED | MS_REC)
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: it is no mount yet
                raise
            mount(PINS, PINS, "none", MS_BIND | MS_REC)
            mount("", PINS, "none", MS_SHARED | MS_REC)
    finally:
        os.close(directory)


def add(name: str, home: int) -> None:
    """Make a namespace and pin it; the calling thread ends in `home` again, whatever happens."""
    pin = _new_pin(name)
    try:
        unshare(NEWNET)
        try:
            mount(HERE, pin, None, MS_BIND)
        finally:
            setns(home)
    except OSError:
        Path(pin).unlink()
        raise


def attach(name: str, path: str) -> None:
    """Pin a namespace that is there already."""
    pin = _new_pin(name)
    try:
        mount(path, pin, None, MS_BIND)
    except OSError:
        Path(pin).unlink()
        raise


def _new_pin(name: str) -> str:
    pin = f"{PINS}/{name}"
    os.close(os.open(pin, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    return pin


def unpin(name: str) -> None:
    """Remove a pin, and the empty file of one that was cut short."""
    pin = f"{PINS}/{name}"
    unmount(pin)
    Path(pin).unlink()


def pinned(name: str) -> int | None:
    """The inode of the namespace pinned under a name; 0 for a file that is not a valid namespace; None for nothing."""
    try:
        seen = os.stat(f"{PINS}/{name}")
    except FileNotFoundError:
        return None
    return seen.st_ino if seen.st_dev == _nsfs() else 0


@lru_cache(maxsize=1)
def _nsfs() -> int:
    """The device number of the file system that namespaces are files of; there is one on a machine."""
    return os.stat(HERE).st_dev


def inode(path: str) -> int | None:
    """The inode of the network namespace that a path leads to, by which it is told from all others; None for none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # not to wait for the writer of a pipe
    except OSError:
        return None
    try:
        return os.fstat(fd).st_ino if fcntl.ioctl(fd, _NS_GET_NSTYPE) == NEWNET else None
    except OSError:
        return None
    finally:
        os.close(fd)


def is_namespace(path: str) -> bool:
    """Whether a path leads to a network namespace."""
    return inode(path) is not None


def open_pin(name: str) -> int:
    """A descriptor of a pinned namespace."""
    return open_path(f"{PINS}/{name}")


def open_path(path: str) -> int:
    """A descriptor of a namespace."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def cookie() -> int:
    """A number for the calling thread's network namespace that no other has had or will have until the next boot."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        return int.from_bytes(here.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), "little")


def isolate() -> None:
    """Move the calling thread to a host of its own: new network and mount namespaces, and an empty /run.

    What is mounted there is shared with the programs that run there (see `room`), and with nobody else.
    """
    unshare(NEWNET | NEWNS)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("none", "/", None, MS_REC | MS_SHARED)
    mount("none", "/run", "tmpfs", 0)
