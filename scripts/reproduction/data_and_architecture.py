"""Whether the sensitivity depends on the data set and on the architecture: one row a network, and a verdict on each.

usage: data_and_architecture.py OUT DOCS
"""

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd
from claims import REPRODUCED, UNDECIDED, Claim, claims_table, together, write_claims
from panel import latest
from tables import interval_columns, shown

from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.evaluate_summary import markdown_table
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.statistics.intervals import Interval

SHARES = ("low", "mid", "high")
CLAIMS = {
    "data": ("Sensitivity depends on the data set", "CIFAR-10, SVHN, ImageNet differ"),
    "architecture": ("Sensitivity depends on the architecture", "ImageNet networks differ"),
}


@dataclass(frozen=True)
class Trained:
    """A network that was trained and measured.

    Attributes:
        data, architecture, seed: of the training.
        run: the training.
        evaluation: what its corruptions gave; None where that is not there yet.
    """

    data: str
    architecture: str
    seed: int
    run: FinishedRun
    evaluation: FinishedRun | None

    @property
    def numbers(self) -> dict[str, Quantity]:
        """Its headline numbers by key."""
        return {q.key: q for q in self.run.findings.quantities}

    @property
    def nyquist(self) -> float:
        """Cycles/image at the Nyquist frequency of its pictures."""
        return min(self.run.results.fields("measure").numbers("image_size")) / 2

    @property
    def centroid(self) -> Interval:
        """The centroid as a part of the Nyquist frequency, since pictures differ in size."""
        found = self.run.results.fields("measure").fields("centroid_cycles_per_image")
        value, low, high = (found.number(key) / self.nyquist for key in ("value", "low", "high"))
        return Interval(value, low, high, found.whole("n"))


def load(out: Path) -> list[Trained]:
    """Return the finished networks below ``out``, folders ``DATA-ARCHITECTURE-sSEED``."""
    found = []
    for folder in sorted(out.iterdir()):
        match = re.fullmatch(r"(.+)-([a-z0-9]+)-s(\d+)", folder.name)
        run = latest(folder / "train") if match else None
        if match and run is not None:
            found.append(Trained(match[1], match[2], int(match[3]), run, latest(folder / "evaluate")))
    return found


def row_of(network: Trained, out: Path) -> dict[str, object]:
    """Return the numbers of a network."""
    measured = network.run.results.fields("measure")
    row: dict[str, object] = {"data": network.data, "architecture": network.architecture, "seed": network.seed}
    row["epochs"] = network.run.results.whole("epochs")
    row |= interval_columns("test_accuracy", network.run.results.fields("test_accuracy").content)
    for name in SHARES:
        q = network.numbers[f"share-{name}"]
        row |= interval_columns(f"{name}_share", {"value": q.value, "low": q.low, "high": q.high})
    row |= interval_columns("centroid_nyquist", network.centroid)
    row["peak_nyquist"] = measured.fields("peak").number("cycles_per_image") / network.nyquist
    row["num_images"] = measured.whole("num_images")
    if network.evaluation is not None:
        prediction = network.evaluation.results.fields("corruption_prediction")
        row |= interval_columns("prediction_spearman", prediction.fields("spearman").content)
    row["train_seconds"] = network.run.record.number_or_none("duration_seconds")
    row["run"] = network.run.folder.relative_to(out.resolve()).as_posix()
    return row


def claim_of(networks: Sequence[Trained], kind: str) -> Claim | None:
    """Return the claim that the sensitivity depends on ``kind``, of those networks that share the rest; None for one.

    ``kind`` is ``data`` or ``architecture``.
    """
    other = {"data": "architecture", "architecture": "data"}[kind]
    counts = Counter((getattr(n, other), getattr(n, kind)) for n in networks)
    usual = Counter(shared for shared, _ in counts).most_common(1)[0][0]
    compared = [n for n in networks if getattr(n, other) == usual]
    kinds = list(dict.fromkeys(getattr(n, kind) for n in compared))
    if len(kinds) < 2:
        return None
    groups = {name: [n.centroid for n in compared if getattr(n, kind) == name] for name in kinds}
    verdict, why = told_apart(groups)
    found = "; ".join(f"{name} " + ", ".join(shown(i, digits=3) for i in group) for name, group in groups.items())
    text, published = CLAIMS[kind]
    return Claim(text, published, f"centroid (Nyquist), seeds apart: {found}; {usual} for all", verdict, why)


def told_apart(groups: dict[str, list[Interval]]) -> tuple[str, str]:
    """Return the verdict on "these kinds of networks differ", given one interval a seed, and what it rests on.

    Two kinds differ where all their networks lie apart, every interval of the one above every interval of the other,
    and the gap is larger than the largest difference between two seeds of one kind. One seed decides nothing.

    >>> cnn, vit = ([Interval(v, v - 0.1, v + 0.1, 9) for v in values] for values in ((5, 6), (8, 9)))
    >>> told_apart({"cnn": cnn, "vit": vit}), told_apart({"cnn": cnn, "vit": vit[:1]})
    (('reproduced', 'cnn and vit differ'), ('not decided', 'cnn and vit: one seed'))
    >>> told_apart({"cnn": cnn, "resnet": [Interval(7, 6.9, 7.1, 9), Interval(7, 6.9, 7.1, 9)]})
    ('not decided', 'cnn and resnet are not told apart')
    """
    spread = max(max(i.value for i in group) - min(i.value for i in group) for group in groups.values())
    verdicts, why = [], []
    for first, second in combinations(groups, 2):
        one, other = groups[first], groups[second]
        if min(len(one), len(other)) < 2:
            verdicts.append(UNDECIDED)
            why.append(f"{first} and {second}: one seed")
            continue
        differ = max(apart(one, other), apart(other, one)) > spread
        verdicts.append(REPRODUCED if differ else UNDECIDED)
        why.append(f"{first} and {second} {'differ' if differ else 'are not told apart'}")
    return together(verdicts), "; ".join(why)


def apart(lower: Sequence[Interval], upper: Sequence[Interval]) -> float:
    """Return the gap between the intervals of two groups, negative where they overlap.

    >>> round(apart([Interval(1, 0.9, 1.1, 9)], [Interval(2, 1.9, 2.1, 9)]), 3)
    0.8
    """
    return min(i.low for i in upper) - max(i.high for i in lower)


def main(out: Path, docs: Path) -> None:
    """Write data_and_architecture.csv and .md of all networks below ``out``."""
    networks = load(out)
    if not networks:
        raise SystemExit(f"error: {out} holds no finished training: run scripts/data_and_architecture.sh first.")
    docs.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame([row_of(n, out) for n in networks])
    table.to_csv(docs / "data_and_architecture.csv", index=False, float_format="%.6g")
    claims = [claim for kind in CLAIMS if (claim := claim_of(networks, kind)) is not None]
    write_claims(claims, docs / "claims_data_and_architecture.csv")
    text = [claims_table(claims)] * bool(claims) + [markdown(networks)]
    (docs / "data_and_architecture.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
    print(docs / "data_and_architecture.md")


def markdown(networks: Sequence[Trained]) -> str:
    """Return one row a network."""
    head = ["data", "architecture", "seed", "accuracy (%)", *SHARES, "centroid (Nyquist)", "peak (Nyquist)"]
    rows = []
    for n in networks:
        accuracy = n.run.results.fields("test_accuracy").content
        shares = [n.numbers[f"share-{name}"].text() for name in SHARES]
        peak = n.run.results.fields("measure").fields("peak").number("cycles_per_image") / n.nyquist
        rows.append(
            [
                n.data, n.architecture, str(n.seed), shown(accuracy, scale=100), *shares, shown(n.centroid, digits=3),
                f"{peak:.2f}",
            ]
        )  # fmt: skip
    return markdown_table(head, rows)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
