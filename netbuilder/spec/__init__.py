"""What a user asks for: networks, and sandboxes in one of four modes. Values only; nothing here touches the kernel.

    network    a bridge with its subnets and its rules; `pools` is what it asks for, family by family
    sandbox    the four modes, and the sandbox that is in one of them
    endpoint   its attachment to one of several networks
    route      a route inside
    ports      published ports, in Docker's `-p` syntax
    fields, addresses, subnets, settings      what a spec may hold
    schema     all of it as a JSON Schema
    base       what all specs share: frozen, strict, no unknown fields, and a constructor that can be read

What can never be right is refused here, with the field's name. What depends on the host or on other specs is refused
by `netbuilder.resolve`, still before the kernel is touched.
"""

from netbuilder.spec.endpoint import Endpoint
from netbuilder.spec.network import Network
from netbuilder.spec.ports import PublishedPort
from netbuilder.spec.route import Route
from netbuilder.spec.sandbox import Bridge, Container, HostNetwork, Mode, NoNetwork, Sandbox
from netbuilder.spec.schema import json_schema
from netbuilder.values.names import DEFAULT_NETWORK

__all__ = [
    "DEFAULT_NETWORK",
    "Bridge",
    "Container",
    "Endpoint",
    "HostNetwork",
    "Mode",
    "Network",
    "NoNetwork",
    "PublishedPort",
    "Route",
    "Sandbox",
    "json_schema",
]
