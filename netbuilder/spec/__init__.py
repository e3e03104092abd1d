"""What a user asks for: networks, and sandboxes in one of four modes. Values only; nothing here touches the kernel.

    network   a bridge with a subnet and its rules
    sandbox   the four modes, and the sandbox that is in one of them
    ports     published ports, in Docker's `-p` syntax
    fields    the names, addresses and paths that a spec may hold
    schema    all of it as a JSON Schema
    base      what all specs share: frozen, strict, no unknown fields, and a constructor that can be read

What can never be right is refused here, with the field's name. What depends on the host or on other specs is refused
by `netbuilder.resolve`, still before the kernel is touched.
"""

from netbuilder.spec.network import DEFAULT_NETWORK, Network
from netbuilder.spec.ports import PublishedPort
from netbuilder.spec.sandbox import Bridge, Container, HostNetwork, Mode, NoNetwork, Sandbox
from netbuilder.spec.schema import json_schema

__all__ = [
    "DEFAULT_NETWORK",
    "Bridge",
    "Container",
    "HostNetwork",
    "Mode",
    "Network",
    "NoNetwork",
    "PublishedPort",
    "Sandbox",
    "json_schema",
]
