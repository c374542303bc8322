"""The published procedure: stimuli, index and Gaussian, against a scripted observer and published numbers."""

import math

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import DataError
from fsens_cli.experiments.critical_band_reference import (
    STRENGTHS,
    index_gaussian,
    published_critical_band,
    threshold_index,
)
from fsens_cli.fourier.pyramid import num_levels, one_level
from fsens_cli.perturb.keyed_random import ImageDraws
from fsens_cli.perturb.published_noise import keep_in_range, lower_contrast, published_stimuli, pyramid_noise


def pictures(num_images: int, size: int = 32, seed: int = 0) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    return ImageSet(
        images_NCHW=torch.randint(0, 256, (num_images, 3, size, size), generator=generator, dtype=torch.uint8),
        label_N=torch.arange(num_images) % 4,
        index_N=torch.arange(num_images),
        class_names=("a", "b", "c", "d"),
        title="random",
        split="test",
    )


class Scripted(nn.Module):
    """Right with a chance that a table gives for each band and strength, which it reads off the picture's noise.

    The pictures are flat: what is left of the shown one is noise, whose band and strength are those of the closest
    spectrum.
    """

    def __init__(self, limit_B: list[int], size: int) -> None:
        super().__init__()
        self.limit_B = limit_B
        levels = num_levels(size, size)
        fields = [pyramid_noise((size, size), b, 1.0, index_N=torch.arange(40), seed=5) for b in range(levels)]
        self.profile_BHF = torch.stack([torch.fft.rfft2(f).abs().square().mean(dim=0) for f in fields])
        self.labels = torch.zeros(0)

    def forward(self, images: Tensor) -> Tensor:
        noise = images.mean(dim=1) - images.mean(dim=(1, 2, 3), keepdim=True)[:, 0]
        power = torch.fft.rfft2(noise).abs().square()
        power[:, 0, 0] = 0
        shape_B = self.profile_BHF.clone()
        shape_B[:, 0, 0] = 0
        unit = shape_B.sqrt().flatten(1) / shape_B.sqrt().flatten(1).norm(dim=1, keepdim=True)
        band = (power.sqrt().flatten(1) @ unit.T).argmax(dim=1)
        sd = noise.square().mean(dim=(1, 2)).sqrt() / 0.944
        strength = (sd[:, None] - torch.tensor(STRENGTHS)).abs().argmin(dim=1)
        # Index j of a threshold: right at the strengths up to the (4 - j)th, wrong above.
        allowed = 4 - torch.tensor(self.limit_B)[band]
        right = (strength <= allowed) | (strength == 0)
        label = torch.where(right, 0, 1)
        return torch.nn.functional.one_hot(label, 2).float()


def flat_pictures(num_images: int, size: int) -> ImageSet:
    return ImageSet(
        images_NCHW=torch.full((num_images, 3, size, size), 114, dtype=torch.uint8),
        label_N=torch.zeros(num_images, dtype=torch.int64),
        index_N=torch.arange(num_images),
        class_names=("right", "wrong"),
        title="flat",
        split="test",
    )


@pytest.mark.slow
# At 224 pixels: the average human, and an observer with every index.
@pytest.mark.parametrize("index", [(0, 0, 0, 0, 2, 2, 0), (4, 1, 3, 0, 2, 4, 1)])
def test_on_the_published_35_cells_a_scripted_observer_gets_its_own_index_vector(index: tuple[int, ...]) -> None:
    result = published_critical_band(Scripted(list(index), 224), flat_pictures(180, 224))
    assert result.shown_BS.shape == (7, 5)
    assert int(result.shown_BS.min()) > 0
    assert result.nominal_B == (1.75, 3.5, 7, 14, 28, 56, 112)
    assert result.index_B == index
    assert result.warnings == ()


@pytest.mark.parametrize("index", [(0, 2, 3, 1), (3, 1, 0, 0), (1, 4, 2, 0)])
def test_a_scripted_observer_gets_its_own_index_vector(index: tuple[int, ...]) -> None:
    result = published_critical_band(Scripted(list(index), 32), flat_pictures(700, 32))
    assert result.index_B == index
    assert result.nominal_B == (2, 4, 8, 16)
    assert int(result.shown_BS.sum()) == 700
    assert result.fit == index_gaussian(index)
    assert result.clean.value == 1
    assert any("224 pixels" in w for w in result.warnings)


def test_the_index_has_a_floor_and_a_ceiling() -> None:
    rows = torch.tensor([[0.9] * 5, [0.9, 0.9, 0.6, 0.6, 0.4], [0.9, 0.4, 0.4, 0.6, 0.2], [0.4] * 5, [0.5] * 5])
    assert threshold_index(rows) == (0, 1, 1, 4, 4)


def test_the_gaussian_of_the_average_human_and_of_an_observer_without_recognition() -> None:
    human = index_gaussian((0, 0, 0, 0, 2, 2, 0))
    assert human is not None
    assert human.full_width == pytest.approx(1.00, abs=0.01)
    assert 1.75 * 2**human.centre == pytest.approx(39.6, abs=0.05)
    assert 2 ** (human.height - 4) == pytest.approx(1.00, abs=0.01)
    assert index_gaussian((4,) * 7) is None


def test_levels_add_up_and_frequencies_are_half_the_nominal_ones() -> None:
    white = torch.randn(3, 57, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    total = sum(one_level(white, level) for level in range(num_levels(57, 40)))
    torch.testing.assert_close(total, white)
    result = published_critical_band(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 4)), pictures(60, size=64))
    assert result.nominal_B == (2, 4, 8, 16, 32)
    ratio = [m / n for m, n in zip(result.median_B, result.nominal_B, strict=True)]
    assert all(0.35 < r < 0.6 for r in ratio[:-1])
    assert ratio[-1] == pytest.approx(93.7 / 112, abs=0.03)


def test_noise_of_every_band_is_as_strong_as_the_finest_level() -> None:
    for band in range(4):
        rms = pyramid_noise((32, 32), band, 0.08, index_N=torch.arange(200), seed=0).square().mean().sqrt()
        assert float(rms) == pytest.approx(0.944 * 0.08, rel=0.02)


def test_stimuli_are_gray_pictures_of_low_contrast_around_one_mean() -> None:
    ramp = torch.linspace(0, 1, 32)
    images = torch.stack([ramp[:, None].expand(32, 32), ramp.expand(32, 32), ramp.flip(0).expand(32, 32)])
    images = images.expand(6, 3, 32, 32)
    shown = published_stimuli(images, 0, 0.0, index_N=torch.arange(6), seed=0)
    assert shown.shape == images.shape
    assert shown.mean(dim=(1, 2, 3)).tolist() == pytest.approx([0.449] * 6, abs=0.004)
    luma = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1)
    expected = 0.449 + 0.2 * (luma - luma.mean(dim=(1, 2), keepdim=True))
    # What JPEG changes.
    assert float((shown.mean(dim=1) - expected).abs().max()) < 0.02
    assert float((shown[:, 0] - shown[:, 1]).abs().max()) < 0.01


def test_out_of_range_the_picture_is_moved_and_noise_drawn_again_where_that_cannot_help() -> None:
    plane = torch.full((1, 1, 5), 0.5)
    noise = torch.tensor([[[0.3, 0.6, -0.7, 1.2, -1.3]]])
    draws = ImageDraws("again", 0, torch.arange(1), torch.device("cpu"))
    total = keep_in_range(plane, noise, 0.16, draws)[0, 0].tolist()
    assert total[:3] == pytest.approx([0.8, 0.9, 0.1])
    assert all(0 <= t <= 1 for t in total[3:])
    many = keep_in_range(torch.full((1, 200, 200), 0.5), torch.full((1, 200, 200), 1.2), 0.16, draws)
    # Drawn from a normal of that spread, cut at three of it.
    assert float(many.std()) == pytest.approx(0.16, rel=0.03)
    assert float(many.mean()) == pytest.approx(0.5, abs=0.005)


def test_contrast_keeps_the_mean_or_sets_it() -> None:
    images = pictures(3).images_NCHW.float() / 255
    own = images.mean(dim=(1, 2, 3))
    torch.testing.assert_close(lower_contrast(images, 0.2).mean(dim=(1, 2, 3)), own)
    assert lower_contrast(images, 0.2, mean=0.449).mean(dim=(1, 2, 3)).tolist() == pytest.approx([0.449] * 3)


def test_a_model_that_recognises_nothing_is_named(smooth: object) -> None:
    assert callable(smooth)
    result = published_critical_band(smooth(), pictures(200))
    assert any("the index is at its ceiling" in w for w in result.warnings)
    assert math.isnan(result.bandwidth) or result.fit is not None
    with pytest.raises(DataError, match="at least 3"):
        published_critical_band(smooth(), pictures(4, size=8))
