"""The card of a network: one picture and the numbers that people ask for first, with interval, n and protocol.

Numbers are found by their keys, whichever verb they come from; what was not run says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsens_cli.experiments.quantities import PROFILE, Quantity
from fsens_cli.runs.comparison import Report
from fsens_cli.runs.report.plots import Plot, plots
from fsens_cli.runs.selection import FinishedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One number of a card.

    Attributes:
        label: what it is called there.
        keys: of the numbers that may stand there, the best first; one that ends in ``*`` is the beginning of a key.
        told_by: settings that its protocol names, where the run was asked for them.
        run: what measures it.
    """

    label: str
    keys: tuple[str, ...]
    told_by: tuple[str, ...] = ()
    run: str


CORRUPTED = ("suite.severities", "corruption_source")
SEARCHED = ("attack.minimal_steps",)
ENTRIES = (
    Entry(label="accuracy", keys=("accuracy",), run="fsens evaluate"),
    Entry(label="accuracy under corruptions", keys=("corruptions-all",), told_by=CORRUPTED, run="fsens evaluate"),
    *(
        Entry(label=f"{group} corruptions", keys=(f"corruptions-{key}",), told_by=CORRUPTED[:1], run="fsens evaluate")
        for key, group in (("low", "low-frequency"), ("medium", "medium"), ("high", "high-frequency"))
    ),
    Entry(
        label="mCE, or mean error",
        keys=("mce", "mean-error"),
        told_by=CORRUPTED[1:],
        run="fsens evaluate 'suite.severities=[1,2,3,4,5]'",
    ),
    Entry(label="AutoAttack", keys=("attack-autoattack-*",), run="fsens evaluate suite=robustbench-linf"),
    Entry(label="smallest change, L-inf", keys=("median-linf",), told_by=SEARCHED, run="fsens evaluate"),
    Entry(label="smallest change, L2", keys=("median-l2",), told_by=SEARCHED, run="fsens evaluate"),
    Entry(label="calibration error", keys=("ece",), run="fsens evaluate"),
    Entry(label="sensitivity, centroid", keys=("centroid",), told_by=("basis", "space"), run="fsens measure"),
    Entry(label="reversal frequency f_rev", keys=("f_rev",), run="fsens hybrid-probe"),
    Entry(label="f_0.5 of smallest changes", keys=("f_half-linf", "f_half-l2"), told_by=SEARCHED, run="fsens evaluate"),
    Entry(label="critical band, width", keys=("width",), run="fsens critical-band"),
)
# Of a network's plots the first of these that there is, or else any.
PLOTS = ("spectrum", "groups", "hybrid")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """A number as the card shows it; ``protocol`` says what measures it where it was not run."""

    label: str
    found: str
    n: str
    protocol: str
    is_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the page shows of one network; no plot where its runs have none."""

    title: str
    about: str
    rows: tuple[CardRow, ...]
    plot: Plot | None


def cards(report: Report, colours: Mapping[str, str]) -> list[Card]:
    """Return a card for each network on each data set, in the order of the page."""
    runs: dict[tuple[str, str], list[FinishedRun]] = {}
    labels: dict[tuple[str, str], str] = {}
    for comparison in report.comparisons:
        for compared in comparison.runs:
            subject = (compared.run.network, compared.run.settings["data"])
            runs.setdefault(subject, []).append(compared.run)
            labels.setdefault(subject, compared.label)
    return [_card(labels[subject], members, colours) for subject, members in runs.items()]


def _card(label: str, runs: Sequence[FinishedRun], colours: Mapping[str, str]) -> Card:
    weights = next((run.made.weights_sha256 for run in runs if run.made.weights_sha256), "")
    hashed = f", weights sha256 {weights[:12]}" if weights else ""
    known = next((run for run in runs if run.model and run.weights), runs[0])
    named = f"{known.model} ({known.weights})" if known.weights else known.model
    about = f"{named} on {known.data}{hashed}{_normalised(runs)}"
    rows = tuple(_row(entry, runs) for entry in ENTRIES)
    return Card(title=label, about=about, rows=rows, plot=_plot(label, runs, colours))


def _plot(label: str, runs: Sequence[FinishedRun], colours: Mapping[str, str]) -> Plot | None:
    """Return the first plot, in the order of ``PLOTS``, of the first run that has it."""
    found: dict[str, FinishedRun] = {}
    for run in runs:
        for line in run.findings.lines:
            if line.plot != PROFILE:
                found.setdefault(line.plot, run)
    name = next((name for name in (*PLOTS, *found) if name in found), "")
    if not name:
        return None
    (plot,) = plots([(label, [line for line in found[name].findings.lines if line.plot == name])], colours)
    return plot


def _normalised(runs: Sequence[FinishedRun]) -> str:
    """Return a word where nobody said how images are normalised."""
    sources = {run.record.text("normalization_source", "") for run in runs}
    return ", normalisation assumed" if sources & {"assumed", "unknown"} else ""


def _row(entry: Entry, runs: Sequence[FinishedRun]) -> CardRow:
    run, found = _best(entry, runs)
    if run is None or found is None:
        return CardRow(label=entry.label, found="not run", n="", protocol=entry.run, is_missing=True)
    asked = run.findings.asked
    settings = [f"{name.rpartition('.')[2].replace('_', ' ')} {asked[name]}" for name in entry.told_by if name in asked]
    same = found.label.lower() in entry.label.lower()
    protocol = "; ".join([run.verb, *([] if same else [found.label]), *settings, f"seed {run.made.seed or '?'}"])
    return CardRow(label=entry.label, found=found.text_with_unit(), n=f"{found.n:,}", protocol=protocol)


def _best(entry: Entry, runs: Sequence[FinishedRun]) -> tuple[FinishedRun | None, Quantity | None]:
    """Return the number of the first key that any run has, over the most images."""
    for key in entry.keys:
        having = [(run, q) for run in runs for q in run.findings.quantities if not q.group and _is(q.key, key)]
        if having:
            return max(having, key=lambda pair: pair[1].n)
    return None, None


def _is(key: str, wanted: str) -> bool:
    return key.startswith(wanted[:-1]) if wanted.endswith("*") else key == wanted
