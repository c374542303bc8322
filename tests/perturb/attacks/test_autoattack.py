"""AutoAttack: its stages and settings, what it does with few classes, what it counts, and what it warns of."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from fsens_cli.errors import ConfigError
from fsens_cli.experiments.evaluate_attacks import cascade_notes
from fsens_cli.experiments.part_result import StageRow
from fsens_cli.perturb.attacks import attack as attack_module
from fsens_cli.perturb.attacks.attack import attack, attack_stage, open_attack
from fsens_cli.perturb.attacks.cascades import stages_of
from fsens_cli.perturb.attacks.config import NUM_RIVALS, AttackConfig

Case = Callable[..., tuple[Any, Tensor, Tensor]]


def test_the_published_order_and_settings() -> None:
    stages = stages_of(AttackConfig(name="autoattack"), 10)
    assert [(s.name, s.num_steps, s.restarts, s.eot) for s in stages] == [
        ("apgd-ce", 100, 1, 1),
        ("apgd-t", 100, 1, 1),
        ("fab-t", 100, 1, 1),
        ("square", 5000, 1, 1),
    ]
    assert NUM_RIVALS == 9
    random = stages_of(AttackConfig(name="autoattack-rand"), 10)
    assert [(s.name, s.num_steps, s.eot) for s in random] == [("apgd-ce", 100, 20), ("apgd-dlr", 100, 20)]


@pytest.mark.parametrize(
    ("num_classes", "names"),
    [(2, ["apgd-ce", "fab-t", "square"]), (3, ["apgd-ce", "apgd-dlr", "fab-t", "square"])],
)
def test_few_classes_fall_back_by_name(num_classes: int, names: list[str]) -> None:
    assert [s.name for s in stages_of(AttackConfig(name="autoattack"), num_classes)] == names
    (note,) = cascade_notes("autoattack", num_classes, (), 10)
    assert f"apgd-t needs 4 classes, the model has {num_classes}" in note
    assert cascade_notes("autoattack", 4, (), 10) == ()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_of_a_linear_model_those_stand_whose_boundary_is_outside(
    affine: Case, norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images, labels = affine(6)
    exact = model.smallest(images, labels, norm)
    eps = float(exact.median())
    # A linear model hides nothing from gradients: the search that takes none has nothing to add, but takes its time.
    monkeypatch.setitem(attack_module.SINGLE, "square", lambda _, x, *__: (x, torch.zeros(len(x), dtype=torch.bool)))
    result = attack(model, images, labels, AttackConfig(name="autoattack", norm=norm, eps=eps), generator=0)
    clear = (exact / eps - 1).abs() > 0.005
    assert torch.equal(result.found_N[clear], (exact < eps)[clear])
    assert list(result.standing) == list(result.costs) == ["clean", "apgd-ce", "apgd-t", "fab-t", "square"]


def test_only_standing_images_are_passed_on_and_passes_are_counted(affine: Case) -> None:
    model, images, labels = affine(6)
    exact = model.smallest(images, labels, "l2")
    eps = float(exact.median())
    result = attack(model, images, labels, AttackConfig(name="cascade", eps=eps, norm="l2", steps=5), generator=0)
    left = {name: int(standing.sum()) for name, standing in result.standing.items()}
    costs = result.costs
    assert costs["clean"].queries == len(images)
    assert costs["pgd"].num_images == left["clean"]
    assert costs["apgd-ce"].num_images == left["pgd"]
    assert costs["apgd-ce"].gradients <= 5 * left["pgd"]
    assert costs["apgd-ce"].gradients < costs["apgd-ce"].queries <= 6 * left["pgd"]
    assert costs["apgd-t"].gradients <= 5 * 5 * left["apgd-ce"]


def test_stage_by_stage_a_cascade_finds_the_same(affine: Case) -> None:
    model, images, labels = affine(6)
    eps = float(model.smallest(images, labels, "linf").median())
    config = AttackConfig(name="cascade", eps=eps, steps=5)
    whole = attack(model, images, labels, config, generator=3)
    logits, marks, opened = open_attack(model, images, labels, config)
    costs = {"clean": opened}
    for stage in stages_of(config, 6):
        marks, costs[stage.name] = attack_stage(model, images, labels, config, stage, marks, logits, generator=3)
        assert torch.equal(~marks.found_N, whole.standing[stage.name])
    counted = [(c.num_images, c.steps, c.queries, c.gradients) for c in costs.values()]
    assert counted == [(c.num_images, c.steps, c.queries, c.gradients) for c in whole.costs.values()]
    assert torch.equal(marks.dead_N, whole.dead_N)
    assert torch.equal(marks.rejected_N, whole.rejected_N)


def test_a_search_without_gradients_that_wins_is_suspicious() -> None:
    def row(name: str, standing: int) -> StageRow:
        return StageRow(name=name, num_standing=standing, steps=1, queries=1, gradients=1, seconds=0.1)

    assert cascade_notes("fab-t", 10, (row("clean", 60), row("fab-t", 50)), 100) == ()
    (note,) = cascade_notes("autoattack", 10, (row("fab-t", 50), row("square", 49)), 100)
    assert "won 1 of 100 images" in note
    assert cascade_notes("autoattack", 10, (row("fab-t", 50), row("square", 49)), 1000) == ()


def test_the_protocol_is_not_to_be_changed() -> None:
    with pytest.raises(ConfigError, match="attack=autoattack is a protocol"):
        AttackConfig(name="autoattack", steps=10)
