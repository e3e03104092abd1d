"""What all values are made of that are kept: names that are narrow on purpose, and fields that are checked.

names   what may reach a command, a rule or a path
value   frozen values with checked fields, as JSON and back
"""

from netbuilder.values.value import (
    ANY,
    BROADCAST,
    InterfaceName,
    Mac,
    Name,
    NamespacePath,
    Port,
    Protocol,
    Value,
    fields,
    matching,
    plain,
)

__all__ = [
    "ANY",
    "BROADCAST",
    "InterfaceName",
    "Mac",
    "Name",
    "NamespacePath",
    "Port",
    "Protocol",
    "Value",
    "fields",
    "matching",
    "plain",
]
