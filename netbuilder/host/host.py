"""The handle of a host: what a user holds. Specs go in; sandboxes stand, are shown, and are taken back."""

from __future__ import annotations

import _thread
import os
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from netbuilder.engine.engine import Engine
from netbuilder.engine.report import Changes
from netbuilder.host.arguments import checked
from netbuilder.host.interrupts import noting
from netbuilder.host.processes import Processes
from netbuilder.host.sandbox import LiveSandbox
from netbuilder.host.standing import Standing
from netbuilder.kernel import namespaces, privileges
from netbuilder.kernel.room import Room, View
from netbuilder.kernel.thread import HostThread
from netbuilder.recipes.units import Key
from netbuilder.resolve import defaults
from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.steps import Plan, Step

if TYPE_CHECKING:
    from netbuilder.spec import Network, Sandbox

P = ParamSpec("P")
T = TypeVar("T")


class Host(Standing):
    """The network namespace that plays the Docker host: `Host.current()` or `Host.isolated()`.

    As a context manager it takes back, at the end, what was made through it. May be used from any thread. Two handles
    of one host are equal.
    """

    def __init__(self) -> None:
        raise TypeError("write Host.current(), the host you are on, or Host.isolated(), a throw-away one")

    def _begin(self, thread: HostThread, engine: Engine, view: View) -> None:
        self._thread, self._engine, self._view = thread, engine, view
        self._mine: dict[Key, None] = {}
        self._processes = Processes()
        # For a host that nobody closes: by another thread, as garbage may be collected in one that holds a lock.
        leave = self._processes.end, engine.close
        self._dropped = weakref.finalize(self, _thread.start_new_thread, thread.close, leave)
        self._dropped.atexit = False

    @classmethod
    def current(cls, *, address_pools: Sequence[tuple[str, int]] = ()) -> Self:
        """The host that the calling thread is on.

        Args:
            address_pools: Where free IPv4 subnets are taken from, in place of Docker's own: blocks, each with the
                prefix of its subnets, like ("10.200.0.0/16", 24) (dockerd's --default-address-pool).

        Raises:
            PrivilegeError: If the process lacks CAP_NET_ADMIN or CAP_SYS_ADMIN, or they are not for this network.
        """
        privileges.check_privileges()
        here = namespaces.open_path(namespaces.HERE)
        try:
            return cls._on(HostThread(lambda: namespaces.setns(here)), "machine")._with_pools(address_pools)
        finally:
            os.close(here)

    @classmethod
    def isolated(cls, *, address_pools: Sequence[tuple[str, int]] = ()) -> Self:
        """A throw-away host: a network namespace of its own with its own /run, gone when it is closed or killed.

        Without root, the process itself moves for good into a user namespace in which it is root, with an empty network
        of its own. That takes a process with one thread; one that has more is started by `netbuilder isolated`. The
        argument is that of `current`.

        Raises:
            PrivilegeError: If the system does not let an ordinary user do that, or there are other threads.
        """
        privileges.become_root()
        try:
            thread = HostThread(namespaces.isolate)
        except OSError as error:
            raise privileges.refused(error) from None
        host = cls._on(thread, "host")
        host._call(host._engine.bring_up_loopback)
        return host._with_pools(address_pools)

    @classmethod
    def _on(cls, thread: HostThread, view: View) -> Self:
        host = cls.__new__(cls)
        try:
            host._begin(thread, thread.call(Engine), view)
        except BaseException:
            thread.close()
            raise
        return host

    def _with_pools(self, pools: Sequence[tuple[str, int]]) -> Self:
        if pools:
            try:
                self._engine.preparation.pools = defaults.address_pools(pools)
            except BaseException:
                self.close()
                raise
        return self

    def __repr__(self) -> str:
        return f"<{'closed ' * self._thread.closed}{'isolated ' * (self._view == 'host')}host>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Host) and self._engine.store.identity == other._engine.store.identity

    def __hash__(self) -> int:
        return hash(self._engine.store.identity)

    # What is asked for

    def apply(self, *specs: Network | Sandbox, watch: Callable[[Step], object] = lambda step: None) -> Changes:
        """Make networks and sandboxes stand as specified; what stands already is left as it is.

        A network that is not what it was is changed together with its sandboxes, if all of them are among the specs.

        Args:
            specs: What is asked for; a sandbox may also name what stands already.
            watch: Called with each step ahead of doing it, `Undo` among them, on the host's own thread.

        Returns:
            What became of each network and sandbox, with the steps that were done; false if nothing was.

        Raises:
            SpecError: If the specs clash with each other or with the host; nothing was touched.
            StepError: If the kernel refuses a step; what this call did is taken back, as after KeyboardInterrupt. That
                one has a note that says which of the two it was: taken back, or done by then.
        """
        given = checked("apply", specs)
        return self._make(lambda ahead: self._engine.apply(given, ahead), watch)

    def plan(self, *specs: Network | Sandbox) -> Plan:
        """All the steps that make the specs true on this host; nothing is done. What clashes raises as in `apply`."""
        return self._call(self._engine.plan, checked("plan", specs))

    def diff(self, *specs: Network | Sandbox) -> Changes:
        """What `apply` would do now, as it would return it: what it would undo first, and what is missing then.

        Raises:
            SpecError: As for `apply`.
            StepError: If something is in the way that is not netbuilder's, so that `apply` would fail.
        """
        return self._call(self._engine.diff, checked("diff", specs))

    def destroy(self, *what: Network | Sandbox | LiveSandbox | str) -> Changes:
        """Take back networks and sandboxes, by spec, handle or name: a sandbox's, or else a network's.

        Programs started inside through this handle are ended first.

        Raises:
            NotFound: If there is none; or that of a handle is gone, or on another host.
            SpecError: If something named is in use by something that is not.
        """
        return self._take_back(self._engine.destroy, checked("destroy", what, LiveSandbox, str))

    def destroy_all(self) -> Changes:
        """Take back everything that netbuilder made on this host, whichever program or version asked for it."""
        return self._take_back(self._engine.destroy_all)

    def take_down(self, *specs: Network | Sandbox) -> Changes:
        """Take back what specs name, and each network with its last sandbox; what others still use stays.

        Unlike for `destroy`, what does not stand is ignored. Programs started inside are ended first.

        Returns:
            What was removed, and as "unchanged" what stays, with its `users`.
        """
        return self._take_back(self._engine.take_down, checked("take_down", specs))

    # Its life

    def close(self) -> None:
        """Let go of the host: programs started through it are ended, what was made stays (but on an isolated host)."""
        self._thread.close(self._processes.end, self._engine.close)
        self._dropped.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if not self._thread.closed and not self._thread.is_elsewhere:
            try:
                self._call(self._processes.end)
                self._take_back(self._engine.release, self._mine)
            finally:
                self.close()

    def _edit(self, name: str, change: Callable[[ResolvedSandbox], Sandbox]) -> Changes:
        return self._make(lambda ahead: self._engine.edit(name, change, ahead))

    def _make(
        self,
        make: Callable[[Callable[[Step], object]], Changes],
        watch: Callable[[Step], object] = lambda step: None,
    ) -> Changes:
        """What is made by a call is taken back at the end; programs inside what goes first are ended ahead of that."""
        with noting("what was begun is taken back", "all was done by then, and stands") as finished:

            def work(heed: Callable[[], object]) -> Changes:
                def ahead(step: Step) -> None:
                    heed()
                    self._processes.end_before(step)
                    watch(step)

                changes = make(ahead)
                self._mine |= {Key(one.kind, one.name): None for one in changes if one.action == "created"}
                finished.append(changes)
                return changes

            return self._thread.call_heeding(work)

    def _live(self, resolved: ResolvedSandbox, number: int) -> LiveSandbox:
        return LiveSandbox(self, resolved, number)

    def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._thread.call(function, *args, **kwargs)

    def _open_namespace(self) -> int:
        return os.dup(self._engine.kernel.home)

    def _inside(self, function: Callable[[], T]) -> T:
        return self._call(function)

    def _room(self) -> Room:
        return self._call(lambda: self._processes.room(None, None, self._open_namespace(), self._view))

    def _take_back(self, take_back: Callable[..., Changes], *what: Any) -> Changes:
        """The programs inside what really goes are ended first."""
        with noting("nothing is taken back", "all that was to go is taken back") as finished:

            def work() -> Changes:
                changes = take_back(*what, self._processes.end_in)
                gone = {(one.kind, one.name) for one in changes if one.action == "removed"}
                self._mine = {key: None for key in self._mine if key not in gone}
                finished.append(changes)
                return changes

            return self._call(work)
