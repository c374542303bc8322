"""The whole page: what was asked, the answer, the evidence, and where it comes from.

Words of runs reach the page through a template that escapes them; only the page's own style and script,
which are no words of runs, pass as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import fsens_cli
from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.comparison import Compared, Comparison, Report
from fsens_cli.runs.figures.overlay import colours_of
from fsens_cli.runs.files import write_text
from fsens_cli.runs.folder import now
from fsens_cli.runs.report.answers import answers, headline
from fsens_cli.runs.report.card import cards
from fsens_cli.runs.report.instruments import OVER_BANDS, OVER_MODELS, band_rows, model_rows, warning_of
from fsens_cli.runs.report.pictures import MOST_BYTES, pictures
from fsens_cli.runs.report.plots import plots
from fsens_cli.runs.report.relations import Relation, families_of, points_of, relations, scatter
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.statistics.intervals import Interval
from fsens_cli.text import shown

GENERATOR = '<meta name="generator" content="fsens report">'
MOST_COLUMNS = 7
PARTS = ("page.html", "card.html", "page.css", "page.js")
PROVENANCE = ("verb", "model", "command", "seed", "weights (sha256)", "images (sha256)", "started (UTC)", "seconds")
DUALBAND = (
    "The data set dualband writes every class twice, in a low and in a high band, and either is enough: here the truth "
    "is known, and what is said above can be checked. It is no evidence about natural images."
)


class Words(Protocol):
    """What a verb says of itself."""

    @property
    def question(self) -> str:
        """What it asks."""

    @property
    def reading(self) -> str:
        """How its numbers are to be read."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell and what it is sorted by; empty sorts last. ``clear`` of 0 is what stands out."""

    text: str
    value: float | None = None
    clear: bool = False


Row = list[Cell | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of numbers with the names of its columns; the caption says of which run, where it is one run's."""

    caption: str
    head: list[str]
    rows: list[Row]


def write_report(path: Path, report: Report, words: Mapping[str, Words], *, title: str) -> None:
    """Write the page; another report at the same place is replaced, any other file is not.

    Raises:
        OutputError: something else is there, it cannot be written, or a package is missing.
    """
    if path.is_dir() or (path.exists() and GENERATOR.encode() not in path.read_bytes()[:4096]):
        raise OutputError(f"{path} is there already and is no fsens report: give another file with -o.")
    page = page_text(report, words, title=title)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page)
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror}): give another file with -o.") from error


def page_text(report: Report, words: Mapping[str, Words], *, title: str) -> str:
    """Return the page as HTML."""
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise OutputError("a report needs jinja2: pip install 'fsens[report]'.") from error
    here = resources.files("fsens_cli.runs.report")
    ours = {name: here.joinpath(name).read_text(encoding="utf-8") for name in PARTS}
    environment = Environment(
        autoescape=True, finalize=_safe, undefined=StrictUndefined, loader=FunctionLoader(ours.get)
    )
    found = relations(points := points_of(report))
    colours = colours_of([c.label for comparison in report.comparisons for c in comparison.runs])
    sections = [_section(c, words, colours) for c in report.comparisons]
    head = headline(report.comparisons[0])
    template = environment.get_template("page.html")
    named: dict[str, object] = {
        "generator": Markup(GENERATOR),
        "style": Markup(ours["page.css"]),
        "script": Markup(ours["page.js"]),
        "version": fsens_cli.__version__,
        "now": now().replace("T", " "),
        "title": title,
        "notices": _notices(report),
        "cards": cards(report, colours),
        "asked": [_asked(c, words) for c in report.comparisons],
        "models": _models(report),
        "answers": answers(report, found),
        "warnings": _warnings(report),
        "sections": sections,
        "headline": f"{head[:1].upper()}{head[1:]}.",
        "picture": next((plot for section in sections for plot in section["plots"]), None),
        "truth": DUALBAND if any("dualband" in c.run.data for s in report.comparisons for c in s.runs) else "",
        "instruments": _instruments(report),
        "across": _across(found, families_of(points)) if found else None,
        "provenance": {
            "head": PROVENANCE,
            "rows": [_made(c.verb, r.label, r.run) for c in report.comparisons for r in c.runs],
            "shared": _shared([r.run for c in report.comparisons for r in c.runs]),
        },
    }
    room = MOST_BYTES - len(template.render(named).encode())
    for section, found_pictures in zip(sections, pictures(report, room), strict=True):
        section |= {"pictures": found_pictures.kept, "left_out": found_pictures.left_out}
    return template.render(named)


def _safe(value: object) -> object:
    """Take control characters and secrets of addresses out of words; what is the page's own is markup already."""
    return shown(value) if type(value) is str else value


def _notices(report: Report) -> list[str]:
    notices = [f"Skipped: {line}" for line in report.skipped]
    if report.differing and len(report.comparisons) == 1:
        notices.append(f"These runs differ in {'; '.join(report.differing)}: no differences are given between those.")
    return notices


def _asked(comparison: Comparison, words: Mapping[str, Words]) -> str:
    runs = [c.run for c in comparison.runs]
    data = ", ".join(dict.fromkeys(run.data for run in runs))
    counts = ", ".join(dict.fromkeys(run.num_images for run in runs))
    plural = "" if len(runs) == 1 else "s"
    return f"{comparison.verb}: {_question(comparison, words)} {len(runs)} model{plural} on {data}, {counts} images."


def _question(comparison: Comparison, words: Mapping[str, Words]) -> str:
    return words[comparison.verb].question if comparison.verb in words else ""


def _models(report: Report) -> str:
    named = [f"{c.label} ({_network(c.run)})" for comparison in report.comparisons for c in comparison.runs]
    return "; ".join(dict.fromkeys(named))


def _network(run: FinishedRun) -> str:
    return ", ".join(filter(None, (run.model, run.weights)))


def _warnings(report: Report) -> list[str]:
    return [
        f"{comparison.verb}, {c.label}: {line}"
        for comparison in report.comparisons
        for c in comparison.runs
        for line in c.run.warnings
    ]


def _section(comparison: Comparison, words: Mapping[str, Words], colours: dict[str, str]) -> dict[str, Any]:
    """Return one verb's section, still without pictures: how to read it, numbers, plots, differences."""
    verb = comparison.verb
    return {
        "verb": verb,
        "question": _question(comparison, words),
        "reading": words[verb].reading if verb in words else "",
        "plots": plots([(c.label, c.run.findings.lines) for c in comparison.runs], colours),
        "tables": _tables(comparison),
        "first": comparison.runs[0].label,
        "differences": _differences(comparison),
        "pictures": [],
        "left_out": 0,
    }


def _tables(comparison: Comparison) -> list[Table]:
    """Return the numbers that a run has once, and those that it has several times as a matrix a run."""
    keys = comparison.number_keys()
    found = []
    plain = [key for key in keys if not comparison.named(key).group]
    if plain:
        found.append(_numbers(comparison, plain))
    for compared in comparison.runs:
        grouped = [q for q in compared.quantities.values() if q.group]
        if grouped:
            found.append(_matrix(compared, grouped))
    return found


def _matrix(compared: Compared, numbers: Sequence[Quantity]) -> Table:
    """Return numbers down, groups such as a filter's strengths across."""
    groups = list(dict.fromkeys(q.group for q in numbers))
    by_key: dict[str, dict[str, Quantity]] = {}
    for q in numbers:
        by_key.setdefault(q.key, {})[q.group] = q
    rows: list[Row] = []
    for found in by_key.values():
        named = next(iter(found.values()))
        rows.append([f"{named.label} ({named.unit})", *(_cell(found.get(group)) for group in groups)])
    return Table(caption=compared.label, head=["number", *groups], rows=rows)


def _numbers(comparison: Comparison, keys: Sequence[str]) -> Table:
    """Return the table of numbers: one row a model, or a number where there are many of them."""
    columns = [[_cell(compared.quantities.get(key)) for key in keys] for compared in comparison.runs]
    names = [comparison.named(key).head() for key in keys]
    labels = [compared.label for compared in comparison.runs]
    if len(keys) <= MOST_COLUMNS:
        rows: list[Row] = [[label, *found] for label, found in zip(labels, columns, strict=True)]
        return Table(caption="", head=["model", *names], rows=rows)
    rows = [[name, *row] for name, row in zip(names, zip(*columns, strict=True), strict=True)]
    return Table(caption="", head=["number", *labels], rows=rows)


def _cell(quantity: Quantity | None) -> Cell:
    if quantity is None:
        return Cell("")
    return Cell(quantity.text(), None if quantity.value is None else quantity.scale * quantity.value)


def _differences(comparison: Comparison) -> Table | None:
    """Return the paired differences from the first run, numbers down and models across; None where there are none."""
    others = [compared for compared in comparison.runs[1:] if compared.differences]
    rows: list[Row] = []
    for key in comparison.number_keys():
        named = comparison.named(key)
        if any(key in compared.differences for compared in others):
            cells = [_difference(named, compared.differences.get(key)) for compared in others]
            rows.append([named.head(), *cells])
    return Table(caption="", head=["number", *(compared.label for compared in others)], rows=rows) if rows else None


def _difference(named: Quantity, difference: Interval | None) -> Cell:
    if difference is None:
        return Cell("")
    clear = difference.low > 0 or difference.high < 0
    return Cell(named.difference_text(difference), named.scale * difference.value, clear=clear)


def _across(found: Sequence[Relation], families: Mapping[str, int]) -> dict[str, object]:
    rows: list[Row] = [
        [
            r.x.label,
            r.y.label,
            Cell(str(len(r.points)), len(r.points)),
            _interval_cell(r.pooled, 1.0),
            _interval_cell(r.within, r.slope_scale),
            f"{r.y.unit} per {r.step:g} {r.x.unit}",
        ]
        for r in found
    ]
    shown = [r for r in found if r.is_leading]
    return {
        "families": [f"{family}: {count} model{'' if count == 1 else 's'}" for family, count in families.items()],
        "rows": rows,
        "plots": [scatter(r) for r in shown],
    }


def _instruments(report: Report) -> dict[str, object] | None:
    """Return what the page says of instruments that measure the same thing; None where there is only one."""
    over_bands, over_models = band_rows(report), model_rows(report)
    if not over_bands and not over_models:
        return None
    return {
        "warning": warning_of(over_models),
        "bands_head": OVER_BANDS,
        "bands": [[m, a, b, Cell(str(i.n), i.n), _interval_cell(i, 1.0)] for m, a, b, i in over_bands],
        "models_head": OVER_MODELS,
        "models": [[a.label, b.label, Cell(str(n), n), _interval_cell(i, 1.0)] for a, b, n, i in over_models],
    }


def _interval_cell(interval: Interval | None, scale: float) -> Cell:
    if interval is None:
        return Cell("too few models")
    value, low, high = (f"{scale * v:+.2f}" for v in (interval.value, interval.low, interval.high))
    return Cell(f"{value} [{low}, {high}]", scale * interval.value)


def _made(verb: str, label: str, run: FinishedRun) -> Row:
    made = run.made
    return [
        verb,
        label,
        made.command,
        made.seed,
        made.weights_sha256[:12],
        made.data_fingerprint[:12],
        made.started[:16].replace("T", " "),
        Cell("" if made.seconds is None else f"{made.seconds:.0f}", made.seconds),
    ]


def _shared(runs: Sequence[FinishedRun]) -> list[tuple[str, str]]:
    """Return what made the runs where it is not a run's own: folders, commit, versions, device, each value once."""
    values = {
        "runs": [str(run.folder) for run in runs],
        "commit": [run.made.git_commit[:12] for run in runs],
        "versions": [", ".join(f"{name} {version}" for name, version in run.made.versions.items()) for run in runs],
        "device": [run.made.device for run in runs],
    }
    return [(name, "; ".join(dict.fromkeys(filter(None, found)))) for name, found in values.items()]
