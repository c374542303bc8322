"""A filter as a defence: closed forms of a linear model behind a blur, and checks that find a defence that is none."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.data.images import ImageSet, to_unit
from fsens_cli.errors import ConfigError
from fsens_cli.experiments.defense import defend, with_front_end
from fsens_cli.experiments.defense_checks import Check, Subject, run_checks
from fsens_cli.experiments.defense_settings import CheckConfig, DefenseConfig
from fsens_cli.experiments.evaluate_settings import AttackEffort, SuiteConfig
from fsens_cli.experiments.evaluate_shared import NothingKept
from fsens_cli.fourier.perturbation import energy_by_radius, exact_radii, half_power_frequency, perturbation_power
from fsens_cli.models.classifier import Classifier, as_classifier
from fsens_cli.models.front_end import GaussianBlur, RandomBlur
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.minimal import minimal_perturbation

SUITE = SuiteConfig(
    corruptions=["contrast"],
    severities=[3],
    filters=[],
    shuffles=[],
    noises=[],
    attacks=["pgd"],
    eps_linf=[0.01],
    eps_l2=[0.3],
    attack_images=8,
    heat_map=False,
)


class Kept:
    """Pieces in memory."""

    def __init__(self) -> None:
        self.parts = NothingKept()
        self.pieces: dict[str, Any] = {}

    def load_piece(self, name: str) -> Any | None:
        return self.pieces.get(name)

    def save_piece(self, name: str, content: Any) -> None:
        self.pieces[name] = content


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return load_dualband(DualbandConfig(test_size=30), "test")


@pytest.fixture(scope="module")
def network(images: ImageSet) -> Classifier:
    """An untrained network whose answers are spread over the classes."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2), nn.Tanh(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 10)
    )
    with torch.no_grad():
        net[-1].bias -= net(to_unit(images.images_NCHW)).mean(dim=0)
    return as_classifier(net)


class TwoClasses(nn.Module):
    """Logits (<w, x> - b, -<w, x> + b)."""

    def __init__(self, weight_CHW: Tensor, bias: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight_CHW)
        self.bias = bias

    def forward(self, images: Tensor) -> Tensor:
        score = (images * self.weight).flatten(1).sum(dim=1) - self.bias
        return torch.stack([score, -score], dim=1)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_minimal_perturbation_of_a_linear_model_behind_a_blur(sigma: float, random: torch.Generator) -> None:
    """The smallest L2 change is along the blurred weights: f_0.5 = .1325 / sigma, and its length is known."""
    weight = torch.randn(1, 64, 64, generator=random)
    images = 0.5 + 0.02 * torch.randn(3, 1, 64, 64, generator=random)
    model = with_front_end(as_classifier(TwoClasses(weight, float(0.5 * weight.sum()))), GaussianBlur(sigma))
    label = model(images).argmax(dim=1).detach()
    config = AttackConfig(name="minimal", norm="l2", steps=30)
    result = minimal_perturbation(model, images, label, config, generator=0)
    behind = GaussianBlur(sigma)(weight[None])[0]
    score = (images * behind).flatten(1).sum(dim=1) - 0.5 * weight.sum()
    expected = (score.abs() / behind.norm()).detach()
    torch.testing.assert_close(result.size_N.float(), expected, rtol=0.01, atol=1e-6)
    radius_K, _ = exact_radii(64, 64)
    energy = energy_by_radius(perturbation_power(result.adversarial_NCHW - images), (64, 64))
    found = float(half_power_frequency(energy.sum(dim=0), radius_K))
    # One draw of weights has about 60 random cells below that radius at sigma 2.
    assert found == pytest.approx(0.1325 / sigma, rel=0.12)


def test_blur_multiplies_the_gradients_power(network: Classifier, images: ImageSet) -> None:
    """Chain rule: the spectrum of the input gradient behind a blur is |H|^2 times that at the network's own input."""
    blur = GaussianBlur(1.5)
    unit = to_unit(images.images_NCHW[:4]).double()
    double = with_front_end(network, None).double()
    seen = blur(unit).requires_grad_()
    (at_network,) = torch.autograd.grad(double(seen).square().sum(), seen)
    outside = unit.clone().requires_grad_()
    (at_image,) = torch.autograd.grad(with_front_end(double, blur).double()(outside).square().sum(), outside)
    network.float()
    impulse = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    impulse[..., 0, 0] = 1
    transfer = torch.fft.fft2(blur(impulse)).abs().square()
    expected = torch.fft.fft2(at_network).abs().square() * transfer
    torch.testing.assert_close(torch.fft.fft2(at_image).abs().square(), expected, rtol=1e-9, atol=1e-12)


def subject(model: nn.Module, images: ImageSet, eps: float, white: Tensor | None = None) -> Subject:
    unit = to_unit(images.images_NCHW)
    with torch.no_grad():
        label = model(unit).argmax(dim=1)
    standing = torch.zeros(len(unit), dtype=torch.bool) if white is None else white
    return Subject(
        model=model, images_NCHW=unit, label_N=label, eps_linf=eps, eps_l2=1.0, white_linf=standing, white_l2=standing
    )


def by_name(checks: list[Check]) -> dict[str, bool]:
    return {c.name: c.passed for c in checks}


def test_an_honest_model_passes(network: Classifier, images: ImageSet) -> None:
    found = run_checks(subject(network, images, 0.02), CheckConfig(queries=20), seed=0, undefended=None, low_pass=None)
    assert by_name(found) == {
        "unbounded budget": True,
        "more steps": True,
        "random starts": True,
        "black-box attack": True,
    }


def test_masked_gradients_are_found(network: Classifier, images: ImageSet) -> None:
    """Rounding the image hides the gradient and defends against nothing: the list must say so."""

    class Rounded(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return network((batch * 16).round() / 16)

    masked = Rounded()
    everything_stands = torch.ones(len(images), dtype=torch.bool)
    found = by_name(
        run_checks(
            subject(masked, images, 0.1, everything_stands),
            CheckConfig(queries=100),
            seed=0,
            undefended=network,
            low_pass=GaussianBlur(1.0),
        )
    )
    assert not found["unbounded budget"]
    assert not found["transfer"]
    assert not found["black-box attack"]


def test_defend(network: Classifier, images: ImageSet) -> None:
    config = DefenseConfig(
        suite=SUITE,
        attack=AttackEffort(steps=3, minimal_steps=10),
        sigmas=[0, 1.5],
        pairings=1,
        checks=CheckConfig(images=6, steps=3, queries=10, starts=2),
    )
    with torch.no_grad():
        images = replace(images, label_N=network(to_unit(images.images_NCHW)).argmax(dim=1))
    recorder = Kept()
    plain = defend(network, images, config, recorder, strength=0.0, undefended=None)
    assert plain.label == "none"
    assert set(recorder.pieces) == {"preference", "checks"}
    assert len(plain.checks) == 4
    blurred = with_front_end(network, GaussianBlur(1.5))
    row = defend(blurred, images, config, Kept(), strength=1.5, undefended=network)
    assert row.label == "blur 1.5"
    assert {c.name for c in row.checks} >= {"transfer", "attack in the low-pass basis"}
    assert row.preference.centroid.value < plain.preference.centroid.value
    recorder.pieces["preference"]["f_rev"] = 0.123
    again = defend(network, images, config, recorder, strength=0.0, undefended=None)
    assert again.preference.f_rev == 0.123
    assert again.checks == plain.checks


def test_with_front_end_shares_the_network(network: Classifier) -> None:
    other = with_front_end(network, RandomBlur(2.0))
    assert other.module is network.module
    assert isinstance(network.front_end, nn.Identity)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sigmas": [-1.0]}, "negative"),
        ({"sigmas": [math.inf]}, "negative"),
        ({"mode": "trained", "controls": [0.0]}, "positive"),
        ({"controls": [0.5]}, "mode=trained"),
        ({"sigmas": [1.0, 1.0]}, "once"),
        ({"mode": "both"}, "test_time"),
        ({"defense": "pca"}, "components"),
        ({"defense": "sharpen"}, "high-pass"),
        ({"mode": "test_time", "runs": ["a"]}, "mode=trained"),
    ],
)
def test_bad_settings(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        DefenseConfig(**settings)
