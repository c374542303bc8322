"""Bases: unitary, and compared with other people's transforms."""

import math

import numpy as np
import pytest
import scipy.fft
import torch

from fsens_cli.errors import ConfigError
from fsens_cli.fourier.bases import (
    build_basis,
    cosine_matrix,
    dct_basis,
    fourier_power,
    haar_basis,
    haar_levels,
    haar_matrix,
)
from fsens_cli.fourier.bins import radial_sum


@pytest.mark.parametrize("size", [1, 2, 7, 32])
def test_cosine_matrix_is_orthonormal(size: int) -> None:
    matrix = cosine_matrix(size)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(size, dtype=torch.float64), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("size", "levels"), [(2, 1), (8, 3), (8, 1), (24, 3), (32, 5)])
def test_haar_matrix_is_orthonormal(size: int, levels: int) -> None:
    matrix = haar_matrix(size, levels)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(size, dtype=torch.float64), rtol=0, atol=1e-14)


def test_haar_of_four_numbers_by_hand() -> None:
    s = 1 / math.sqrt(2)
    expected = [[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, -0.5, -0.5], [s, -s, 0, 0], [0, 0, s, -s]]
    torch.testing.assert_close(haar_matrix(4, 2), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 12)])
def test_dct_power_is_scipy_s(height: int, width: int, random: torch.Generator) -> None:
    plane = torch.randn(2, height, width, generator=random, dtype=torch.float64)
    expected = np.stack([scipy.fft.dctn(p, norm="ortho") ** 2 for p in plane.numpy()])
    np.testing.assert_allclose(dct_basis(height, width).power(plane).numpy(), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 6), (9, 9)])
def test_fourier_power_is_numpy_s(height: int, width: int, random: torch.Generator) -> None:
    plane = torch.randn(2, height, width, generator=random, dtype=torch.float64)
    expected = np.abs(np.fft.rfft2(plane.numpy(), norm="ortho")) ** 2
    np.testing.assert_allclose(fourier_power(plane).numpy(), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("name", "height", "width"), [("dct", 9, 14), ("dct", 32, 32), ("fourier", 9, 14)])
def test_parseval(name: str, height: int, width: int, random: torch.Generator) -> None:
    plane = torch.randn(2, height, width, generator=random, dtype=torch.float64)
    basis = build_basis(name, height, width)
    energy = radial_sum(basis.power(plane), basis.bins).sum(dim=1)
    torch.testing.assert_close(energy, plane.square().sum(dim=(1, 2)), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 24), (16, 40), (6, 10)])
def test_haar_holds_all_but_the_constant(height: int, width: int, random: torch.Generator) -> None:
    plane = 5 + torch.randn(2, height, width, generator=random, dtype=torch.float64)
    basis = haar_basis(height, width)
    energy = radial_sum(basis.power(plane), basis.bins)
    around = plane - plane.mean(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(energy.sum(dim=1), around.square().sum(dim=(1, 2)), rtol=1e-12, atol=0)
    assert float(energy[:, 0].max()) < 1e-24


def test_haar_puts_the_finest_checkerboard_into_the_last_bin() -> None:
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    basis = haar_basis(8, 8)
    energy = radial_sum(basis.power(((-1) ** (x + y))[None]), basis.bins)
    torch.testing.assert_close(energy, torch.tensor([[0.0, 0.0, 0.0, 64.0]]))


def test_haar_puts_two_halves_into_the_coarsest_bin() -> None:
    plane = torch.ones(1, 8, 8)
    plane[..., 4:] = -1
    basis = haar_basis(8, 8)
    torch.testing.assert_close(
        radial_sum(basis.power(plane), basis.bins), torch.tensor([[0.0, 64.0, 0.0, 0.0]]), rtol=1e-6, atol=1e-5
    )


@pytest.mark.parametrize(
    ("height", "width", "frequencies"),
    [
        # level j: geometric mean of the octave [N / 2^(j+1), N / 2^j]
        (8, 8, [0.0, 1 / math.sqrt(2), 2 / math.sqrt(2), 4 / math.sqrt(2)]),
        # 12 is halved twice: averages of 3 x 3 stay, below 12 / 2^3 = 1.5
        (12, 12, [0.0, 0.75, 3 / math.sqrt(2), 6 / math.sqrt(2)]),
    ],
)
def test_haar_frequencies(height: int, width: int, frequencies: list[float]) -> None:
    assert haar_basis(height, width).bins.cycles_per_image_K.tolist() == pytest.approx(frequencies)


@pytest.mark.parametrize(("height", "width", "levels"), [(32, 32, 5), (48, 32, 4), (6, 10, 1), (31, 32, 0)])
def test_haar_levels(height: int, width: int, levels: int) -> None:
    assert haar_levels(height, width) == levels


@pytest.mark.parametrize("name", ["fourier", "dct", "haar"])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (12, 12), (20, 36)])
def test_white_share_is_what_white_noise_has(name: str, height: int, width: int, random: torch.Generator) -> None:
    basis = build_basis(name, height, width)
    white = basis.bins.white_share_K
    assert float(white.sum()) == pytest.approx(1, abs=1e-12)
    assert float(white[0]) == 0
    noise = torch.randn(600, height, width, generator=random, dtype=torch.float64)
    energy = radial_sum(basis.power(noise), basis.bins)[:, 1:].mean(dim=0)
    share = energy / (height * width - 1)
    # A bin of one cell has a relative standard error of sqrt(2 / 600) = 0.058.
    torch.testing.assert_close(share, white[1:], rtol=0.25, atol=0)
    big = basis.bins.cells_K[1:] > 50
    torch.testing.assert_close(share[big], white[1:][big], rtol=0.04, atol=0)


@pytest.mark.parametrize(("k_y", "k_x", "radius"), [(0, 1, 1), (0, 8, 4), (6, 8, 5), (31, 31, 22), (0, 31, 16)])
def test_dct_wave_is_half_as_many_cycles(k_y: int, k_x: int, radius: int) -> None:
    matrix = cosine_matrix(32)
    plane = matrix[k_y][:, None] * matrix[k_x][None, :]
    basis = dct_basis(32, 32)
    energy = radial_sum(basis.power(plane[None]), basis.bins)[0]
    assert int(energy.argmax()) == radius
    assert float(energy[radius]) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("height", "width"), [(31, 31), (31, 32), (32, 1)])
def test_haar_refuses_odd_sides(height: int, width: int) -> None:
    with pytest.raises(ConfigError, match=f"basis=haar halves both sides at least once, and {height}x{width}"):
        haar_basis(height, width)


def test_unknown_basis() -> None:
    with pytest.raises(ConfigError, match="basis=wavelet is not known; basis can be fourier, dct, haar"):
        build_basis("wavelet", 32, 32)
