"""Which corruptions the spectra say a training helps against, beside what was measured.

For each corruption, by how much more (or less) than the standard network of the same seed does a network lose,
predicted from spectra and measured? The standard network's own losses cancel, and with them what makes a corruption
hard for every network. The order over corruptions is compared by Spearman's correlation.
Shape letters: P measured and predicted numbers, C corruptions, S severities, K both, R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from networks import Network
from scipy.stats import rankdata

from fsens_cli.statistics.intervals import Interval

PREDICTORS = {"spectra": "predicted_accuracy", "sizes": "predicted_accuracy_flat"}
RESAMPLES = 2000


@dataclass(frozen=True)
class Comparison:
    """One network beside the standard one: rank correlations over corruptions, with intervals over corruptions."""

    network: Network
    spectra: Interval
    sizes: Interval
    advantage: Interval


def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the rank correlation along the last axis; 0 where either is constant, because it then says nothing."""
    a, b = (rankdata(v, axis=-1) - (v.shape[-1] + 1) / 2 for v in (x, y))
    size = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return (a * b).sum(axis=-1) / np.where(size > 0, size, 1)


def extra_loss(network: Network, standard: Network) -> pd.DataFrame:
    """Return, for each corruption and severity, the points lost beyond the standard network, measured and predicted."""
    tables = []
    for one in (network, standard):
        clean = one.evaluation.results["accuracy"]["value"]
        table = one.prediction.set_index(["probe", "severity"])
        # Every predictor starts from the same clean accuracy, so only what a corruption does is compared.
        tables.append(clean - table[["accuracy", *PREDICTORS.values()]])
    extra = tables[0] - tables[1]
    extra.columns = pd.Index(["measured", *PREDICTORS])
    return extra.assign(group=network.prediction.set_index(["probe", "severity"])["group"]).reset_index()


def compare(network: Network, standard: Network, *, seed: int = 0) -> Comparison:
    """Return the rank correlations with intervals: whole corruptions are drawn anew, because severities go together."""
    extra = extra_loss(network, standard)
    values_PK = extra[["measured", *PREDICTORS]].to_numpy(float).T
    # One row a corruption, its severities beside each other.
    place_CS = np.array([np.flatnonzero(extra["probe"] == probe) for probe in extra["probe"].unique()])
    drawn_RC = np.random.default_rng(seed).integers(len(place_CS), size=(RESAMPLES, len(place_CS)))
    low, high = np.quantile(
        _correlations(values_PK[:, place_CS[drawn_RC].reshape(RESAMPLES, -1)]), [0.025, 0.975], axis=1
    )
    intervals = [
        Interval(*three, len(extra))
        for three in zip(_correlations(values_PK).tolist(), low.tolist(), high.tolist(), strict=True)
    ]
    return Comparison(network, *intervals)


def _correlations(values_PRK: np.ndarray) -> np.ndarray:
    """Return the correlation of the measured losses with both predictions, and the difference of the two."""
    spectra, sizes = (spearman(values_PRK[0], predicted) for predicted in values_PRK[1:])
    return np.array([spectra, sizes, spectra - sizes])


def comparisons(networks: Sequence[Network]) -> list[Comparison]:
    """Return one comparison for each network that has a standard one of its seed."""
    standard = {n.seed: n for n in networks if n.name == "standard"}
    return [compare(n, standard[n.seed]) for n in networks if n.name != "standard" and n.seed in standard]
