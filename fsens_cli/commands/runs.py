"""``fsens runs`` and ``fsens show``: what has been run, and what it found."""

import re
from collections.abc import Sequence
from pathlib import Path

import typer

from fsens_cli.commands.console import print_rows
from fsens_cli.commands.options import Flags
from fsens_cli.commands.shown_run import as_json, print_json, print_run
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.errors import OutputError
from fsens_cli.runs.index import RunEntry, find_run, list_runs
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.selection import read_run
from fsens_cli.runs.versions import LATEST

# Columns without which a list of runs says too little.
NEEDED = ("run", "found", "weights")


def print_runs(out: Path, verb: str, *, as_json: bool = False) -> None:
    """Print the runs, newest first, with what each found: a line a run, or two where the terminal is narrow."""
    rows = [_row(entry) for entry in reversed(list_runs(out)) if verb in ("", entry.record.get("verb"))]
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(f"no runs below {out}. `fsens measure` makes one.")
        return
    print_rows([_shown(row) for row in rows], columns=len(NEEDED), few=_about)


def _shown(row: dict[str, str]) -> dict[str, str]:
    """Return what a person reads of a run: instead of a finding how it ended, where it has none."""
    found = row["found"] or ("" if row["status"] == "done" else row["status"])
    return {"run": row["run"], "found": found, **{key: row[key] for key in ("weights", "started", "seconds")}}


def _about(row: dict[str, str]) -> str:
    """Return what a run is about and what it found."""
    return ": ".join(filter(None, (row["weights"], row["found"])))


def _row(entry: RunEntry) -> dict[str, str]:
    record = Fields(entry.record, entry.path / "run.json")
    try:
        seconds = record.number_or_none("duration_seconds")
        return {
            "run": str(entry.path),
            "status": entry.status if entry.record else "damaged",
            "found": _headline(entry),
            "started": record.text("started", "")[:16].replace("T", " "),
            "seconds": "" if seconds is None else f"{seconds:.0f}",
            "weights": _weights(record),
        }
    except OutputError:
        return {"run": str(entry.path), "status": "damaged", "found": "", "started": "", "seconds": "", "weights": ""}


def _weights(record: Fields) -> str:
    """Return a run's weights; of a training how it trained, and what it started from where that was not chance."""
    weights = record.text("weights", "")
    if record.text("verb", "") != "train":
        return weights
    trained = f"{record.text('training', 'standard')} training"
    return trained if weights == "random" else f"{trained} from {weights}"


def _headline(entry: RunEntry) -> str:
    """Return the number that answers the run's question, or empty where there is none."""
    if entry.status != "done":
        return ""
    try:
        found = read_run(entry.path).findings
    except OutputError:
        return ""
    told = [q for q in found.quantities if q.value is not None]
    best = next((q for q in told if q.leading and q.role), next((q for q in told if q.leading), None))
    if found.verdict and (best is None or best.group):
        return re.split(r"[,;(]", found.verdict)[
            0
        ].strip()  # one filter's or layer's number does not answer the question
    return "" if best is None else f"{best.title} {best.text_with_unit()}"


def show_run(name: str, out: Path, *, plot: bool, as_json_only: bool, formats: Sequence[str]) -> None:
    """Print a run's results again from its files, and draw its figures again where asked."""
    # A verb's name means its latest run, unless a folder of that name is a run itself.
    found = find_run(LATEST, out, verb=name) if name in VERBS and not Path(name, "run.json").is_file() else None
    run = read_run(found or find_run(name, out))
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
