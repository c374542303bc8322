"""The attacks against foolbox, an independent implementation, on the packaged network."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.perturb.attacks.attack import attack
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.minimal import minimal_perturbation
from fsens_cli.perturb.attacks.verify import size_of

Load = Callable[[int], tuple[nn.Module, Tensor, Tensor]]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    foolbox = pytest.importorskip("foolbox")


def run_foolbox(
    oracle: Any, model: nn.Module, images: Tensor, labels: Tensor, eps: float | None
) -> tuple[Tensor, Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        points, _, found = oracle(
            foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), images, labels, epsilons=eps
        )
    return points, found


RADII = {"linf": 5 / 255, "l2": 0.8}
FULL = pytest.mark.slow


@pytest.mark.parametrize(("num_images", "steps"), [(24, 10), pytest.param(200, 40, marks=FULL)])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_pgd_and_apgd_are_not_weaker_than_pgd(packaged: Load, norm: str, num_images: int, steps: int) -> None:
    model, images, labels = packaged(num_images)
    eps = RADII[norm]
    kind = "LinfProjectedGradientDescentAttack" if norm == "linf" else "L2ProjectedGradientDescentAttack"
    oracle = getattr(foolbox.attacks, kind)(abs_stepsize=2.5 * eps / steps, steps=steps)
    _, theirs = run_foolbox(oracle, model, images, labels, eps)
    assert 0.1 < float(theirs.double().mean()) < 0.9, "the radius must separate"
    for name in ("pgd", "apgd-ce"):
        ours = attack(model, images, labels, AttackConfig(name=name, norm=norm, eps=eps, steps=steps), generator=0)
        # A point, but at least the one image whose random start decides.
        assert int(ours.found_N.sum()) >= int(theirs.sum()) - max(1, num_images // 100)


def mended_l2_fmn(steps: int) -> Any:
    """foolbox 3.3.4 divides a norm by itself where L2FMNAttack projects, so its ball holds nothing back."""

    class Mended(foolbox.attacks.L2FMNAttack):  # type: ignore[misc, name-defined]
        def project(self, x: Any, x0: Any, epsilon: Any) -> Any:
            delta = (x - x0).raw
            factor = (epsilon.raw / delta.flatten(1).norm(dim=1).clamp_min(1e-12)).clamp_max(1.0)
            return x0 + type(x)(delta * factor[:, None, None, None])

    return Mended(steps=steps)


ORACLES: dict[tuple[str, str], Callable[[int], Any]] = {
    ("deepfool", "linf"): lambda steps: foolbox.attacks.LinfDeepFoolAttack(steps=50, candidates=10),
    ("deepfool", "l2"): lambda steps: foolbox.attacks.L2DeepFoolAttack(steps=50, candidates=10),
    ("ddn", "l2"): lambda steps: foolbox.attacks.DDNAttack(steps=steps),
    ("fmn", "linf"): lambda steps: foolbox.attacks.LInfFMNAttack(steps=steps),
    ("fmn", "l2"): lambda steps: mended_l2_fmn(steps),
}


@pytest.mark.parametrize(("num_images", "steps"), [(12, 25), pytest.param(100, 100, marks=FULL)])
@pytest.mark.parametrize(("name", "norm"), ORACLES)
def test_smallest_changes_are_as_small(packaged: Load, name: str, norm: str, num_images: int, steps: int) -> None:
    model, images, labels = packaged(num_images)
    points, found = run_foolbox(ORACLES[name, norm](steps), model, images, labels, None)
    theirs = size_of(points - images, norm).masked_fill(~found, math.inf)
    config = AttackConfig(name=name, norm=norm, steps=50 if name == "deepfool" else steps)
    ours = minimal_perturbation(model, images, labels, config, generator=0)
    assert bool(found.all())
    assert float(ours.size_N.median()) <= 1.03 * float(theirs.median())
