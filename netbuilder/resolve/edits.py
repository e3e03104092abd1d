"""Changes to a sandbox that stands: the spec of what it is to be, or why it cannot be that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from netbuilder.errors import SpecError, suggestion
from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.resolve.spec_of import spec_of
from netbuilder.spec import Bridge, Endpoint, PublishedPort, Sandbox


def connected(standing: ResolvedSandbox, endpoint: Endpoint) -> Sandbox:
    """A sandbox on one more network (`docker network connect`).

    Raises:
        SpecError: If it is on that one, or can be on none.
    """
    mode = _bridge_mode(standing, "cannot be connected to a network")
    if endpoint.network in standing.networks:
        hint = f"disconnect it first, or see it: netbuilder inspect {standing.name}"
        raise SpecError(f"sandbox {standing.name}", f"is on network {endpoint.network} already", hint)
    return _wired(standing, mode, endpoints=(*mode.attachments, endpoint))


def disconnected(standing: ResolvedSandbox, network: str) -> Sandbox:
    """A sandbox on one network less (`docker network disconnect`); its routes by that one go too.

    Raises:
        SpecError: If it is not on that one.
    """
    mode = _bridge_mode(standing, "cannot be disconnected from a network")
    if network not in standing.networks:
        on = sorted(standing.networks)
        hint = suggestion(network, on) or f"it is on {', '.join(on) or 'none'}"
        raise SpecError(f"sandbox {standing.name}", f"is not on network {network}", hint)
    gone = {one.interface for one in standing.endpoints if one.network == network}
    left = standing.replace(routes=tuple(one for one in standing.routes if one.interface not in gone))
    return _wired(left, mode, endpoints=tuple(one for one in mode.attachments if one.network != network))


def published(standing: ResolvedSandbox, ports: Iterable[PublishedPort]) -> Sandbox:
    """A sandbox with more published ports.

    Raises:
        SpecError: If it can have none.
    """
    mode = _bridge_mode(standing, "has no ports to publish")
    return _wired(standing, mode, publish=(*mode.publish, *ports))


def unpublished(standing: ResolvedSandbox, ports: Iterable[PublishedPort]) -> Sandbox:
    """A sandbox without some of its published ports; what is left open of one stands for any.

    Raises:
        SpecError: If it publishes none like one of them.
    """
    mode = _bridge_mode(standing, "has no published ports")
    left = mode.publish
    for port in ports:
        gone = set(_like(port, left))
        if not gone:
            hint = f"it publishes {', '.join(map(str, left)) or 'none'}"
            raise SpecError(f"sandbox {standing.name}", f"does not publish {port}", hint)
        left = tuple(one for one in left if one not in gone)
    return _wired(standing, mode, publish=left)


def _bridge_mode(standing: ResolvedSandbox, cannot: str) -> Bridge:
    mode = spec_of(standing).mode
    if isinstance(mode, Bridge):
        return mode
    why = {
        "host": "its network is the host's",
        "container": f"its network is that of sandbox {standing.shares}",
        "none": "it is to have no network",
    }[mode.kind]
    hint = f"do it with sandbox {standing.shares}" if standing.shares else "ask for it in bridge mode"
    raise SpecError(f"sandbox {standing.name}", f"is in {mode.kind} mode, and {cannot}: {why}", hint)


def _like(port: PublishedPort, among: Iterable[PublishedPort]) -> Iterator[PublishedPort]:
    for one in among:
        is_alike = (one.sandbox_port, one.protocol, one.count) == (port.sandbox_port, port.protocol, port.count)
        is_any = port.host_ip is None and port.host_port is None
        is_there = is_any or (port.host_ip == one.host_ip and (port.host_port is None or one.host_port in port.choices))
        if is_alike and is_there:
            yield one


def _wired(standing: ResolvedSandbox, mode: Bridge, **changed: object) -> Sandbox:
    fields = {"endpoints": mode.attachments, "publish": mode.publish, **changed}
    try:
        return spec_of(standing).model_copy(update={"mode": Bridge.model_validate(fields)})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise SpecError(f"sandbox {standing.name}.mode", problem) from None
