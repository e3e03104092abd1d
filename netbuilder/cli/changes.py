"""What a call changed, told by what stood before and after it and by the steps that were done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from netbuilder import modes
from netbuilder.errors import some
from netbuilder.modes import network
from netbuilder.plan import Plan
from netbuilder.resolved import ResolvedNetwork, ResolvedSandbox
from netbuilder.spec import Network, Sandbox
from netbuilder.steps import TakeBack
from netbuilder.units import RULES, Key

if TYPE_CHECKING:
    from netbuilder.host import Host

Standing = dict[Key, ResolvedNetwork | ResolvedSandbox]


class Change(NamedTuple):
    """What became of a network or sandbox, or why nothing did."""

    key: Key
    what: str
    done: bool = True

    def __str__(self) -> str:
        """The change as a line for the user, in the manner of Docker Compose."""
        return f" {'✔' if self.done else '-'} {self.key.kind.capitalize():8}{self.key.name}  {self.what}"


def standing(host: Host) -> Standing:
    """The networks and sandboxes of a host."""
    return {
        **{Key("network", one.name): one for one in host.networks()},
        **{Key("sandbox", one.name): one.resolved for one in host.sandboxes()},
    }


def made(before: Standing, host: Host, done: Plan) -> Iterator[Change]:
    """What is new, what is other than it was, and what had been damaged."""
    new, unexplained = set(host.made), {step for step in done if not isinstance(step, TakeBack)}
    for key, one in standing(host).items():
        mine = unexplained.intersection(_plan(one)) if unexplained else set()
        unexplained -= mine
        if key in new:
            yield Change(key, "made")
        elif before.get(key, one) != one:
            yield Change(key, "changed")
        elif mine:
            yield Change(key, "mended")
    if unexplained and RULES not in new:
        yield Change(RULES, "mended")


def taken_back(before: Standing, host: Host, specs: Iterable[Network | Sandbox]) -> Iterator[Change]:
    """What is gone, and what the specs name and others still live on."""
    named = {Key("network" if isinstance(spec, Network) else "sandbox", spec.name) for spec in specs}
    after = standing(host)
    for key in reversed(before):
        if key not in after:
            yield Change(key, "taken back")
        elif key in named:
            yield Change(key, f"stays, in use by {some(_users(key, after))}", done=False)


def _plan(one: ResolvedNetwork | ResolvedSandbox) -> Plan:
    return modes.plan(one) if isinstance(one, ResolvedSandbox) else network.plan(one)


def _users(key: Key, standing: Standing) -> Iterator[str]:
    for one in standing.values():
        if isinstance(one, ResolvedSandbox):
            network = {one.endpoint.network} if one.endpoint else set()
            if key.name in (one.lives_on if key.kind == "sandbox" else network):
                yield one.name


def unnoted(host: Host, specs: Iterable[Network | Sandbox]) -> Iterator[str]:
    """What takes no commands and is not there yet: sandboxes in host and container mode."""
    for spec in specs:
        if isinstance(spec, Sandbox) and spec.mode.kind in ("host", "container") and spec.name not in host:
            yield f"not there yet: sandbox {spec.name}, which takes no commands ({spec.mode.kind} mode)"
