"""The corruptions whose random numbers cannot be shared, beside the library in distribution.

Compared over pictures: the mean absolute change, the mean and spread of the result, and how the power of the change is
shared out among low, middle and high frequencies.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fsens_cli.fourier.bands import band_mask, frequency_bands
from fsens_cli.fourier.bases import fourier_power
from fsens_cli.fourier.bins import fourier_bins, radial_sum, spectral_share
from fsens_cli.perturb.corruptions.apply import corrupt
from fsens_cli.perturb.corruptions.constants import TABLES

# Largest relative difference of the mean absolute change, absolute of mean and sd (in levels) and of a band's share.
TOLERANCE = {
    "shot_noise": (0.01, 0.2, 0.2, 0.006),
    "impulse_noise": (0.03, 0.3, 0.3, 0.006),
    "glass_blur": (0.03, 0.4, 0.4, 0.02),
    "snow": (0.08, 2.0, 1.0, 0.04),
}


def summary(images: Tensor, corrupted: Tensor) -> tuple[float, float, float, Tensor]:
    difference = corrupted - images
    bins = fourier_bins(*images.shape[2:])
    share = spectral_share(radial_sum(fourier_power(difference.flatten(0, 1)), bins)).mean(dim=0)
    bands = torch.stack([share[band_mask(bins, band)].sum() for band in frequency_bands(bins)])
    return (
        float(difference.abs().mean()),
        255 * float(corrupted.mean()),
        255 * float(corrupted.std(dim=(1, 2, 3)).mean()),
        bands,
    )


def assert_alike(name: str, images: Tensor, ours: Tensor, theirs: Tensor) -> None:
    change, mean, spread, band = TOLERANCE[name]
    a, b = summary(images, ours), summary(images, theirs)
    assert a[0] == pytest.approx(b[0], rel=change)
    assert a[1] == pytest.approx(b[1], abs=mean)
    assert a[2] == pytest.approx(b[2], abs=spread)
    assert float((a[3] - b[3]).abs().max()) < band, (a[3], b[3])


@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize("name", TOLERANCE)
def test_small_pictures(name: str, severity: int, small: Tensor, oracle: Any) -> None:
    np.random.seed(severity)  # noqa: NPY002 - the library's only way
    # Rare replacements need more of them to compare; the library moves glass pixels one by one.
    repeats = {"impulse_noise": 8, "glass_blur": 1}.get(name, 2)
    images = small.repeat(repeats, 1, 1, 1)
    ours = corrupt(images, name, severity, index_N=torch.arange(len(images)), seed=0)
    seeded = name in ("impulse_noise", "glass_blur")
    theirs = torch.stack(
        [oracle(x, name, severity, "32", **({"seed": i} if seeded else {})) for i, x in enumerate(images)]
    )
    assert_alike(name, images, ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("severity", [1, 5])
@pytest.mark.parametrize("name", TOLERANCE)
def test_large_pictures(name: str, severity: int, large: Tensor, oracle: Any) -> None:
    np.random.seed(severity)  # noqa: NPY002 - the library's only way
    images = large.repeat(2 if name == "glass_blur" else 8, 1, 1, 1)
    ours = corrupt(images, name, severity, index_N=torch.arange(len(images)), seed=0)
    seeded = name in ("impulse_noise", "glass_blur")
    theirs = torch.stack(
        [oracle(x, name, severity, "224", **({"seed": i} if seeded else {})) for i, x in enumerate(images)]
    )
    assert_alike(name, images, ours, theirs)


@pytest.mark.parametrize("table", TABLES)
def test_photons_have_the_mean_and_variance_of_poisson(table: str) -> None:
    for severity, (count,) in enumerate(TABLES[table]["shot_noise"], start=1):
        for level in (0, 1, 60, 128):
            flat = torch.full((20, 3, 64, 64), level / 255)
            noisy = corrupt(flat, "shot_noise", severity, index_N=torch.arange(20), seed=1, table=table, quantise=False)
            mean = level / 255
            # Clipping at 1 is far away at these levels, but for the five or fewer photons of the strongest noise.
            if mean + 5 * (mean / count) ** 0.5 > 1:
                continue
            n = noisy.numel()
            assert float(noisy.mean()) == pytest.approx(mean, abs=4 * (mean / count / n) ** 0.5 + 1e-7)
            assert float(noisy.var()) == pytest.approx(mean / count, rel=0.05, abs=1e-9)
            assert torch.equal((noisy * count).round(), noisy * count) or torch.allclose(
                (noisy * count).round(), noisy * count, atol=1e-3
            )


@pytest.mark.parametrize("table", TABLES)
def test_impulses_are_half_white_and_half_black(table: str) -> None:
    flat = torch.full((50, 3, 40, 40), 0.4)
    for severity, (share,) in enumerate(TABLES[table]["impulse_noise"], start=1):
        noisy = corrupt(flat, "impulse_noise", severity, index_N=torch.arange(50), seed=1, table=table)
        n = noisy.numel()
        for value in (0.0, 1.0):
            found = float((noisy == value).double().mean())
            assert found == pytest.approx(share / 2, abs=4 * (share / 2 / n) ** 0.5)
