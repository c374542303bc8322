"""Runs side by side: whether they answer one question about the same images, and by how much they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsens_cli.errors import ConfigError
from fsens_cli.experiments.quantities import Quantity, paired_difference
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.runs.sweep_labels import overlay_labels
from fsens_cli.statistics.intervals import Interval
from fsens_cli.text import in_255ths


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
    networks = list(dict.fromkeys(run.network for run in runs))
    # The same network comes first for every verb, so that all differences are from the same one.
    ordered = sorted(runs, key=lambda r: networks.index(r.network))
    verbs = dict.fromkeys(run.verb for run in runs)
    names = names_of_networks(ordered)
    comparisons = []
    for verb in verbs:
        mine = [run for run in ordered if run.verb == verb]
        comparisons.append(_side_by_side(verb, mine, labels_within(mine, names)))
    return Report(comparisons=comparisons, skipped=list(skipped), differing=differences_between(runs))


def _side_by_side(verb: str, runs: Sequence[FinishedRun], labels: Sequence[str]) -> Comparison:
    first = runs[0]
    by_name = {q.name: q for q in first.findings.quantities}
    compared = []
    for run, label in zip(runs, labels, strict=True):
        found = {q.name: q for q in run.findings.quantities}
        differences = {}
        if run is not first and not differences_between([first, run]):
            pairs = {name: paired_difference(by_name[name], q) for name, q in found.items() if name in by_name}
            differences = {name: interval for name, interval in pairs.items() if interval is not None}
        compared.append(Compared(run=run, label=label, quantities=found, differences=differences))
    return Comparison(verb=verb, runs=compared)


def labels_within(runs: Sequence[FinishedRun], networks: Mapping[str, str]) -> list[str]:
    """Return a short, unique name for each run: that of its network, where there are several, and what else differs.

    Args:
        networks: the name of each network, wherever it is shown.
    """
    if len(networks) < 2:
        return labels_of(runs)
    names = [networks[run.network] for run in runs]
    shared = [[other for other in runs if other.network == run.network] for run in runs]
    return [
        name if len(alike) == 1 else f"{name}, {_apart(alike)[alike.index(run)]}"
        for run, name, alike in zip(runs, names, shared, strict=True)
    ]


def names_of_networks(runs: Sequence[FinishedRun]) -> dict[str, str]:
    """Return a short, unique name for each network that the runs are about."""
    first = {run.network: run for run in reversed(runs)}
    found = [first[network] for network in dict.fromkeys(run.network for run in runs)]
    labels = _unique(overlay_labels([_origin(run) for run in found], [run.training for run in found]), found)
    return {run.network: label for run, label in zip(found, labels, strict=True)}


def _origin(run: FinishedRun) -> dict[str, str]:
    """Return what tells a network from others: what it is and where its weights come from."""
    weights = f"run:{run.folder}" if run.record.text("trained_sha256", "") else run.settings["weights"]
    told = {"model": run.settings["model"], "data": run.settings["data"], "weights": weights}
    return told | ({"seed": run.settings["seed"]} if weights == "random" else {})


def _apart(runs: Sequence[FinishedRun]) -> list[str]:
    """Return what tells runs on one network apart: settings where these differ, else their versions."""
    versions = [run.folder.name for run in runs]
    alike = all(run.settings == runs[0].settings for run in runs)
    return versions if alike and len(set(versions)) == len(runs) else labels_of(runs)


def labels_of(runs: Sequence[FinishedRun]) -> list[str]:
    """Return a short, unique name for each run."""
    return _unique(overlay_labels([r.settings for r in runs], [r.training for r in runs]), runs)


def _unique(labels: Sequence[str], runs: Sequence[FinishedRun]) -> list[str]:
    if len(set(labels)) == len(labels):
        return list(labels)
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
    data = _varied([run.data for run in runs])
    if data:
        found.append(f"data ({data})")
    elif len({run.made.data_fingerprint for run in runs}) > 1:
        counts = _varied([run.num_images for run in runs])
        found.append(f"images ({counts} of them)" if counts else "images (same number, other pictures)")
    for verb in dict.fromkeys(run.verb for run in runs):
        asked = [run.findings.asked for run in runs if run.verb == verb]
        for name in dict.fromkeys(name for settings in asked for name in settings):
            values = _varied([settings.get(name, "") for settings in asked])
            if values:
                found.append(f"{name} ({values})")
    return found


def _varied(values: Sequence[str]) -> str:
    """Return the different values in words; empty where there is one only."""
    different = list(dict.fromkeys(values))
    return ", ".join(_shortened(v) for v in different) if len(different) > 1 else ""


def _shortened(value: str) -> str:
    value = in_255ths(value)
    return value if len(value) <= 60 else f"{value[:57]}..."
