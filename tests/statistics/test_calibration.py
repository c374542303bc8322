"""Calibration: against a case made by hand, slow loops, and a model whose calibration is known."""

import math

import pytest
import torch

from fsens_cli.statistics.calibration import (
    brier,
    calibration,
    calibration_error_interval,
    expected_calibration_error,
    negative_log_likelihood,
    reliability,
    scores,
)
from fsens_cli.statistics.intervals import unseen


def test_a_case_made_by_hand() -> None:
    """Two bins of fifteen: (.6, .667] with two of three right, (.933, 1] with one of two."""
    confidence = torch.tensor([0.61, 0.62, 0.63, 0.95, 1.0])
    right = torch.tensor([True, True, False, False, True])
    expected = 3 / 5 * abs(2 / 3 - 0.62) + 2 / 5 * abs(1 / 2 - 0.975)
    assert expected_calibration_error(confidence, right) == pytest.approx(expected, abs=1e-7)
    diagram = reliability(confidence, right)
    assert diagram.count_B.tolist() == [0] * 9 + [3] + [0] * 4 + [2]
    assert diagram.accuracy_B[9] == pytest.approx(2 / 3)
    assert diagram.confidence_B[14] == pytest.approx(0.975)
    assert bool(diagram.accuracy_B[0].isnan())


def test_against_a_slow_loop(random: torch.Generator) -> None:
    logits, label = 2 * torch.randn(200, 5, generator=random), torch.randint(5, (200,), generator=random)
    found = calibration(scores(logits, label))
    bins: dict[int, list[tuple[float, bool]]] = {}
    loss = score = 0.0
    for row, true in zip(logits.tolist(), label.tolist(), strict=True):
        total = sum(math.exp(v) for v in row)
        p = [math.exp(v) / total for v in row]
        top = max(range(5), key=lambda k: p[k])
        bins.setdefault(math.ceil(15 * p[top]) - 1, []).append((p[top], top == true))
        loss -= math.log(p[true]) / 200
        score += sum((p[k] - (k == true)) ** 2 for k in range(5)) / 200
    error = sum(abs(sum(c - r for c, r in members)) for members in bins.values()) / 200
    assert found.error.value == pytest.approx(error, abs=1e-9)
    assert found.log_likelihood_loss.value == pytest.approx(loss, abs=1e-9)
    assert found.brier.value == pytest.approx(score, abs=1e-9)
    for interval in (found.error, found.log_likelihood_loss, found.brier):
        assert interval.low < interval.value < interval.high


def test_ends() -> None:
    sure = torch.tensor([[30.0, 0.0], [0.0, 30.0]])
    assert brier(sure, torch.tensor([0, 0])).tolist() == pytest.approx([0, 2])
    assert negative_log_likelihood(sure, torch.tensor([0, 0])).tolist() == pytest.approx([0, 30])
    assert expected_calibration_error(torch.ones(4), torch.zeros(4)) == 1.0


def test_masked_classes_count_as_impossible() -> None:
    logits = torch.tensor([[0.0, -math.inf, 0.0]])
    assert brier(logits, torch.tensor([0])).item() == pytest.approx(0.5)


def test_a_calibrated_model_is_not_called_miscalibrated(random: torch.Generator) -> None:
    """The estimate is biased upwards; its interval reaches down to the truth all the same."""
    hits = 0
    for seed in range(25):
        confidence = 0.5 + 0.5 * torch.rand(100, generator=random)
        right = torch.rand(100, generator=random) < confidence
        found = calibration_error_interval(confidence, right, seed=seed, num_resamples=100)
        assert found.value > 0
        hits += found.low <= 1e-12
    assert hits / 25 >= 0.85


def test_one_image_has_no_interval() -> None:
    assert math.isnan(calibration_error_interval(torch.tensor([0.7]), torch.tensor([True])).low)


def test_answers_about_one_image_are_no_images(random: torch.Generator) -> None:
    """Fifteen copies of each answer say no more than one: the bounds stay where they are."""
    confidence = 0.5 + 0.5 * torch.rand(60, generator=random)
    right = torch.rand(60, generator=random) < confidence - 0.2
    once = calibration_error_interval(confidence, right, seed=1)
    copied = calibration_error_interval(confidence[:, None].expand(60, 15), right[:, None].expand(60, 15), seed=1)
    assert copied.n == 60
    for name in ("value", "low", "high"):
        assert getattr(copied, name) == pytest.approx(getattr(once, name), abs=1e-9)


def test_all_right_leaves_room_for_what_was_not_seen() -> None:
    found = calibration_error_interval(torch.full((30,), 0.9999), torch.ones(30))
    assert found.low == 0
    assert found.high == pytest.approx(1e-4 + unseen(30), abs=1e-4)
