"""The whole page: what was asked, the answer, the evidence, and where it comes from.

Words of runs reach the page through a template that escapes them; only plotly.js and the page's own style and script,
which are no words of runs, pass as they are.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol

import fsens_cli
from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.comparison import Comparison, Report
from fsens_cli.runs.figures.overlay import colours_of
from fsens_cli.runs.files import write_text
from fsens_cli.runs.folder import now
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.report.answers import answers
from fsens_cli.runs.report.instruments import OVER_BANDS, OVER_MODELS, band_rows, model_rows, warning_of
from fsens_cli.runs.report.plots import specs_of
from fsens_cli.runs.report.relations import Relation, families_of, points_of, relations, scatter
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.statistics.intervals import Interval
from fsens_cli.text import shown

GENERATOR = '<meta name="generator" content="fsens report">'
MOST_COLUMNS = 7
PROVENANCE = (
    "verb", "model", "run", "command", "seed", "weights (sha256)", "images (sha256)", "commit", "versions", "device",
    "started (UTC)", "seconds",
)  # fmt: skip


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
    """A table's cell and what it is sorted by; empty sorts last."""

    text: str
    value: float | None = None


Row = list[Cell | str]


def write_report(path: Path, report: Report, words: Mapping[str, Words], *, title: str) -> None:
    """Write the page; another report at the same place is replaced, any other file is not.

    Raises:
        OutputError: something else is there, it cannot be written, or a package is missing.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise OutputError("a report needs plotly: pip install 'fsens[report]'.") from error
    if path.is_dir() or (path.exists() and GENERATOR.encode() not in path.read_bytes()[:4096]):
        raise OutputError(f"{path} is there already and is no fsens report: give another file with -o.")
    page = page_text(report, words, title=title, plotly=str(get_plotlyjs()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page)
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror}): give another file with -o.") from error


def page_text(report: Report, words: Mapping[str, Words], *, title: str, plotly: str) -> str:
    """Return the page as HTML."""
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise OutputError("a report needs jinja2: pip install 'fsens[report]'.") from error
    here = resources.files("fsens_cli.runs.report")
    ours = {name: here.joinpath(name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "page.js")}
    environment = Environment(
        autoescape=True, finalize=_safe, undefined=StrictUndefined, loader=FunctionLoader(ours.get)
    )
    found = relations(points := points_of(report))
    colours = colours_of([c.label for comparison in report.comparisons for c in comparison.runs])
    return environment.get_template("page.html").render(
        generator=Markup(GENERATOR),
        style=Markup(ours["page.css"]),
        script=Markup(ours["page.js"]),
        plotly=Markup(plotly),
        version=fsens_cli.__version__,
        now=now().replace("T", " "),
        title=title,
        notices=_notices(report),
        asked=[_asked(c, words) for c in report.comparisons],
        models=_models(report),
        answers=answers(report, found),
        warnings=_warnings(report),
        sections=[_section(c, words, colours) for c in report.comparisons],
        instruments=_instruments(report),
        across=_across(found, families_of(points)) if found else None,
        provenance={
            "head": PROVENANCE,
            "rows": [_made(c.verb, r.label, r.run) for c in report.comparisons for r in c.runs],
        },
    )


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


def _section(comparison: Comparison, words: Mapping[str, Words], colours: Mapping[str, str]) -> Json:
    """Return one verb's section: how to read it, numbers, plots, differences, pictures."""
    verb = comparison.verb
    specs = specs_of([(c.label, c.run.findings.lines) for c in comparison.runs], colours)
    head, rows = _numbers(comparison)
    return {
        "verb": verb,
        "question": _question(comparison, words),
        "reading": words[verb].reading if verb in words else "",
        "plots": [(f"{verb}-{i}", title, spec) for i, (title, spec) in enumerate(specs)],
        "head": head,
        "rows": rows,
        "first": comparison.runs[0].label,
        "differences": _differences(comparison),
        "pictures": _pictures(comparison),
    }


def _numbers(comparison: Comparison) -> tuple[list[str], list[Row]]:
    """Return the table of all numbers: one row a model, or a number where there are many of them."""
    keys = comparison.number_keys()
    columns = [[_cell(compared.quantities.get(key)) for key in keys] for compared in comparison.runs]
    names = [f"{comparison.named(key).title} ({comparison.named(key).unit})" for key in keys]
    labels = [compared.label for compared in comparison.runs]
    if len(keys) <= MOST_COLUMNS:
        return ["model", *names], [[label, *found] for label, found in zip(labels, columns, strict=True)]
    return ["number", *labels], [[name, *row] for name, row in zip(names, zip(*columns, strict=True), strict=True)]


def _cell(quantity: Quantity | None) -> Cell:
    if quantity is None:
        return Cell("")
    return Cell(quantity.text(), None if quantity.value is None else quantity.scale * quantity.value)


def _differences(comparison: Comparison) -> list[Row]:
    rows: list[Row] = []
    for key in comparison.number_keys():
        named = comparison.named(key)
        for compared in comparison.runs[1:]:
            difference = compared.differences.get(key)
            if difference is not None:
                shown = Cell(named.difference_text(difference), named.scale * difference.value)
                clear = "yes" if difference.low > 0 or difference.high < 0 else "no"
                rows.append([named.title, compared.label, shown, named.unit, clear])
    return rows


def _pictures(comparison: Comparison) -> list[dict[str, str]]:
    """Return the figures of each run that no plot of the page shows already."""
    return [
        {
            "alt": figure.alt,
            "caption": f"{compared.label}: {figure.caption}",
            "data": base64.b64encode((compared.run.folder / f"{figure.name}.png").read_bytes()).decode(),
        }
        for compared in comparison.runs
        for figure in compared.run.figures
        if not figure.has_lines
    ]


def _across(found: Sequence[Relation], families: Mapping[str, int]) -> Json:
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
        "plots": [(f"relation-{i}", f"{r.x.label} against {r.y.label}", scatter(r)) for i, r in enumerate(shown)],
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
        str(run.folder),
        made.command,
        made.seed,
        made.weights_sha256[:12],
        made.data_fingerprint[:12],
        made.git_commit[:12],
        ", ".join(f"{name} {version}" for name, version in made.versions.items()),
        made.device,
        made.started[:16].replace("T", " "),
        Cell("" if made.seconds is None else f"{made.seconds:.0f}", made.seconds),
    ]
