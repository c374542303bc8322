"""What is printed of a finished run or sweep: its words, or JSON, or its folder alone."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from fsens_cli.commands.boundary import FAILED, show_error
from fsens_cli.commands.console import print_lines, stdout, warn
from fsens_cli.commands.options import Flags
from fsens_cli.commands.sweep_job import in_words
from fsens_cli.commands.sweeps import Ended
from fsens_cli.commands.verbs.verb import Verb
from fsens_cli.commands.wording import sweep_lines
from fsens_cli.runs.selection import FinishedRun


def print_run(run: FinishedRun, flags: Flags, *, is_new: bool = True) -> None:
    """Print a run: its words, warnings and folder, or JSON, or the folder alone.

    What there is to say of its images has been said while they were loaded, if ``is_new``.
    """
    for line in run.findings.warnings if is_new else run.warnings:
        warn(line)
    if flags.json:
        print_json(as_json(run))
        return
    if not flags.quiet:
        print_lines(run.summary)
    typer.echo(str(run.folder))


def as_json(run: FinishedRun) -> dict[str, object]:
    """Return ``results.json`` and every headline number."""
    numbers = [
        {"key": q.key, "group": q.group, "label": q.label, "unit": q.unit, "scale": q.scale, "value": q.value,
         "low": q.low, "high": q.high, "n": q.n, "note": q.note}
        for q in run.findings.quantities
    ]  # fmt: skip
    return {**run.results.content, "warnings": list(run.warnings), "quantities": numbers, "folder": str(run.folder)}


def print_json(content: object) -> None:
    """Print JSON, coloured on a terminal."""
    console = stdout()
    text = json.dumps(content, indent=2)
    if console.is_terminal:
        console.print_json(text, indent=2)
    else:
        typer.echo(text)


def print_sweep(verb: Verb, jobs: Sequence[Ended], folder: Path, flags: Flags) -> None:
    """Print the table of a sweep, and how jobs failed; the exit code says whether one has."""
    for record, run in jobs:
        for line in run.findings.warnings if run else ():
            warn(f"{in_words(record.settings)}: {line}")
    if flags.json:
        print_json([as_json(run) if run else {} for _, run in jobs])
    else:
        if not flags.quiet:
            print_lines(sweep_lines(jobs, verb.columns))
            stdout().print("")
        typer.echo(str(folder))
    failed = [record for record, run in jobs if run is None]
    for record in failed:
        show_error(f"{in_words(record.settings)}: {record.error}")
    if failed:
        raise typer.Exit(FAILED)
