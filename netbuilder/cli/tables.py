"""Tables that fit where they are read: on a terminal as wide as that is, in a pipe each row on one line, for grep."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from operator import gt
from shutil import get_terminal_size
from textwrap import wrap

from netbuilder.cli.output import say

_NOTHING = "-"
_GAP = "  "


def width() -> int | None:
    """How wide a line may be: as wide as the terminal, or as COLUMNS says it is; None, for no limit, in a pipe."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return get_terminal_size().columns


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
    """The widths at which the table fits: the widest column gives way, as far as its words go, and then its heading."""
    widths = _widths(columns)
    words = [max(len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    for least in (words, [len(column[0]) for column in columns]):
        while _total(widths) > limit and any(map(gt, widths, least)):
            spare = (at for at, one in enumerate(widths) if one > least[at])
            widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


def _wrapped(cell: str, to: int) -> list[str]:
    """A cell's lines, broken between words where that is possible."""
    return [cell] if len(cell) <= to else wrap(cell, to, break_on_hyphens=False)
