"""Results that show themselves: numbers with intervals, tables, plots, and a folder of the same files as a run."""

from __future__ import annotations

import os
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fsens_cli.errors import ConfigError, OutputError
from fsens_cli.experiments.quantities import PROFILE, Findings, Quantity, paired_difference
from fsens_cli.statistics.intervals import Interval
from fsens_cli.text import shown

if TYPE_CHECKING:
    from pandas import DataFrame

    from fsens_cli.runs.figures.overlay import Axes

Raw_co = TypeVar("Raw_co", covariant=True)

SHOWN = 8  # numbers in a repr; the rest are a method away
LONGEST = 300  # characters of one text in it


def folder_of(folder: str | os.PathLike[str]) -> Path:
    """Return a folder's path.

    Raises:
        OutputError: what was given is no path.
    """
    if not isinstance(folder, str | os.PathLike):
        raise OutputError(f"give a folder as text or a path; got {type(folder).__name__}.")
    return Path(folder)


@contextmanager
def random_untouched() -> Iterator[None]:
    """Leave the numbers of Python's ``random`` as they were: the first import of rich draws one."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def in_line(text: str) -> str:
    r"""Return text that may come from a file as one line that is safe on a terminal and on a page.

    >>> in_line("net\x1b[31m\n\nsecond line")
    'net\\x1b[31m second line'
    """
    line = " ".join(shown(text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


def quantity_of(quantities: dict[str, Quantity], name: str) -> Quantity:
    """Return one of the quantities.

    Raises:
        KeyError: there is none of that name; says which there are.
    """
    if name not in quantities:
        raise KeyError(f"no number is called {name!r}; there are {', '.join(quantities)}")
    return quantities[name]


class Shown(ABC):
    """What every result offers, whatever it is made of.

    Attributes:
        verb: the question that was asked, ``measure``, ...
        title: model and images in words.
        findings: headline numbers, warnings and lines of plots.
    """

    verb: str
    title: str
    findings: Findings

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The headline numbers by name."""
        return {q.name: q for q in self.findings.quantities}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the numbers doubtful."""
        return self.findings.warnings

    def __getitem__(self, name: str) -> Interval:
        """Return one headline number with its interval, in plain units: ``result["share-low"]``."""
        found = quantity_of(self.quantities, name)
        value, low, high = (float("nan") if v is None else v for v in (found.value, found.low, found.high))
        return Interval(value, low, high, found.n)

    def __repr__(self) -> str:
        """Return the numbers that answer the question, as the terminal shows them."""
        chosen, left = self._chosen()
        titles = [in_line(q.title) for q in chosen]
        width = max(map(len, titles), default=0)
        rows = [
            f" {title:<{width}}  {in_line(q.text_with_unit())}{self._of_fewer(q)}"
            for title, q in zip(titles, chosen, strict=True)
        ]
        more = [f" and {left} more: .to_frame()"] if left else []
        doubts = [f"warning: {in_line(line)}" for line in self.warnings[:1]]
        said = [in_line(self.findings.verdict)] if self.findings.verdict else []
        return "\n".join([f"{in_line(self.verb)}  {in_line(self.title)}{self._images()}", *rows, *more, *said, *doubts])

    def _images(self) -> str:
        """Return on how many images most numbers rest."""
        counts = [q.n for q in self.findings.quantities]
        return f", n = {max(counts):,}" if counts else ""

    def _of_fewer(self, number: Quantity) -> str:
        """Return n of a number that rests on fewer images than the others."""
        return "" if f", n = {number.n:,}" == self._images() or number.value is None else f", n = {number.n:,}"

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        chosen, left = self._chosen()
        rows = "".join(
            f"<tr><th>{_html(q.title)}</th><td>{_html(q.text_with_unit())}</td><td>{q.n:,}</td></tr>" for q in chosen
        )
        more = f"<p>and {left} more: <code>.to_frame()</code></p>" if left else ""
        doubts = "".join(f"<p><b>warning</b> {_html(line)}</p>" for line in self.warnings)
        said = f"<p>{_html(self.findings.verdict)}</p>" if self.findings.verdict else ""
        head = "<tr><th></th><th>value, 95 % interval</th><th>n</th></tr>"
        return f"<p><b>{_html(self.verb)}</b> {_html(self.title)}</p><table>{head}{rows}</table>{more}{said}{doubts}"

    def _chosen(self) -> tuple[list[Quantity], int]:
        numbers = list(self.findings.quantities)
        order = sorted(range(len(numbers)), key=lambda i: (not numbers[i].leading, i))
        kept = [numbers[i] for i in sorted(order[:SHOWN])]
        return kept, len(numbers) - len(kept)

    def to_frame(self) -> DataFrame:
        """Return every headline number: one row each, with its interval, unit and n."""
        import pandas as pd

        rows = [
            {"number": q.name, "label": q.title, "value": q.value, "low": q.low, "high": q.high, "n": q.n,
             "unit": "share" if q.unit == "%" else q.unit, "note": q.note}
            for q in self.findings.quantities
        ]  # fmt: skip
        return pd.DataFrame(rows).set_index("number")

    @property
    def plots(self) -> tuple[str, ...]:
        """Names for `plot`."""
        return tuple(dict.fromkeys(line.plot for line in self.findings.lines if line.plot != PROFILE))

    def plot(self, name: str = "", ax: Axes | None = None) -> Axes:
        """Draw one of ``plots``, the first without a name, and return its axes.

        Args:
            name: of the plot.
            ax: to draw into; without it a figure of its own, of which pyplot knows nothing: ``.figure`` shows it.

        Raises:
            ConfigError: there is no such plot, or the result has none at all.
        """
        if not self.plots:
            raise ConfigError(f"there is nothing to plot: this {self.verb} found no curve.")
        from fsens_cli.runs.figures.overlay import draw_plot

        return draw_plot([(self.title, self.findings.lines)], name or self.plots[0], ax)

    @abstractmethod
    def save(self, folder: str | Path) -> Path:
        """Write the same files as a run into a new folder, which `show`, `compare`, `report` and `fsens.load` take."""

    @property
    @abstractmethod
    def tables(self) -> dict[str, DataFrame]:
        """The tables of a run by name: the same frames as its CSV files."""


def _html(text: str) -> str:
    return escape(in_line(text))


@dataclass(frozen=True, repr=False)
class Result(Shown, Generic[Raw_co]):
    """A result in memory. Its own attributes are those of the verb's result (`MeasureResult`, ...).

    Attributes:
        raw: that result, with its type.
        record: what is known of model and images, for a saved folder.
        write: writes every table and number into a folder; figures as well where it is told so.
    """

    verb: str
    title: str
    findings: Findings
    raw: Raw_co
    record: dict[str, object]
    write: Callable[[Path, bool], None]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the numbers doubtful: what was said of the model, then of what was found."""
        doubts = self.record.get("weights_warnings", ())
        return (*map(str, doubts if isinstance(doubts, list) else ()), *self.findings.warnings)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the verb's own result."""
        if name.startswith("__") or name == "raw":
            raise AttributeError(name)
        return getattr(self.raw, name)

    def __dir__(self) -> list[str]:
        """Return both kinds of names, for completion."""
        return sorted({*super().__dir__(), *(n for n in dir(self.raw) if not n.startswith("_"))})

    def save(self, folder: str | Path) -> Path:
        """Write the same files as a run into a new folder."""
        from fsens_cli.runs.saved import write_saved

        with random_untouched():
            return write_saved(folder_of(folder), self.record, lambda path: self.write(path, True))

    @property
    def tables(self) -> dict[str, DataFrame]:
        """The tables of a run by name; written to a temporary folder and read again, so they are the same."""
        from fsens_cli.runs.saved import tables_of, written_aside

        with random_untouched(), written_aside(lambda path: self.write(path, False)) as path:
            return tables_of(path)


@dataclass(frozen=True, repr=False)
class Loaded(Shown):
    """A run folder read back: all but the verb's own result."""

    verb: str
    title: str
    findings: Findings
    folder: Path

    def save(self, folder: str | Path) -> Path:
        """Copy the folder."""
        from fsens_cli.runs.saved import copy_saved

        return copy_saved(self.folder, folder_of(folder))

    @property
    def tables(self) -> dict[str, DataFrame]:
        """The folder's CSV files by name."""
        from fsens_cli.runs.saved import tables_of

        return tables_of(self.folder)


@dataclass(frozen=True, repr=False)
class Differences:
    """Second result less first, number by number, paired by image where the answers of each image are there."""

    first: Shown
    second: Shown

    def _rows(self) -> list[tuple[Quantity, Quantity, Interval | None]]:
        one, two = self.first.quantities, self.second.quantities
        return [(one[name], two[name], paired_difference(one[name], two[name])) for name in one if name in two]

    def __getitem__(self, name: str) -> Interval | None:
        """Return one paired difference in plain units; None where it cannot be paired."""
        return paired_difference(quantity_of(self.first.quantities, name), quantity_of(self.second.quantities, name))

    def __repr__(self) -> str:
        """Return one line a number."""
        table, left = self._table()
        widths = [max(len(row[i]) for row in table) for i in range(4)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table]
        more = [f"and {left} more: .to_frame()"] if left else []
        first, second = in_line(self.first.title), in_line(self.second.title)
        return "\n".join(
            [f"first: {first}{self.first._images()}", f"second: {second}{self.second._images()}", *lines, *more]
        )

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        (_, *heads), *rows = self._table()[0]
        head = "".join(f"<th>{_html(cell)}</th>" for cell in ("", *heads))
        body = "".join(
            f"<tr><th>{_html(title)}</th>{''.join(f'<td>{_html(cell)}</td>' for cell in cells)}</tr>"
            for title, *cells in rows
        )
        about = f"<p>first: {_html(self.first.title)}<br>second: {_html(self.second.title)}</p>"
        left = self._table()[1]
        more = f"<p>and {left} more: <code>.to_frame()</code></p>" if left else ""
        return f"{about}<table><tr>{head}</tr>{body}</table>{more}"

    def _table(self) -> tuple[list[tuple[str, str, str, str]], int]:
        """Return the rows that are shown, headings first, and how many are left out."""
        rows = [
            (in_line(f"{a.title} ({a.unit})" if a.unit not in ("", "share") else a.title), in_line(a.text()),
             in_line(b.text()), "" if d is None else a.difference_text(d))
            for a, b, d in self._rows()
        ]  # fmt: skip
        return [("", "first", "second", "second - first"), *rows[:SHOWN]], max(0, len(rows) - SHOWN)

    def to_frame(self) -> DataFrame:
        """Return one row a number: both values, and the difference with its paired interval."""
        import pandas as pd

        rows = []
        for a, b, difference in self._rows():
            paired = {} if difference is None else {k: getattr(difference, k) for k in ("low", "high", "n")}
            change = None if difference is None else difference.value
            rows.append({"number": a.name, "first": a.value, "second": b.value, "difference": change, **paired})
        return pd.DataFrame(rows).set_index("number")
