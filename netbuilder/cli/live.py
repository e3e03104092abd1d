"""Changes to a sandbox that stands, in Docker's words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from netbuilder.cli.session import checked, telling_interrupts, this_host

if TYPE_CHECKING:
    from netbuilder.engine.report import Changes
    from netbuilder.host import LiveSandbox


def connect(
    network: str,
    name: str,
    ip: str | None,
    ip6: str | None,
    gw_priority: str | None,
    mac_address: str | None,
    link_local_ip: list[str],
    driver_opt: list[str],
    alias: list[str],
    verbose: bool,
) -> int:
    """Put a sandbox on one more network."""
    from netbuilder.cli.errors import note
    from netbuilder.compose.options import endpoint_of

    said = {
        "ipv4_address": ip,
        "ipv6_address": ip6,
        "gw_priority": gw_priority,
        "mac_address": mac_address,
        "link_local_ips": link_local_ip,
        "driver_opts": pairs(driver_opt),
        "aliases": alias,
    }
    endpoint = endpoint_of(checked(network), said)
    given = {field: getattr(endpoint, field) for field in endpoint.model_fields_set}
    if alias:
        note(f"passed over: --alias {', '.join(alias)}, as no names are served yet")
    return _change(name, lambda one: one.connect(**given), verbose)


def disconnect(network: str, name: str, force: bool, verbose: bool) -> int:
    """Take a sandbox off a network."""
    network = checked(network)
    return _change(name, lambda one: one.disconnect(network), verbose)


def publish(name: str, ports: list[str], verbose: bool) -> int:
    """Open ports of the host that lead into a sandbox."""
    return _change(name, lambda one: one.publish(*ports), verbose)


def unpublish(name: str, ports: list[str], verbose: bool) -> int:
    """Close them."""
    return _change(name, lambda one: one.unpublish(*ports), verbose)


def pairs(options: list[str]) -> dict[str, str]:
    """Options given as NAME=VALUE."""
    return {name: value for name, _, value in (option.partition("=") for option in options)}


def _change(name: str, change: Callable[[LiveSandbox], Changes], verbose: bool) -> int:
    """Carry a change out and tell of it, and of what the sandbox is like by then."""
    from netbuilder.cli.changes import carried_out
    from netbuilder.cli.report import wiring
    from netbuilder.cli.show import changed

    name = checked(name)
    with telling_interrupts() as done, closing(this_host()) as host:
        changes = change(host[name])
        done.append("all was done by then, and stands")
        carried_out(changes, verbose)
        if name in host:
            changed(wiring(host[name].resolved))
    return 0
