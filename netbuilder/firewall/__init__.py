"""The rules of a host: one nftables table that never changes, and sets and maps for all that does.

    ruleset.nft   the table, as `nft -f` reads it
    elements      what networks and published ports enter into its sets and maps
    outline       the table as it can be compared with what the kernel has
    others        other firewalls that drop what this one lets pass: their rules (`chains`, and `legacy` of iptables)
                  are carried out (`evaluate`) on `packets` like a sandbox's

So adding the ten-thousandth port costs what the first did, and a packet finds its port with one look-up. What goes in
comes by DNAT (chain `published`, from `prerouting` for packets from elsewhere and from `output` for the host's own);
what comes out goes by MASQUERADE (chain `postrouting`).
"""

from netbuilder.firewall.elements import (
    Element,
    Entry,
    baseline_elements,
    direct_element,
    element_command,
    is_name,
    made_router,
    network_elements,
    port_elements,
)
from netbuilder.firewall.outline import (
    KEY,
    NAME,
    TABLE,
    is_current,
    is_current_comment,
    is_our_comment,
    is_ours,
    outline,
    ruleset,
)

__all__ = [
    "KEY",
    "NAME",
    "TABLE",
    "Element",
    "Entry",
    "baseline_elements",
    "direct_element",
    "element_command",
    "is_current",
    "is_current_comment",
    "is_name",
    "is_our_comment",
    "is_ours",
    "made_router",
    "network_elements",
    "outline",
    "port_elements",
    "ruleset",
]
