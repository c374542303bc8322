"""``fsens runs`` and ``fsens show``: what has been run, and what did it find?"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from fsens_cli.commands.blur_defense import defense_lines
from fsens_cli.commands.console import stdout
from fsens_cli.commands.evaluate import evaluate_lines
from fsens_cli.commands.hybrid_probe import hybrid_lines
from fsens_cli.commands.measure import measure_lines
from fsens_cli.commands.train import train_lines
from fsens_cli.commands.wording import aligned
from fsens_cli.errors import OutputError
from fsens_cli.runs.defense_figures import draw_defense
from fsens_cli.runs.evaluate_figures import draw_evaluate
from fsens_cli.runs.folder import read_json, read_record
from fsens_cli.runs.hybrid_files import draw_hybrid
from fsens_cli.runs.index import RunEntry, find_run, list_runs
from fsens_cli.runs.measure_files import draw_measure
from fsens_cli.runs.train_files import draw_training

Lines = Callable[[dict[str, Any]], list[str]]
Draw = Callable[[Path, Sequence[str]], None]

# How each verb's results are put into words, and which figures are drawn from its files.
SHOWN: dict[str, Lines] = {
    "measure": measure_lines,
    "train": train_lines,
    "hybrid-probe": hybrid_lines,
    "evaluate": evaluate_lines,
    "blur-defense": defense_lines,
}
DRAWN: dict[str, tuple[Draw, ...]] = {
    "measure": (draw_measure,),
    "train": (draw_measure, draw_training),
    "hybrid-probe": (draw_hybrid,),
    "evaluate": (draw_evaluate,),
    "blur-defense": (draw_defense,),
}


def print_runs(out: Path, verb: str) -> None:
    """Print one line a run, oldest first."""
    rows = []
    for entry in list_runs(out):
        record = entry.record
        if verb and record.get("verb") != verb:
            continue
        rows.append(
            {
                "run": str(entry.path),
                "status": entry.status if record else "damaged",
                "started": str(record.get("started", ""))[:16].replace("T", " "),
                "seconds": f"{record['duration_seconds']:.0f}" if "duration_seconds" in record else "",
                "weights": str(record.get("weights", "")),
            }
        )
    if not rows:
        typer.echo(f"no runs below {out}. `fsens measure` makes one.")
        return
    for line in aligned(rows):
        stdout().print(line)


def show_run(name: str, out: Path, *, plot: bool, as_json: bool, formats: Sequence[str]) -> None:
    """Print a run's results again from its files, and draw its figures again where asked."""
    path = find_run(name, out)
    record = read_record(path)
    status = RunEntry(path, record).status
    if status != "done":
        raise OutputError(f"{path} is {status}: it has no results to show.")
    results_file = path / "results.json"
    if as_json:
        typer.echo(results_file.read_text(), nl=False)
        return
    results = read_json(results_file, f"{path} has no results")
    verb = str(record.get("verb"))
    if verb not in SHOWN:
        raise OutputError(f"{path} was made by `fsens {verb}`, which this version cannot show.")
    if plot:
        for draw in DRAWN[verb]:
            draw(path, formats)
    for line in SHOWN[verb](results):
        stdout().print(line)
    stdout().print("")
    typer.echo(str(path))
