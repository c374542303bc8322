"""``fsens export``: finished runs in other people's formats."""

from collections.abc import Sequence
from pathlib import Path

import typer

from fsens_cli.commands.console import warn
from fsens_cli.commands.options import EXPORTS
from fsens_cli.errors import ConfigError, OutputError, require, require_one_of
from fsens_cli.home import expanded
from fsens_cli.runs.comparison import Report, compare_by_verb
from fsens_cli.runs.comparison_files import comparison_latex
from fsens_cli.runs.export.eval_results import eval_results
from fsens_cli.runs.export.model_card import model_card
from fsens_cli.runs.export.robustbench import robustbench_entry
from fsens_cli.runs.export.tables import tidy_csv
from fsens_cli.runs.export.write import write_export
from fsens_cli.runs.selection import FinishedRun, select_runs


def export_runs(
    names: Sequence[str], out: Path, to: str, file: Path | None, *, benchmark: str, task: str, number: str
) -> None:
    """Print the runs in a format, or write them into a file and print its path."""
    require_one_of("--to", to, EXPORTS)
    require(
        to != "eval-results" or bool(benchmark and task),
        "--to eval-results needs --benchmark and --task: ids of the Hub's, which no run knows.",
    )
    if to != "eval-results" and (benchmark or task or number):
        raise ConfigError("--benchmark, --task and --number belong to --to eval-results.")
    selection = select_runs(names, out)
    report = compare_by_verb(selection.runs, skipped=selection.skipped)
    for line in report.skipped:
        warn(f"skipped: {line}")
    if not selection.runs:
        raise OutputError("there is no finished run among these: nothing to export.")
    for run in selection.runs:
        for line in run.warnings:
            warn(f"{run.folder}: {line}")
    text = _exported(report, selection.runs, to, benchmark=benchmark, task=task, number=number or "accuracy")
    if file is None:
        typer.echo(text, nl=False)
        return
    write_export(expanded(file), text)
    typer.echo(str(file))


def _exported(report: Report, runs: Sequence[FinishedRun], to: str, *, benchmark: str, task: str, number: str) -> str:
    if to == "model-card":
        return model_card(report)
    if to == "latex":
        return comparison_latex(report)
    if to == "csv":
        return tidy_csv(report)
    if len(runs) > 1:
        raise ConfigError(f"--to {to} is of one run, these are {len(runs)}: export one after the other.")
    if to == "eval-results":
        return eval_results(runs[0], benchmark=benchmark, task=task, number=number)
    entry, doubts = robustbench_entry(runs[0])
    for line in doubts:
        warn(f"{line}.")
    return entry
