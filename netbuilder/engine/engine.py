"""The part of a host that lives on its own thread: specs in, kernel and store made to agree with them."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from netbuilder.engine.handles import not_found
from netbuilder.engine.journal import DIRECTORY
from netbuilder.engine.reader import Reader
from netbuilder.engine.removal import removed, with_table
from netbuilder.engine.report import Change, Changes
from netbuilder.engine.store import Store
from netbuilder.errors import PrivilegeError, SpecError, some
from netbuilder.kernel import namespaces, privileges
from netbuilder.kernel.kernel import Kernel
from netbuilder.kernel.log import warn
from netbuilder.recipes.units import FIREWALL, FORWARDING, FORWARDING6, Key, in_use, standing, whole
from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.steps import Plan, SetUp
from netbuilder.values.names import Named, NetworkLike, SandboxLike, name_of

if TYPE_CHECKING:
    from netbuilder.engine.executor import Executor, Watch
    from netbuilder.engine.preparation import Preparation, Prepared, Specs
    from netbuilder.spec import Network, Sandbox

Ahead = Callable[[list[Key]], object]
_SHARED = (FIREWALL, FORWARDING)


class Engine(Reader):
    """One host, as seen from its own thread."""

    def __init__(self) -> None:
        privileges.check_mounts()
        try:
            self.store = Store(namespaces.cookie())
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            from netbuilder.kernel import advice

            raise PrivilegeError(
                f"{DIRECTORY} can't be written, where netbuilder keeps what it made",
                f"in a user namespace it takes a /run of one's own; {advice.start_isolated()}",
            ) from None
        self.kernel = Kernel()

    @cached_property
    def executor(self) -> Executor:
        """What does it."""
        from netbuilder.engine.executor import Executor

        return Executor(self.kernel, self.store)

    @cached_property
    def preparation(self) -> Preparation:
        """What says what is to be done."""
        from netbuilder.engine.preparation import Preparation

        return Preparation(self.store, self.kernel)

    def close(self) -> None:
        """Close every socket and file; what was made stays."""
        self.store.close()
        self.kernel.close()

    def bring_up_loopback(self) -> None:
        """Bring up the loopback of a new host, so that localhost works there."""
        SetUp(dev="lo").do(self.kernel)
        self.kernel.flush()

    # What is asked for

    def plan(self, specs: Specs) -> Plan:
        """All steps of what is asked for."""
        with self._alone():
            return whole(self.preparation.prepare(specs).units)

    def diff(self, specs: Specs) -> Changes:
        """What is left to do: what goes first, and what is missing then."""
        with self._alone():
            return self.preparation.prepare(specs).transition.changes

    def apply(self, specs: Specs, watch: Watch) -> Changes:
        """Make it so: everything, or on an error nothing of it."""
        with self._alone():
            prepared = self._carry_out(specs, watch)
        return _warned(prepared)

    def edit(self, name: str, change: Callable[[ResolvedSandbox], Sandbox], watch: Watch) -> Changes:
        """Make a sandbox what a change asks for of what it is by then: nobody changes it in between.

        Raises:
            NotFound: If there is no such sandbox, or no network that it is to be on.
        """
        with self._alone():
            standing, _ = self.found(name)
            spec = change(standing)
            self._refuse_unknown_networks(spec)
            prepared = self._carry_out((spec,), watch)
        return _warned(prepared)

    def _refuse_unknown_networks(self, spec: Sandbox) -> None:
        from netbuilder.spec import DEFAULT_NETWORK

        allocations = self.store.allocations()
        for endpoint in getattr(spec.mode, "attachments", ()):
            if endpoint.network not in {DEFAULT_NETWORK, *allocations.networks}:
                raise not_found(endpoint.network, allocations, "network")

    def _carry_out(self, specs: Specs, watch: Watch) -> Prepared:
        prepared = self.preparation.prepare(specs)
        self.executor.carry_out(prepared.units, prepared.stood, prepared.transition, watch)
        return prepared

    # What is to go

    def destroy(self, what: Iterable[Named | str], ahead: Ahead) -> Changes:
        """Take back what names, specs and handles stand for; with the last network go firewall and forwarding.

        Args:
            what: What is to go.
            ahead: Called with all that goes, once nothing speaks against it and before anything is touched.

        Raises:
            NotFound: If there is no sandbox or network of a name, or another than a handle's.
            SpecError: If one is in use by another that stays.
        """
        with self._alone():
            doomed = list(dict.fromkeys(map(self._key, what)))
            for key, users in in_use(doomed, self.store.allocations()).items():
                raise SpecError(
                    f"{key.kind} {key.name}", f"is in use by {some(users)}", "destroy those first, or with it"
                )
            return self._remove(doomed, ahead)

    def destroy_all(self, ahead: Ahead) -> Changes:
        """Take back everything, by what was written down of it alone, whatever version of netbuilder wrote it."""
        with self._alone(recover=False):
            owed, lost = self.store.salvage()
            ahead(list(owed))
            if self.store.is_current:
                self.store.begin_removal(owed)
            changes = removed(owed, self.executor.undo(with_table(owed)))
            self.store.start_over()
        if lost:
            warn(f"not taken back, as this version of netbuilder does not know it: {'; '.join(lost)}")
        return changes

    def take_down(self, specs: Specs, ahead: Ahead) -> Changes:
        """Take back what specs name and the networks that it is attached to, but for those in use by others."""
        with self._alone():
            return self._release(self._claimed(tuple(specs)), ahead)

    def release(self, keys: Iterable[Key], ahead: Ahead) -> Changes:
        """Take units back, but for those in use by others that stay."""
        with self._alone():
            return self._release(list(keys), ahead)

    def _release(self, claimed: list[Key], ahead: Ahead) -> Changes:
        allocations = self.store.allocations()
        doomed = [key for key in dict.fromkeys(claimed) if standing(key, allocations)]
        kept: list[Key] = []
        while staying := in_use(doomed, allocations):
            kept += staying
            doomed = [key for key in doomed if key not in staying]
        changes = self._remove(doomed, ahead)
        left = (
            Change(*key, "unchanged", users=tuple(sorted(users)))
            for kept_key in reversed(kept)
            for key, users in in_use([kept_key], allocations).items()
        )
        return Changes(changes.plan, (*changes.units, *left))

    def _remove(self, doomed: list[Key], ahead: Ahead) -> Changes:
        allocations = self.store.allocations()
        if doomed and allocations.networks.keys() == {key.name for key in doomed if key.kind == "network"}:
            doomed += [key for key in _SHARED if standing(key, allocations)]
        if allocations.forwarding6 and allocations.last_of_ipv6({key.name for key in doomed if key.kind == "network"}):
            doomed.append(FORWARDING6)
        gone = {key.name for key in doomed if key.kind == "sandbox"}
        doomed += [Key("localnet", name) for name in allocations.localnets_of(gone)]
        ahead(doomed)
        owed = self.store.records(doomed)
        self.store.begin_removal(owed)
        done = self.executor.undo(owed)
        self.store.finish()
        return removed(owed, done)

    def _claimed(self, specs: tuple[Network | Sandbox, ...]) -> list[Key]:
        """What specs name and stands, and the networks that the sandboxes among it are attached to."""
        stand = self.store.allocations().sandboxes
        sandboxes = [spec.name for spec in specs if isinstance(spec, SandboxLike) and spec.name in stand]
        networks = [network for name in sandboxes for network in sorted(stand[name].networks)]
        networks += [spec.name for spec in specs if isinstance(spec, NetworkLike)]
        external = {spec.name for spec in specs if getattr(spec, "external", False)}
        networks = [name for name in networks if name not in external]
        return [*(Key("sandbox", name) for name in sandboxes), *(Key("network", name) for name in networks)]

    def _key(self, what: Named | str) -> Key:
        name = what if isinstance(what, str) else name_of(what)
        if isinstance(what, NetworkLike):
            kinds: tuple[Literal["sandbox", "network"], ...] = ("network",)
        else:
            kinds = ("sandbox",) if isinstance(what, SandboxLike) else ("sandbox", "network")
        if "sandbox" in kinds and self.store.sandbox(name):
            return Key("sandbox", str(name))
        if "network" in kinds and self.network(name):
            return Key("network", name)
        raise not_found(name, self.store.allocations(), *kinds)

    @contextmanager
    def _alone(self, recover: bool = True) -> Iterator[None]:
        """Nobody else changes this host for the length of a `with` block, and what killed calls left is gone."""
        with self.store.locked():
            try:
                if recover:
                    self.executor.recover()
                yield
            finally:
                self.kernel.leave_namespace()


def _warned(prepared: Prepared) -> Changes:
    for warning in prepared.warnings:
        warn(warning)
    return prepared.transition.changes
