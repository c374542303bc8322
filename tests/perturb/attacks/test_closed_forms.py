"""Linear models: every attack against distances that are known on paper."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fsens_cli.perturb.attacks import minimal
from fsens_cli.perturb.attacks.attack import attack
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.minimal import minimal_perturbation
from fsens_cli.perturb.attacks.verify import size_of

Case = Callable[..., tuple[Any, torch.Tensor, torch.Tensor]]

MINIMAL = [
    ("deepfool", "linf", 1.0201),
    ("deepfool", "l2", 1.0201),
    ("ddn", "l2", 1.02),
    ("fmn", "l2", 1.005),
    ("fmn", "linf", 1.005),
    ("minimal", "l2", 1.002),
    ("minimal", "linf", 1.002),
]


@pytest.mark.parametrize("num_classes", [2, 6])
@pytest.mark.parametrize(("name", "norm", "worst"), MINIMAL)
def test_smallest_change_of_a_linear_model(affine: Case, name: str, norm: str, worst: float, num_classes: int) -> None:
    model, images, labels = affine(num_classes)
    exact = model.smallest(images, labels, norm)
    found = minimal_perturbation(model, images, labels, AttackConfig(name=name, norm=norm), generator=0)
    ratio = found.size_N / exact
    assert float(ratio.min()) >= 1 - 1e-9  # nothing is smaller than the smallest
    # DDN and FMN follow the rivals of largest probability or logit, of which the nearest need not be one.
    assert float(ratio.max()) <= (worst if num_classes == 2 or name in ("deepfool", "minimal") else 1.4)
    torch.testing.assert_close(size_of(found.adversarial_NCHW - images, norm), found.size_N)
    assert bool((model(found.adversarial_NCHW).argmax(dim=1) != labels).all())


@pytest.mark.parametrize(("name", "norm", "worst"), MINIMAL)
def test_smallest_change_towards_a_target(affine: Case, name: str, norm: str, worst: float) -> None:
    # With more classes the nearest point of a target may lie on an edge, further away than its own boundary.
    model, images, labels = affine(2)
    config = AttackConfig(name=name, norm=norm)
    found = minimal_perturbation(model, images, labels, config, generator=0, target_N=1 - labels)
    assert float((found.size_N / model.smallest(images, labels, norm)).max()) <= worst


# How far beyond the distance a radius must be: random search on 40 pixels does not find corners exactly.
FIXED = [
    ("fgsm", "linf", 1.001),
    ("fgsm", "l2", 1.001),
    ("pgd", "linf", 1.001),
    ("pgd", "l2", 1.01),
    ("apgd-ce", "linf", 1.001),
    ("apgd-ce", "l2", 1.001),
    ("square", "linf", 1.3),
    ("square", "l2", 2.0),
]


@pytest.mark.parametrize(("name", "norm", "beyond"), FIXED)
def test_finds_beyond_the_distance_and_never_within(affine: Case, name: str, norm: str, beyond: float) -> None:
    model, images, labels = affine(2)
    exact = model.smallest(images, labels, norm)
    steps = 400 if name == "square" else 0
    for n in range(3):
        for factor, expected in ((0.999, False), (beyond, True)):
            config = AttackConfig(name=name, norm=norm, eps=factor * float(exact[n]), steps=steps)
            one = slice(n, n + 1)
            found = attack(model, images[one], labels[one], config, generator=n)
            assert bool(found.found_N) is expected, (n, factor)
            assert not bool(found.rejected_N)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", ["apgd-dlr", "apgd-t", "cascade"])
def test_attacks_of_many_classes(affine: Case, name: str, norm: str) -> None:
    model, images, labels = affine(6)
    exact = model.smallest(images, labels, norm)
    for n in range(2):
        for factor, expected in ((0.999, False), (1.005, True)):
            config = AttackConfig(name=name, norm=norm, eps=factor * float(exact[n]), steps=40)
            one = slice(n, n + 1)
            assert bool(attack(model, images[one], labels[one], config, generator=n).found_N) is expected, (n, factor)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", ["fgsm", "pgd", "apgd-ce", "apgd-dlr", "square", "deepfool", "fmn", "minimal"])
def test_a_targeted_attack_reaches_its_target(affine: Case, name: str, norm: str) -> None:
    model, images, labels = affine(5)
    eps = 2.5 * float(model.distances(images, labels, norm).max())
    config = AttackConfig(name=name, norm=norm, eps=eps, steps=0 if name != "square" else 800)
    target = model(images).argmin(dim=1)
    found = attack(model, images, labels, config, generator=0, target_N=target)
    reached = model(found.adversarial_NCHW).argmax(dim=1) == target
    assert torch.equal(found.found_N, reached)
    # One step towards one class may pass another's boundary, and so may a search in steps of one class.
    assert float(reached.double().mean()) >= (0.5 if name in ("fgsm", "square") else 1.0)


def test_images_misclassified_clean_have_size_zero(affine: Case) -> None:
    model, images, labels = affine(4)
    labels = labels.clone()
    labels[3] = (labels[3] + 1) % 4
    for config in (AttackConfig(name="pgd", eps=1e-4), AttackConfig(name="minimal"), AttackConfig(name="none")):
        found = attack(model, images, labels, config, generator=0)
        assert bool(found.found_N[3])
        assert float(found.size_N[3]) == 0.0
        assert torch.equal(found.adversarial_NCHW[3], images[3])
        assert found.standing["clean"].tolist() == [n != 3 for n in range(12)]
    result = minimal_perturbation(model, images, labels, AttackConfig(name="minimal"), generator=0)
    assert result.winner_N[3] == "clean"
    assert set(result.winner_N[:3]) <= {"fmn", "deepfool"}


def test_a_search_that_finds_nothing_says_so(affine: Case) -> None:
    model, images, labels = affine(3)
    result = minimal_perturbation(model, images, labels, AttackConfig(name="fmn", steps=1), generator=0)
    assert bool(result.size_N.isinf().all())
    assert set(result.winner_N) == {""}
    assert torch.equal(result.adversarial_NCHW, images)
    assert result.accuracy([1.0]).tolist() == [1.0]


def test_restarts_of_a_search_keep_the_smallest(affine: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    model, images, labels = affine(2)
    exact = model.smallest(images, labels, "l2")
    nearest = minimal_perturbation(model, images, labels, AttackConfig(name="minimal", norm="l2"), generator=0)
    delta = (nearest.adversarial_NCHW - images) / nearest.size_N[:, None, None, None] * exact[:, None, None, None]
    factors = iter((1.4, 1.1, 1.3))
    lengths: list[torch.Tensor] = []

    def planned(
        model: Any, images: torch.Tensor, goal: Any, config: Any, start_NCHW: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        lengths.append(torch.zeros(len(images)) if start_NCHW is None else size_of(start_NCHW, "l2") / exact)
        return images + next(factors) * delta, torch.ones(len(images), dtype=torch.bool)

    monkeypatch.setitem(minimal.SEARCHES, "fmn", planned)
    config = AttackConfig(name="fmn", norm="l2", restarts=3)
    found = minimal_perturbation(model, images, labels, config, generator=0)
    torch.testing.assert_close(found.size_N, 1.1 * exact)
    # Random starts, no further than what is known already.
    assert float(lengths[0].max()) == 0
    assert 1.0 < float(lengths[1].max()) <= 1.4
    assert 0.5 < float(lengths[2].max()) <= 1.1
