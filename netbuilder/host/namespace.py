"""A place where programs run: a host or a sandbox. Processes are started inside, sockets opened inside, threads led in.

A program is started in its sandbox's room (see `room`); a socket is opened by the host's own thread, which steps into
the namespace for that, and back.
"""

from __future__ import annotations

import os
import socket as sockets
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from netbuilder.host.arguments import program
from netbuilder.kernel import namespaces, privileges
from netbuilder.kernel.room import Room
from netbuilder.values.guesses import Answering

T = TypeVar("T")


class NetworkNamespace(Answering, ABC):
    """A host's or a sandbox's network namespace."""

    @abstractmethod
    def _open_namespace(self) -> int:
        """A new descriptor of the namespace, which the caller closes; called on the host's thread."""

    @abstractmethod
    def _inside(self, function: Callable[[], T]) -> T:
        """Call a function on the host's thread, inside the namespace."""

    @abstractmethod
    def _room(self) -> Room:
        """What programs are started in."""

    def popen(self, args: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a program inside and let it run; with the sandbox or isolated host, it ends and all that it started.

        It is asked first, by SIGTERM, and killed after two seconds; what it started is killed. Inside, pids are the
        sandbox's own, as in `docker exec`: `Popen.pid` is the one outside, and a pid file written inside is not. On
        `Host.current()` it is among the machine's processes, and only itself is ended.

        Args:
            args: The program and its arguments; no shell reads them.
            options: As for `subprocess.Popen`.

        Raises:
            OSError: If the program cannot be started.
        """
        return self._room().popen(program(args, options), options)

    def run(
        self,
        args: Sequence[str],
        *,
        input: str | bytes | None = None,
        capture_output: bool = False,
        timeout: float | None = None,
        check: bool = False,
        **options: Any,
    ) -> subprocess.CompletedProcess[Any]:
        """Run a program inside and wait for it, as `subprocess.run` does.

        Args:
            args: The program and its arguments; no shell reads them.
            input: What the program reads on its standard input; with text, what it prints is text too.
            capture_output: Whether to keep what it prints.
            timeout: Seconds until it is killed, with all that it started; what hides on purpose, in namespaces of its
                own, ends with the sandbox. On `Host.current()`: itself, its children and theirs.
            check: Whether a non-zero exit status is an error.
            options: As for `subprocess.Popen`.

        Raises:
            OSError: If the program cannot be started.
            subprocess.CalledProcessError: If `check` is given and the program fails.
            subprocess.TimeoutExpired: If `timeout` is given and passes.
        """
        if input is not None:
            options["stdin"] = subprocess.PIPE
        if isinstance(input, str) and not {"text", "encoding", "errors", "universal_newlines"} & options.keys():
            options["text"] = True
        if capture_output:
            options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        done = self._room().run(program(args, options), options, input, timeout)
        if check:
            done.check_returncode()
        return done

    def socket(
        self, family: int = sockets.AF_INET, kind: int = sockets.SOCK_STREAM, protocol: int = 0
    ) -> sockets.socket:
        """A socket that lives inside, for use from anywhere.

        Args:
            family: As for `socket.socket`.
            kind: As `type` for `socket.socket`.
            protocol: As `proto` for `socket.socket`.
        """
        return self._inside(lambda: sockets.socket(family, kind, protocol))

    @contextmanager
    def enter(self) -> Iterator[None]:
        """The calling thread is inside for the length of a `with` block: what it opens or starts, it opens there.

        Only the calling thread, and only its network namespace (setns(2)): /sys, /proc, /etc and pids are as before,
        unlike in `run` and `popen`, and what it starts there does not end with the sandbox. In asyncio, do not await
        inside: other tasks of the thread would be inside too.

        Raises:
            PrivilegeError: If the thread could not step back, as the network it is on is not its root's.
        """
        privileges.check_network()
        fd = self._inside(self._open_namespace)
        try:
            with namespaces.entered(fd):
                yield
        finally:
            os.close(fd)
