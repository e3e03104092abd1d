"""What all values are made of that are kept: names that are narrow on purpose, and fields that are checked.

addresses   the types of addresses, of both families at once
names       what may reach a command, a rule or a path
value       frozen values with checked fields, as JSON and back
"""

from netbuilder.values.value import (
    ANY,
    BROADCAST,
    GatewayMode,
    InterfaceName,
    Mac,
    Name,
    NamespacePath,
    Port,
    Protocol,
    Value,
    fields,
    matching,
)

__all__ = [
    "ANY",
    "BROADCAST",
    "GatewayMode",
    "InterfaceName",
    "Mac",
    "Name",
    "NamespacePath",
    "Port",
    "Protocol",
    "Value",
    "fields",
    "matching",
]
