"""How are numbers, intervals and tables put into words?"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any


def interval_text(interval: dict[str, Any], digits: int) -> str:
    """Return value and interval.

    >>> interval_text({"value": 0.12345, "low": 0.1, "high": 0.2}, 3)
    '0.123 [0.100, 0.200]'
    """
    return f"{interval['value']:.{digits}f} [{interval['low']:.{digits}f}, {interval['high']:.{digits}f}]"


def percent_interval(interval: dict[str, Any]) -> str:
    """Return a proportion in percent.

    >>> percent_interval({"value": 0.998, "low": 0.9931, "high": 0.9995})
    '99.8 % [99.3, 100.0]'
    """
    return f"{100 * interval['value']:.1f} % [{100 * interval['low']:.1f}, {100 * interval['high']:.1f}]"


def aligned(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return rows as lines with aligned columns, the names on top.

    >>> aligned([{"a": "1", "bb": "x"}])
    ['[dim]a  bb[/]', '1  x']
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    width = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in names}
    head = "  ".join(name.ljust(width[name]) for name in names).rstrip()
    lines = ["  ".join(row.get(name, "").ljust(width[name]) for name in names).rstrip() for row in rows]
    return [f"[dim]{head}[/]", *(line.replace("[", r"\[") for line in lines)]


def sweep_lines(outcomes: Sequence[Any], columns: Callable[[dict[str, Any]], dict[str, str]]) -> list[str]:
    """Return one line a job: the settings in which jobs differ, its status where it failed, and its numbers."""
    settings = [{key: str(value) for key, value in outcome.settings.items()} for outcome in outcomes]
    values = {key: {each.get(key) for each in settings} for key in dict.fromkeys(chain(*settings))}
    # What all have in common tells no row from another; the sweep's CSV has it.
    varied = [key for key, found in values.items() if len(found) > 1]
    rows = []
    for outcome, each in zip(outcomes, settings, strict=True):
        row = {key: each[key] for key in varied if key in each}
        row |= columns(outcome.results) if outcome.status == "done" else {"accuracy": "failed"}
        rows.append(row)
    return aligned(rows)
