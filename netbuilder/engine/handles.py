"""What a handle is of: one sandbox, and never another that has its name by now, or has it on another host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from netbuilder.engine.store import Store
from netbuilder.errors import NotFound, SpecError, shown, suggestion
from netbuilder.resolve.allocations import Allocations
from netbuilder.values.names import Numbered, SandboxLike

if TYPE_CHECKING:
    from netbuilder.spec import Network, Sandbox

_GONE = "the sandbox {} of this handle is not on this host: it is gone, or another host's"


def not_found(name: str, allocations: Allocations, *kinds: Literal["sandbox", "network"]) -> NotFound:
    """The error where there is nothing of a name that is of these kinds, or another sandbox than a handle's."""
    if isinstance(name, Numbered):
        return NotFound(_GONE.format(shown(name)), f"for what has its name now, if anything: host[{str(name)!r}]")
    stand: dict[str, Mapping[str, object]] = {"sandbox": allocations.sandboxes, "network": allocations.networks}
    hint = suggestion(name, [known for kind in kinds for known in stand[kind]])
    if other := next((kind for kind in stand if name in stand[kind]), None):
        hint = f"there is a {other} of that name"
    see = "netbuilder networks" if kinds == ("network",) else "netbuilder ps"
    return NotFound(
        f"there is no {' or '.join(kinds)} {shown(name)} on this host", hint or f"see which there are: {see}"
    )


def refuse_strangers(specs: Iterable[Network | Sandbox], store: Store) -> None:
    """A sandbox whose namespace is to be shared is that of the handle it was given by, if it was.

    Raises:
        SpecError: If that is gone, or on another host.
    """
    for spec in specs:
        shared = spec.mode.sandbox if isinstance(spec, SandboxLike) and spec.mode.kind == "container" else ""
        if isinstance(shared, Numbered) and store.sandbox(shared) is None:
            hint = f"for what has its name now, or will have: Container({str(shared)!r})"
            raise SpecError(f"sandbox {spec.name}.mode.sandbox", _GONE.format(shown(shared)), hint)
