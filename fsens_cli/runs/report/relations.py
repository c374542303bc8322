"""Relations across models: whether what a model listens to goes with what it stands, pooled and within families."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.comparison import Report
from fsens_cli.runs.figures.labels import label_points
from fsens_cli.runs.figures.overlay import colours_of
from fsens_cli.runs.figures.style import figure_style
from fsens_cli.runs.report.plots import NAMED, SIZE, Plot
from fsens_cli.runs.report.svg import address
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.slopes import correlation, within_slope


@dataclass(slots=True)
class Point:
    """One model: its numbers by key, the network that it is, and the family within which it may be compared."""

    label: str
    family: str
    network: str
    numbers: dict[str, Quantity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """How two numbers go together across models.

    Attributes:
        x, y: some model's numbers, which know label and unit.
        points: the models that have both.
        pooled: correlation over all of them, of five networks or more.
        within: slope that families have in common, in plain units; None where none has two models.
    """

    x: Quantity
    y: Quantity
    points: list[Point]
    pooled: Interval
    within: Interval | None

    @property
    def step(self) -> float:
        """The change of x for which a slope is given, as shown."""
        return 10.0 ** (2 - self.x.digits)

    @property
    def slope_scale(self) -> float:
        """What turns the slope in plain units into points of y, as shown, a step."""
        return self.y.scale * self.step / self.x.scale

    @property
    def is_leading(self) -> bool:
        """Whether both are among the few numbers that answer their questions."""
        return self.x.leading and self.y.leading


def points_of(report: Report) -> list[Point]:
    """Return one point a network, from all verbs that were asked about it, and one a group of numbers of a run.

    Networks of one architecture on one data set are a family; so are the groups of one run, such as the filters in
    front of a network. What holds a doubtful number is left out.
    """
    found: dict[tuple[str, str, str], Point] = {}
    grouped: list[Point] = []
    for comparison in report.comparisons:
        for compared in comparison.runs:
            run, model = compared.run, compared.run.model
            groups: dict[str, dict[str, Quantity]] = {}
            for q in run.findings.quantities:
                groups.setdefault(q.group, {})[q.key] = q
            for name, numbers in groups.items():
                if any(q.is_doubtful for q in numbers.values()):
                    continue
                if name:
                    grouped.append(
                        Point(f"{compared.label}, {name}", f"{compared.label}, {comparison.verb}", run.network, numbers)
                    )
                else:
                    key = (model, run.network, run.data)
                    found.setdefault(key, Point(compared.label, f"{model} on {run.data}", run.network)).numbers.update(
                        numbers
                    )
    return [*found.values(), *grouped]


def relations(points: Sequence[Point]) -> list[Relation]:
    """Return how each number that tells what a model listens to goes with each that tells what it stands."""
    named = {key: q for point in reversed(points) for key, q in point.numbers.items()}
    found = []
    for x in (q for q in named.values() if q.role == "listens"):
        for y in (q for q in named.values() if q.role == "stands"):
            both = [p for p in points if _value(p, x.key) is not None and _value(p, y.key) is not None]
            first, second = ([p.numbers[q.key].value or 0.0 for p in both] for q in (x, y))
            pooled = correlation(first, second, [p.network for p in both])
            within = within_slope(first, second, [p.family for p in both])
            # A handful of networks has no correlation worth a line.
            if pooled is not None:
                found.append(Relation(x=x, y=y, points=both, pooled=pooled, within=within))
    return found


def _value(point: Point, key: str) -> float | None:
    return point.numbers[key].value if key in point.numbers else None


def families_of(points: Sequence[Point]) -> Mapping[str, int]:
    """Return how many models each family has."""
    counts: dict[str, int] = {}
    for point in points:
        counts[point.family] = counts.get(point.family, 0) + 1
    return counts


def scatter(relation: Relation) -> Plot:
    """Return the plot of a relation: one colour a family, the common slope as a dotted line through each."""
    x, y = relation.x, relation.y
    colours = colours_of([p.family for p in relation.points])
    with figure_style():
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        named: list[tuple[float, float, str, str]] = []
        for family, colour in colours.items():
            mine = [p for p in relation.points if p.family == family]
            across, bars_x = _shown([p.numbers[x.key] for p in mine])
            up, bars_y = _shown([p.numbers[y.key] for p in mine])
            axes.errorbar(
                across, up, xerr=bars_x, yerr=bars_y, fmt="o", markersize=4, elinewidth=0.7, color=colour, label=family
            )
            named += [(a, b, p.label, colour) for a, b, p in zip(across, up, mine, strict=True)]
            if relation.within is not None and len(mine) > 1:
                slope = relation.within.value * y.scale / x.scale
                middle_x, middle_y = sum(across) / len(across), sum(up) / len(up)
                ends = [min(across), max(across)]
                axes.plot(ends, [middle_y + slope * (end - middle_x) for end in ends], ":", color=colour, linewidth=1)
        axes.margins(0.15)
        axes.set(xlabel=f"{x.label} ({x.unit})", ylabel=f"{y.label} ({y.unit})")
        if len(colours) > 1:
            figure.legend(loc="outside lower center", ncols=1, frameon=False)
        label_points(axes, named)
    said = "; ".join(f"{label} at {a:.3g} and {b:.3g}" for a, b, label, _ in named[:NAMED])
    alt = f"Points, one a model: {y.label} against {x.label}. {said}."
    return Plot(title=f"{x.label} against {y.label}", alt=alt, source=address(figure))


def _shown(numbers: Sequence[Quantity]) -> tuple[list[float], list[list[float]]]:
    """Return the values as shown, with the lengths of their bars down and up; 0 where a bound was not found."""
    value = [q.scale * (q.value or 0.0) for q in numbers]
    low, high = (
        [
            0.0 if (end := getattr(q, name)) is None else abs(q.scale * end - v)
            for q, v in zip(numbers, value, strict=True)
        ]
        for name in ("low", "high")
    )
    return value, [low, high]
