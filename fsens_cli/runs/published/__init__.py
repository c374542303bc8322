"""Published curves to draw beside measured ones.

``fourier_sensitivity.csv``: mean spatial-frequency sensitivity of ResNet-50, read off a figure of Krishnamachari, Ng,
Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022 (arXiv 2301.13514), to about 0.01.
"""

from functools import lru_cache
from pathlib import Path

import pandas as pd

from fsens_cli.errors import ConfigError, suggestion


@lru_cache(maxsize=1)
def _table() -> pd.DataFrame:
    return pd.read_csv(Path(__file__).with_name("fourier_sensitivity.csv"))


def published_names() -> list[str]:
    """Return the names of the published curves, for example ``cifar10-lsf``."""
    table = _table()
    return sorted(set(table["data"] + "-" + table["training"]))


def published_curve(name: str) -> tuple[list[int], list[float]]:
    """Return (radius in cycles per image, share) of a published curve.

    Raises:
        ConfigError: there is no such curve.
    """
    names = published_names()
    if name not in names:
        raise ConfigError(
            f"plot.published={name} is not known.{suggestion(name, names)} It can be none, auto, {', '.join(names)}."
        )
    data, training = name.split("-", 1)
    table = _table()
    rows = table[(table["data"] == data) & (table["training"] == training)].sort_values("radius_cycles_per_image")
    return rows["radius_cycles_per_image"].astype(int).tolist(), rows["share"].astype(float).tolist()
