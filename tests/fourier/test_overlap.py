"""What two spectra say of a change: against Monte Carlo, plain loops and closed forms."""

import math

import pytest
import torch
from torch import Tensor

from fsens_cli.fourier.bins import fourier_bins
from fsens_cli.fourier.overlap import (
    OPPONENT,
    dimensions_of_kinds,
    energy_of_kinds,
    flat_change,
    random_phase_change,
)

SIZES = [(8, 8), (9, 7), (6, 12)]


def drawn(channels: int, size: tuple[int, int], seed: int, num: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num, channels, *size, generator=generator, dtype=torch.float64)


def spread(pattern_NCHW: Tensor, seed: int, num: int) -> Tensor:
    """Return images whose direction is random within each radius and kind, with the pattern's energies."""
    size, channels = tuple(pattern_NCHW.shape[-2:]), pattern_NCHW.shape[1]
    bins = fourier_bins(*size)
    noise = drawn(channels, size, seed, num)
    if channels == 3:
        turn = OPPONENT
        pattern_NCHW, noise = (torch.einsum("oc,nchw->nohw", turn, x) for x in (pattern_NCHW, noise))
    groups = [[0], [1, 2]] if channels == 3 else [list(range(channels))]
    spectrum, wanted = torch.fft.rfft2(noise, norm="ortho"), torch.fft.rfft2(pattern_NCHW, norm="ortho")
    for group in groups:
        for k in range(bins.num_bins):
            here = (bins.index_HF == k).double() * bins.weight_HF.double()
            if not here.any():
                continue
            has = (spectrum[:, group].abs().square() * here).sum(dim=(1, 2, 3))
            want = (wanted[:, group].abs().square() * here).sum()
            spectrum[:, group] *= torch.where(here > 0, (want / has).sqrt()[:, None, None, None], 1.0)
    images = torch.fft.irfft2(spectrum, s=size, norm="ortho")
    return torch.einsum("oc,nohw->nchw", OPPONENT, images) if channels == 3 else images


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
class TestEnergies:
    def test_add_up_to_the_squared_norm(self, size: tuple[int, int], channels: int) -> None:
        image = drawn(channels, size, 1, num=3)
        energy = energy_of_kinds(image, fourier_bins(*size))
        assert torch.allclose(energy.sum(dim=(1, 2)), image.square().sum(dim=(1, 2, 3)))

    def test_dimensions_add_up_to_the_number_of_pixels(self, size: tuple[int, int], channels: int) -> None:
        assert float(dimensions_of_kinds(channels, fourier_bins(*size)).sum()) == channels * math.prod(size)

    def test_root_mean_square_over_random_directions(self, size: tuple[int, int], channels: int) -> None:
        bins = fourier_bins(*size)
        gradient = drawn(channels, size, 2) * torch.linspace(0.1, 2, size[1])
        pattern = drawn(channels, size, 3) + torch.cos(torch.arange(float(size[1])))
        images = spread(pattern, 4, 20_000)
        energies = [energy_of_kinds(x, bins) for x in (gradient, pattern)]
        assert torch.allclose(energy_of_kinds(images[:5], bins), energies[1].expand(5, -1, -1))
        change = (images * gradient).sum(dim=(1, 2, 3))
        expected = float(random_phase_change(*energies, dimensions_of_kinds(channels, bins)))
        measured = float(change.square().mean().sqrt())
        # The spread of a root mean square of 20,000 draws is half a percent; four of these.
        assert measured == pytest.approx(expected, rel=0.02)


class TestChange:
    def test_a_gray_change_meets_the_brightness_of_the_gradient_alone(self) -> None:
        bins = fourier_bins(8, 8)
        gray = drawn(1, (8, 8), 5).expand(1, 3, 8, 8)
        colour = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)[None, :, None, None] * drawn(1, (8, 8), 6)
        energies = [energy_of_kinds(x, bins) for x in (colour, gray)]
        assert float(random_phase_change(*energies, dimensions_of_kinds(3, bins))) == pytest.approx(0, abs=1e-7)
        assert float(flat_change(*energies, dimensions_of_kinds(3, bins))) > 1

    def test_disjoint_radii_do_not_meet(self) -> None:
        bins = fourier_bins(16, 16)
        x = torch.arange(16.0)
        slow, fast = (torch.cos(2 * torch.pi * k * x / 16).expand(1, 1, 16, 16) for k in (1, 6))
        energies = [energy_of_kinds(wave, bins) for wave in (slow, fast)]
        dimensions = dimensions_of_kinds(1, bins)
        assert float(random_phase_change(*energies, dimensions)) == pytest.approx(0, abs=1e-3)

    def test_a_gradient_that_is_flat_equals_the_flat_one(self) -> None:
        bins = fourier_bins(8, 8)
        dimensions = dimensions_of_kinds(3, bins)
        change = energy_of_kinds(drawn(3, (8, 8), 7, num=4), bins)
        flat = dimensions[None].expand(4, -1, -1) * 0.3
        assert torch.allclose(random_phase_change(flat, change, dimensions), flat_change(flat, change, dimensions))

    def test_the_constant_counts(self) -> None:
        bins = fourier_bins(4, 4)
        one = energy_of_kinds(torch.ones(1, 1, 4, 4), bins)
        # <1, 1> = 16, and one cell leaves no direction to spread over.
        assert float(random_phase_change(one, one, dimensions_of_kinds(1, bins))) == pytest.approx(16)
