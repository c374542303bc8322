"""Headline numbers of a result: value, interval, how it is shown, and the answers of each image behind it.

Every number of a result is drawn from it once, as a `Quantity`; tables, comparisons, figures and pages only show these.
Shape letters: N images, D pairs of images, K points of a curve.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.paired import crossing_difference, mean_difference, median_difference, proportion_difference

SampleKind = Literal["proportion", "mean", "median", "crossing"]
# What a number says of a network: which frequencies it listens to, how much it stands, or neither.
Role = Literal["", "listens", "stands"]
Style = Literal["line", "steps", "points", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sample(ShortRepr):
    """The answers behind a number.

    Attributes:
        kind: ``proportion``, ``mean``, ``median`` (of sizes above 0) or ``crossing`` (of the mean over pairs).
        index: names of the images, int64 (N,); of the pairs' two images, (D, 2).
        value: one an image, float64 (N,); one curve a pair, (D, K).
        x: where the curve of a crossing is known.
    """

    kind: SampleKind
    index: Tensor
    value: Tensor
    x: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One headline number.

    Attributes:
        key: the same for the same number of any result of its kind.
        group: what the number belongs to, where a result has the same one several times, such as a filter's name.
        label, unit: in words.
        scale, digits: how it is shown: ``scale * value`` with so many digits.
        value, low, high: in plain units; None where there is none, or a bound was not found.
        n: images behind it.
        note: why there is no number, or why it is doubtful.
        role: what it says of a network.
        leading: whether it is among the few that answer the question.
        sample: what paired differences are made of, where the answers were kept.
    """

    key: str
    label: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    group: str = ""
    unit: str = "%"
    scale: float = 100.0
    digits: int = 1
    note: str = ""
    role: Role = ""
    leading: bool = False
    sample: Sample | None = None

    @property
    def name(self) -> str:
        """Group and key: different for every number of a result."""
        return f"{self.group}: {self.key}" if self.group else self.key

    @property
    def title(self) -> str:
        """Group and label."""
        return f"{self.group}: {self.label}" if self.group else self.label

    def head(self) -> str:
        """Return group, label and unit, as over a column; a number of one's own has no unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def is_doubtful(self) -> bool:
        """Whether there is a number, and a reason not to rely on it."""
        return self.value is not None and bool(self.note)

    def text(self) -> str:
        """Return number, interval and doubt as shown, without the unit."""
        return f"{self.bare_text()} ({self.note})" if self.is_doubtful else self.bare_text()

    def bare_text(self) -> str:
        """Return number and interval as shown, or why there is none."""
        if self.value is None:
            return self.note or "none"
        return f"{self.shown(self.value)} [{self.shown(self.low)}, {self.shown(self.high)}]"

    def text_with_unit(self) -> str:
        """Return the same with the unit; shares have none."""
        if self.value is None or self.unit in ("", "share"):
            return self.text()
        with_unit = f"{self.bare_text()} {self.unit}"
        return f"{with_unit} ({self.note})" if self.is_doubtful else with_unit

    def shown(self, value: float | None) -> str:
        """Return one bare number as shown; a bound that was not found is a question mark."""
        return "?" if value is None else f"{self.scale * value:.{self.digits}f}"

    def difference_text(self, difference: Interval) -> str:
        """Return a difference of two such numbers as shown, with its sign."""
        if not math.isfinite(difference.value):
            return "not found"
        value, low, high = (
            f"{self.scale * part:+.{self.digits}f}" if math.isfinite(part) else "?"
            for part in (difference.value, difference.low, difference.high)
        )
        return f"{value} [{low}, {high}]"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Line(ShortRepr):
    """One line of a plot with its 95 % interval; where many results are shown, each adds its own lines.

    Attributes:
        plot: name of the plot that it belongs to; ``title``, ``x_label`` and ``y_label`` are the plot's.
        label: what the line is within the result; empty where a result has only one.
        style: ``line``, ``steps`` (constant after each x), ``points`` (unconnected) or ``reference`` (nothing that
            was found, but what it is held against: of several results one is drawn).
        x: positions, or words.
        y: the values; NaN leaves a gap.
        low, high: bounds of each value; empty where there are none.
        mark: an x to be marked on the zero line, such as a crossing.
        n: images behind it; 0 where that is not known.
    """

    plot: str
    title: str
    x_label: str
    y_label: str
    x: Sequence[float] | Sequence[str]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    label: str = ""
    style: Style = "line"
    mark: float | None = None
    n: int = 0


# Lines of this plot say how much a network relies on each band by one instrument, which is the line's label: x is the
# band's frequency in cycles/image. They are compared with each other, not drawn.
PROFILE = "profile"


def profile(label: str, frequency: Sequence[float], value: Sequence[float]) -> Line:
    """Return how much a network relies on each band, by one instrument."""
    return Line(
        plot=PROFILE,
        title="Reliance on each band",
        x_label="spatial frequency (cycles/image)",
        y_label="by the instrument's own scale",
        label=label,
        x=list(frequency),
        y=list(value),
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Findings(ShortRepr):
    """What a result says: its headline numbers, what makes them doubtful, and the lines that are worth a plot.

    ``verdict`` answers the question in one sentence, which claims no more than the intervals carry; ``asked`` are the
    settings that must agree before the numbers of two results answer one question.
    """

    verdict: str

    quantities: tuple[Quantity, ...]
    warnings: tuple[str, ...]
    lines: tuple[Line, ...]
    asked: dict[str, str]


def quantity(
    interval: Interval,
    key: str,
    label: str,
    *,
    group: str = "",
    unit: str = "%",
    scale: float = 100.0,
    digits: int = 1,
    note: str = "",
    role: Role = "",
    leading: bool = False,
    sample: Sample | None = None,
) -> Quantity:
    """Return a number with its interval; what is infinite or NaN was not found."""
    value, low, high = (v if math.isfinite(v) else None for v in (interval.value, interval.low, interval.high))
    return Quantity(
        key=key,
        label=label,
        value=value,
        low=low,
        high=high,
        n=interval.n,
        group=group,
        unit=unit,
        scale=scale,
        digits=digits,
        note=note,
        role=role,
        leading=leading,
        sample=sample,
    )


def sample(kind: SampleKind, index_N: Tensor, value_N: Tensor) -> Sample:
    """Return the answers of each image behind a number."""
    return Sample(kind=kind, index=index_N, value=value_N.double())


_DIFFERENCES: dict[SampleKind, Callable[[Tensor, Tensor], Interval]] = {
    "proportion": proportion_difference,
    "median": median_difference,
}
# Between which ends an image's value lies, by the unit of the mean; of other units nothing is known.
_ENDS = {"%": (0.0, 1.0), "share": (0.0, 1.0), "0..2": (0.0, 2.0)}


def paired_difference(first: Quantity, second: Quantity) -> Interval | None:
    """Return second less first with a paired interval, in the units of ``value``.

    None where the answers of each image were not kept, or belong to other images.
    """
    one, two = first.sample, second.sample
    if one is None or two is None or one.kind != two.kind or one.x != two.x:
        return None
    if one.kind == "crossing":
        # With pairs=both_correct the models may count different pairs.
        if not torch.equal(one.index, two.index):
            return None
        low_D, high_D = one.index.T
        return crossing_difference(
            torch.tensor(one.x, dtype=torch.float64), one.value.double(), two.value.double(), low_D, high_D
        )
    place = {name: row for row, name in enumerate(two.index.tolist())}
    # By name, so that the resamples do not depend on the order of the rows.
    common = sorted((name, row, place[name]) for row, name in enumerate(one.index.tolist()) if name in place)
    if len(common) < 2:
        return None
    _, rows_one, rows_two = zip(*common, strict=True)
    values = one.value[list(rows_one)].double(), two.value[list(rows_two)].double()
    return (
        mean_difference(*values, ends=_ENDS.get(first.unit)) if one.kind == "mean" else _DIFFERENCES[one.kind](*values)
    )
