"""Where words go, and how they are made safe: results to standard output, progress and errors to standard error."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from fsens_cli.cache.places import Advance as Done
from fsens_cli.cache.places import Meter
from fsens_cli.commands.options import Flags
from fsens_cli.commands.tables import fits, laid_out, table, wrapped
from fsens_cli.text import shown

# Columns where nobody's terminal decides.
PIPED = 100
# Columns from which a bar stands beside what it counts.
ROOM_FOR_BARS = 90
# Seconds after which it can be told how long a job takes, and the shortest rest that is worth a line.
TOLD_AFTER, WORTH_TELLING = 10.0, 60.0


class Advance(Protocol):
    """Says how many things are done; ``note`` is shown behind the bar; ``total`` changes how many there are."""

    def __call__(self, done: int, note: str = "", total: int | None = None) -> None:
        """Move the bar."""


class SafeConsole(Console):
    """Prints text of any origin: no control characters, no secrets of addresses, no letters that the terminal lacks."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does."""
        super().print(*(self._safe(o) if isinstance(o, str) else o for o in objects), **options)

    def _safe(self, text: str) -> str:
        return shown(text).encode(self.encoding, "backslashreplace").decode(self.encoding)


class TimeLeft(TimeRemainingColumn):
    """The time that is left, once it can be told; nothing before, instead of dashes."""

    def render(self, task: Task) -> Text:
        """Return it with the word."""
        return Text("") if task.time_remaining is None else super().render(task).append(" left")


def stdout() -> Console:
    """Return the console for results; lines are never wrapped where someone may read them with a program."""
    return SafeConsole(file=sys.stdout, highlight=False, soft_wrap=True, markup=True)


# The consoles of the bars that are on the screen: what is said meanwhile goes through them, or lands inside a bar.
_LIVE: list[Console] = []


def stderr() -> Console:
    """Return the console for errors and progress; while a bar is shown its own, which prints above it."""
    return _LIVE[-1] if _LIVE else SafeConsole(file=sys.stderr, highlight=False, soft_wrap=True)


def print_lines(lines: Sequence[str], *, piped: int = PIPED) -> None:
    """Print lines and tables to standard output as wide as the terminal, ``piped`` columns elsewhere."""
    console = stdout()
    for line in laid_out(lines, console.width if console.is_terminal else piped):
        console.print(line, markup=False)


def print_rows(
    rows: Sequence[dict[str, str]], *, columns: int, few: Callable[[dict[str, str]], str], after: Sequence[str] = ()
) -> None:
    """Print a list as a table, or as two lines a row where the terminal is too narrow for it.

    Args:
        columns: the first so many are needed.
        few: what stands below a row's first cell on a narrow terminal.
        after: further lines.
    """
    lines = table(rows)
    console = stdout()
    if console.is_terminal and not fits(lines, console.width, columns=columns):
        # The first cell is something to copy: it stays whole.
        lines = [line for row in rows for line in (next(iter(row.values())), f"  {few(row)}".rstrip()) if line]
    print_listing([*lines, *after])


def print_listing(lines: Sequence[str]) -> None:
    """Print a list in pages where it is longer than the terminal, and with whole rows in a pipe."""
    console = stdout()
    if not console.is_terminal or len(lines) < console.height:
        print_lines(lines, piped=sys.maxsize)
        return
    with console.pager():
        for line in laid_out(lines, console.width):
            console.print(line, markup=False)


@contextmanager
def results_alone() -> Iterator[None]:
    """Keep standard output for results: what anybody prints meanwhile, a user's network say, goes aside."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def note(message: str, flags: Flags) -> None:
    """Print a remark to standard error, unless only the result was asked for."""
    if not (flags.quiet or flags.json):
        console = stderr()
        # Nothing in a remark is to be copied: on a terminal it may break, between words.
        console.print(message, style="dim", markup=False, soft_wrap=not console.is_terminal)


def warn(message: str) -> None:
    """Print a warning to standard error."""
    tell("warning", message, style="bold yellow")


def tell(word: str, message: str, *, style: str = "") -> None:
    """Print ``word: message`` to standard error; on a terminal lines end between words, and commands stay whole."""
    console = stderr()
    first, *more = message.splitlines() or [""]
    lines = [f"{word}: {first}", *(f"{' ' * (len(word) + 2)}{line}" for line in more)]
    if console.is_terminal:
        rest = len(word) + 2
        lines = [
            part for k, line in enumerate(lines) for part in wrapped(line, console.width, hanging=0 if k else rest)
        ]
    console.print(f"[{style}]{word}:[/]" if style else f"{word}:", end="")
    console.print(lines[0].removeprefix(f"{word}:"), markup=False)
    for line in lines[1:]:
        console.print(line, markup=False)


def _shows_bars(console: Console, flags: Flags) -> bool:
    moves = (console.is_terminal and os.environ.get("TERM") != "dumb") or console.is_jupyter
    return moves and not flags.quiet and not flags.json


def meter(flags: Flags) -> Meter:
    """Return what shows downloads and decoding: a bar on a terminal's standard error, elsewhere one line a download."""

    @contextmanager
    def show(label: str, total: int) -> Iterator[Done]:
        console = stderr()
        if not _shows_bars(console, flags):
            if _is_file(label):
                note(f"downloading {label}{f' ({total / 1e6:,.1f} MB)' if total else ''}", flags)
            yield lambda done: None
            return
        counts: tuple[ProgressColumn, ...] = (
            (DownloadColumn(), TransferSpeedColumn()) if _is_file(label) else (MofNCompleteColumn(),)
        )
        text = f"downloading {label}" if _is_file(label) else label
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), *counts, TimeLeft())
        with Progress(*columns, console=console, transient=True) as bar, _speaking(console):
            task = bar.add_task(text, total=total or None)
            yield lambda done: bar.update(task, completed=done)

    return show


@contextmanager
def _speaking(console: Console) -> Iterator[None]:
    """While a bar is on the screen, let everything be said through its console."""
    _LIVE.append(console)
    try:
        yield
    finally:
        _LIVE.pop()


def _is_file(label: str) -> bool:
    """Return whether a meter's label is a file's name, whose progress is counted in bytes."""
    return " " not in label


class _Estimate:
    """One line on how long a job takes, where no bar moves: told once, of a job that takes more than a minute."""

    def __init__(self, label: str, total: int, flags: Flags) -> None:
        self.label, self.total, self.flags = label, total, flags
        self.began: float | None = time.monotonic()

    def __call__(self, done: int, note: str = "", total: int | None = None) -> None:
        """Take note of how many things are done."""
        self.total = total or self.total
        if self.began is None or done <= 0 or (passed := time.monotonic() - self.began) < TOLD_AFTER:
            return
        self.began = None
        left = passed * (self.total - done) / done
        if left >= WORTH_TELLING:
            self._tell(f"{done:,} of {self.total:,} after {passed:.0f} s, about {left / 60:,.0f} min to go")

    def _tell(self, how_far: str) -> None:
        note(f"{self.label}: {how_far}", self.flags)


@contextmanager
def progress(label: str, total: int, flags: Flags) -> Iterator[Advance]:
    """Show a bar on a terminal's standard error; elsewhere one line of what takes long says how long."""
    console = stderr()
    if not _shows_bars(console, flags):
        yield _Estimate(label, total, flags)
        return
    # A narrow terminal has room for the numbers or for the bar.
    bar_column = (BarColumn(bar_width=24),) if console.width >= ROOM_FOR_BARS else ()
    columns = (
        TextColumn("{task.description}"),
        *bar_column,
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeLeft(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar, _speaking(console):
        task = bar.add_task(label, total=total, note="")

        def advance(done: int, note: str = "", total: int | None = None) -> None:
            bar.update(task, completed=done if done >= 0 else None, total=total)
            if note:
                bar.update(task, note=note)

        yield advance
