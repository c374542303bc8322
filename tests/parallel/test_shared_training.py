"""Two processes take the steps of one: gradients, running statistics, random numbers, decisions."""

from typing import Any

import pytest
import shared_training
import torch
from shared_training import NORMS, PENALTIES, TYPES, classifier, settings, stripes
from torch import Tensor
from two_processes import in_two_processes

from fsens_cli.errors import ConfigError
from fsens_cli.experiments.train import require_sharable, train
from fsens_cli.objectives.regularizers import RegularizerConfig
from fsens_cli.parallel.world import ALONE

# Both processes are started once, by the worker that runs all of these.
pytestmark = pytest.mark.xdist_group("two processes")

Answers = dict[str, Any]

# Of the largest entry of each parameter's gradient.
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@pytest.fixture(scope="module")
def one() -> Answers:
    return shared_training.all_questions(ALONE)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Answers]:
    """Started once for all tests of this file."""
    return in_two_processes(shared_training.all_questions, tmp_path_factory.mktemp("two"))


def joined(two: list[Answers], question: str, key: str) -> Tensor:
    """Put the parts of both processes together again."""
    parts = [answers[question][key] for answers in two]
    whole = parts[0].new_empty(sum(len(p) for p in parts), *parts[0].shape[1:])
    whole[0::2], whole[1::2] = parts
    return whole


def error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("norm", NORMS)
def test_a_step_of_two_is_a_step_of_one(norm: str, kind: str, penalty: str, one: Answers, two: list[Answers]) -> None:
    expected = one["every_step"][norm, kind, penalty]
    for answers in two:
        found = answers["every_step"][norm, kind, penalty]
        for name, gradient in expected["gradients"].items():
            assert error(found["gradients"][name], gradient) < TOLERANCE[kind], name
        for name, value in expected["buffers"].items():
            torch.testing.assert_close(found["buffers"][name], value, rtol=TOLERANCE[kind], atol=TOLERANCE[kind])
        assert found["sums"] == pytest.approx(expected["sums"], rel=TOLERANCE[kind])
    # Both black images lie with the second process, and the fraction takes in one of them.
    # Without a gradient there is no spectrum, but a size.
    skipped = 0 if penalty in ("none", "gradient-norm", "jafr") else 1 if "five" in penalty else 2
    assert expected["sums"]["num_skipped"] == skipped


def test_a_batch_without_any_gradient(one: Answers, two: list[Answers]) -> None:
    key = ("batch", "float64", "lsf", "all black")
    expected, found = one["every_step"][key], two[1]["every_step"][key]
    assert found["sums"] == pytest.approx(expected["sums"])
    assert expected["sums"]["num_skipped"] == 8
    for gradient in found["gradients"].values():
        assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("order", ["first", "second", "third", "batch norm, x"])
def test_derivatives_of_any_order(order: str, one: Answers, two: list[Answers]) -> None:
    assert error(joined(two, "third_derivatives", order), one["third_derivatives"][order]) < 1e-12


def test_derivative_with_respect_to_a_weight_of_its_own_gradient(one: Answers, two: list[Answers]) -> None:
    found, expected = (a["third_derivatives"]["batch norm, weight"] for a in (two[0], one))
    assert error(found, expected) < 1e-12


@pytest.mark.parametrize("adversary", ["none", "linf", "l2"])
def test_images_are_varied_as_by_one(adversary: str, one: Answers, two: list[Answers]) -> None:
    # The attack sees a smaller batch, which convolutions may add up in another order.
    torch.testing.assert_close(
        joined(two, "prepared_images", adversary), one["prepared_images"][adversary], rtol=0, atol=1e-6
    )


def test_a_whole_training(one: Answers, two: list[Answers]) -> None:
    expected = one["whole_training"]
    for answers in two:
        found = answers["whole_training"]
        for name, value in expected["weights"].items():
            torch.testing.assert_close(found["weights"][name], value, rtol=1e-4, atol=2e-6)
        for row, wanted in zip(found["history"], expected["history"], strict=True):
            assert row == pytest.approx(wanted, rel=1e-4)
    for name, value in two[0]["whole_training"]["weights"].items():
        assert torch.equal(two[1]["whole_training"]["weights"][name], value), name
    assert two[0]["whole_training"]["told"] == expected["told"]
    assert two[1]["whole_training"]["told"] == []


def test_all_stop_at_the_same_step_and_one_process_goes_on(one: Answers, two: list[Answers]) -> None:
    assert [a["interrupted_training"]["asked"] for a in two] == [6, 6]
    assert two[1]["interrupted_training"]["saved"] is None
    weights, optimizer_state, state = two[0]["interrupted_training"]["saved"]
    assert (state.epoch, state.step) == (1, 2)
    resumed = classifier("batch", seed=9)
    resumed.load_state_dict(weights)
    result = train(
        resumed, stripes(), settings(), shared_training.Notebook(), state=state, optimizer_state=optimizer_state
    )
    for name, value in one["whole_training"]["weights"].items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=1e-4, atol=2e-6)
    assert result.history[-1] == pytest.approx(one["whole_training"]["history"][-1], rel=1e-4)


def test_an_error_of_the_first_is_everyones(two: list[Answers]) -> None:
    assert [a["failing_training"] for a in two] == ["the disk is full"] * 2


def test_an_error_of_another_is_everyones(two: list[Answers]) -> None:
    assert [a["a_problem_of_one"] for a in two] == ["no pictures here"] * 2


@pytest.mark.parametrize(
    ("changes", "num_processes", "message"),
    [
        ({"batch_size": 16}, 3, "batch_size=16 is the batch of all processes together, and 3 processes"),
        ({"regularizer": RegularizerConfig(name="lsf", fraction=0.2)}, 4, "penalises 3 images a step.*at least 0.25"),
        ({"compile": True, "regularizer": RegularizerConfig()}, 2, "compile=true is for a single process"),
    ],
)
def test_refuses_what_processes_cannot_share(changes: dict[str, Any], num_processes: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        require_sharable(settings(**changes), num_processes)
    require_sharable(settings(**changes), 1)
