"""Single-frequency noise: one pair of coefficients, unit norm, half a plane that unfolds into a whole one."""

import pytest
import torch

from fsens_cli.errors import ConfigError
from fsens_cli.perturb.fourier_noise import add_fourier_noise, fourier_basis_images, heat_map_frequencies
from fsens_cli.runs.figures.heat_map import unfold

SIZES = [(8, 8), (7, 7), (6, 9), (9, 6), (1, 4)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_picture_has_its_frequency_and_its_mirror_image_only(size: tuple[int, int]) -> None:
    height, width = size
    frequencies = heat_map_frequencies(height, width)
    pictures = fourier_basis_images(frequencies, height, width).double()
    torch.testing.assert_close(pictures.flatten(1).norm(dim=1), torch.ones(len(frequencies), dtype=torch.float64))
    power = torch.fft.fft2(pictures, norm="ortho").abs().square()
    for (i, j), plane in zip(frequencies.tolist(), power, strict=True):
        own = {(i % height, j % width), (-i % height, -j % width)}
        assert sum(float(plane[cell]) for cell in own) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_half_plane_holds_every_pair_once(size: tuple[int, int]) -> None:
    height, width = size
    seen: list[tuple[int, int]] = []
    for i, j in heat_map_frequencies(height, width).tolist():
        seen += {(i % height, j % width), (-i % height, -j % width)}
    assert len(seen) == len(set(seen)) == height * width


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_unfolding_puts_the_constant_in_the_middle_and_mirrors_the_rest(size: tuple[int, int]) -> None:
    height, width = size
    frequencies = heat_map_frequencies(height, width).double()
    values = frequencies[:, 0].abs() * 100 + frequencies[:, 1].abs() + 0.5 * (frequencies.prod(dim=1) < 0)
    plane = torch.from_numpy(unfold(values.numpy(), heat_map_frequencies(height, width).numpy(), size))
    i = torch.fft.fftshift(torch.fft.fftfreq(height) * height).double()[:, None]
    j = torch.fft.fftshift(torch.fft.fftfreq(width) * width).double()[None, :]
    torch.testing.assert_close(plane.floor(), i.abs() * 100 + j.abs())
    assert float(plane[height // 2, width // 2]) == 0
    # A cell and its partner through the middle are one value.
    unshifted = torch.fft.ifftshift(plane)
    rows, columns = -torch.arange(height) % height, -torch.arange(width) % width
    assert torch.equal(unshifted, unshifted[rows][:, columns])


def test_noise_moves_each_channel_by_eps() -> None:
    images = torch.full((4, 3, 16, 16), 0.5)
    frequencies = heat_map_frequencies(16, 16)[[0, 3, 40]]
    noisy = add_fourier_noise(images, frequencies, 0.7, index_N=torch.arange(4), seed=0)
    assert noisy.shape == (3, 4, 3, 16, 16)
    difference = noisy - images
    torch.testing.assert_close(difference.flatten(3).norm(dim=3), torch.full((3, 4, 3), 0.7))
    pictures = fourier_basis_images(frequencies, 16, 16)
    sign = (difference * pictures[:, None, None]).sum(dim=(3, 4)) / 0.7
    torch.testing.assert_close(sign.abs(), torch.ones(3, 4, 3))
    assert -20 < float(sign.sum()) < 20


def test_signs_are_the_same_in_every_batch_of_images_and_frequencies() -> None:
    images, index = torch.rand(5, 3, 8, 8), torch.tensor([9, 2, 4, 30, 1])
    frequencies = heat_map_frequencies(8, 8)
    together = add_fourier_noise(images, frequencies, 0.5, index_N=index, seed=1)
    part = add_fourier_noise(images[1:3], frequencies[10:12], 0.5, index_N=index[1:3], seed=1)
    assert torch.equal(together[10:12, 1:3], part)
    assert not torch.equal(together, add_fourier_noise(images, frequencies, 0.5, index_N=index, seed=2))


def test_signs_are_fair_and_independent_across_frequencies_channels_and_images() -> None:
    images = torch.full((50, 3, 8, 8), 0.5)
    frequencies = heat_map_frequencies(8, 8)
    noisy = add_fourier_noise(images, frequencies, 0.1, index_N=torch.arange(50), seed=0)
    pictures = fourier_basis_images(frequencies, 8, 8)
    sign = ((noisy - images) * pictures[:, None, None]).sum(dim=(3, 4)).sign()
    n = sign.numel()
    assert abs(float(sign.mean())) < 4 / n**0.5
    for a, b in ((sign[1:], sign[:-1]), (sign[:, 1:], sign[:, :-1]), (sign[..., 1:], sign[..., :-1])):
        assert abs(float((a * b).mean())) < 4 / a.numel() ** 0.5


def test_clipping_and_refusals() -> None:
    images = torch.rand(2, 3, 8, 8)
    frequencies = heat_map_frequencies(8, 8)
    noisy = add_fourier_noise(images, frequencies, 5.0, index_N=torch.arange(2), seed=0)
    assert float(noisy.min()) >= 0
    assert float(noisy.max()) <= 1
    wide = add_fourier_noise(images, frequencies, 5.0, index_N=torch.arange(2), seed=0, clip=False)
    torch.testing.assert_close(wide.clamp(0, 1), noisy)
    with pytest.raises(ConfigError, match=r"eps=-1\.0: the L2 norm"):
        add_fourier_noise(images, frequencies, -1.0, index_N=torch.arange(2), seed=0)
