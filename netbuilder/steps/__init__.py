"""The vocabulary: one class for each kind of fact. A plan is a tuple of these.

base        what a step is: its four faces, and what it asks of the kernel
state       the queries that steps depend on, and their answers
namespace, link, setting, offload, address, route, neighbour, sysctl, forwarding, nft      the facts
plan        a tuple of steps: printed, compared, run
undo        taking back as a step, and what has to be remembered for it
flows       which open flows a change makes wrong
"""

from netbuilder.steps.address import AddAddress
from netbuilder.steps.base import Kernel, Step
from netbuilder.steps.flows import StaleFlows
from netbuilder.steps.forwarding import AcceptAdvertisements, EnableForwarding, EnableIPv6Forwarding
from netbuilder.steps.link import AddBridge, AddVeth
from netbuilder.steps.namespace import AddNamespace, AttachNamespace
from netbuilder.steps.neighbour import SetNeighbour
from netbuilder.steps.nft import AddElement, AddTable, ExchangeTable, PublishPort
from netbuilder.steps.offload import SetOffload
from netbuilder.steps.plan import Plan
from netbuilder.steps.route import AddLocalRoute, AddRoute
from netbuilder.steps.setting import DisableLinkLocal, SetAlias, SetHairpin, SetIsolated, SetMac, SetMtu, SetUp
from netbuilder.steps.sysctl import SetSysctl
from netbuilder.steps.undo import Undo, UndoRecord
from netbuilder.values.names import PINS

__all__ = [
    "PINS",
    "AcceptAdvertisements",
    "AddAddress",
    "AddBridge",
    "AddElement",
    "AddLocalRoute",
    "AddNamespace",
    "AddRoute",
    "AddTable",
    "AddVeth",
    "AttachNamespace",
    "DisableLinkLocal",
    "EnableForwarding",
    "EnableIPv6Forwarding",
    "ExchangeTable",
    "Kernel",
    "Plan",
    "PublishPort",
    "SetAlias",
    "SetHairpin",
    "SetIsolated",
    "SetMac",
    "SetMtu",
    "SetNeighbour",
    "SetOffload",
    "SetSysctl",
    "SetUp",
    "StaleFlows",
    "Step",
    "Undo",
    "UndoRecord",
]
