"""Do models that listen to lower frequencies stand more? Points across verbs, correlations, slopes within families."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fsens_cli.runs.comparison import Report
from fsens_cli.runs.figures.style import CYCLE
from fsens_cli.runs.report.html import Cell, bullets, escape, paragraph, plot, section, table
from fsens_cli.runs.report.plots import layout
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.slopes import correlation, within_slope


@dataclass(frozen=True, slots=True)
class Axis:
    """A number that models have: in which units it is shown, and the step that a slope is given for."""

    name: str
    unit: str
    scale: float = 1.0
    step: float = 0.1


LISTENS = {
    "f_rev": Axis("f_rev", "Nyquist"),
    "f_half": Axis("f_0.5, L-inf", "c/px"),
    "share-low": Axis("sensitivity in the low band", "share"),
    "share-high": Axis("sensitivity in the high band", "share"),
}
STANDS = {
    "corruptions-all": Axis("accuracy, all corruptions", "%", 100),
    "corruptions-low": Axis("accuracy, low-frequency corruptions", "%", 100),
    "corruptions-medium": Axis("accuracy, medium corruptions", "%", 100),
    "corruptions-high": Axis("accuracy, high-frequency corruptions", "%", 100),
    "median": Axis("median size, L-inf", "1/255", 255),
}
SHOWN = (("f_rev", "corruptions-all"), ("share-low", "corruptions-all"), ("f_half", "median"), ("share-high", "median"))


@dataclass(slots=True)
class Point:
    """One model: its numbers with intervals, and the family within which it may be compared."""

    label: str
    family: str
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Relation:
    """How two numbers go together across models; None where too few models have both."""

    x: str
    y: str
    points: list[Point]
    pooled: Interval | None
    within: Interval | None


def points_of(report: Report) -> list[Point]:
    """Return one point a network, from all verbs that were asked about it, and one a filter in front of a network.

    Networks of one architecture on one data set are a family; so is one network behind filters of all strengths. What a
    check or an accuracy at chance level makes doubtful is left out.
    """
    found: dict[tuple[str, ...], Point] = {}
    filtered: list[Point] = []
    for comparison in report.comparisons:
        for compared in comparison.runs:
            run = compared.run
            if comparison.verb == "blur-defense":
                filtered += _filtered(run, compared.label)
                continue
            results = run.results.get("measure", run.results)
            data = str(results.get("data", ""))
            weights = str(run.record.get("weights_sha256") or f"{run.record.get('weights')} {run.record.get('seed')}")
            identity: tuple[str, ...] = (str(results["model"]), weights, data)
            if comparison.verb == "train":
                identity = (*identity, str(run.folder))  # its record tells of the weights that it started from
            point = found.setdefault(identity, Point(compared.label, f"{results['model']} on {data}"))
            point.numbers |= _numbers(comparison.verb, results)
    return [*found.values(), *filtered]


def _numbers(verb: str, results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    if verb in ("measure", "train"):
        return {f"share-{b['name']}": b["share"] for b in results["bands"]}
    if verb == "hybrid-probe":
        return {"f_rev": results["f_rev"]["nyquist"]}
    return _robustness(results)


def _robustness(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    numbers = {f"corruptions-{g['name']}": g["accuracy"] for g in results["corruption_groups"]}
    for minimal in results["minimal"]:
        if minimal["name"] == "linf":
            numbers |= {"median": minimal["median"], "f_half": minimal["f_half_cycles_per_pixel"]}
    return numbers


def _filtered(run: FinishedRun, label: str) -> list[Point]:
    family = f"{label}, {run.results['defense']} {'at test time' if run.results['mode'] == 'test_time' else 'trained'}"
    points = []
    for row in run.results["rows"]:
        if row["reliable"] and not row["warnings"]:
            numbers = _robustness(row) | {f"share-{b['name']}": b["share"] for b in row["bands"]}
            numbers["f_rev"] = row["f_rev"]["nyquist"]
            points.append(Point(f"{label}, {row['name']}", family, numbers))
    return points


def relations(points: Sequence[Point]) -> list[Relation]:
    """Return how each number that tells what a model listens to goes with each that tells what it stands."""
    found = []
    for x in LISTENS:
        for y in STANDS:
            both = [p for p in points if _has(p, x) and _has(p, y)]
            first, second = ([float(p.numbers[name]["value"]) for p in both] for name in (x, y))
            pooled = correlation(first, second)
            within = within_slope(first, second, [p.family for p in both])
            if pooled is not None or within is not None:
                found.append(Relation(x, y, both, pooled, within))
    return found


def _has(point: Point, name: str) -> bool:
    return point.numbers.get(name, {}).get("value") is not None


def correlation_section(points: Sequence[Point], found: Sequence[Relation]) -> str:
    """Return the section: table, plots, and what must be kept in mind."""
    families: dict[str, int] = {}
    for point in points:
        families[point.family] = families.get(point.family, 0) + 1
    rows: list[list[Cell | str]] = [
        [
            LISTENS[r.x].name,
            STANDS[r.y].name,
            Cell(str(len(r.points)), len(r.points)),
            _interval_cell(r.pooled, 1.0, 2),
            _interval_cell(r.within, _slope_scale(r), 2),
            f"{STANDS[r.y].unit} per {LISTENS[r.x].step:g} {LISTENS[r.x].unit}",
        ]
        for r in found
    ]
    plots = "".join(
        plot(f"relation-{i}", _scatter(r), f"{LISTENS[r.x].name} against {STANDS[r.y].name}")
        for i, r in enumerate(found)
        if (r.x, r.y) in SHOWN
    )
    return section(
        "across",
        "Across models",
        paragraph(
            "Does a number that says what a model listens to go with one that says what it stands? r is Pearson's "
            "correlation over all models together. The slope is common to all families, each with a level of its own, "
            "so what merely tells one family from another does not count. Intervals are over models: another handful "
            "of models would give other numbers within them."
        ),
        bullets(f"{family}: {count} model{'' if count == 1 else 's'}" for family, count in families.items()),
        table(["listens", "stands", "models", "r, 95 % interval", "slope within families", "unit of the slope"], rows),
        paragraph(
            f"{len(rows)} relations among few models: some will look strong by chance, and none of them says what "
            "causes what. Behind a filter, models with a failed check or an accuracy at chance level are left out.",
            kind="soft",
        ),
        f'<div class="plots">{plots}</div>',
    )


def _slope_scale(relation: Relation) -> float:
    return STANDS[relation.y].scale * LISTENS[relation.x].step


def _interval_cell(interval: Interval | None, scale: float, digits: int) -> Cell:
    if interval is None:
        return Cell("too few models", None)
    value, low, high = (f"{scale * v:+.{digits}f}" for v in (interval.value, interval.low, interval.high))
    return Cell(f"{value} [{low}, {high}]", scale * interval.value)


def _scatter(relation: Relation) -> dict[str, Any]:
    across, up = LISTENS[relation.x], STANDS[relation.y]
    families = list(dict.fromkeys(p.family for p in relation.points))
    traces: list[dict[str, Any]] = []
    for number, family in enumerate(families):
        mine = [p for p in relation.points if p.family == family]
        colour = CYCLE[number % len(CYCLE)]
        first, second = [p.numbers[relation.x] for p in mine], [p.numbers[relation.y] for p in mine]
        x, y = [across.scale * i["value"] for i in first], [up.scale * i["value"] for i in second]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": x,
                "y": y,
                "text": [escape(p.label) for p in mine],
                "textposition": "top center",
                "textfont": {"size": 10},
                "cliponaxis": False,
                "error_x": _bars(first, across.scale),
                "error_y": _bars(second, up.scale),
                "marker": {"size": 8, "color": colour},
                "name": escape(family),
            }
        )
        if relation.within is not None and len(mine) > 1:
            slope = relation.within.value * up.scale / across.scale
            middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
            ends = [min(x), max(x)]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": ends,
                    "y": [middle_y + slope * (e - middle_x) for e in ends],
                    "line": {"color": colour, "width": 1, "dash": "dot"},
                    "hoverinfo": "skip",
                    "showlegend": False,
                }
            )
    return {"data": traces, "layout": layout(f"{across.name} ({across.unit})", f"{up.name} ({up.unit})")}


def _bars(intervals: Sequence[dict[str, Any]], scale: float) -> dict[str, Any]:
    def reach(interval: dict[str, Any], end: str) -> float:
        return 0.0 if interval[end] is None else abs(scale * (interval[end] - interval["value"]))

    return {
        "type": "data",
        "symmetric": False,
        "array": [reach(i, "high") for i in intervals],
        "arrayminus": [reach(i, "low") for i in intervals],
        "thickness": 1,
        "width": 2,
    }
