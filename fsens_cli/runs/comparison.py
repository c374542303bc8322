"""How do runs compare: is it the same question about the same images, and by how much do the answers differ?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsens_cli.errors import ConfigError, OutputError
from fsens_cli.runs.quantities import Quantity, paired_difference, quantities
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.runs.sweep_labels import overlay_labels
from fsens_cli.statistics.intervals import Interval

# What must agree for numbers to answer the same question, by verb: names in results.json.
QUESTION: dict[str, tuple[str, ...]] = {
    "measure": ("convention", "target", "space", "channels", "basis"),
    "train": ("epochs",),
    "hybrid-probe": ("mask", "order", "clip", "pairs", "num_pairings"),
    "evaluate": ("suite", "corruption_source"),
    "blur-defense": ("mode", "defense", "suite", "corruption_source"),
}
# The same in the configuration that some verbs keep in run.json.
CONFIGURED = ("suite.", "attack.", "checks.", "pairings", "sigmas", "components")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One run in a comparison.

    Attributes:
        label: what tells it from the others.
        quantities: its headline numbers by key.
        differences: from the first run, by key, where they can be paired.
    """

    run: FinishedRun
    label: str
    quantities: dict[str, Quantity]
    differences: dict[str, Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All runs of one verb side by side; the first is what the others are compared with."""

    verb: str
    runs: list[Compared]

    def number_keys(self) -> list[str]:
        """Return the names of all numbers, in order."""
        return list(dict.fromkeys(key for r in self.runs for key in r.quantities))

    def named(self, key: str) -> Quantity:
        """Return some run's number of that name: it knows label and unit."""
        return next(r.quantities[key] for r in self.runs if key in r.quantities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Comparisons by verb, and what was left out."""

    comparisons: list[Comparison]
    skipped: list[str]
    differing: list[str]


def compare(runs: Sequence[FinishedRun], *, allow_different: bool, skipped: Sequence[str] = ()) -> Report:
    """Compare runs of one verb on the same images; with ``allow_different`` what can be compared of any runs.

    Raises:
        ConfigError: fewer than two runs, or they differ in more than the model and that was not allowed.
    """
    differing = differences_between(runs)
    if differing and not allow_different:
        raise ConfigError(
            f"these runs do not answer one question: {'; '.join(differing)}. "
            "--allow-different compares what can be compared."
        )
    report = compare_by_verb(runs, skipped=skipped)
    if sum(len(c.runs) for c in report.comparisons) < 2:
        lines = "".join(f"\nskipped: {line}" for line in report.skipped)
        raise ConfigError(f"a comparison needs two finished runs or more.{lines}")
    return report


def compare_by_verb(runs: Sequence[FinishedRun], *, skipped: Sequence[str] = ()) -> Report:
    """Compare the runs of each verb; differences are given where images and question are the same."""
    left_out = list(skipped)
    comparisons = []
    networks = list(dict.fromkeys(_network(r) for r in runs))
    # The same network comes first for every verb, so that all differences are from the same one.
    ordered = sorted(runs, key=lambda r: networks.index(_network(r)))
    for verb in dict.fromkeys(r.verb for r in runs):
        readable: list[tuple[FinishedRun, list[Quantity]]] = []
        for run in ordered:
            if run.verb != verb:
                continue
            try:
                readable.append((run, quantities(run)))
            except OutputError as error:
                left_out.append(str(error))
        if readable:
            comparisons.append(_side_by_side(verb, readable))
    return Report(comparisons=comparisons, skipped=left_out, differing=differences_between(runs))


def _network(run: FinishedRun) -> tuple[str, str]:
    return str(run.record.get("model", "")), str(run.record.get("weights_sha256") or run.folder)


def _side_by_side(verb: str, readable: Sequence[tuple[FinishedRun, list[Quantity]]]) -> Comparison:
    labels = labels_of([run for run, _ in readable])
    reference_run, reference = readable[0]
    by_key = {q.key: q for q in reference}
    compared = []
    for (run, found), label in zip(readable, labels, strict=True):
        differences = {}
        if run is not reference_run and not differences_between([reference_run, run]):
            pairs = {q.key: paired_difference(by_key[q.key], q) for q in found if q.key in by_key}
            differences = {key: interval for key, interval in pairs.items() if interval is not None}
        compared.append(Compared(run=run, label=label, quantities={q.key: q for q in found}, differences=differences))
    return Comparison(verb=verb, runs=compared)


def labels_of(runs: Sequence[FinishedRun]) -> list[str]:
    """Return a short, unique name for each run."""
    labels = overlay_labels([r.settings for r in runs], [r.training for r in runs])
    if len(set(labels)) == len(labels):
        return labels
    with_version = [f"{label} {run.folder.name}" for label, run in zip(labels, runs, strict=True)]
    if len(set(with_version)) == len(runs):
        return with_version
    return [f"{label} {number}" for number, label in enumerate(labels, 1)]


def differences_between(runs: Sequence[FinishedRun]) -> list[str]:
    """Return in words what keeps runs from answering one question; empty where only the models differ."""
    found = []
    verbs = _varied([r.verb for r in runs])
    if verbs:
        found.append(f"verbs ({verbs})")
    data = _varied([_data(r) for r in runs])
    if data:
        found.append(f"data ({data})")
    elif len({r.record.get("data_fingerprint") for r in runs}) > 1:
        counts = _varied([f"{r.results.get('num_images', '?')}" for r in runs])
        found.append(f"images ({counts} of them)" if counts else "images (same number, other pictures)")
    for verb in dict.fromkeys(r.verb for r in runs):
        found += _question([r for r in runs if r.verb == verb])
    return found


def _data(run: FinishedRun) -> str:
    results = run.results.get("measure", run.results)
    return str(results.get("data", run.record.get("data_title", "")))


def _question(runs: Sequence[FinishedRun]) -> list[str]:
    """Return which settings differ between runs of one verb."""
    names = QUESTION.get(runs[0].verb, ())
    asked: list[dict[str, Any]] = []
    for run in runs:
        config = run.record.get("config", {})
        configured = {k: v for k, v in config.items() if k.startswith(CONFIGURED)} if isinstance(config, dict) else {}
        asked.append({name: run.results.get(name) for name in names} | configured | {"grid": _grid(run)})
    found = []
    for name in dict.fromkeys(name for settings in asked for name in settings):
        values = _varied([str(settings.get(name)) for settings in asked])
        if values:
            found.append(f"{name} ({values})")
    return found


def _grid(run: FinishedRun) -> list[Any]:
    """Return the mixing frequencies of a probe, the bands of a measurement, nothing for other verbs."""
    if run.verb == "hybrid-probe":
        return [row.get("mixing_nyquist") for row in run.results.get("curve", [])]
    return [[b.get("name"), b.get("radius_last")] for b in run.results.get("bands", [])]


def _varied(values: Sequence[str]) -> str:
    """Return the different values in words; empty where there is one only."""
    different = list(dict.fromkeys(values))
    return ", ".join(_shortened(v) for v in different) if len(different) > 1 else ""


def _shortened(value: str) -> str:
    return value if len(value) <= 60 else f"{value[:57]}..."
