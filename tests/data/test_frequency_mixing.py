"""APR keeps the phase exactly, AFA's waves have the asked length, Patch Gaussian stays in its square."""

import math

import pytest
import torch
from torch import Tensor

from fsens_cli.data.frequency_mixing import added_waves, amplitude_phase, apr_pair, apr_single, patch_gaussian


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 6) -> Tensor:
    return torch.rand(count, 3, 16, 16, generator=generator(9), dtype=torch.float64)


def test_recombination_has_one_images_amplitude_and_the_others_phase() -> None:
    one, other = images(2)
    mixed = torch.fft.fftn(amplitude_phase(one[None], other[None])[0])
    torch.testing.assert_close(mixed.abs(), torch.fft.fftn(one).abs())
    # Phases are angles: compared on the circle.
    difference = torch.polar(torch.ones(3, 16, 16, dtype=torch.float64), mixed.angle() - torch.fft.fftn(other).angle())
    torch.testing.assert_close(difference.real, torch.ones_like(difference.real))


def test_pairs_take_each_others_amplitude_in_six_of_ten_batches() -> None:
    batch = images()
    changed = [not torch.equal(apr_pair(batch, generator(seed)), batch) for seed in range(300)]
    assert sum(changed) / 300 == pytest.approx(0.6, abs=4 * math.sqrt(0.24 / 300))
    seed = changed.index(True)
    amplitudes = torch.fft.fftn(apr_pair(batch, generator(seed)), dim=(1, 2, 3)).abs()
    own = torch.fft.fftn(batch, dim=(1, 2, 3)).abs()
    for each in amplitudes:
        assert min(float((each - theirs).abs().max()) for theirs in own) < 1e-9


def test_single_recombination_stays_in_bounds_and_draws_for_each_image() -> None:
    same = images(1).expand(40, -1, -1, -1).float()
    mixed = apr_single(same, generator())
    assert float(mixed.min()) >= 0
    assert float(mixed.max()) <= 1
    assert len({round(float(each.sum()), 2) for each in mixed}) > 20


def test_waves_have_the_asked_mean_length_and_one_frequency() -> None:
    gray = torch.full((400, 3, 16, 16), 0.5, dtype=torch.float64)
    strength = 0.2
    added = added_waves(gray, generator(), strength=strength) - 0.5
    lengths = added.flatten(2).norm(dim=2).flatten()
    expected = strength * 16 / 32
    assert float(lengths.mean()) == pytest.approx(expected, rel=4 / math.sqrt(1200))
    # An exponential's deviation is its mean.
    assert float(lengths.std()) == pytest.approx(expected, rel=0.15)
    assert len({round(float(each), 6) for each in lengths}) > 1150


def test_noise_stays_inside_one_square_of_the_asked_width() -> None:
    gray = torch.full((50, 3, 16, 16), 0.5)
    noisy = patch_gaussian(gray, generator(), width=5, largest_sd=0.1)
    for each in noisy:
        changed = (each != 0.5).any(dim=0)
        rows, columns = (changed.any(dim=d).nonzero().flatten() for d in (1, 0))
        assert int(rows.max() - rows.min()) < 5
        assert int(columns.max() - columns.min()) < 5
        assert int(changed.sum()) == len(rows) * len(columns)
    assert 0.02 < float((noisy - 0.5)[noisy != 0.5].std()) < 0.1
