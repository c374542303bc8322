"""Intervals of pairs that share images, against sums written out."""

import pytest
import torch
from torch import Tensor

from fsens_cli.experiments.pairing import pair_images
from fsens_cli.statistics.crossings import central_bounds, first_rise
from fsens_cli.statistics.intervals import unseen
from fsens_cli.statistics.pairs import draw_means, pair_mean, score_bounds


def pairs_of(num_images: int, num_pairings: int, seed: int) -> tuple[Tensor, Tensor]:
    label = torch.arange(num_images) % 5
    partner = torch.stack([pair_images(label, 1000 * seed + p) for p in range(num_pairings)])
    return torch.arange(num_images).repeat(num_pairings), partner.flatten()


def test_covariance_is_the_sum_over_couples_that_share_an_image() -> None:
    # Enough pairings of few images that repeated and reversed pairs occur.
    first, second = pairs_of(12, 8, seed=0)
    generator = torch.Generator().manual_seed(1)
    of_image = torch.randn(12, 2, generator=generator, dtype=torch.float64)
    value = of_image[first] + of_image[second] + 0.1 * torch.randn(96, 2, generator=generator, dtype=torch.float64)
    deviation = (value - value.mean(dim=0)) / 96
    expected = torch.zeros(2, 2, dtype=torch.float64)
    for d in range(96):
        for e in range(96):
            if {int(first[d]), int(second[d])} & {int(first[e]), int(second[e])}:
                expected += torch.outer(deviation[d], deviation[e])
    estimate = pair_mean(value, first, second)
    torch.testing.assert_close(estimate.covariance_KK, expected * 12 / 8)
    assert (estimate.num_pairs, estimate.num_images) == (96, 12)


def test_independent_pairs_have_the_textbook_variance() -> None:
    value = torch.randn(400, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    estimate = pair_mean(value, torch.arange(400), torch.arange(400, 800))
    assert estimate.covariance_KK.item() == pytest.approx(value.var().item() / 400, rel=0.02)


def test_score_bounds_are_wilsons_for_independent_pairs() -> None:
    value = (torch.arange(100) < 95).double()[:, None]
    low, high = score_bounds(pair_mean(value, torch.arange(100), torch.arange(100, 200)))
    assert (low.item(), high.item()) == pytest.approx((0.8882, 0.9785), abs=2e-3)


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.5])
def test_a_constant_column_is_as_sure_as_its_images(constant: float) -> None:
    first, second = pairs_of(50, 6, seed=0)
    low, high = score_bounds(pair_mean(torch.full((300, 1), constant), first, second))
    assert 0 <= low.item() <= constant <= high.item() <= 1
    # 50 images, not 300 pairs: as many as Wilson's bound at 0 of 50 allows may be unlike them, at either end.
    assert (low.item(), high.item()) == pytest.approx(
        (constant * (1 - unseen(50)), constant + (1 - constant) * unseen(50)), rel=1e-12
    )


def simulate(own: float, common: float, noise: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return (low wins) - (high wins) of 90 images in 6 pairings at 5 frequencies, with a true crossing at 0.4.

    ``own`` is the spread of what makes an image win in both roles, ``common`` of what favours the low image in all
    pairs that an image is in, ``noise`` of what only the two together decide.
    """
    generator = torch.Generator().manual_seed(seed)
    first, second = PAIRS[seed % len(PAIRS)]
    strength, bias = torch.randn(2, 90, generator=generator)
    chance = torch.randn(540, generator=generator)
    score = own * (strength[first] - strength[second]) + common * (bias[first] + bias[second]) + noise * chance
    score_DK = score[:, None] + 4 * (FREQUENCY - 0.4)
    return (score_DK > 0.3).double() - (score_DK < -0.3).double(), first, second


FREQUENCY = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8])
PAIRS = [pairs_of(90, 6, seed) for seed in range(8)]
FEW = [pairs_of(25, 4, seed) for seed in range(8)]
NUM_RUNS = 400


@pytest.mark.parametrize(
    "spreads",
    [(0.0, 1.0, 0.3), (1.0, 0.0, 0.0), (1.0, 0.0, 0.3), (0.2, 0.2, 1.0), (0.5, 0.5, 0.5)],
    ids=["common", "own", "own+noise", "noise", "all"],
)
def test_interval_of_the_crossing_covers_in_95_of_100(spreads: tuple[float, float, float]) -> None:
    hits = below = above = 0
    for seed in range(NUM_RUNS):
        value, first, second = simulate(*spreads, seed=seed)
        estimate = pair_mean(value, first, second)
        low, high = central_bounds(first_rise(FREQUENCY, draw_means(estimate, seed=seed, num_draws=400)))
        hits += low <= 0.4 <= high
        below += high < 0.4
        above += low > 0.4
    # Two-sided: neither too narrow nor too wide, and misses on both sides. Three binomial standard errors.
    assert 0.95 - 3 * 0.0109 <= hits / NUM_RUNS <= 0.95 + 3 * 0.0109
    assert max(below, above) / NUM_RUNS <= 0.025 + 3 * 0.0078


def test_resampling_pairs_alone_would_be_wrong_both_ways() -> None:
    """What the module's docstring claims of the naive interval, as the ratio of standard errors."""

    def ratio(spreads: tuple[float, float, float]) -> float:
        value, first, second = simulate(*spreads, seed=0)
        ours = pair_mean(value[:, 2:3], first, second).covariance_KK.sqrt().item()
        naive = (value[:, 2].var() / len(value)).sqrt().item()
        return naive / ours

    assert ratio((0.0, 1.0, 0.3)) < 0.5
    assert ratio((1.0, 0.0, 0.3)) > 1.4


def test_the_covariance_is_unbiased() -> None:
    """Against the spread of the means themselves over many samples of few images."""
    means, variances = [], []
    for seed in range(400):
        generator = torch.Generator().manual_seed(seed)
        first, second = FEW[seed % len(FEW)]
        bias = torch.randn(25, generator=generator, dtype=torch.float64)
        value = bias[first] + bias[second] + torch.randn(100, generator=generator, dtype=torch.float64)
        estimate = pair_mean(value[:, None], first, second)
        means.append(estimate.mean_K)
        variances.append(estimate.covariance_KK[0, 0])
    ratio = torch.stack(variances).mean() / torch.cat(means).var()
    assert ratio.item() == pytest.approx(1, abs=3 * (2 / 400) ** 0.5)


def test_draws_have_the_mean_and_covariance_asked_for() -> None:
    value, first, second = simulate(0.5, 0.5, 0.5, seed=0)
    estimate = pair_mean(value, first, second)
    draws = draw_means(estimate, seed=0, num_draws=20_000)
    torch.testing.assert_close(draws.mean(dim=0), estimate.mean_K, atol=2e-3, rtol=0)
    torch.testing.assert_close(draws.T.cov(), estimate.covariance_KK, atol=1e-4, rtol=0.1)
    assert torch.equal(draws, draw_means(estimate, seed=0, num_draws=20_000))
