"""Robustness that is not there: outputs that are no numbers, gradients that are zero, losses that underflow."""

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.evaluate import evaluate
from fsens_cli.experiments.evaluate_settings import EvaluateConfig, SuiteConfig
from fsens_cli.perturb.attacks.attack import attack
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.minimal import minimal_perturbation
from fsens_cli.perturb.attacks.pgd import training_adversary


class Linear(nn.Module):
    """Two classes by the sum of the pixels, so that what PGD reaches is known on paper."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, images: Tensor) -> Tensor:
        score = (images - 0.5).flatten(1).mean(dim=1)
        return self.scale * torch.stack([-score, score], dim=1)


class NaNOffTheGrid(Linear):
    def forward(self, images: Tensor) -> Tensor:
        off = ((255 * images - (255 * images).round()).abs() > 1e-3).flatten(1).any(dim=1)
        return torch.where(off[:, None], torch.nan, super().forward(images))


def images_and_labels(count: int = 60) -> tuple[Tensor, Tensor]:
    """Images whose mean lies between .4 and .6, on the grid of 8 bits."""
    means = torch.linspace(0.4, 0.6, count).reshape(-1, 1, 1, 1)
    noise = 0.1 * torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    pixels = (255 * (means + noise - noise.mean(dim=(1, 2, 3), keepdim=True))).round() / 255
    return pixels, (pixels.flatten(1).mean(dim=1) > 0.5).long()


def as_set(pixels: Tensor, labels: Tensor) -> ImageSet:
    return ImageSet(
        images_NCHW=(255 * pixels).round().to(torch.uint8),
        label_N=labels,
        index_N=torch.arange(len(labels)),
        class_names=("dark", "bright"),
        title="made",
        split="test",
    )


@pytest.mark.parametrize("name", ["pgd", "fgsm", "apgd-ce", "square"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_model_without_an_answer_is_not_robust_there_and_is_counted(name: str, norm: str) -> None:
    pixels, labels = images_and_labels()
    config = AttackConfig(name=name, norm=norm, eps=0.03 if norm == "linf" else 0.3, steps=10)
    plain = attack(Linear(), pixels, labels, config, generator=0)
    tricked = attack(NaNOffTheGrid(), pixels, labels, config, generator=0)
    assert 0 < int(plain.found_N.sum()) < len(labels)
    assert not bool(plain.undecided_N.any())
    assert bool((tricked.found_N | ~plain.found_N).all()), "what falls without the trick falls with it"
    assert bool((tricked.found_N == tricked.undecided_N)[~plain.found_N].all())
    assert int(tricked.undecided_N.sum()) > 0


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_smallest_changes_end_where_the_answers_end(norm: str) -> None:
    pixels, labels = images_and_labels(12)
    found = minimal_perturbation(
        NaNOffTheGrid(), pixels, labels, AttackConfig(name="minimal", norm=norm, steps=20), generator=0
    )
    assert bool(found.size_N.isfinite().all())
    assert bool(found.undecided_N.all())


def test_an_evaluation_says_so_in_its_result() -> None:
    suite = SuiteConfig(
        corruptions=[], filters=[], noises=[], shuffles=[], attacks=["pgd"], norms=["linf"], eps_linf=[0.03],
        minimal=False, heat_map=False, attack_images=60,
    )  # fmt: skip
    pixels, labels = images_and_labels()
    honest = evaluate(Linear(), as_set(pixels, labels), EvaluateConfig(suite=suite))
    tricked = evaluate(NaNOffTheGrid(), as_set(pixels, labels), EvaluateConfig(suite=suite))
    (attacked,) = [p for p in tricked.parts.values() if p.part.kind == "attack"]
    (expected,) = [p for p in honest.parts.values() if p.part.kind == "attack"]
    assert 0 < float(expected.correct_NK.double().mean()) < 1
    assert not bool(attacked.correct_NK.any())
    assert any("of 60 images the model's output was not a number" in warning for warning in tricked.warnings)
    assert not any("not a number" in warning for warning in honest.warnings)


class RoundedWhereBright(Linear):
    def forward(self, images: Tensor) -> Tensor:
        bright = images.flatten(1).mean(dim=1) > 0.5
        rounded = (255 * images).round() / 255
        return super().forward(torch.where(bright[:, None, None, None], rounded, images))


@pytest.mark.parametrize("bright_first", [True, False])
def test_zero_gradients_are_counted_over_all_attacked_images(bright_first: bool) -> None:
    pixels, labels = images_and_labels()
    order = labels.argsort(descending=bright_first, stable=True)
    suite = SuiteConfig(
        corruptions=[], filters=[], noises=[], shuffles=[], attacks=["pgd"], norms=["linf"], eps_linf=[0.01],
        minimal=False, heat_map=False, attack_images=60,
    )  # fmt: skip
    found = evaluate(RoundedWhereBright(), as_set(pixels[order], labels[order]), EvaluateConfig(suite=suite))
    said = f"the input gradient is zero or not a number on {int(labels.sum())} of 60 images"
    assert any(said in warning for warning in found.warnings), found.warnings


def test_masked_classes_are_legal_in_every_attack() -> None:
    class Masked(Linear):
        def forward(self, images: Tensor) -> Tensor:
            logits = super().forward(images)
            return torch.cat([logits, torch.full_like(logits, -torch.inf)], dim=1)

    pixels, labels = images_and_labels(20)
    for name in ("pgd", "apgd-ce", "square", "deepfool", "cascade"):
        config = AttackConfig(name=name, norm="linf", eps=0.03, steps=10)
        masked = attack(Masked(), pixels, labels, config, generator=0)
        plain = attack(Linear(), pixels, labels, config, generator=0)
        assert masked.found_N.tolist() == plain.found_N.tolist(), name
        assert not bool(masked.undecided_N.any())


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0, 1000.0])
def test_the_training_adversary_fools_as_many_however_large_the_logits(scale: float) -> None:
    pixels, labels = images_and_labels()
    model = Linear()
    with torch.no_grad():
        model.scale.fill_(scale * 100)
    moved = training_adversary(
        model, pixels, labels, norm="linf", eps=0.03, step_size=0.01, num_steps=5, start_NCHW=torch.zeros_like(pixels)
    )
    fooled = (model(moved).argmax(dim=1) != labels).sum()
    # The mean moves by eps at most: those within it fall, whatever the scale.
    expected = ((pixels.flatten(1).mean(dim=1) - 0.5).abs() < 0.03 - 1e-6).sum()
    assert int(fooled) == int(expected)
