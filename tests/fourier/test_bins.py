"""Radial bins: which cell of the plane belongs to which frequency."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsens_cli.fourier.bases import fourier_power
from fsens_cli.fourier.bins import (
    fourier_bins,
    frequency_grid,
    hermitian_weight,
    nearest_integer,
    radial_sum,
    radius_grid,
    spectral_share,
)

CELLS_32 = [1, 8, 12, 16, 32, 28, 40, 40, 48, 68, 56, 72, 68, 88, 88, 84, 94, 64, 44, 32, 16, 20, 4, 1]

SIZES = [(32, 32), (31, 31), (31, 32), (32, 31), (31, 48), (20, 64), (7, 5), (1, 8), (8, 1), (2, 2), (224, 224)]
sides = st.integers(min_value=1, max_value=40)


def cells_by_loop(height: int, width: int) -> list[int]:
    """Count the cells of the full plane the slow way, signed frequencies written out."""
    shorter = min(height, width)
    count: dict[int, int] = {}
    for row in range(height):
        for column in range(width):
            v = row if row <= height // 2 else row - height
            u = column if column <= width // 2 else column - width
            radius = math.floor(math.hypot(v * shorter / height, u * shorter / width) + 0.5 + 1e-9)
            radius = max(radius, 1) if (row, column) != (0, 0) else 0
            count[radius] = count.get(radius, 0) + 1
    return [count.get(r, 0) for r in range(max(count) + 1)]


def test_cells_of_the_published_size() -> None:
    assert fourier_bins(32, 32).cells_K.tolist() == CELLS_32


@pytest.mark.parametrize(("side", "last"), [(28, 20), (31, 21), (32, 23), (33, 23), (64, 45), (224, 158)])
def test_last_radius_is_in_the_corner(side: int, last: int) -> None:
    assert fourier_bins(side, side).num_bins == last + 1
    if side % 2 == 0:
        assert last == round(side / math.sqrt(2))


@pytest.mark.parametrize(("height", "width"), [s for s in SIZES if s[0] < 200])
def test_cells_against_a_loop(height: int, width: int) -> None:
    assert fourier_bins(height, width).cells_K.tolist() == cells_by_loop(height, width)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_cells_add_up_to_the_plane(height: int, width: int) -> None:
    assert int(fourier_bins(height, width).cells_K.sum()) == height * width
    assert int(hermitian_weight(height, width).sum()) == height * width


@given(height=sides, width=sides)
@settings(max_examples=40, deadline=None)
def test_only_the_constant_is_in_bin_0(height: int, width: int) -> None:
    bins = fourier_bins(height, width)
    assert int((bins.index_HF == 0).sum()) == 1
    assert int(bins.index_HF[0, 0]) == 0
    assert bins.cells_K.tolist() == cells_by_loop(height, width)


def test_white_share_at_32() -> None:
    white = fourier_bins(32, 32).white_share_K
    assert int(white.argmax()) == 16
    assert float(white[16]) == pytest.approx(94 / 1023)
    assert float(white[0]) == 0
    assert [round(float(white[a:b].sum()), 3) for a, b in ((1, 6), (6, 11), (11, 24))] == [0.094, 0.246, 0.660]


def test_frequencies_are_numpy_s() -> None:
    f_y, f_x = frequency_grid(5, 6)
    np.testing.assert_array_equal(f_y[:, 0].numpy(), np.fft.fftfreq(5))
    np.testing.assert_array_equal(f_x[0].numpy(), np.fft.fftfreq(6))
    np.testing.assert_array_equal(frequency_grid(5, 6, half=True)[1][0].numpy(), np.fft.rfftfreq(6))


def test_radius_reaches_the_corner() -> None:
    assert float(radius_grid(32, 32).max()) == pytest.approx(math.sqrt(0.5), abs=1e-15)


def test_cycles_per_pixel_use_the_shorter_side() -> None:
    bins = fourier_bins(20, 64)
    assert bins.shorter_side == 20
    assert float(bins.cycles_per_pixel_K[10]) == 0.5


def test_ties_round_up_in_spite_of_rounding_errors() -> None:
    radius = torch.tensor([0.49, 0.5, 2.5 - 1e-12, 2.5, 3.4999999], dtype=torch.float64)
    assert nearest_integer(radius).tolist() == [0, 1, 3, 3, 3]


@pytest.mark.parametrize(("height", "width"), [s for s in SIZES if s[0] < 200])
def test_parseval_and_partition(height: int, width: int, random: torch.Generator) -> None:
    plane = torch.randn(3, height, width, generator=random, dtype=torch.float64)
    energy = radial_sum(fourier_power(plane), fourier_bins(height, width))
    torch.testing.assert_close(energy.sum(dim=1), plane.square().sum(dim=(1, 2)), rtol=1e-12, atol=0)


@given(height=sides, width=sides, seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_parseval_for_any_size(height: int, width: int, seed: int) -> None:
    plane = torch.randn(1, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    energy = radial_sum(fourier_power(plane), fourier_bins(height, width))
    torch.testing.assert_close(energy.sum(), plane.square().sum(), rtol=1e-12, atol=0)


def test_white_noise_is_flat_per_cell_and_grows_per_radius(random: torch.Generator) -> None:
    plane = torch.randn(400, 32, 32, generator=random, dtype=torch.float64)
    bins = fourier_bins(32, 32)
    energy_K = radial_sum(fourier_power(plane), bins).mean(dim=0)
    per_cell = (energy_K / bins.cells_K)[2:20]
    # 400 draws of at least 12 half-independent cells: standard error below 0.03.
    assert 0.93 < float(per_cell.min()) < float(per_cell.max()) < 1.07
    assert float(energy_K[2]) < 14 < 80 < float(energy_K[16])


def test_share_drops_the_constant_first() -> None:
    energy = torch.tensor([[100.0, 1.0, 3.0], [7.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert spectral_share(energy).tolist() == [[0.0, 0.25, 0.75], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_share_of_an_image_without_energy_has_a_finite_derivative() -> None:
    energy = torch.tensor([[1.0, 0.0, 0.0], [1.0, 2.0, 2.0]], dtype=torch.float64, requires_grad=True)
    spectral_share(energy)[:, 1].sum().backward()
    assert energy.grad is not None
    # d/da a/(a+b) = b/(a+b)^2 = 2/16, d/db = -a/(a+b)^2
    assert energy.grad[1].tolist() == [0.0, 0.125, -0.125]
    assert bool(energy.grad.isfinite().all())
