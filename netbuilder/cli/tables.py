"""Tables that fit where they are read: on a terminal as wide as that is, in a pipe each row on one line, for grep."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from textwrap import wrap

from netbuilder.cli.output import say

_NOTHING = "-"
_GAP = "  "


def width() -> int | None:
    """How wide a line may be: what COLUMNS says (as `watch` does), or the terminal; None for no limit."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdecimal() and int(said[:6]):
        return int(said[:6])
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str | None]], none: str = "", expendable: Sequence[str] = ()
) -> None:
    """Print a table.

    Where it is too wide, the expendable columns are left out first, as many as it takes; then long cells are wrapped.

    Args:
        headings: One for each column.
        rows: The cells; None is nothing.
        none: What to say where there are no rows.
        expendable: The columns that may be left out, the first of them first.
    """
    cells = [[_NOTHING if cell is None else cell for cell in row] for row in rows]
    if not cells:
        say(none)
        return
    columns = [list(column) for column in zip(headings, *cells, strict=True)]
    limit = width()
    if limit:
        columns = _fitting(columns, limit, expendable)
    widths = _widths(columns) if limit is None else _narrowed(columns, limit)
    for row in zip(*columns, strict=True):
        lines = zip_longest(*(_wrapped(cell, to) for cell, to in zip(row, widths, strict=True)), fillvalue="")
        say("\n".join(_GAP.join(map(str.ljust, line, widths)).rstrip() for line in lines))


def _fitting(columns: list[list[str]], limit: int, expendable: Sequence[str]) -> list[list[str]]:
    for heading in expendable:
        if _total(_widths(columns)) > limit:
            columns = [column for column in columns if column[0] != heading]
    return columns


def _widths(columns: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in columns]


def _total(widths: list[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _narrowed(columns: list[list[str]], limit: int) -> list[int]:
    """The widths at which the table fits: the widest column gives way, down to its heading."""
    widths = _widths(columns)
    least = [len(column[0]) for column in columns]
    while _total(widths) > limit:
        spare = [at for at, one in enumerate(widths) if one > least[at]]
        if not spare:
            break
        widest = max(spare, key=widths.__getitem__)
        widths[widest] -= 1
    return widths


def _wrapped(cell: str, to: int) -> list[str]:
    """A cell's lines, broken between words where that is possible."""
    return [cell] if len(cell) <= to else wrap(cell, to, break_on_hyphens=False)
