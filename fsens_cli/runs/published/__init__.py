"""Published curves and points to draw beside measured ones.

``fourier_sensitivity.csv``: mean spatial-frequency sensitivity of ResNet-50, read off a figure of Krishnamachari, Ng,
Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022 (arXiv 2301.13514), to about 0.01.

``low_frequency_points.csv``: frequency preference and robustness of CIFAR-10 and ImageNet networks, read off figures of
Li et al., *Robust deep learning object recognition models rely on low frequency information in natural images*, PLoS
Comput Biol 19(3) e1010932 (2023), to about 0.004 in frequency, 0.4 points in accuracy and 3 % in size.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fsens_cli.errors import ConfigError, suggestion

if TYPE_CHECKING:
    import pandas as pd


@lru_cache(maxsize=1)
def _table() -> "pd.DataFrame":
    import pandas as pd

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


def published_points(data_title: str) -> dict[str, list[tuple[str, float, float]]]:
    """Return (family, x, y) of the published networks on a data set: ``f_rev`` and ``f_half`` are the x of two plots.

    The y are accuracy under corruptions in percent, and the mean size of minimal perturbations in 1/255. Empty for data
    for which nothing is published.
    """
    import pandas as pd

    table = pd.read_csv(Path(__file__).with_name("low_frequency_points.csv"))
    title = data_title.lower().replace("-", "").replace(" ", "")
    data = next((name for name in table["data"].unique() if title.startswith(str(name))), None)
    rows = table[table["data"] == data]
    names = {"f_rev": "f_rev_nyquist", "f_half": "f_half_cycles_per_pixel"}
    return {
        key: [
            (str(family), float(x), float(y))
            for family, x, y in rows.loc[rows["x_name"] == name, ["family", "x", "y"]].itertuples(index=False)
        ]
        for key, name in names.items()
    }
