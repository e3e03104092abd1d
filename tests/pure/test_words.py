"""The table of words in docs/packets.md says what the rules are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netbuilder import firewall

TABLE = (Path(__file__).parents[2] / "docs" / "packets.md").read_text().partition("## Docker's words and ours")[2]
ROWS = re.findall(r"(?m)^\| .* \| `(\w+)`: `([^`]+)`", TABLE.partition("\n## ")[0])


@pytest.mark.parametrize(("chain", "rule"), ROWS)
def test_a_rule_is_in_the_chain_that_it_is_said_to_be_in(chain: str, rule: str) -> None:
    inside = re.search(rf"chain {chain} {{(.*?)\n\t}}", firewall.ruleset(), re.DOTALL)
    assert inside is not None
    assert re.search(rf"^\t\t{re.escape(rule)}( comment|$)", inside[1], re.MULTILINE)


def test_the_table_has_rules() -> None:
    assert len(ROWS) == 7
