"""Numbers, intervals and tables in words."""

from collections.abc import Sequence
from itertools import chain

from fsens_cli.commands.tables import table
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.runs.sweep_files import JobRecord
from fsens_cli.statistics.intervals import Interval


def interval_text(interval: Interval, digits: int) -> str:
    """Return value and interval.

    >>> interval_text(Interval(0.12345, 0.1, 0.2, 10), 3)
    '0.123 [0.100, 0.200]'
    """
    return interval.text(digits)


def percent_interval(interval: Interval) -> str:
    """Return a proportion in percent.

    >>> percent_interval(Interval(0.998, 0.9931, 0.9995, 500))
    '99.8 % [99.3, 100.0]'
    """
    return interval.text(1, scale=100, unit=" %")


def sweep_lines(jobs: Sequence[tuple[JobRecord, FinishedRun | None]], columns: Sequence[str]) -> list[str]:
    """Return one line a job: the settings in which jobs differ, and the numbers called ``columns``, or its status."""
    settings = [record.settings for record, _ in jobs]
    values = {key: {each.get(key) for each in settings} for key in dict.fromkeys(chain(*settings))}
    # What all have in common tells no row from another; the sweep's CSV has it.
    varied = [key for key, found in values.items() if len(found) > 1]
    rows = []
    for (record, run), each in zip(jobs, settings, strict=True):
        row = {key: each[key] for key in varied if key in each}
        rows.append(row | (_cells(run.findings.quantities, columns) if run else {columns[0]: record.status}))
    return table(rows)


def _cells(quantities: Sequence[Quantity], columns: Sequence[str]) -> dict[str, str]:
    """Return one cell a number; the numbers of one group share a cell."""
    cells: dict[str, str] = {}
    for key in columns:
        for q in quantities:
            if q.key == key:
                name = q.group or key
                cells[name] = f"{cells[name]}; {q.text_with_unit()}" if name in cells else q.text_with_unit()
    return cells
