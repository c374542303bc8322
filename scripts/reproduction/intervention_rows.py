"""One intervention beside another training of the same seeds: what of frequency and of robustness moved.

Differences are paired by seed and by image: each image's difference is averaged over the seeds, and the interval is
over images. It covers the choice of images, not that of seeds, whose own differences stand beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from networks import Network, difference

from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.selection import read_run
from fsens_cli.statistics.chance import told_from_chance
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.paired import mean_difference

GROUPS: Mapping[str, tuple[str, ...]] = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness", "contrast"),
    "digital": ("elastic_transform", "pixelate", "jpeg_compression"),
}
ATTACKS, CORRUPTIONS, CLEAN = "attacks", "corruptions", "clean"
PANELS = (*GROUPS, ATTACKS)
Pair = tuple[Network, Network]


@dataclass(frozen=True)
class Row:
    """One intervention beside the standard training, or beside a control.

    Attributes:
        name, seeds, epochs: of it.
        cost: processor time of a step, as a ratio to a standard one.
        accuracy: clean accuracy on all test images, mean over seeds.
        low, f_rev, centre: differences: share of the low band, reversal frequency (Nyquist), centre of the critical
            band (cycles/image); None where a number is missing.
        gains: differences of accuracy: clean, by group of corruptions, over all of them, and under attack.
        is_told: whether all networks, the standard ones too, can be told from chance; else no verdict rests on it.
    """

    name: str
    seeds: tuple[int, ...]
    epochs: int
    cost: float
    accuracy: float
    low: Interval | None
    f_rev: Interval | None
    centre: Interval | None
    gains: dict[str, Interval]
    is_told: bool = True


def row_of(name: str, pairs: Sequence[Pair], cost: float = float("nan")) -> Row:
    """Return one intervention beside the networks of the same seeds that it is compared with, given first."""
    gains = {panel: gain_of(pairs, panel) for panel in (CLEAN, CORRUPTIONS, *PANELS)}
    return Row(
        name=name,
        seeds=tuple(b.seed for _, b in pairs),
        epochs=int(pairs[0][1].train.results["epochs"]),
        cost=cost,
        accuracy=float(np.mean([b.train.results["test_accuracy"]["value"] for _, b in pairs])),
        low=over_seeds([answers_difference(a, b, "share-low") for a, b in pairs]),
        f_rev=mean_of_bounds([reversal_difference(a, b) for a, b in pairs]),
        centre=mean_of_bounds([centre_difference(a, b) for a, b in pairs]),
        gains={panel: gain for panel, gain in gains.items() if gain is not None},
        is_told=all(is_told(network) for pair in pairs for network in pair),
    )


def seed_rows(name: str, pairs: Sequence[Pair]) -> list[dict[str, object]]:
    """Return each seed's own differences with their intervals, one row a number."""
    found: list[dict[str, object]] = []
    for pair in pairs:
        row = row_of(name, [pair])
        numbers = {"low share": row.low, "f_rev": row.f_rev, "band centre": row.centre, **row.gains}
        found += [
            {"training": name, "seed": pair[1].seed, "number": number, "value": i.value, "ci_low": i.low,
             "ci_high": i.high, "n": i.n}
            for number, i in numbers.items() if i is not None
        ]  # fmt: skip
    return found


def over_seeds(differences: Sequence[pd.Series | None]) -> Interval | None:
    """Return the mean over seeds and images, with Student's interval over images; None where a seed has no answers."""
    known = [d for d in differences if d is not None]
    if not known or len(known) < len(differences):
        return None
    # Columns are seeds; an image counts where every seed was asked about it.
    mean = pd.concat(known, axis=1, join="inner").mean(axis=1).to_numpy(float, copy=True)
    return mean_difference(torch.zeros(len(mean), dtype=torch.float64), torch.from_numpy(mean)) if len(mean) else None


def mean_of_bounds(found: Sequence[Interval | None]) -> Interval | None:
    """Return the mean over seeds of values and of bounds, where no answer an image was kept: wider than it need be."""
    known = [f for f in found if f is not None and np.isfinite(f.value)]
    if not known or len(known) < len(found):
        return None
    value, low, high = (float(np.mean([getattr(f, end) for f in known])) for end in ("value", "low", "high"))
    return Interval(value, low, high, min(f.n for f in known))


def gain_of(pairs: Sequence[Pair], panel: str) -> Interval | None:
    """Return by how much more often the second networks are right; None where they were not asked."""
    if not all(columns_of(network, panel) for pair in pairs for network in pair):
        return None
    return over_seeds([_right(b, panel) - _right(a, panel) for a, b in pairs])


def columns_of(network: Network, panel: str) -> list[str]:
    """Return the conditions of a group of corruptions, of all of them, of the attacks, or the one without a change."""
    if panel == CLEAN:
        return [CLEAN]
    if panel == ATTACKS:
        return network.columns(kind="attack")
    if panel == CORRUPTIONS:
        return network.columns(kind="corruption")
    return [column for probe in GROUPS[panel] for column in network.columns(kind="corruption", probe=probe)]


def _right(network: Network, panel: str) -> pd.Series:
    """Return for each image that was asked in how many of the panel's conditions it was right, 0..1."""
    return network.per_image[columns_of(network, panel)].dropna().mean(axis=1)


def answers_difference(first: Network, second: Network, key: str) -> pd.Series | None:
    """Return the difference in a number of which each image's answer was kept, by image."""
    answers = [_answers(network.numbers.get(key)) for network in (first, second)]
    return None if answers[0] is None or answers[1] is None else (answers[1] - answers[0]).dropna()


def _answers(number: Quantity | None) -> pd.Series | None:
    if number is None or number.sample is None:
        return None
    return pd.Series(number.sample.value.numpy(), index=number.sample.index.numpy())


def reversal_difference(first: Network, second: Network) -> Interval | None:
    """Return by how much the reversal frequency moves, over pairs of images."""
    return difference(first, second, "f_rev") if "f_rev" in first.numbers and "f_rev" in second.numbers else None


def centre_difference(first: Network, second: Network) -> Interval | None:
    """Return by how much the centre of the critical band moves, c/image.

    Bounds are those of two independent numbers (Zou and Donner 2008): wider than paired ones, for which
    the runs keep too little.
    """
    one, two = (_centre(network) for network in (first, second))
    if one is None or two is None:
        return None
    value = two.value - one.value
    below = float(np.hypot(two.value - two.low, one.high - one.value))
    above = float(np.hypot(two.high - two.value, one.value - one.low))
    return Interval(value, value - below, value + above, min(one.n, two.n))


def _centre(network: Network) -> Interval | None:
    """Return the centre of a network's critical band; None where it was not asked, or has none."""
    newest = next((network.train.folder.parents[2] / "critical-band").glob("*/latest"), None)
    if newest is None:
        return None
    for q in read_run(newest.resolve()).findings.quantities:
        if q.key == "centre" and not q.group and q.value is not None and q.low is not None and q.high is not None:
            return Interval(q.value, q.low, q.high, q.n)
    return None


def is_told(network: Network) -> bool:
    """Return whether a network's accuracy on the images of its evaluation can be told from chance."""
    found = network.evaluation.results["accuracy"]
    accuracy = Interval(found["value"], found["low"], found["high"], network.evaluation.results["num_images"])
    return told_from_chance(accuracy, network.evaluation.results["num_classes"])


def is_more(found: Interval | None) -> bool:
    """Return whether an interval lies above 0."""
    return found is not None and found.low > 0


def is_less(found: Interval | None) -> bool:
    """Return whether an interval lies below 0."""
    return found is not None and found.high < 0


PairsOf = Callable[[str, str], list[Pair]]


def pairs_of(networks: Sequence[Network]) -> PairsOf:
    """Return a function of two names that gives the networks of the seeds which both have, the first name's first."""
    by_name: dict[str, dict[int, Network]] = {}
    for network in networks:
        by_name.setdefault(network.name, {})[network.seed] = network

    def find(first: str, second: str) -> list[Pair]:
        ones, twos = by_name.get(first, {}), by_name.get(second, {})
        return [(ones[seed], twos[seed]) for seed in sorted(ones.keys() & twos.keys())]

    return find
