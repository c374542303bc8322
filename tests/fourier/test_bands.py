"""Bands: which radii are low, mid and high, and that none is lost."""

import pytest

from fsens_cli.errors import ConfigError
from fsens_cli.fourier.bands import band_mask, frequency_bands
from fsens_cli.fourier.bases import build_basis
from fsens_cli.fourier.bins import fourier_bins


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 32), [(1, 5), (6, 10), (11, 23)]),
        ((224, 224), [(1, 37), (38, 74), (75, 158)]),
        ((31, 48), [(1, 5), (6, 10), (11, 22)]),
        ((28, 28), [(1, 4), (5, 9), (10, 20)]),
    ],
)
def test_default_bands(size: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    assert [(b.first, b.last) for b in frequency_bands(fourier_bins(*size))] == expected


def test_given_edges() -> None:
    bands = frequency_bands(fourier_bins(32, 32), [3, 7])
    assert [(b.name, b.first, b.last) for b in bands] == [("low", 1, 3), ("mid", 4, 7), ("high", 8, 23)]


@pytest.mark.parametrize("basis", ["fourier", "dct", "haar"])
@pytest.mark.parametrize("size", [(12, 12), (16, 16), (32, 32), (48, 48), (64, 64), (56, 80), (32, 64), (224, 224)])
def test_every_bin_but_the_constant_is_in_one_band(basis: str, size: tuple[int, int]) -> None:
    bins = build_basis(basis, *size).bins
    masks = [band_mask(bins, band) for band in frequency_bands(bins, [1, 2])]
    assert sum(mask.long() for mask in masks).tolist() == [0] + [1] * (bins.num_bins - 1)


def test_haar_at_16_has_default_bands() -> None:
    # Levels at 0.71, 1.41, 2.83, 5.66 cycles per image; the last rounds to 6 and is the high band.
    bins = build_basis("haar", 16, 16).bins
    assert [(b.first, b.last) for b in frequency_bands(bins)] == [(1, 2), (3, 5), (6, 6)]


def test_white_shares_of_the_bands_at_32() -> None:
    bins = fourier_bins(32, 32)
    shares = [float(bins.white_share_K[band_mask(bins, b)].sum()) for b in frequency_bands(bins)]
    assert shares == pytest.approx([96 / 1023, 252 / 1023, 675 / 1023])


@pytest.mark.parametrize("edges", [(0, 5), (5, 5), (7, 3), (5, 23), (-1, 4), (30, 40)])
def test_edges_that_leave_a_band_empty(edges: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=rf"bands=\[{edges[0]},{edges[1]}\].*1 <= LOW < MID < 23"):
        frequency_bands(fourier_bins(32, 32), edges)


@pytest.mark.parametrize("size", [(4, 4), (5, 32), (2, 2)])
def test_images_too_small_for_bands(size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=f"{size[0]}x{size[1]} images cannot be split"):
        frequency_bands(fourier_bins(*size))
