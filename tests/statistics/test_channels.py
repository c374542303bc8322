"""Width, centre and peak of piecewise linear curves, against a fine grid, and Gaussians put in and taken out."""

import numpy as np
import pytest
import torch

from fsens_cli.statistics.channels import channel_shape, fit_gaussian


def test_shape_agrees_with_a_fine_grid(random: torch.Generator) -> None:
    x = torch.tensor([0.25, 1.0, 1.6, 2.3, 3.1, 4.0], dtype=torch.float64)
    curves = torch.rand(20, 6, generator=random, dtype=torch.float64)
    shape = channel_shape(x, curves)
    grid = np.linspace(0.25, 4.0, 400_001)
    for r, curve in enumerate(curves.numpy()):
        values = np.interp(grid, x.numpy(), curve)
        kept = values >= curve.max() / 2
        assert float(shape.width_R[r]) == pytest.approx(kept.mean() * 3.75, abs=1e-4)
        assert float(shape.centre_R[r]) == pytest.approx((grid * values)[kept].sum() / values[kept].sum(), abs=1e-4)
        assert float(shape.peak_R[r]) == curve.max()
        assert bool(shape.open_R[r]) == (kept[0] or kept[-1])


def test_flat_and_two_peaked_curves() -> None:
    x = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
    shape = channel_shape(x, torch.tensor([[1.0] * 5, [0, 1.0, 0, 1.0, 0]]))
    assert shape.width_R.tolist() == pytest.approx([4, 2])
    assert shape.centre_R.tolist() == pytest.approx([2, 2])
    assert shape.open_R.tolist() == [True, False]


@pytest.mark.parametrize(("height", "centre", "sd"), [(0.8, 3.0, 0.4), (12.0, 1.1, 1.5), (4.0, 5.5, 3.0)])
def test_gaussian_is_found_again(height: float, centre: float, sd: float) -> None:
    x = torch.linspace(0, 6, 8, dtype=torch.float64)
    fit = fit_gaussian(x, height * torch.exp(-((x - centre) ** 2) / (2 * sd**2)))
    assert fit is not None
    assert (fit.height, fit.centre, fit.sd, fit.r_squared) == pytest.approx((height, centre, sd, 1), rel=1e-4)
    assert fit.full_width == pytest.approx(2.3548 * sd, rel=1e-4)


def test_no_gaussian_through_a_constant() -> None:
    assert fit_gaussian(torch.arange(5), torch.ones(5)) is None
