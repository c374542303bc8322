"""Shapley values of games with answers on paper, and against averages over all orders."""

import itertools

import pytest
import torch
from torch import Tensor

from fsens_cli.errors import ConfigError
from fsens_cli.statistics.shapley import (
    CoalitionPlan,
    exact_plan,
    first_and_last,
    low_frequency_score,
    sampled_plan,
    shifted_shares,
)

PLANS = [exact_plan(6), sampled_plan(6, num_pairs=30, seed=1)]


def phi_of(plan: CoalitionPlan, value_NS: Tensor) -> Tensor:
    return value_NS.double() @ plan.weight_SM


@pytest.mark.parametrize("plan", PLANS)
def test_additive_games_give_back_their_own_values(plan: CoalitionPlan, random: torch.Generator) -> None:
    own = torch.randn(3, 6, generator=random, dtype=torch.float64)
    value = 5 + own @ plan.members().double().T
    torch.testing.assert_close(phi_of(plan, value), own, rtol=0, atol=1e-12)
    first, last = first_and_last(plan, value)
    torch.testing.assert_close(first, own)
    torch.testing.assert_close(last, own)
    assert float(plan.standard_error(value[0]).max()) < 1e-12


@pytest.mark.parametrize("plan", [exact_plan(6), sampled_plan(6, num_pairs=400, seed=1)])
def test_and_and_or_of_three_players(plan: CoalitionPlan) -> None:
    members = plan.members()[:, [0, 2, 5]]
    value = torch.stack([members.amin(dim=1), members.amax(dim=1)])
    phi = phi_of(plan, value)
    tolerance = 1e-12 if plan.is_exact else 0.06
    for row in phi:
        assert row[[0, 2, 5]].tolist() == pytest.approx([1 / 3] * 3, abs=tolerance)
        assert row[[1, 3, 4]].tolist() == pytest.approx([0] * 3, abs=1e-12)
    first, last = first_and_last(plan, value)
    assert first[:, 0].tolist() == [0, 1]
    assert last[:, 0].tolist() == [1, 0]
    error = plan.standard_error(value[0])
    assert bool((error == 0).all()) if plan.is_exact else 0 < float(error[0]) < 0.05


@pytest.mark.parametrize("plan", PLANS)
def test_values_add_up_for_every_image(plan: CoalitionPlan, random: torch.Generator) -> None:
    value = torch.randn(7, len(plan.coalition_S), generator=random, dtype=torch.float64)
    total = phi_of(plan, value).sum(dim=1)
    torch.testing.assert_close(total, value[:, -1] - value[:, 0], rtol=0, atol=1e-12)


def test_exact_values_are_averages_over_all_orders(random: torch.Generator) -> None:
    value = torch.randn(2**4, generator=random, dtype=torch.float64)
    expected = torch.zeros(4, dtype=torch.float64)
    for order in itertools.permutations(range(4)):
        coalition = 0
        for player in order:
            expected[player] += (value[coalition | 1 << player] - value[coalition]) / 24
            coalition |= 1 << player
    torch.testing.assert_close(phi_of(exact_plan(4), value), expected)


def test_sampled_values_are_within_their_errors(random: torch.Generator) -> None:
    value = torch.randn(2**6, generator=random, dtype=torch.float64)
    plan = sampled_plan(6, num_pairs=200, seed=0)
    off = (phi_of(plan, value[plan.coalition_S]) - phi_of(exact_plan(6), value)).abs()
    assert bool((off <= 3.5 * plan.standard_error(value[plan.coalition_S])).all())


def test_the_published_score_is_not_monotone() -> None:
    assert low_frequency_score(torch.ones(16)) == pytest.approx(0, abs=1e-12)
    for size, place, score in (
        (16, 0, 0.595),
        (16, 5, 0.008),
        (16, 15, 0.185),
        (8, 0, 0.522),
        (8, 3, 0.027),
        (8, 7, 0.300),
    ):
        assert low_frequency_score(torch.eye(size)[place]) == pytest.approx(score, abs=6e-4)
    assert shifted_shares(torch.tensor([3.0, 1.0, 2.0])).tolist() == pytest.approx([2 / 3, 0, 1 / 3])


def test_too_many_players_for_exact_values() -> None:
    with pytest.raises(ConfigError, match="17 players"):
        exact_plan(17)
