"""``fsens report``: one page that a person can read, from run folders alone."""

from collections.abc import Sequence
from pathlib import Path

import typer

from fsens_cli.commands.console import warn
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.errors import OutputError
from fsens_cli.home import expanded
from fsens_cli.runs.comparison import compare_by_verb
from fsens_cli.runs.report.page import write_report
from fsens_cli.runs.selection import select_runs


def report_runs(names: Sequence[str], out: Path, page: Path, *, title: str) -> None:
    """Write the report of the runs that ``names`` mean and print its path."""
    selection = select_runs(names, out)
    report = compare_by_verb(selection.runs, skipped=selection.skipped)
    for line in report.skipped:
        warn(f"skipped: {line}")
    if not report.comparisons:
        raise OutputError("there is no finished run among these: nothing to report.")
    write_report(expanded(page), report, VERBS, title=title)
    typer.echo(str(page))
