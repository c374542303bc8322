"""The losses by hand and against autograd."""

import pytest
import torch
from torch import nn

from fsens_cli.perturb.attacks.goal import Goal
from fsens_cli.perturb.attacks.losses import dlr, log_odds, margin, targeted_dlr

LOGITS = torch.tensor([[4.0, 1.0, 3.0, -2.0, 0.5]], dtype=torch.float64)


def one(value: int) -> torch.Tensor:
    return torch.tensor([value])


def test_values_by_hand() -> None:
    # Sorted: 4, 3, 1, .5, -2.
    assert float(dlr(LOGITS, Goal(one(0)))) == pytest.approx(-(4 - 3) / (4 - 1))
    assert float(dlr(LOGITS, Goal(one(1)))) == pytest.approx((4 - 1) / (4 - 1))
    assert float(targeted_dlr(LOGITS, Goal(one(0), rival_N=one(3)))) == pytest.approx(-(4 + 2) / (4 - 0.75))
    assert float(dlr(LOGITS, Goal(one(0), target_N=one(2)))) == pytest.approx((3 - 4) / (4 - 0.75))
    assert float(margin(LOGITS, Goal(one(2)))) == pytest.approx(1.0)
    assert float(margin(LOGITS, Goal(one(2), target_N=one(1)))) == pytest.approx(-3.0)


@pytest.mark.parametrize("loss", [dlr, lambda z, g: targeted_dlr(z, Goal(g.label_N, rival_N=one(3)))])
def test_dlr_is_free_of_shift_and_scale(loss: object) -> None:
    value = loss(LOGITS, Goal(one(0)))  # type: ignore[operator]
    torch.testing.assert_close(loss(7 * LOGITS - 3, Goal(one(0))), value)  # type: ignore[operator]


def test_log_odds_climb_as_cross_entropy_does() -> None:
    logits = (3 * torch.randn(50, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))).requires_grad_()
    label = torch.arange(50) % 7
    entropy = nn.functional.cross_entropy(logits, label, reduction="none")
    odds = log_odds(logits, Goal(label))
    torch.testing.assert_close(nn.functional.softplus(odds), entropy)
    (own,) = torch.autograd.grad(odds.sum(), logits)
    (theirs,) = torch.autograd.grad(entropy.sum(), logits)
    torch.testing.assert_close(own / own.norm(dim=1, keepdim=True), theirs / theirs.norm(dim=1, keepdim=True))
    torch.testing.assert_close(
        log_odds(logits, Goal(label, target_N=(label + 1) % 7)), -log_odds(logits, Goal((label + 1) % 7))
    )


def test_log_odds_keep_their_gradient_at_a_confident_image() -> None:
    logits = torch.tensor([[500.0, 0.0, -1.0]], requires_grad=True)
    (grad,) = torch.autograd.grad(log_odds(logits, Goal(one(0))).sum(), logits)
    assert grad[0].tolist() == pytest.approx([-1.0, 1 / (1 + 2.718281828**-1), 1 / (1 + 2.718281828)], rel=1e-5)


def test_no_decision_is_not_the_right_one_and_reaches_no_target() -> None:
    logits = torch.tensor([[0.0, 1.0], [0.0, float("nan")], [float("inf"), 1.0], [1.0, 0.0], [1.0, float("-inf")]])
    labels = torch.tensor([0, 0, 0, 0, 0])
    goal = Goal(labels).watched()
    assert goal.reached(logits).tolist() == [True, True, True, False, False]
    assert goal.watch is not None
    assert goal.watch.undecided_N.tolist() == [False, True, True, False, False]
    assert Goal(labels, 1 - labels).reached(logits).tolist() == [True, False, False, False, False]


def test_a_watch_marks_the_images_that_are_left_in_the_batch() -> None:
    goal = Goal(torch.zeros(4, dtype=torch.int64)).watched()
    some = goal[torch.tensor([1, 3])]
    some.reached(torch.tensor([[float("nan"), 0.0], [1.0, 0.0]]))
    some.see_gradient(torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1))
    some[torch.tensor([False, True])].see_gradient(torch.full((1, 1, 1, 1), float("nan")))
    assert goal.watch is not None
    assert goal.watch.undecided_N.tolist() == [False, True, False, False]
    assert goal.watch.dead_N.tolist() == [False, True, False, False]
