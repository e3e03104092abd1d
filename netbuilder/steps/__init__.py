"""The vocabulary: one class for each kind of fact. A plan is a tuple of these."""

from netbuilder.steps.address import AddAddress
from netbuilder.steps.back import TakeBack
from netbuilder.steps.base import Kernel, Step
from netbuilder.steps.link import AddBridge, AddVeth
from netbuilder.steps.namespace import PINS, AddNamespace, AttachNamespace
from netbuilder.steps.nft import AddElement, AddTable
from netbuilder.steps.route import AddDefaultRoute
from netbuilder.steps.setting import Hairpin, NoLinkLocal, SetAlias, SetMtu, SetUp
from netbuilder.steps.sysctl import Forward, SetSysctl

__all__ = [
    "PINS",
    "AddAddress",
    "AddBridge",
    "AddDefaultRoute",
    "AddElement",
    "AddNamespace",
    "AddTable",
    "AddVeth",
    "AttachNamespace",
    "Forward",
    "Hairpin",
    "Kernel",
    "NoLinkLocal",
    "SetAlias",
    "SetMtu",
    "SetSysctl",
    "SetUp",
    "Step",
    "TakeBack",
]
