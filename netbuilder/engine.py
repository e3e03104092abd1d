"""The part of a host that lives on its own thread: specs in, kernel and store made to agree with them."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from netbuilder.errors import NotFound, PrivilegeError, SpecError, shown, some
from netbuilder.kernel import namespaces, privileges, survey
from netbuilder.kernel.kernel import Kernel
from netbuilder.links import Cable
from netbuilder.plan import Plan
from netbuilder.resolved import Endpoint, ResolvedNetwork, ResolvedSandbox
from netbuilder.resolver import Resolver, Specs
from netbuilder.runner import Runner, Watch
from netbuilder.spec import Network, Sandbox
from netbuilder.store import DIRECTORY, Store
from netbuilder.units import FORWARDING, RULES, Key, in_use, stands, strike, units, whole

_log = logging.getLogger("netbuilder")

Ahead = Callable[[list[Key]], object]
Choose = Callable[[], Iterable[Key]]


class Applied(NamedTuple):
    """What `apply` did: the steps, and the units that did not stand before."""

    plan: Plan
    made: tuple[Key, ...]


class Engine:
    """One host, as seen from its own thread."""

    def __init__(self) -> None:
        privileges.check_mounts()
        try:
            self.store = Store(namespaces.cookie())
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            raise PrivilegeError(
                f"{DIRECTORY} can't be written, where netbuilder keeps what it made",
                "in a user namespace, give it a /run of its own first: mount -t tmpfs none /run",
            ) from None
        self.kernel = Kernel()
        self.runner = Runner(self.kernel, self.store)
        self.resolver = Resolver(self.store, self.kernel)

    def close(self) -> None:
        """Close every socket and file; what was made stays."""
        self.store.close()
        self.kernel.close()

    # What stands

    def sandbox(self, name: str) -> ResolvedSandbox | None:
        """A sandbox that stands; None if there is none of that name."""
        return self.store.ledger().sandboxes.get(name)

    def sandboxes(self) -> tuple[ResolvedSandbox, ...]:
        """The sandboxes that stand, in the order in which they were made."""
        return tuple(self.store.ledger().sandboxes.values())

    def endpoint_of(self, sandbox: ResolvedSandbox) -> Endpoint | None:
        """The attachment that a sandbox uses: its own, or that of the sandbox whose namespace it shares."""
        owner = self.store.ledger().sandboxes.get(sandbox.namespace or "")
        return owner.endpoint if owner else None

    def networks(self) -> tuple[ResolvedNetwork, ...]:
        """The networks that stand, in the order in which they were made."""
        return tuple(self.store.ledger().networks.values())

    def cables(self) -> tuple[Cable, ...]:
        """Which host veth belongs to which sandbox."""
        return survey.cables(one.name for one in self.sandboxes() if one.namespace == one.name)

    # What is asked for

    def plan(self, specs: Specs) -> Plan:
        """All steps of what is asked for."""
        with self._looking():
            return whole(units(self.resolver.resolve(specs)))

    def diff(self, specs: Specs) -> Plan:
        """The steps that are left to do: what goes first, and what is missing then."""
        with self._looking():
            return self.runner.forecast(self.resolver.units(specs)[0])

    def apply(self, specs: Specs, watch: Watch) -> Applied:
        """Make it so: everything, or on an error nothing of it."""
        with self._alone():
            parts, new = self.resolver.units(specs)
            plan = self.runner.apply(parts, watch)
        if any(key.kind == "network" for key in new):
            self.store.forget()  # the rules are entered with the first network
            self._warn_of_other_firewalls()
        return Applied(plan, new)

    def destroy(self, what: Iterable[Network | Sandbox | str], ahead: Ahead) -> list[Key]:
        """Take back what specs and names stand for, and return it; with the last network go rules and forwarding.

        Args:
            what: What is to go.
            ahead: Called with all that goes, once nothing speaks against it and before anything is touched.

        Raises:
            NotFound: If there is no sandbox or network of a name.
            SpecError: If one is in use by another that stays.
        """
        with self._taking_back(lambda: map(self._key, what), ahead) as doomed:
            for key, users in in_use(doomed, self.store.ledger()).items():
                raise SpecError(
                    f"{key.kind} {key.name}", f"is in use by {some(users)}", "destroy those first, or with it"
                )
        return doomed

    def destroy_all(self, ahead: Ahead) -> list[Key]:
        """Take back everything that stands; see `destroy`."""
        with self._taking_back(self.store.keys, ahead) as doomed:
            return doomed

    def take_down(self, specs: Specs, ahead: Ahead) -> list[Key]:
        """Take back what specs name and the networks that it is attached to, but for those in use by others."""
        return self._release(lambda: self._claimed(specs), ahead)

    def release(self, keys: Iterable[Key], ahead: Ahead) -> list[Key]:
        """Take units back, but for those in use by others that stay."""
        return self._release(lambda: keys, ahead)

    def _release(self, choose: Choose, ahead: Ahead) -> list[Key]:
        with self._taking_back(choose, ahead) as doomed:
            while staying := in_use(doomed, self.store.ledger()):
                doomed[:] = [key for key in doomed if key not in staying]
        return doomed

    @contextmanager
    def _taking_back(self, choose: Choose, ahead: Ahead) -> Iterator[list[Key]]:
        """The caller sees which units are to go and may strike some out; the rest is taken back."""
        with self._alone():
            shared, ledger = (RULES, FORWARDING), self.store.ledger()
            doomed = [key for key in dict.fromkeys(choose()) if key not in shared and stands(key, ledger)]
            yield doomed
            if ledger.networks.keys() == {key.name for key in doomed if key.kind == "network"}:
                doomed += [key for key in shared if stands(key, ledger)]
            ahead(doomed)
            self.runner.destroy(doomed)
            strike(doomed, ledger)

    def _claimed(self, specs: Specs) -> list[Key]:
        """What specs name and stands, and the networks that the sandboxes among it are attached to."""
        ledger, specs = self.store.ledger(), tuple(specs)
        sandboxes = [spec.name for spec in specs if isinstance(spec, Sandbox) and spec.name in ledger.sandboxes]
        ends = (ledger.sandboxes[name].endpoint for name in sandboxes)
        networks = [*(end.network for end in ends if end), *(spec.name for spec in specs if isinstance(spec, Network))]
        return [*(Key("sandbox", name) for name in sandboxes), *(Key("network", name) for name in networks)]

    def _key(self, what: Network | Sandbox | str) -> Key:
        ledger = self.store.ledger()
        name = what if isinstance(what, str) else what.name
        if name in ledger.sandboxes and not isinstance(what, Network):
            return Key("sandbox", name)
        if name in ledger.networks and not isinstance(what, Sandbox):
            return Key("network", name)
        raise NotFound(
            f"there is no sandbox or network {shown(name)} on this host", "see which there are: netbuilder ps"
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes this host for the length of a `with` block, and what killed calls left is gone."""
        with self.store.locked():
            try:
                self.runner.recover()
                yield
            except BaseException:
                self.store.forget()
                raise
            finally:
                self.kernel.leave_room()

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """As `_alone`; what is resolved is entered into the ledger and will not be made."""
        with self._alone():
            yield
        self.store.forget()

    def _warn_of_other_firewalls(self) -> None:
        for chain in self.kernel.dropping_elsewhere():
            _log.warning(
                "another firewall drops forwarded packets (chain %s, policy drop), which overrules netbuilder's rules: "
                "let its sandboxes pass there too",
                chain,
            )
