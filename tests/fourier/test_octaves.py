"""Octave bands: their cells, their frequencies, and images taken apart and put together."""

import pytest
import torch

from fsens_cli.errors import ConfigError
from fsens_cli.fourier.bins import fourier_bins
from fsens_cli.fourier.octaves import bands_of, octave_bands, split_into_bands


def test_cells_of_the_bands_of_small_images() -> None:
    assert bands_of((32, 32)).cells == (8, 12, 16, 60, 80, 172, 400, 275)
    assert bands_of((32, 32), "octave").cells == (8, 28, 140, 572, 275)
    assert bands_of((224, 224)).names[-1] == "64-158"


@pytest.mark.parametrize("size", [(32, 32), (31, 31), (224, 224), (24, 57), (4, 4)])
@pytest.mark.parametrize("spacing", ["octave", "half-octave"])
def test_bands_tile_the_plane_without_the_constant(size: tuple[int, int], spacing: str) -> None:
    bands = bands_of(size, spacing)
    assert sum(bands.cells) == size[0] * size[1] - 1
    assert bands.bands[0].first == 1
    assert all(a.last + 1 == b.first for a, b in zip(bands.bands, bands.bands[1:], strict=False))
    assert list(bands.centres) == sorted(bands.centres)


def test_centre_is_the_mean_of_log2_radii() -> None:
    # Radius 1 has four cells at 1 and four at sqrt(2).
    assert bands_of((32, 32)).centres[0] == pytest.approx(2**0.25)
    for band, centre in zip(bands_of((32, 32)).bands[1:], bands_of((32, 32)).centres[1:], strict=True):
        assert band.first - 0.5 < centre < band.last + 0.5


@pytest.mark.parametrize("size", [(32, 32), (9, 14)])
def test_parts_and_means_add_up_to_the_image(size: tuple[int, int], random: torch.Generator) -> None:
    images = torch.rand(3, 2, *size, generator=random, dtype=torch.float64)
    parts = split_into_bands(images, bands_of(size))
    torch.testing.assert_close(parts.sum(dim=1) + images.mean(dim=(-2, -1), keepdim=True), images)
    # Orthogonal: no energy is counted twice.
    energy = parts.square().sum(dim=(1, -2, -1)) + images[0, 0].numel() * images.mean(dim=(-2, -1)).square()
    torch.testing.assert_close(energy, images.square().sum(dim=(-2, -1)))


def test_images_without_bands_are_refused() -> None:
    with pytest.raises(ConfigError, match="3x3 images have no band above the smallest radius"):
        octave_bands(fourier_bins(3, 3))
    with pytest.raises(ConfigError, match="spacing=third"):
        octave_bands(fourier_bins(32, 32), "third")
