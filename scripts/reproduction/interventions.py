"""The table, the figure and the verdict of all interventions beside the standard training, from their run folders.

usage: interventions.py OUT DOCS

Differences are paired by image and by seed: the mean over seeds of the difference to the standard network of the same
seed. Their bounds are the mean of each seed's, which covers images, not the choice of seeds.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from cost import cost_ratios
from networks import Network, accuracy_difference, difference, load_networks, same_images
from prediction import spearman

from fsens_cli.experiments.quantities import paired_difference
from fsens_cli.runs.evaluate_summary import markdown_table
from fsens_cli.runs.figures.style import BLACK, BLUE, COLUMN_WIDTH, GRAY, figure_style, save_figure, subplots
from fsens_cli.runs.selection import read_run
from fsens_cli.statistics.chance import told_from_chance
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.slopes import LEAST_NETWORKS

GROUPS: Mapping[str, tuple[str, ...]] = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness", "contrast"),
    "digital": ("elastic_transform", "pixelate", "jpeg_compression"),
}
ATTACKS = "attacks"
PANELS = (*GROUPS, ATTACKS)
RESAMPLES = 2000


@dataclass(frozen=True)
class Row:
    """One intervention beside the standard training.

    Attributes:
        name, seeds, epochs: of it.
        cost: processor time of a step, as a ratio to a standard one.
        accuracy: clean accuracy on all test images, mean over seeds.
        clean, low, f_rev, centre: differences: accuracy, share of the low band, reversal frequency (Nyquist), centre of
            the critical band (cycles/image); None where a number is missing.
        gains: differences of accuracy by group of corruptions, and under attack.
        is_told: whether all networks, the standard ones too, can be told from chance; else no verdict rests on it.
    """

    name: str
    seeds: tuple[int, ...]
    epochs: int
    cost: float
    accuracy: float
    clean: Interval | None
    low: Interval | None
    f_rev: Interval | None
    centre: Interval | None
    gains: dict[str, Interval]
    is_told: bool = True


def over_seeds(found: Sequence[Interval | None]) -> Interval | None:
    """Return the mean of the seeds' differences and of their bounds; None where one is missing."""
    known = [f for f in found if f is not None]
    if not known or len(known) < len(found):
        return None
    value, low, high = (float(np.mean([getattr(f, end) for f in known])) for end in ("value", "low", "high"))
    return Interval(value, low, high, min(f.n for f in known))


def centre_difference(first: Network, second: Network) -> Interval | None:
    """Return by how much the centre of the critical band moves, c/image."""
    found = []
    for network in (first, second):
        folder = network.train.folder.parents[2] / "critical-band"
        newest = next(folder.glob("*/latest"), None)
        if newest is None:
            return None
        quantities = read_run(newest.resolve()).findings.quantities
        found.append(next((q for q in quantities if q.key == "centre" and not q.group), None))
    one, two = found
    if one is None or two is None or one.value is None or two.value is None:
        return None
    paired = paired_difference(one, two)
    return (
        paired if paired is not None else Interval(two.value - one.value, float("nan"), float("nan"), min(one.n, two.n))
    )


def columns_of(network: Network, panel: str) -> list[str]:
    """Return the conditions of a group of corruptions, or of the attacks."""
    if panel == ATTACKS:
        return network.columns(kind="attack")
    return [column for probe in GROUPS[panel] for column in network.columns(kind="corruption", probe=probe)]


def row_of(name: str, pairs: Sequence[tuple[Network, Network]], cost: float) -> Row:
    """Return one intervention beside the standard networks of the same seeds, given as (standard, network)."""
    clean, low, f_rev = (
        over_seeds([difference(a, b, key) if key in a.numbers and key in b.numbers else None for a, b in pairs])
        for key in ("test-accuracy", "share-low", "f_rev")
    )
    gains = {
        panel: over_seeds([accuracy_difference(a, b, columns_of(a, panel)) for a, b in pairs])
        for panel in PANELS
        if columns_of(pairs[0][0], panel)
    }
    accuracies = [b.train.results["test_accuracy"]["value"] for _, b in pairs]
    return Row(
        name=name,
        seeds=tuple(b.seed for _, b in pairs),
        epochs=int(pairs[0][1].train.results["epochs"]),
        cost=cost,
        accuracy=float(np.mean(accuracies)),
        clean=clean,
        low=low,
        f_rev=f_rev,
        centre=over_seeds([centre_difference(a, b) for a, b in pairs]),
        gains={panel: gain for panel, gain in gains.items() if gain is not None},
        is_told=all(is_told(network) for pair in pairs for network in pair),
    )


def is_told(network: Network) -> bool:
    """Return whether a network's accuracy on the images of its evaluation can be told from chance."""
    found = network.evaluation.results["accuracy"]
    accuracy = Interval(found["value"], found["low"], found["high"], network.evaluation.results["num_images"])
    return told_from_chance(accuracy, network.evaluation.results["num_classes"])


def shown(value: Interval | None, *, scale: float = 100.0, digits: int = 1) -> str:
    """Return a difference with its bounds; a dash where there is none, or where either network never reverses."""
    if value is None or not np.isfinite(value.value):
        return "-"
    if np.isnan(value.low):
        return f"{scale * value.value:+.{digits}f}"
    return f"{scale * value.value:+.{digits}f} [{scale * value.low:+.{digits}f}, {scale * value.high:+.{digits}f}]"


def table_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the table as text; differences in points, those of frequencies in their units."""
    return pd.DataFrame([
        {
            "training": row.name,
            "seeds": len(row.seeds),
            "epochs": row.epochs,
            "cost of a step": f"{row.cost:.1f}",
            "accuracy": f"{100 * row.accuracy:.1f}" + ("" if row.is_told else " (not told from chance)"),
            "low share": shown(row.low),
            "f_rev (Nyquist)": shown(row.f_rev, scale=1, digits=3),
            "band centre (c/image)": shown(row.centre, scale=1),
            **{panel: shown(row.gains.get(panel)) for panel in PANELS},
        }
        for row in (_without_itself(r) for r in rows)
    ])  # fmt: skip


def _without_itself(row: Row) -> Row:
    """Return the standard training without its differences to itself."""
    if row.name != "standard":
        return row
    return replace(row, clean=None, low=None, f_rev=None, centre=None, gains={})


def rank_correlation(rows: Sequence[Row], panel: str, *, seed: int = 0) -> Interval | None:
    """Return Spearman's correlation over interventions of low share moved and robustness gained, with a bootstrap."""
    pairs = [(r.low.value, r.gains[panel].value) for r in rows if r.low is not None and panel in r.gains]
    if len(pairs) < LEAST_NETWORKS:
        return None
    values_2I = np.array(pairs).T
    drawn = np.random.default_rng(seed).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    resampled = spearman(values_2I[0][drawn], values_2I[1][drawn])
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Interval(float(spearman(*values_2I)), float(low), float(high), len(pairs))


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Return what the table says about frequency and robustness, in sentences."""
    guessing = [row.name for row in rows if not row.is_told]
    said = [f"No verdict rests on {', '.join(guessing)}: not told from chance."] if guessing else []
    rows = [row for row in rows if row.is_told]
    others = [row for row in rows if row.name != "standard"]
    for panel in PANELS:
        rank = rank_correlation(others, panel)
        if rank is None:
            continue
        if rank.low > 0:
            what = "goes with"
        elif rank.high < 0:
            what = "goes against"
        else:
            what = "is not shown to go with"
        said.append(
            f"{panel}: over {rank.n} interventions a lower sensitivity {what} robustness, rank correlation "
            f"{rank.value:.2f} [{rank.low:.2f}, {rank.high:.2f}]."
        )
    return said + claim_one(rows)


def claim_one(rows: Sequence[Row]) -> list[str]:
    """Return what the targets of similarity give beyond the all-zero target, which has none."""
    by_name = {row.name: row for row in rows}
    zero = by_name.get("similarity-zero")
    said = []
    for name in ("similarity-pixel", "similarity-gabor"):
        row = by_name.get(name)
        if row is None or zero is None:
            continue
        parts = [f"low share {shown(row.low)} against {shown(zero.low)}"]
        parts += [f"{p} {shown(row.gains[p])} against {shown(zero.gains[p])}" for p in PANELS if p in row.gains]
        said.append(f"{name} against its control similarity-zero, points beside standard: {'; '.join(parts)}.")
    return said


def figure_of(rows: Sequence[Row], folder: Path) -> None:
    """Draw robustness gained against low share moved, one panel a group, one point an intervention."""
    drawn = [row for row in rows if row.low is not None and row.name != "standard"]
    panels = [p for p in PANELS if any(p in row.gains for row in drawn)]
    if not panels:
        return
    with figure_style():
        size = (2 * COLUMN_WIDTH, 2.1 * -(-len(panels) // 2))
        figure, grid = subplots(-(-len(panels) // 2), 2, figsize=size, squeeze=False, sharex=True)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        for axes, panel in zip(grid.flat, panels, strict=False):
            for row in drawn:
                gain = row.gains.get(panel)
                if gain is None or row.low is None:
                    continue
                x, y = 100 * row.low.value, 100 * gain.value
                across = [[x - 100 * row.low.low], [100 * row.low.high - x]]
                up = [[y - 100 * gain.low], [100 * gain.high - y]]
                axes.errorbar([x], [y], xerr=across, yerr=up, fmt="o", color=BLUE, markersize=3, linewidth=0.7)
                axes.annotate(row.name, (x, y), xytext=(3, 2), textcoords="offset points", color=BLACK, fontsize=6)
            axes.axhline(0, color=GRAY, linewidth=0.6)
            axes.axvline(0, color=GRAY, linewidth=0.6)
            axes.set(title=panel, ylabel="gain (points)")
        for axes in list(grid.flat)[max(0, len(panels) - 2) : len(panels)]:
            axes.set_xlabel("low share moved (points)")
            axes.tick_params(labelbottom=True)
    save_figure(figure, folder, "interventions", ["png"])


def main(out: Path, docs: Path) -> None:
    """Write table, figure and verdicts of everything finished below ``out`` into ``docs``."""
    networks = load_networks(out)
    standard = {n.seed: n for n in networks if n.name == "standard"}
    if not standard:
        raise SystemExit(f"error: {out} holds no finished standard network: run scripts/interventions.sh first.")
    if not same_images(networks):
        raise SystemExit(f"error: the networks below {out} saw different images: they cannot be compared.")
    docs.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(n.name for n in networks))
    paired = {
        name: [(standard[n.seed], n) for n in networks if n.name == name and n.seed in standard] for name in names
    }
    paired = {name: pairs for name, pairs in paired.items() if pairs}
    costs = cost_ratios({name: pairs[0][1].train.folder for name, pairs in paired.items()})
    rows = [row_of(name, pairs, costs[name]) for name, pairs in paired.items()]
    table = table_of(rows)
    table.to_csv(docs / "interventions.csv", index=False)
    figure_of(rows, docs)
    text = [
        "# Interventions beside the standard training",
        "",
        markdown_table(list(table.columns), table.astype(str).to_numpy().tolist()),
        "",
        "Differences to the standard network of the same seed, in points where nothing else is said, paired by image;",
        "bounds averaged over seeds cover images, not the choice of seeds. Cost: processor time of a step beside a",
        "standard one. Strengths are published ones, not tuned.",
        "",
        *[f"- {sentence}" for sentence in verdicts(rows)],
        "",
        "![robustness gained against low share moved](interventions.png)",
        "",
    ]
    (docs / "interventions.md").write_text("\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
