"""mCE of an evaluation: AlexNet's own answers, who has none, and calibration over severities against plain loops."""

import math
from dataclasses import replace

import pytest
import torch

from fsens_cli.experiments.evaluate_calibration import calibration_rows
from fsens_cli.experiments.evaluate_corruption_error import IMAGENET_C, ROBUSTBENCH_SUITE, corruption_error
from fsens_cli.experiments.evaluate_settings import STANDARD
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.suite import Condition, Part
from fsens_cli.statistics.calibration import calibration, scores
from fsens_cli.statistics.corruption_error import ROBUSTBENCH, VALIDATION

NUM = 50_000


def part(kind: str, conditions: list[Condition], correct_NK: torch.Tensor) -> PartResult:
    n = len(correct_NK)
    asked = Part(name=conditions[0].probe, kind=kind, conditions=tuple(conditions), num_images=n)
    return PartResult(part=asked, index_N=torch.arange(n), label_N=torch.zeros(n).long(), correct_NK=correct_NK)


def answers(wrong: int, columns: int) -> torch.Tensor:
    """The first so many answers wrong, over the severities of one image after the other."""
    return (torch.arange(NUM * columns) >= wrong).reshape(columns, NUM).T


@pytest.fixture(scope="module")
def alexnet() -> tuple[PartResult, list[PartResult]]:
    clean = part("clean", [Condition(kind="clean", probe="clean")], answers(round(VALIDATION.clean * NUM), 1))
    corrupted = [
        part(
            "corruption",
            [Condition(kind="corruption", probe=name, severity=s) for s in range(1, 6)],
            answers(round(error * 5 * NUM), 5),
        )
        for name, error in VALIDATION.errors.items()
    ]
    return clean, corrupted


def test_alexnets_own_answers_are_exactly_100(alexnet: tuple[PartResult, list[PartResult]]) -> None:
    found = corruption_error(*alexnet, is_imagenet=True, image_size=IMAGENET_C, suite="full")
    assert found is not None
    assert found.mce is not None
    assert found.mce_N is not None
    assert found.relative_mce is not None
    assert 100 * found.mce.value == 100.0
    assert found.mce.low < 1 < found.mce.high
    assert float(found.mce_N.mean()) == pytest.approx(1, abs=1e-12)
    assert found.relative_mce.value == pytest.approx(1, abs=1e-12)
    assert found.mean_error.value == pytest.approx(0.78899, abs=5e-6)
    other = corruption_error(*alexnet, is_imagenet=True, image_size=IMAGENET_C, suite=ROBUSTBENCH_SUITE)
    assert other is not None
    assert other.mce is not None
    ratios = [VALIDATION.errors[name] / error for name, error in ROBUSTBENCH.errors.items()]
    assert other.mce.value == pytest.approx(sum(ratios) / 15, abs=1e-9)
    assert (found.reference, other.reference) == (VALIDATION.name, ROBUSTBENCH.name)


def test_other_images_have_the_plain_mean_alone(alexnet: tuple[PartResult, list[PartResult]]) -> None:
    clean, corrupted = alexnet
    few = [replace(p, correct_NK=p.correct_NK[:100]) for p in corrupted]
    for is_imagenet, size in ((False, IMAGENET_C), (True, (64, 64))):
        found = corruption_error(clean, few, is_imagenet=is_imagenet, image_size=size, suite="full")
        assert found is not None
        assert found.mce is None
    assert corruption_error(clean, few[1:], is_imagenet=True, image_size=IMAGENET_C, suite="full") is None
    assert {p.part.name for p in few} == set(STANDARD)


def test_each_severity_is_over_its_corruptions(random: torch.Generator) -> None:
    label = torch.randint(4, (30,), generator=random)
    logits = {(c, s): torch.randn(30, 4, generator=random) for c in ("fog", "frost") for s in (1, 5)}
    clean_logits = torch.randn(30, 4, generator=random)

    def scored(kind: str, conditions: list[Condition], columns: list[torch.Tensor]) -> PartResult:
        found = [scores(column, label) for column in columns]
        return replace(
            part(kind, conditions, torch.cat([f.right_NK for f in found], dim=1)),
            confidence_NK=torch.cat([f.confidence_NK for f in found], dim=1),
            loss_NK=torch.cat([f.loss_NK for f in found], dim=1),
            brier_NK=torch.cat([f.brier_NK for f in found], dim=1),
        )

    clean = scored("clean", [Condition(kind="clean", probe="clean")], [clean_logits])
    corrupted = [
        scored(
            "corruption",
            [Condition(kind="corruption", probe=c, severity=s) for s in (1, 5)],
            [logits[c, 1], logits[c, 5]],
        )
        for c in ("fog", "frost")
    ]
    rows = calibration_rows(clean, corrupted, seed=0)
    assert [(row.name, row.num_corruptions) for row in rows] == [("clean", 0), ("severity 1", 2), ("severity 5", 2)]
    pooled = calibration(scores(torch.cat([logits["fog", 5], logits["frost", 5]]), torch.cat([label, label])))
    assert rows[2].found.error.value == pytest.approx(pooled.error.value, abs=1e-9)
    assert rows[2].found.log_likelihood_loss.value == pytest.approx(pooled.log_likelihood_loss.value, abs=1e-9)
    assert rows[2].found.brier.value == pytest.approx(pooled.brier.value, abs=1e-9)
    assert rows[2].found.error.n == 30
    assert not math.isnan(rows[0].found.brier.low)
    kept_by_an_older_version = [replace(corrupted[0], confidence_NK=torch.zeros(0, 0))]
    assert calibration_rows(clean, kept_by_an_older_version, seed=0) == ()
