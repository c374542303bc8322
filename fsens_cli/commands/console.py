"""Where words go: results to standard output, progress and errors to standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fsens_cli.commands.options import Flags


class Advance(Protocol):
    """Says how many things are done; ``note`` is shown behind the bar; ``total`` changes how many there are."""

    def __call__(self, done: int, note: str = "", total: int | None = None) -> None:
        """Move the bar."""


def stdout() -> Console:
    """Return the console for results; lines are never wrapped where someone may read them with a program."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True, markup=True)


def stderr() -> Console:
    """Return the console for errors and progress."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def note(message: str, flags: Flags) -> None:
    """Print a remark to standard error, unless only the result was asked for."""
    if not (flags.quiet or flags.json):
        stderr().print(message, style="dim", markup=False)


def warn(message: str) -> None:
    """Print a warning to standard error."""
    console = stderr()
    console.print("[bold yellow]warning:[/] ", end="")
    console.print(message, markup=False)


@contextmanager
def progress(label: str, total: int, flags: Flags) -> Iterator[Advance]:
    """Show a bar on a terminal's standard error; nothing elsewhere."""
    console = stderr()
    if flags.quiet or flags.json or not console.is_terminal or os.environ.get("TERM") == "dumb":
        yield lambda done, note="", total=None: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=total, note="")

        def advance(done: int, note: str = "", total: int | None = None) -> None:
            bar.update(task, completed=done if done >= 0 else None, total=total)
            if note:
                bar.update(task, note=note)

        yield advance
