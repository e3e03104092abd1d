"""The handle of a host: what a user holds. Specs go in; sandboxes stand, are shown, and are taken back."""

from __future__ import annotations

import _thread
import os
import subprocess
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, Self, TypeVar

from netbuilder.engine import Engine
from netbuilder.errors import NotFound, shown
from netbuilder.handed import checked
from netbuilder.kernel import namespaces, privileges
from netbuilder.kernel.thread import HostThread
from netbuilder.links import Cable
from netbuilder.place import Place
from netbuilder.plan import Plan
from netbuilder.programs import Programs
from netbuilder.resolved import Endpoint, ResolvedNetwork, ResolvedSandbox
from netbuilder.sandbox import LiveSandbox
from netbuilder.spec import Network, Sandbox
from netbuilder.steps import AddNamespace, AttachNamespace, Step, TakeBack
from netbuilder.units import Key

P = ParamSpec("P")
T = TypeVar("T")


class Host(Place):
    """The network namespace that plays the Docker host, and what netbuilder made on it.

    Get one from `Host.current()` or `Host.isolated()`. As a context manager it takes back, at the end, what was made
    through it. May be used from any thread; in asyncio, through `asyncio.to_thread`.
    """

    def __init__(self, thread: HostThread, engine: Engine) -> None:
        self._thread, self._engine = thread, engine
        self._mine: dict[Key, None] = {}
        self._programs = Programs()
        # A host that nobody closed: its files go with it, on a thread of their own, as garbage may not wait for a lock.
        self._dropped = weakref.finalize(self, _thread.start_new_thread, thread.close, (engine.close,))
        self._dropped.atexit = False

    @classmethod
    def current(cls) -> Self:
        """The host that the calling thread is on.

        Raises:
            PrivilegeError: If the process lacks CAP_NET_ADMIN or CAP_SYS_ADMIN.
        """
        privileges.check_privileges()
        here = os.open(namespaces.HERE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return cls._on(HostThread(lambda: namespaces.setns(here)))
        finally:
            os.close(here)

    @classmethod
    def isolated(cls) -> Self:
        """A throw-away host: a network namespace of its own with its own /run, gone when it is closed or killed.

        Without root, the process itself moves for good into a user namespace in which it is root, with an empty network
        of its own. That takes a process with one thread.

        Raises:
            PrivilegeError: If the system does not let an ordinary user do that, or there are other threads.
        """
        privileges.become_root()
        try:
            thread = HostThread(namespaces.isolate)
        except OSError as error:
            raise privileges.refused(error) from None
        host = cls._on(thread)
        host._call(host._engine.kernel.switch_on_loopback)
        return host

    @classmethod
    def _on(cls, thread: HostThread) -> Self:
        try:
            return cls(thread, thread.call(Engine))
        except BaseException:
            thread.close()
            raise

    # What is asked for

    def apply(self, *specs: Network | Sandbox, watch: Callable[[Step], object] = lambda step: None) -> Plan:
        """Make networks and sandboxes stand as specified; what stands already is left as it is.

        Args:
            specs: What is asked for; a sandbox may also name what stands already.
            watch: Called with each step ahead of doing it, `TakeBack` among them, on the host's own thread.

        Returns:
            The steps that were done, so an empty plan if nothing was missing.

        Raises:
            SpecError: If the specs clash with each other or with the host; nothing was touched.
            StepError: If the kernel refuses a step; what this call did is taken back, as after KeyboardInterrupt.
        """
        checked("apply", specs)

        def work(heed: Callable[[], object]) -> Plan:
            def ahead(step: Step) -> None:
                heed()
                if isinstance(step, TakeBack) and isinstance(step.undone, AddNamespace | AttachNamespace):
                    self._programs.end({step.undone.name})
                watch(step)

            applied = self._engine.apply(specs, ahead)
            self._mine |= dict.fromkeys(applied.made)
            return applied.plan

        return self._thread.call_heeding(work)

    def plan(self, *specs: Network | Sandbox) -> Plan:
        """All the steps that make the specs true on this host; nothing is done.

        Raises:
            SpecError: As for `apply`.
        """
        return self._call(self._engine.plan, checked("plan", specs))

    def diff(self, *specs: Network | Sandbox) -> Plan:
        """The steps that `apply` would do now: what it would take back first, and what is missing then.

        Raises:
            SpecError: As for `apply`.
        """
        return self._call(self._engine.diff, checked("diff", specs))

    def destroy(self, *what: Network | Sandbox | str) -> None:
        """Take back networks and sandboxes, by spec or by name: a sandbox's, or else a network's.

        Programs started inside through this handle are ended first.

        Raises:
            NotFound: If there is none.
            SpecError: If something named is in use by something that is not.
        """
        self._take_back(self._engine.destroy, checked("destroy", what, str))

    def destroy_all(self) -> None:
        """Take back everything that netbuilder made on this host, whichever program asked for it."""
        self._take_back(self._engine.destroy_all)

    def take_down(self, *specs: Network | Sandbox) -> None:
        """Take back what specs name, and each network with its last sandbox; what others still live on stays.

        Unlike for `destroy`, what does not stand is passed over. Programs started inside are ended first.
        """
        self._take_back(self._engine.take_down, checked("take_down", specs))

    # What stands

    @property
    def made(self) -> tuple[Key, ...]:
        """What was made through this handle: what the end of a `with` block takes back."""
        return tuple(self._mine)

    def __getitem__(self, name: str) -> LiveSandbox:
        """The sandbox of a name.

        Raises:
            NotFound: If there is none.
        """
        resolved = self._call(self._engine.sandbox, name)
        if resolved is None:
            raise NotFound(f"there is no sandbox {shown(name)} on this host", "see which there are: netbuilder ps")
        return LiveSandbox(self, resolved)

    def __iter__(self) -> Iterator[str]:
        """The names of the sandboxes, in the order in which they were made."""
        return iter([one.name for one in self._call(self._engine.sandboxes)])

    def __contains__(self, name: str) -> bool:
        """Whether there is a sandbox of a name."""
        return self._call(self._engine.sandbox, name) is not None

    def sandboxes(self) -> tuple[LiveSandbox, ...]:
        """The sandboxes, in the order in which they were made."""
        return tuple(LiveSandbox(self, one) for one in self._call(self._engine.sandboxes))

    def networks(self) -> tuple[ResolvedNetwork, ...]:
        """The networks, in the order in which they were made."""
        return self._call(self._engine.networks)

    def links(self) -> tuple[Cable, ...]:
        """Which host veth belongs to which sandbox, by ifindex and namespace id."""
        return self._call(self._engine.cables)

    def endpoint_of(self, sandbox: ResolvedSandbox) -> Endpoint | None:
        """The attachment that a sandbox uses: its own, or that of the sandbox whose namespace it shares."""
        return self._call(self._engine.endpoint_of, sandbox)

    # Its life

    def close(self) -> None:
        """Let go of the host: programs started through it are ended, what was made stays (but on an isolated host)."""

        def leave() -> None:
            self._programs.end()
            self._engine.close()

        self._thread.close(leave)
        self._dropped.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._thread.closed or self._thread.is_elsewhere:
            return
        try:
            self._call(self._programs.end)
            self._take_back(self._engine.release, self._mine)
        finally:
            self.close()

    # How it works

    def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._thread.call(function, *args, **kwargs)

    def _open_namespace(self) -> int:
        return os.dup(self._engine.kernel.home)

    def _inside(self, function: Callable[[], T]) -> T:
        return self._call(function)

    def _remember(self, process: subprocess.Popen[Any], sandbox: str | None = None) -> None:
        self._programs.add(process, sandbox)

    def _take_back(self, take_back: Callable[..., list[Key]], *what: Any) -> None:
        """The programs inside what really goes are ended first."""

        def end_programs(doomed: list[Key]) -> None:
            self._programs.end({key.name for key in doomed if key.kind == "sandbox"})

        def work() -> None:
            for key in take_back(*what, end_programs):
                self._mine.pop(key, None)

        self._call(work)
