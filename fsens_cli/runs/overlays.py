"""The lines of several runs in one figure, from what their folders say of themselves."""

from collections.abc import Sequence
from pathlib import Path

from fsens_cli.runs.figures.overlay import overlay_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.selection import FinishedRun


def draw_overlay(
    folder: Path, runs: Sequence[FinishedRun], labels: Sequence[str], formats: Sequence[str] = ("png",)
) -> None:
    """Draw ``overlay`` into ``folder``; nothing where the runs have no lines in common."""
    lines = [(label, run.findings.lines) for run, label in zip(runs, labels, strict=True)]
    if not any(mine for _, mine in lines):
        return
    shared = {run.data for run in runs}
    about = shared.pop() if len(shared) == 1 else ""
    leading = [[q for q in run.findings.quantities if q.leading] for run in runs]
    keys = {q.name for found in leading for q in found}
    # One number says it all: then it stands beside its line.
    if len(keys) == 1 and all(leading):
        title = f"{leading[0][0].head()} and 95 % interval"
        legend = [f"{label}: {found[0].text()}" for label, found in zip(labels, leading, strict=True)]
        save_figure(overlay_figure(lines, about=about, title=title, legend=legend), folder, "overlay", formats)
    else:
        save_figure(overlay_figure(lines, about=about), folder, "overlay", formats)
