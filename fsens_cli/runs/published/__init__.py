"""Published curves and points to draw beside measured ones.

``fourier_sensitivity.csv``: mean spatial-frequency sensitivity of ResNet-50, read off a figure of Krishnamachari, Ng,
Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022 (arXiv 2301.13514), to about 0.01.

``low_frequency_points.csv``: frequency preference and robustness of CIFAR-10 and ImageNet networks, read off figures of
Li et al., *Robust deep learning object recognition models rely on low frequency information in natural images*, PLoS
Comput Biol 19(3) e1010932 (2023), to about 0.004 in frequency, 0.4 points in accuracy and 3 % in size.
"""

import csv
from functools import lru_cache
from pathlib import Path

from fsens_cli.errors import ConfigError, suggestion


@lru_cache(maxsize=2)
def _rows(name: str) -> tuple[dict[str, str], ...]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _curves() -> tuple[dict[str, str], ...]:
    return _rows("fourier_sensitivity.csv")


def published_names() -> list[str]:
    """Return the names of the published curves, for example ``cifar10-lsf``."""
    return sorted({f"{row['data']}-{row['training']}" for row in _curves()})


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
    rows = [row for row in _curves() if f"{row['data']}-{row['training']}" == name]
    points = sorted((int(row["radius_cycles_per_image"]), float(row["share"])) for row in rows)
    return [radius for radius, _ in points], [share for _, share in points]


def published_points(data_title: str) -> dict[str, list[tuple[str, float, float]]]:
    """Return (family, x, y) of the published networks on a data set: ``f_rev`` and ``f_half`` are the x of two plots.

    The y are accuracy under corruptions in percent, and the mean size of minimal perturbations in 1/255. Empty for data
    for which nothing is published.
    """
    title = data_title.lower().replace("-", "").replace(" ", "")
    rows = _rows("low_frequency_points.csv")
    data = next((row["data"] for row in rows if title.startswith(row["data"])), None)
    names = {"f_rev": "f_rev_nyquist", "f_half": "f_half_cycles_per_pixel"}
    return {
        key: [
            (row["family"], float(row["x"]), float(row["y"]))
            for row in rows
            if row["data"] == data and row["x_name"] == name
        ]
        for key, name in names.items()
    }
