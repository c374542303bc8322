"""Spectra of gradients: plane waves, symmetries, and a plain numpy route beside ours."""

import numpy as np
import pytest
import torch

from fsens_cli.errors import ConfigError
from fsens_cli.fourier.bases import build_basis, fourier_basis, fourier_power
from fsens_cli.fourier.sensitivity import full_plane, gradient_power, rescale_each, sensitivity_share

SIZES = [(32, 32), (31, 31), (31, 32), (32, 31), (9, 24), (24, 9)]


def share_by_loop(grad_CHW: np.ndarray) -> list[float]:
    """The published recipe, cell by cell on the full plane."""
    power = np.abs(np.fft.fft2(grad_CHW.mean(axis=0), norm="ortho")) ** 2
    height, width = power.shape
    shorter, spectrum = min(height, width), {}
    for i, f_y in enumerate(np.fft.fftfreq(height)):
        for j, f_x in enumerate(np.fft.fftfreq(width)):
            if (i, j) != (0, 0):
                radius = max(1, int(np.floor(shorter * np.hypot(f_y, f_x) + 0.5 + 1e-9)))
                spectrum[radius] = spectrum.get(radius, 0.0) + power[i, j]
    total = sum(spectrum.values())
    return [spectrum.get(r, 0.0) / total for r in range(max(spectrum) + 1)]


def waves(rows: list[int], columns: list[int], height: int, width: int, phase: float = 0.3) -> torch.Tensor:
    y = torch.arange(height, dtype=torch.float64)[None, :, None] / height
    x = torch.arange(width, dtype=torch.float64)[None, None, :] / width
    row = torch.tensor(rows, dtype=torch.float64)[:, None, None]
    column = torch.tensor(columns, dtype=torch.float64)[:, None, None]
    return torch.cos(2 * torch.pi * (row * y + column * x) + phase)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_share_against_a_loop(height: int, width: int, random: torch.Generator) -> None:
    grad = torch.randn(4, 3, height, width, generator=random, dtype=torch.float64)
    share = sensitivity_share(grad, fourier_basis(height, width))
    expected = np.array([share_by_loop(g) for g in grad.numpy()])
    np.testing.assert_allclose(share.numpy(), expected, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize(
    ("row", "column", "radius"),
    [(3, 4, 5), (0, 1, 1), (16, 0, 16), (16, 16, 23), (0, 16, 16), (5, -12, 13), (-3, 4, 5), (2, 2, 3), (11, 11, 16)],
)
def test_plane_wave_is_all_at_its_radius(row: int, column: int, radius: int) -> None:
    share = sensitivity_share(waves([row], [column], 32, 32)[:, None], fourier_basis(32, 32))
    assert float(share[0, radius]) == pytest.approx(1, abs=1e-12)


def test_plane_wave_in_an_oblong_image_counts_along_the_shorter_side() -> None:
    # 6 cycles over 64 columns are 1.875 cycles over the shorter side of 20.
    share = sensitivity_share(waves([0], [6], 20, 64)[:, None], fourier_basis(20, 64))
    assert float(share[0, 2]) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("channels", ["mean", "power"])
def test_share_does_not_change_under_circular_shifts(
    height: int, width: int, channels: str, random: torch.Generator
) -> None:
    grad = torch.randn(2, 3, height, width, generator=random, dtype=torch.float64)
    basis = fourier_basis(height, width)
    moved = sensitivity_share(grad.roll((5, -3), dims=(2, 3)), basis, channels)
    torch.testing.assert_close(moved, sensitivity_share(grad, basis, channels), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("side", [32, 31])
def test_share_does_not_change_under_turns_and_reflections(side: int, random: torch.Generator) -> None:
    grad = torch.randn(2, 3, side, side, generator=random, dtype=torch.float64)
    basis = fourier_basis(side, side)
    share = sensitivity_share(grad, basis)
    for turned in (grad.rot90(1, (2, 3)), grad.transpose(2, 3), grad.flip(2), grad.flip(3)):
        torch.testing.assert_close(sensitivity_share(turned, basis), share, rtol=1e-11, atol=1e-15)


def test_adding_a_constant_changes_nothing(random: torch.Generator) -> None:
    grad = torch.randn(2, 3, 31, 32, generator=random, dtype=torch.float64)
    basis = fourier_basis(31, 32)
    torch.testing.assert_close(sensitivity_share(grad + 7, basis), sensitivity_share(grad, basis), rtol=1e-9, atol=0)


@pytest.mark.parametrize("factor", [1e-40, 1e-20, 1e30])
def test_share_does_not_depend_on_the_size_of_the_gradient(factor: float, random: torch.Generator) -> None:
    grad = torch.randn(2, 3, 32, 32, generator=random, dtype=torch.float64)
    basis = fourier_basis(32, 32)
    share = sensitivity_share((grad * factor).float(), basis)
    # 1e-40 is subnormal in float32: about five digits are left of each value.
    torch.testing.assert_close(share.double(), sensitivity_share(grad, basis), rtol=1e-3, atol=1e-6)


def test_zero_gradient_gives_zero_share_and_a_finite_derivative() -> None:
    grad = torch.zeros(2, 3, 8, 8, dtype=torch.float64)
    grad[1] = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    grad.requires_grad_()
    share = sensitivity_share(grad, fourier_basis(8, 8))
    assert share[0].tolist() == [0.0] * 7
    assert float(share[1].detach().sum()) == pytest.approx(1, abs=1e-12)
    share[:, 1].sum().backward()
    assert grad.grad is not None
    assert bool(grad.grad.isfinite().all())


def test_channels_of_opposite_sign_cancel_in_the_mean_only() -> None:
    wave = waves([0], [3], 32, 32)[0]
    other = waves([0], [9], 32, 32)[0]
    grad = torch.stack([wave + 0.5 * other, -wave + 0.5 * other])[None]
    basis = fourier_basis(32, 32)
    mean, power = (sensitivity_share(grad, basis, c)[0] for c in ("mean", "power"))
    assert float(mean[3]) == pytest.approx(0, abs=1e-15)
    assert float(mean[9]) == pytest.approx(1, abs=1e-12)
    # Two channels with powers 1 and 1/4: 1 : 0.25 each.
    assert float(power[3]) == pytest.approx(0.8, abs=1e-12)
    assert float(power[9]) == pytest.approx(0.2, abs=1e-12)


@pytest.mark.parametrize("name", ["fourier", "dct", "haar"])
def test_power_of_channels_is_the_sum_over_channels(name: str, random: torch.Generator) -> None:
    grad = torch.randn(3, 4, 8, 12, generator=random, dtype=torch.float64)
    basis = build_basis(name, 8, 12)
    expected = sum(basis.power(grad[:, c]) for c in range(4))
    torch.testing.assert_close(gradient_power(grad, basis, "power"), expected)


@pytest.mark.parametrize(("height", "width"), [*SIZES, (1, 1), (1, 6), (6, 1), (2, 2), (5, 2)])
def test_full_plane_is_numpy_s_fft2(height: int, width: int, random: torch.Generator) -> None:
    plane = torch.randn(2, height, width, generator=random, dtype=torch.float64)
    expected = np.abs(np.fft.fft2(plane.numpy(), norm="ortho")) ** 2
    np.testing.assert_allclose(full_plane(fourier_power(plane), width).numpy(), expected, rtol=1e-10, atol=1e-14)


def test_rescaling_returns_its_divisor() -> None:
    grad = torch.tensor([[[[2.0, -8.0]]], [[[0.0, 0.0]]]])
    scaled, divisor = rescale_each(grad)
    assert divisor.tolist() == [8.0, 1.0]
    assert scaled.flatten(1).tolist() == [[0.25, -1.0], [0.0, 0.0]]


def test_share_is_differentiable(random: torch.Generator) -> None:
    grad = torch.randn(2, 2, 5, 6, generator=random, dtype=torch.float64, requires_grad=True)
    basis = fourier_basis(5, 6)
    assert torch.autograd.gradcheck(lambda g: sensitivity_share(g, basis), (grad,))
    assert torch.autograd.gradcheck(lambda g: sensitivity_share(g, basis, "power"), (grad,))


def test_unknown_channel_reduction() -> None:
    with pytest.raises(ConfigError, match="channels=sum is not known; channels can be mean, power"):
        sensitivity_share(torch.zeros(1, 3, 8, 8), fourier_basis(8, 8), "sum")
