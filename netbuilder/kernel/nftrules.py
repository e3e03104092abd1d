"""The netfilter messages that rules are read with: chains of any table, and what is in them."""

from __future__ import annotations

import socket

from netbuilder.firewall.chains import INET, Chain, Data, Expression, Rule, Verdict
from netbuilder.kernel.message import DUMP, Message, attributes, listed, string, text
from netbuilder.kernel.nfnetlink import NFTABLES, comment, head

GETCHAIN, GETRULE = NFTABLES | 4, NFTABLES | 7
_DATA = {"cmp": (3,), "bitwise": (4, 5), "range": (3, 4), "immediate": (2,)}
"""Which attributes of an expression are data (NFTA_CMP_DATA and the like)."""


def get_chains() -> Message:
    """`nft list chains`: not every kernel can be asked for those of one table."""
    return Message(GETCHAIN, DUMP, head(socket.AF_UNSPEC))


def read_chain(body: bytes) -> Chain:
    """What one answer to `get_chains` says."""
    seen = attributes(body, 4)  # NFTA_CHAIN_TABLE, _NAME, _HOOK, _POLICY, _TYPE
    hook = attributes(seen.get(4, b""))  # NFTA_HOOK_HOOKNUM, _PRIORITY, _DEV, _DEVS
    devices = (hook[3],) if 3 in hook else listed(hook.get(4, b""))
    return Chain(
        family=body[0],
        table=string(seen[1]),
        name=string(seen[3]),
        type=string(seen.get(7, b"")),
        hook=int.from_bytes(hook[1], "big") if 1 in hook else None,
        priority=int.from_bytes(hook.get(2, b""), "big", signed=True),
        drops=seen.get(5) == bytes(4),  # NF_DROP
        devices=tuple(map(string, devices)),
    )


def get_rules(table: str, family: int = INET) -> Message:
    """`nft list table FAMILY TABLE`, but for its sets."""
    return Message(GETRULE, DUMP, head(family) + text(1, table))  # NFTA_RULE_TABLE


def get_rules_of(chain: Chain) -> Message:
    """`nft list chain FAMILY TABLE CHAIN`."""
    return Message(GETRULE, DUMP, head(chain.family) + text(1, chain.table) + text(2, chain.name))


def get_all_rules() -> Message:
    """`nft list ruleset`, but for its sets."""
    return Message(GETRULE, DUMP, head(socket.AF_UNSPEC))


def read_known_by(body: bytes) -> tuple[str, int, str]:
    """What a rule is known by: its table, its number there, and its comment."""
    seen = attributes(body, 4)
    return string(seen[1]), int.from_bytes(seen[3], "big"), comment(seen.get(7, b""))


def read_comment(body: bytes) -> tuple[str, str]:
    """The chain that a rule is in, and its comment."""
    seen = attributes(body, 4)
    return string(seen[2]), comment(seen.get(7, b""))  # NFTA_RULE_CHAIN, NFTA_RULE_USERDATA


def read_rule(body: bytes) -> tuple[str, Rule]:
    """The chain that a rule is in, and all of it."""
    seen = attributes(body, 4)
    chain, comment_ = read_comment(body)
    expressions = tuple(map(_expression, listed(seen.get(4, b""))))  # NFTA_RULE_EXPRESSIONS
    return chain, Rule(int.from_bytes(seen[3], "big"), comment_, expressions)  # NFTA_RULE_HANDLE


def _expression(body: bytes) -> Expression:
    seen = attributes(body)  # NFTA_EXPR_NAME, _DATA
    name, parts = string(seen[1]), attributes(seen.get(2, b""))
    return Expression(name, parts, {kind: read_data(parts[kind]) for kind in _DATA.get(name, ()) if kind in parts})


def read_data(body: bytes) -> Data:
    """Data of a rule or of an element (NFTA_DATA_VALUE, NFTA_DATA_VERDICT)."""
    seen = attributes(body)
    if 2 not in seen:
        return Data(seen.get(1, b""))
    verdict = attributes(seen[2])  # NFTA_VERDICT_CODE, _CHAIN
    return Data(b"", Verdict(int.from_bytes(verdict[1], "big", signed=True), string(verdict.get(2, b""))))
