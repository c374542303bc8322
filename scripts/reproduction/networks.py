"""The networks of a reproduction: what their run folders hold, by training and seed."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Quantity, paired_difference
from fsens_cli.runs.selection import read_run
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.paired import mean_difference

# In the order of tables and figures.
ORDER = ("standard", "lsf", "msf", "hsf", "asf", "pgd", "noise", "blur1", "blur1.5", "blur2", "blur3", "pca")
WORDS = {
    "standard": "standard",
    "lsf": "LSF",
    "msf": "MSF",
    "hsf": "HSF",
    "asf": "ASF",
    "pgd": "adversarial (PGD)",
    "noise": "Gaussian noise",
    "blur1": "blur 1",
    "blur1.5": "blur 1.5",
    "blur2": "blur 2",
    "blur3": "blur 3",
    "pca": "PCA 512",
}


@dataclass(frozen=True)
class Asked:
    """A finished run: its folder, its record and results as they are written, and its headline numbers."""

    folder: Path
    record: dict[str, Any]
    results: dict[str, Any]
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True)
class Network:
    """One training with one seed, and all that was asked of it.

    Attributes:
        name: of the training.
        seed: of it.
        train, hybrid, evaluation: its runs.
    """

    name: str
    seed: int
    train: Asked
    hybrid: Asked
    evaluation: Asked

    @property
    def label(self) -> str:
        """The training in words."""
        return WORDS.get(self.name, self.name)

    @cached_property
    def numbers(self) -> dict[str, Quantity]:
        """The headline numbers of the three runs by key."""
        found = {q.key: q for q in self.train.quantities} | {q.key: q for q in self.hybrid.quantities}
        # The accuracy of the evaluation is that of its own images.
        return found | {q.key: q for q in self.evaluation.quantities}

    @cached_property
    def per_image(self) -> pd.DataFrame:
        """Right (1) or wrong (0) for each image and condition of the evaluation."""
        return pd.read_csv(self.evaluation.folder / "per_image.csv").set_index("index")

    @cached_property
    def prediction(self) -> pd.DataFrame:
        """Predicted and measured accuracy of each corruption."""
        return pd.read_csv(self.evaluation.folder / "prediction.csv")

    @cached_property
    def spectrum(self) -> pd.DataFrame:
        """Shares by radius."""
        return pd.read_csv(self.train.folder / "spectrum.csv")

    @property
    def minimal(self) -> dict[str, Any]:
        """Sizes and f_0.5 of the smallest L-inf perturbations."""
        return next(row for row in self.evaluation.results["minimal"] if row["name"] == "linf")

    def columns(self, *, kind: str | None = None, group: str | None = None, probe: str | None = None) -> list[str]:
        """Return the names of the conditions that match."""
        return [
            row["name"]
            for row in self.evaluation.results["conditions"]
            if (kind is None or row["kind"] == kind)
            and (group is None or row["group"] == group)
            and (probe is None or row["probe"] == probe)
        ]

    def lost(self, columns: list[str]) -> pd.Series:
        """Return, for each image that was asked, right when clean less the mean over conditions."""
        asked = self.per_image[columns].dropna()
        return self.per_image.loc[asked.index, "clean"] - asked.mean(axis=1)

    def lost_interval(self, columns: list[str]) -> Interval:
        """Return the points lost under the conditions, 0..1, with a bootstrap interval over images."""
        lost = self.lost(columns).to_numpy(float, copy=True)
        return mean_difference(torch.zeros(len(lost), dtype=torch.float64), torch.from_numpy(lost))


def difference(first: Network, second: Network, key: str) -> Interval | None:
    """Return second less first in one headline number, paired by image where that was kept."""
    return paired_difference(first.numbers[key], second.numbers[key])


def accuracy_difference(first: Network, second: Network, columns: list[str]) -> Interval:
    """Return by how much more often the second network is right under the conditions, image by image."""
    right = [n.per_image[columns].dropna().mean(axis=1) for n in (first, second)]
    return _paired(*right)


def lost_difference(first: Network, second: Network, columns: list[str]) -> Interval:
    """Return by how much more the second network loses than the first, image by image."""
    return _paired(first.lost(columns), second.lost(columns))


def _paired(first: pd.Series, second: pd.Series) -> Interval:
    common = first.index.intersection(second.index)
    return mean_difference(*(torch.from_numpy(x.loc[common].to_numpy(float, copy=True)) for x in (first, second)))


def load_networks(out: Path) -> list[Network]:
    """Return the networks below ``out`` that were asked everything, folders ``NAME-sSEED``, in the usual order."""
    found = []
    for folder in out.iterdir():
        match = re.fullmatch(r"(.+)-s(\d+)", folder.name)
        if match is None:
            continue
        try:
            runs = [_latest(folder / verb) for verb in ("train", "hybrid-probe", "evaluate")]
        except (OutputError, StopIteration):
            continue  # not finished yet
        found.append(Network(match[1], int(match[2]), *runs))
    known = {name: place for place, name in enumerate(ORDER)}
    return sorted(found, key=lambda n: (known.get(n.name, len(known)), n.name, n.seed))


def _latest(folder: Path) -> Asked:
    run = read_run(next(folder.glob("*/latest")).resolve())
    return Asked(run.folder, run.record.content, run.results.content, run.findings.quantities)


def same_images(networks: list[Network]) -> bool:
    """Return whether all networks were evaluated on the same images."""
    first = networks[0].per_image.index
    return all(np.array_equal(first, n.per_image.index) for n in networks)
