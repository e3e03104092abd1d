"""The process itself, moved into a user namespace in which it is root (user_namespaces(7)).

That takes a process with one thread, and it is for good. So it is tried in a child first. Where it fails half-way, the
process would be left as nobody in an empty network: Ubuntu gives an ordinary user a user namespace and then no right in
it, and a container may have /proc read-only.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from netbuilder.kernel import namespaces


def enter() -> None:
    """Move this process into a user namespace in which it is root, or raise the kernel's OSError and stay.

    Its network namespace is a new one too: from another of ours, a thread could not step back into the old one.
    """
    number = _rehearsed()
    if number:
        raise OSError(number, os.strerror(number))
    _enter()


def _rehearsed() -> int:
    """The errno with which a child of ours fails that moves and makes itself a host; 0 if it does not."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, bytes([_errno_of(_enter) or _errno_of(namespaces.isolate)]))
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as told, suppress(ChildProcessError):  # where SIGCHLD is ignored, there is none to wait for
        answer = told.read()
        os.waitpid(child, 0)
    return answer[0] if answer else errno.EPERM  # a seccomp profile may kill who asks


def _errno_of(move: Callable[[], None]) -> int:
    try:
        move()
    except OSError as error:
        return error.errno or errno.EPERM
    return 0


def _enter() -> None:
    uid, gid = os.geteuid(), os.getegid()
    namespaces.unshare(namespaces.NEWUSER | namespaces.NEWNET)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
