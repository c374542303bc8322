"""The whole page: what was asked, the answer, the evidence, and where it comes from."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import fsens_cli
from fsens_cli.errors import OutputError
from fsens_cli.runs.comparison import Comparison, Report
from fsens_cli.runs.files import write_text
from fsens_cli.runs.folder import now
from fsens_cli.runs.report.correlations import Point, Relation, correlation_section, points_of, relations
from fsens_cli.runs.report.html import Cell, bullets, details, escape, paragraph, picture, plot, section, table
from fsens_cli.runs.report.plots import plots_of
from fsens_cli.runs.report.story import HOW_TO_READ, QUESTIONS, answers
from fsens_cli.runs.selection import FinishedRun

GENERATOR = '<meta name="generator" content="fsens report">'
# The page may use what it carries, and nothing else: no network, no frames, no forms.
POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
# The pictures of each run that say more than the plots above them.
PICTURES = {
    "measure": ("map.png",),
    "train": ("training.png", "map.png"),
    "hybrid-probe": ("examples.png",),
    "evaluate": ("corruptions.png", "heat_map.png"),
    "blur-defense": ("defense.png", "spectra.png"),
}


def plotly_script() -> str:
    """Return plotly.js.

    Raises:
        OutputError: plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise OutputError("a report needs plotly: pip install 'fsens[report]'.") from error
    return str(get_plotlyjs())


def write_report(path: Path, report: Report, *, title: str) -> None:
    """Write the page; another report at the same place is replaced, any other file is not.

    Raises:
        OutputError: something else is there, or it cannot be written.
    """
    script = plotly_script()
    if path.is_dir() or (path.exists() and GENERATOR.encode() not in path.read_bytes()[:4096]):
        raise OutputError(f"{path} is there already and is no fsens report: give another file with -o.")
    page = page_text(report, title=title, script=script)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page)
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror}): give another file with -o.") from error


def page_text(report: Report, *, title: str, script: str) -> str:
    """Return the page as HTML."""
    points = points_of(report)
    found = relations(points)
    sections = _sections(report, points, found)
    links = "".join(f'<a href="#{name}">{escape(words)}</a>' for name, words, _ in sections)
    body = "".join(text for _, _, text in sections)
    here = resources.files("fsens_cli.runs.report")
    style, sorting = (here.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">{GENERATOR}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n<body><h1>{escape(title)}</h1>"
        f'<p class="soft">fsens {escape(fsens_cli.__version__)}, {escape(now().replace("T", " "))}. Numbers have 95 % '
        f"intervals. A click on a column's head sorts; plots zoom.</p>\n<nav>{links}</nav>\n{body}\n"
        f"<script>{script}</script>\n<script>{sorting}</script></body></html>\n"
    )


def _sections(report: Report, points: Sequence[Point], found: Sequence[Relation]) -> list[tuple[str, str, str]]:
    """Return name, words for the link, and text of each section."""
    notices = [f"Skipped: {line}" for line in report.skipped]
    if report.differing and len(report.comparisons) == 1:
        notices.append(f"These runs differ in {'; '.join(report.differing)}: no differences are given between those.")
    notes = "".join(f'<p class="notice">{escape(line)}</p>' for line in notices)
    sections = [
        ("asked", "What was asked", section("asked", "What was asked", notes, _asked(report))),
        ("answer", "The answer", section("answer", "The answer", bullets(answers(report, found), kind="answer"))),
    ]
    sections += [(c.verb, c.verb, _evidence(c)) for c in report.comparisons]
    if found:
        sections.append(("across", "Across models", correlation_section(points, found)))
    sections.append(("provenance", "Provenance", _provenance(report)))
    return sections


def _asked(report: Report) -> str:
    rows = []
    for comparison in report.comparisons:
        data = dict.fromkeys(_data(c.run) for c in comparison.runs)
        counts = dict.fromkeys(f"{_images(c.run):,}" for c in comparison.runs)
        models = "; ".join(f"{c.label} ({_network(c.run)})" for c in comparison.runs)
        rows.append([comparison.verb, QUESTIONS[comparison.verb], models, ", ".join(data), ", ".join(counts)])
    return table(["verb", "question", "models", "data", "images"], rows)


def _network(run: FinishedRun) -> str:
    weights = str(run.results.get("weights", ""))
    return f"{run.results['model']}, {weights}" if weights else str(run.results["model"])


def _data(run: FinishedRun) -> str:
    return str(run.results.get("measure", run.results).get("data", ""))


def _images(run: FinishedRun) -> int:
    return int(run.results.get("measure", run.results).get("num_images", 0))


def _evidence(comparison: Comparison) -> str:
    """Return one verb's section: how to read it, numbers, plots, differences, pictures."""
    keys = comparison.number_keys()
    head = ["model", *(f"{comparison.named(k).label} ({comparison.named(k).unit})" for k in keys)]
    rows: list[list[Cell | str]] = []
    for compared in comparison.runs:
        cells: list[Cell | str] = [compared.label]
        for key in keys:
            quantity = compared.quantities.get(key)
            if quantity is None:
                cells.append(Cell("", None))
                continue
            doubt = f" ({quantity.note})" if quantity.note and quantity.value is not None else ""
            value = None if quantity.value is None else quantity.scale * quantity.value
            cells.append(Cell(quantity.text() + doubt, value))
        rows.append(cells)
    plots = "".join(plot(f"{comparison.verb}-{i}", spec, words) for i, (words, spec) in enumerate(plots_of(comparison)))
    return section(
        comparison.verb,
        f"{comparison.verb}: {QUESTIONS[comparison.verb]}",
        paragraph(HOW_TO_READ[comparison.verb], kind="soft"),
        f'<div class="plots">{plots}</div>',
        table(head, rows) if len(keys) <= len(rows) + 6 else _tall(comparison),
        _differences(comparison),
        _pictures(comparison),
    )


def _tall(comparison: Comparison) -> str:
    """Return the numbers with one row a number and model: readable where there are many numbers."""
    rows: list[list[Cell | str]] = []
    for key in comparison.number_keys():
        for compared in comparison.runs:
            quantity = compared.quantities.get(key)
            if quantity is None:
                continue
            value = None if quantity.value is None else quantity.scale * quantity.value
            rows.append([quantity.label, compared.label, Cell(quantity.text(), value), quantity.unit, quantity.note])
    return table(["number", "model", "value, 95 % interval", "unit", "note"], rows)


def _differences(comparison: Comparison) -> str:
    first = comparison.runs[0].label
    rows: list[list[Cell | str]] = []
    for key in comparison.number_keys():
        for compared in comparison.runs[1:]:
            difference = compared.differences.get(key)
            if difference is None:
                continue
            named = comparison.named(key)
            clear = difference.low > 0 or difference.high < 0
            rows.append(
                [
                    named.label,
                    compared.label,
                    Cell(named.difference_text(difference), named.scale * difference.value),
                    named.unit,
                    "yes" if clear else "no",
                ]
            )
    if not rows:
        return ""
    title = f"Paired differences from {first}: both models were asked about the same images"
    return details(title, table(["number", "model", "difference, 95 % interval", "unit", "clear of 0"], rows))


def _pictures(comparison: Comparison) -> str:
    found = [
        picture(compared.run.folder / name, f"{compared.label}: {Path(name).stem.replace('_', ' ')}")
        for compared in comparison.runs
        for name in PICTURES[comparison.verb]
        if (compared.run.folder / name).is_file()
    ]
    return (
        details(f"Pictures of each run ({len(found)})", f'<div class="pictures">{"".join(found)}</div>')
        if found
        else ""
    )


def _provenance(report: Report) -> str:
    rows: list[list[Cell | str]] = []
    for comparison in report.comparisons:
        for compared in comparison.runs:
            record = compared.run.record
            versions, machine = record.get("versions", {}), record.get("machine", {})
            seconds = record.get("duration_seconds")
            rows.append(
                [
                    comparison.verb,
                    compared.label,
                    str(compared.run.folder),
                    " ".join(["fsens", *(str(a) for a in record.get("argv", []))]),
                    str(record.get("seed", "")),
                    str(record.get("weights_sha256") or "")[:12],
                    str(record.get("data_fingerprint") or "")[:12],
                    str(record.get("git_commit") or "")[:12],
                    ", ".join(f"{name} {version}" for name, version in versions.items()),
                    str(machine.get("gpu", machine.get("device", ""))),
                    str(record.get("started", ""))[:16].replace("T", " "),
                    Cell("" if seconds is None else f"{seconds:.0f}", seconds),
                ]
            )
    head = [
        "verb",
        "model",
        "run",
        "command",
        "seed",
        "weights (sha256)",
        "images (sha256)",
        "commit",
        "versions",
        "device",
        "started (UTC)",
        "seconds",
    ]
    return section(
        "provenance",
        "Provenance",
        paragraph(
            "Each number above can be made again with its command; every run's folder holds all of its settings."
        ),
        table(head, rows, kind="provenance"),
    )
