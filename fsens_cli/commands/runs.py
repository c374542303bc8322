"""``fsens runs`` and ``fsens show``: what has been run, and what it found."""

from collections.abc import Sequence
from pathlib import Path

import typer

from fsens_cli.commands.console import stdout
from fsens_cli.commands.jobs import as_json, print_json, print_run
from fsens_cli.commands.options import Flags
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.commands.wording import aligned
from fsens_cli.errors import OutputError
from fsens_cli.runs.index import RunEntry, find_run, list_runs
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.selection import read_run


def print_runs(out: Path, verb: str) -> None:
    """Print one line a run, oldest first; a damaged one is named as such."""
    rows = [_row(entry) for entry in list_runs(out) if verb in ("", entry.record.get("verb"))]
    if not rows:
        typer.echo(f"no runs below {out}. `fsens measure` makes one.")
        return
    for line in aligned(rows):
        stdout().print(line, markup=False)


def _row(entry: RunEntry) -> dict[str, str]:
    record = Fields(entry.record, entry.path / "run.json")
    try:
        seconds = record.number_or_none("duration_seconds")
        return {
            "run": str(entry.path),
            "status": entry.status if entry.record else "damaged",
            "started": record.text("started", "")[:16].replace("T", " "),
            "seconds": "" if seconds is None else f"{seconds:.0f}",
            "weights": record.text("weights", ""),
        }
    except OutputError:
        return {"run": str(entry.path), "status": "damaged", "started": "", "seconds": "", "weights": ""}


def show_run(name: str, out: Path, *, plot: bool, as_json_only: bool, formats: Sequence[str]) -> None:
    """Print a run's results again from its files, and draw its figures again where asked."""
    run = read_run(find_run(name, out))
    if as_json_only:
        print_json(as_json(run))
        return
    if plot:
        if run.verb not in VERBS:
            raise OutputError(f"{run.folder} was made by `fsens {run.verb}`, which this version cannot draw.")
        try:
            VERBS[run.verb].redraw()(run.folder, formats)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            if isinstance(error, OutputError):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise OutputError(f"{run.folder} is damaged: its figures cannot be drawn again ({reason}).") from error
    print_run(run, Flags(), is_new=False)
