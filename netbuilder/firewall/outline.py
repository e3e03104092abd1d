"""The table as it can be compared with what the kernel has.

A listing words a rule differently from release to release of nft, but the kernel keeps a rule's comment as it is. So
each rule of ours has one, and a table is told by its own comment and, chain by chain, by those of its rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from string import Template

from netbuilder.firewall.chains import INET

NAME = "netbuilder"
TABLE = f"inet {NAME}"
KEY = (NAME, INET)

_OURS = re.compile(r"netbuilder ruleset \d+|made by netbuilder")  # of any version; the first had no number
_CHAIN = re.compile(r"chain (\w+) \{(.*?)\n\t\}", re.DOTALL)
_COMMENT = re.compile(r'comment "([^"]*)"')


_TWICE = (
    {"v": "4", "ip": "ip", "addr": "ipv4_addr", "loopback": "127.0.0.0/8"},
    {"v": "6", "ip": "ip6", "addr": "ipv6_addr", "loopback": "::1"},
)
"""What the words with a $ stand for, in IPv4 and in IPv6."""


@cache
def ruleset() -> str:
    """The table as `nft -f` reads it; reading it again repairs the rules and keeps the elements."""
    text = Path(__file__).with_name("ruleset.nft").read_text(encoding="utf-8")
    return "".join(chain.from_iterable(map(_of_both_families, text.splitlines(keepends=True))))


def _of_both_families(line: str) -> list[str]:
    """A rule or set for each family, where it is written once for both."""
    if line.startswith("##"):
        return []
    if "$" not in line:
        return [line]
    return [Template(line).substitute(words) for words in _TWICE]


@cache
def outline() -> Mapping[str, tuple[str, ...]]:
    """Our table by its comments: each chain's rules in order, and under "" the table's own, which has its version."""
    chains = {name: tuple(_COMMENT.findall(body)) for name, body in _CHAIN.findall(ruleset())}
    return {"": tuple(_COMMENT.findall(ruleset())[:1]), **chains}


def is_ours(seen: Mapping[str, tuple[str, ...]] | None) -> bool:
    """Whether a table that was seen, as an outline, is netbuilder's, of whatever version: its name proves nothing."""
    return seen is not None and is_our_comment(_comment(seen))


def is_current(seen: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a table of ours is of this version, so that its sets and maps are those of `ruleset`."""
    return is_current_comment(_comment(seen))


def is_our_comment(comment: str | None) -> bool:
    """Whether a table with this comment is netbuilder's, of whatever version; None is that of no table."""
    return bool(_OURS.fullmatch(comment or ""))


def is_current_comment(comment: str | None) -> bool:
    """Whether a table with this comment is of this version."""
    return comment == _comment(outline())


def _comment(seen: Mapping[str, tuple[str, ...]]) -> str:
    return next(iter(seen.get("", ())), "")
