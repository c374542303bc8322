"""The whole page: what was asked, the answer, the evidence, and where it comes from."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import fsens_cli
from fsens_cli.errors import OutputError
from fsens_cli.runs.comparison import Comparison, Report
from fsens_cli.runs.files import write_text
from fsens_cli.runs.folder import now
from fsens_cli.runs.quantities import Quantity
from fsens_cli.runs.report.correlations import Point, Relation, correlation_section, points_of, relations
from fsens_cli.runs.report.html import Cell, bullets, details, escape, paragraph, picture, plot, section, table
from fsens_cli.runs.report.plots import colours_of, plots_of
from fsens_cli.runs.report.story import HOW_TO_READ, QUESTIONS, answers
from fsens_cli.runs.selection import FinishedRun

GENERATOR = '<meta name="generator" content="fsens report">'
# The page may use what it carries, and nothing else: no network, no frames, no forms.
POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
MOST_COLUMNS = 7
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
    colours = colours_of(report.comparisons)
    sections += [(c.verb, c.verb, _evidence(c, colours)) for c in report.comparisons]
    if found:
        sections.append(("across", "Across models", correlation_section(points, found)))
    sections.append(("provenance", "Provenance", _provenance(report)))
    return sections


def _asked(report: Report) -> str:
    """Return the questions, and the models that they were put to."""
    asked: list[str] = []
    models: dict[str, str] = {}
    for comparison in report.comparisons:
        runs = [c.run for c in comparison.runs]
        data = ", ".join(dict.fromkeys(_data(r) for r in runs))
        counts = ", ".join(dict.fromkeys(f"{_images(r):,}" for r in runs))
        plural = "" if len(runs) == 1 else "s"
        asked.append(
            f"{comparison.verb}: {QUESTIONS[comparison.verb]} {len(runs)} model{plural} on {data}, {counts} images."
        )
        models |= {c.label: _network(c.run) for c in comparison.runs}
    named = "; ".join(f"{label} ({network})" for label, network in models.items())
    return bullets(asked) + paragraph(f"Models: {named}.")


def _network(run: FinishedRun) -> str:
    weights = str(run.results.get("weights", ""))
    return f"{run.results['model']}, {weights}" if weights else str(run.results["model"])


def _data(run: FinishedRun) -> str:
    return str(run.results.get("measure", run.results).get("data", ""))


def _images(run: FinishedRun) -> int:
    return int(run.results.get("measure", run.results).get("num_images", 0))


def _evidence(comparison: Comparison, colours: dict[str, str]) -> str:
    """Return one verb's section: how to read it, numbers, plots, differences, pictures."""
    plots = "".join(
        plot(f"{comparison.verb}-{i}", spec, words) for i, (words, spec) in enumerate(plots_of(comparison, colours))
    )
    return section(
        comparison.verb,
        f"{comparison.verb}: {QUESTIONS[comparison.verb]}",
        paragraph(HOW_TO_READ[comparison.verb], kind="soft"),
        f'<div class="plots">{plots}</div>',
        _numbers(comparison),
        _differences(comparison),
        _pictures(comparison),
    )


def _numbers(comparison: Comparison) -> str:
    """Return the table of all numbers: one row a model, or a number where there are many of them."""
    keys = comparison.number_keys()
    columns = [[compared.quantities.get(key) for key in keys] for compared in comparison.runs]
    names = [f"{comparison.named(key).label} ({comparison.named(key).unit})" for key in keys]
    labels = [compared.label for compared in comparison.runs]
    if len(keys) <= MOST_COLUMNS:
        by_model: list[list[Cell | str]] = [
            [label, *map(_cell, found)] for label, found in zip(labels, columns, strict=True)
        ]
        return table(["model", *names], by_model)
    by_number: list[list[Cell | str]] = [
        [name, *map(_cell, found)] for name, found in zip(names, zip(*columns, strict=True), strict=True)
    ]
    return table(["number", *labels], by_number)


def _cell(quantity: Quantity | None) -> Cell:
    if quantity is None:
        return Cell("", None)
    doubt = f" ({quantity.note})" if quantity.note and quantity.value is not None else ""
    return Cell(quantity.text() + doubt, None if quantity.value is None else quantity.scale * quantity.value)


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
