"""``fsens compare``: differences between runs, with intervals."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from fsens_cli.commands.console import print_lines, warn
from fsens_cli.commands.tables import table
from fsens_cli.runs.comparison import Comparison, Report, compare
from fsens_cli.runs.comparison_files import tidy_columns, write_comparison
from fsens_cli.runs.report.answers import headline
from fsens_cli.runs.selection import select_runs


def compare_runs(
    names: Sequence[str],
    out: Path,
    *,
    allow_different: bool,
    formats: Sequence[str],
    quiet: bool,
    as_json: bool,
) -> None:
    """Print the comparison of the runs that ``names`` mean, and leave it in a folder."""
    selection = select_runs(names, out)
    report = compare(selection.runs, allow_different=allow_different, skipped=selection.skipped)
    for line in report.skipped:
        warn(f"skipped: {line}")
    if report.differing:
        warn(f"the runs differ in {'; '.join(report.differing)}.")
    for run in selection.runs:
        for line in run.warnings:
            warn(f"{run.folder}: {line}")
    folder = write_comparison(out, report, formats)
    if as_json:
        typer.echo(json.dumps(_records(report), indent=2))
        return
    if not quiet:
        for comparison in report.comparisons:
            print_lines([*comparison_lines(comparison), ""])
    typer.echo(str(folder))


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return the comparison of one verb's runs as lines of text."""
    first = comparison.runs[0].label
    rows: list[dict[str, str]] = []
    for key in comparison.number_keys():
        named = comparison.named(key)
        rows.append({"run": named.head()})
        for compared in comparison.runs:
            quantity = compared.quantities.get(key)
            if quantity is None:
                continue
            difference = compared.differences.get(key)
            rows.append(
                {
                    "run": f"  {compared.label}",
                    "value, 95 % interval": quantity.bare_text() + ("*" if quantity.is_doubtful else ""),
                    f"minus {first}": "" if difference is None else named.difference_text(difference),
                }
            )
    data = comparison.runs[0].run.data
    said = headline(comparison)
    doubts = dict.fromkeys(q.note for c in comparison.runs for q in c.quantities.values() if q.is_doubtful)
    return [
        f"{comparison.verb}  {len(comparison.runs)} runs{f' on {data}' if data else ''}",
        "",
        *table(rows),
        *([f"* doubtful: {', '.join(doubts)}"] if doubts else []),
        "",
        f"{said[:1].upper()}{said[1:]}.",
    ]


def _records(report: Report) -> dict[str, object]:
    columns = tidy_columns(report)
    count = len(next(iter(columns.values()), []))
    return {
        "rows": [{name: values[i] for name, values in columns.items()} for i in range(count)],
        "skipped": report.skipped,
        "differing": report.differing,
        "warnings": {
            str(c.run.folder): list(c.run.warnings)
            for comparison in report.comparisons
            for c in comparison.runs
            if c.run.warnings
        },
    }
