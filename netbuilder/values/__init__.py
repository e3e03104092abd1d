"""What all values are made of that are kept: names that are narrow on purpose, and fields that are checked.

addresses   the types of addresses, of both families at once
frozen      words by name, which nobody changes
guesses     what to write in place of a word that is not there
names       what may reach a command, a rule or a path
ports       published ports, in Docker's words
value       frozen values with checked fields, as JSON and back
"""

from netbuilder.values.value import (
    GatewayMode,
    InterfaceName,
    Mac,
    Name,
    NamespacePath,
    Port,
    Value,
    fields,
    matching,
    plain,
)

__all__ = [
    "GatewayMode",
    "InterfaceName",
    "Mac",
    "Name",
    "NamespacePath",
    "Port",
    "Value",
    "fields",
    "matching",
    "plain",
]
