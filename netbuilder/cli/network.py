"""Networks by themselves, in Docker's words."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from netbuilder.cli.live import pairs
from netbuilder.cli.output import say
from netbuilder.cli.session import checked, telling_interrupts, this_host

if TYPE_CHECKING:
    from netbuilder.host import Host


def inspect(names: list[str]) -> int:
    """Show networks as `docker network inspect` does."""
    from netbuilder.cli import show
    from netbuilder.cli.as_docker import network

    names = list(map(checked, names))
    with closing(this_host()) as host:
        on, sandboxes = {one.name: one for one in host.networks()}, [one.resolved for one in host.sandboxes()]
        for name in names:
            _must_stand(name, list(on))
    show.json([network(on[name], sandboxes) for name in names])
    return 0


def create(
    name: str,
    driver: str,
    subnet: list[str],
    gateway: list[str],
    ip_range: list[str],
    aux_address: list[str],
    ipv4: bool,
    ipv6: bool,
    internal: bool,
    label: list[str],
    opt: list[str],
    verbose: bool,
) -> int:
    """Make one network."""
    from netbuilder.cli.changes import carried_out
    from netbuilder.compose.options import network_of
    from netbuilder.errors import SpecError

    said = {
        "driver_opts": pairs(opt),
        "enable_ipv4": None if ipv4 else "false",
        "enable_ipv6": "true" if ipv6 else None,
        "internal": "true" if internal else None,
        "ipam": {"config": _pools(subnet, gateway, ip_range, aux_address)},
        "labels": label,
    }
    spec = network_of(checked(name), said)
    with telling_interrupts() as done, closing(this_host()) as host:
        changes = None if spec in host else host.apply(spec)
        if not changes:
            raise SpecError(f"network {name}", "stands already", "choose another name, or remove that one first")
        done.append("all was done by then, and stands")
        carried_out(changes, verbose)
    return 0


def rm(names: list[str], force: bool, verbose: bool) -> int:
    """Take networks down, all or none."""
    from netbuilder.cli.changes import carried_out
    from netbuilder.spec import Network

    names = list(dict.fromkeys(map(checked, names)))
    with telling_interrupts() as done, closing(this_host()) as host:
        stand = [one.name for one in host.networks()]
        for name in names if not force else ():
            _must_stand(name, stand)
        changes = host.destroy(*(Network(name) for name in names if name in stand))
        done.append("all that was to go is taken back")
        carried_out(changes, verbose)
    return 0


def prune(force: bool, verbose: bool) -> int:
    """Take down the networks that no sandbox is on."""
    from netbuilder.cli.changes import carried_out
    from netbuilder.spec import Network

    with telling_interrupts() as done, closing(this_host()) as host:
        names = _unused(host)
        if names and not force and not _confirmed(names):
            return 1
        changes = host.take_down(*map(Network, names))
        done.append("all that was to go is taken back")
        carried_out(changes, verbose)
    return 0


def _pools(*options: list[str]) -> list[dict[str, object]]:
    """What is asked for of each family, as the IPAM configuration of a Compose file has it."""
    subnets, gateways, ranges, aux = options
    pools: list[dict[str, object]] = [{"subnet": subnet} for subnet in subnets]
    for key, values in (("gateway", gateways), ("ip_range", ranges)):
        for value in values:
            _pool_of(value, key, pools)[key] = value
    for name, address in pairs(aux).items():
        pool = _pool_of(address, "", pools)
        pool["aux_addresses"] = {**pool.get("aux_addresses", {}), name: address}  # type: ignore[dict-item]
    return pools


def _pool_of(address: str, key: str, pools: list[dict[str, object]]) -> dict[str, object]:
    """The pool of an address's family that has no such thing yet; one more, if there is none."""
    for pool in pools:
        is_its = (":" in str(next(iter(pool.values())))) == (":" in address)
        if is_its and key not in pool:
            return pool
    pools.append({})
    return pools[-1]


def _must_stand(name: str, stand: list[str]) -> None:
    from netbuilder.errors import NotFound, suggestion

    if name not in stand:
        hint = suggestion(name, stand) or "see which there are: netbuilder network ls"
        raise NotFound(f"there is no network {name!r} on this host", hint)


def _unused(host: Host) -> list[str]:
    used = {name for one in host.sandboxes() for name in one.resolved.networks}
    return [one.name for one in host.networks() if one.name not in used]


def _confirmed(names: list[str]) -> bool:
    """Whether somebody at a terminal says yes; nobody else is asked."""
    from netbuilder.errors import SpecError, some

    if sys.stdin is None or not sys.stdin.isatty():
        raise SpecError("prune", f"would take down {some(names)}, and there is nobody to ask", "say -f")
    say(f"take down {', '.join(names)}? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
