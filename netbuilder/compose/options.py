"""The options of `docker network create` and `docker network connect`: what a Compose file says, in other words.

They are read as the same keys of a file are, so that what they mean, and what of them is refused, is said once.
"""

from __future__ import annotations

from collections.abc import Mapping

from netbuilder.compose import endpoints, keys, networks
from netbuilder.compose.document import Section
from netbuilder.errors import SpecError
from netbuilder.spec import Endpoint, Network

OPTIONS = {
    "aliases": "--alias",
    "aux_addresses": "--aux-address",
    "driver_opts": "--opt",
    "enable_ipv4": "--ipv4",
    "enable_ipv6": "--ipv6",
    "gateway": "--gateway",
    "gw_priority": "--gw-priority",
    "internal": "--internal",
    "ip_range": "--ip-range",
    "ipv4_address": "--ip",
    "ipv6_address": "--ip6",
    "labels": "--label",
    "link_local_ips": "--link-local-ip",
    "mac_address": "--mac-address",
    "subnet": "--subnet",
}
"""The option that stands for each key."""


def network_of(name: str, said: Mapping[str, object]) -> Network:
    """The spec of a network by its options, each under the key that a Compose file has for it, as text.

    Raises:
        SpecError: If they ask for what can't be had.
    """
    try:
        return networks.network(Section(said, f"network {name}", keys.NETWORK, set()), name)
    except SpecError as error:
        raise _in_words_of_options(error) from None


def endpoint_of(network: str, said: Mapping[str, object]) -> Endpoint:
    """The spec of an endpoint by its options, likewise.

    Raises:
        SpecError: If they ask for what can't be had.
    """
    try:
        section = Section(said, f"network {network}", keys.ATTACHMENT, set())
        return endpoints.endpoint(network, section, [section])
    except SpecError as error:
        raise _in_words_of_options(error) from None


def _in_words_of_options(error: SpecError) -> SpecError:
    """The error with the option for the key that stands for it."""
    problem = str(error).removeprefix(f"{error.field}: ")
    return SpecError(_option(error.field), problem, error.hint.replace("enable_ipv6: true", "--ipv6"))


def _option(place: str) -> str:
    """The option that is said at a place; the bridge driver's have names with dots."""
    _, _, driver_option = place.partition(".driver_opts.")
    keys_of_it = [part.partition("[")[0] for part in place.split(".")]
    return driver_option or next((OPTIONS[key] for key in reversed(keys_of_it) if key in OPTIONS), place)
