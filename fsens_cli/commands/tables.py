"""Tables for the width at which they are shown: aligned at the point, then fewer columns, then one block a row.

A table is a run of lines whose cells are separated by tabs, the names on top and the columns in order of importance.
"""

import re
import textwrap
from collections.abc import Sequence
from itertools import groupby

# Below this a table of several columns says less than its rows one below the other.
NARROW = 60
GAP = "  "
# Spaces inside brackets and commands, and between a number and its unit, hold together.
HELD = re.compile(r"\[[^\[\]]*\]|`[^`]*`|(?<=with: )fsens .*|(?<=[\d%]) (?=[%\[]|c/|Nyquist)")
NUMBER = re.compile(r"[+-]?[\d,]*(?=[.\d])\d*")
Row = Sequence[str]


def table(rows: Sequence[dict[str, str]]) -> list[str]:
    r"""Return rows as the lines of a table.

    >>> table([{"a": "1", "bb": "x"}])
    ['a\tbb', '1\tx']
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    return ["\t".join(cells) for cells in [names, *([row.get(name, "") for name in names] for row in rows)]]


def fits(lines: Sequence[str], width: int, *, columns: int) -> bool:
    """Return whether the first columns of a table stand beside each other at this width."""
    cells = [line.split("\t")[:columns] for line in lines]
    return sum(max(map(len, column)) for column in zip(*cells, strict=True)) + len(GAP) * (columns - 1) <= width


def laid_out(lines: Sequence[str], width: int) -> list[str]:
    """Return lines and tables as they are shown at ``width`` columns; nothing is broken inside a number."""
    shown: list[str] = []
    for is_table, group in groupby(lines, key=lambda line: "\t" in line):
        if is_table:
            shown += _table([line.split("\t") for line in group], width)
        else:
            shown += [part for line in group for part in wrapped(line, width)]
    return shown


def _table(rows: list[list[str]], width: int) -> list[str]:
    rows = [[*row, *[""] * (len(rows[0]) - len(row))] for row in rows]
    # A row of one cell is a heading within the table: it runs over all columns and widens none.
    headings = {place: row[0] for place, row in enumerate(rows) if place and not any(row[1:])}
    columns = [
        _aligned(["" if place in headings else row[c] for place, row in enumerate(rows)]) for c in range(len(rows[0]))
    ]
    taken = 0
    kept: list[list[str]] = []
    for cells in columns:
        taken += len(cells[0]) + (len(GAP) if kept else 0)
        if taken > width:
            break
        kept.append(cells)
    if len(kept) < len(columns) and (width < NARROW or len(kept) < 3):
        return _blocks(rows, width)
    shown = [headings.get(place, GAP.join(cells).rstrip()) for place, cells in enumerate(zip(*kept, strict=True))]
    missing = [name for name in rows[0][len(kept) :] if name]
    return shown + (wrapped(f" wider terminals also show: {', '.join(missing)}", width) if missing else [])


def _aligned(cells: list[str]) -> list[str]:
    """Return the cells of a column with equal lengths: numbers stand with their points below each other."""
    places = [_point(cell) for cell in cells[1:]]
    point = max((place for place in places if place is not None), default=0)
    moved = [
        " " * (point - place) + cell if place is not None else cell
        for cell, place in zip(cells[1:], places, strict=True)
    ]
    length = max(len(cell) for cell in [cells[0], *moved])
    return [cell.ljust(length) for cell in [cells[0], *moved]]


def _point(cell: str) -> int | None:
    found = NUMBER.match(cell)
    return found.end() if found and found.group() else None


def _blocks(rows: list[list[str]], width: int) -> list[str]:
    names = rows[0]
    label = max(len(name.strip()) for name in names[1:])
    lines: list[str] = []
    has_headings = any(not any(row[1:]) for row in rows[1:])
    for row in rows[1:]:
        # Below headings each row is known by its own words.
        is_named = names[0].strip() and not has_headings
        lines += wrapped(f"{names[0]}: {row[0].strip()}" if is_named else row[0], width)
        for name, cell in zip(names[1:], row[1:], strict=True):
            if cell.strip():
                text = f"   {name.strip():<{label}} {cell.strip()}"
                lines += (
                    [text] if len(text) <= width else [f"   {name.strip()}", *wrapped(f"     {cell.strip()}", width)]
                )
    return lines


def wrapped(line: str, width: int, *, hanging: int = 2) -> list[str]:
    """Return a line of words as lines of at most ``width`` columns, but for words that are longer.

    Args:
        hanging: by how many columns further lines are indented more than the first.

    >>> wrapped("see `fsens models` for all", 16)
    ['see', '  `fsens models`', '  for all']
    """
    if len(line) <= width:
        return [line]
    # A letter of the private use area stands for a space that holds.
    held = HELD.sub(lambda found: found.group().replace(" ", "\ue000"), line)
    begin, room = len(line) - len(line.lstrip()), max(width, 10)
    # A long piece, a command say, has less of the indentation rather than be broken by the terminal.
    spare = room - begin - max(map(len, held.split()))
    indent = " " * (begin + max(min(hanging, spare), min(hanging, 2)))
    parts = textwrap.wrap(held, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [part.replace("\ue000", " ") for part in parts]
