"""Specs and what is taken -> nothing left open: every default filled in as Docker would, every clash refused.

    resolved      the types of what comes out
    specs         the way there, from specs
    allocations   what stands on a host already, and who holds what (claims)
    facts         what else the host is like
    defaults      how Docker chooses what a spec leaves open
    networks      a bridge for each network, and in each family a subnet and a gateway (pools)
    endpoints     for each network that a sandbox is on: addresses, a veth name, an interface, and who has the gateway
    crowds        what many sandboxes need and few do not
    sandboxes     endpoints, host ports and a namespace for each sandbox
    spec_of       the way back: what would ask for a sandbox as it stands
    edits         what asks for it with a network or a port more, or less

Pure: the same specs, allocations and facts give the same answer, and none of them is changed. Networks come first, then
what is fixed (static addresses, named host ports), then what is free to choose, so that a default never takes what
somebody asked for by name.
"""

from __future__ import annotations

from netbuilder.resolve.resolved import Resolution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from netbuilder.resolve.specs import begins_ipv6, bridge_modes, bridged_matters, needs_facts, resolve

__all__ = ["Resolution", "begins_ipv6", "bridge_modes", "bridged_matters", "needs_facts", "resolve"]


def __getattr__(name: str) -> object:
    """Import the way from specs where there are specs: what stands is read without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from netbuilder.resolve import specs

    return getattr(specs, name)
