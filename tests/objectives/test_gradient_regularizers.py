"""Gradient size and Jacobian frequency against their definitions written out in double, and what they refuse."""

import math

import pytest
import torch
from torch import Tensor, nn

import fsens_cli
from fsens_cli.errors import ConfigError, ModelError
from fsens_cli.objectives.gradient_penalties import GradientNormPenalty, JacobianFrequencyPenalty
from fsens_cli.objectives.gradient_regularizers import FLOOR, jacobian_frequency
from fsens_cli.objectives.penalty import FourierPenalty, InputGradientPenalty

SIDE = 8


def network(activation: type[nn.Module] = nn.SiLU) -> nn.Sequential:
    torch.manual_seed(0)
    # Batch norm couples the images, so that each one's gradient holds a part of the others' losses.
    parts = [nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), activation(), nn.Conv2d(4, 4, 3, stride=2)]
    return nn.Sequential(*parts, activation(), nn.Flatten(), nn.Linear(36, 3)).double()


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(5, 2, SIDE, SIDE, generator=generator, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1])


def input_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """By PyTorch's own derivatives, of the sum of the losses: each image has the gradient of its own."""
    pixels = images.clone().requires_grad_()
    loss = nn.functional.cross_entropy(model(pixels), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, pixels, create_graph=True)
    return gradient


def l1(gradient: Tensor) -> Tensor:
    return torch.stack([0.1 * sum(v.abs() for v in each.flatten()) for each in gradient]).sum() / len(gradient)


def l2(gradient: Tensor) -> Tensor:
    return torch.stack([sum(v * v for v in each.flatten()) / 2 for each in gradient]).sum() / len(gradient)


def written_out(gradient: Tensor) -> Tensor:
    """The published formula with products and loops, the amplitude divided by its mean."""
    amplitude = torch.fft.fft2(gradient).abs().mean(dim=(0, 1))
    rows, columns = gradient.shape[-2] // 2 + 1, gradient.shape[-1] // 2 + 1
    quadrant = amplitude[:rows, :columns]
    floored = quadrant / quadrant.detach().mean() + FLOOR
    total = torch.zeros((), dtype=gradient.dtype)
    for u in range(rows):
        product = torch.ones((), dtype=gradient.dtype)
        for v in range(columns):
            product = product * floored[u, v] ** (1 - 2 * v / (columns - 1) + FLOOR)
        total = total + product
    for v in range(columns):
        product = torch.ones((), dtype=gradient.dtype)
        for u in range(rows):
            product = product * floored[u, v] ** (1 - 2 * u / (rows - 1) + FLOOR)
        total = total + product
    return total.log()


CASES = {
    "l1": (GradientNormPenalty("l1", weight=0.7, eps=0.1), lambda g: 0.7 * l1(g)),
    "l2": (GradientNormPenalty("l2", weight=0.7), lambda g: 0.7 * l2(g)),
    "low": (JacobianFrequencyPenalty(weight=0.3), lambda g: -0.3 * written_out(g)),
    "high": (JacobianFrequencyPenalty("high", weight=0.3), lambda g: 0.3 * written_out(g)),
    "normalised by the loop": (
        GradientNormPenalty("l1", weight=1, eps=0.1, std=[0.5, 0.25]),
        lambda g: l1(g / torch.tensor([0.5, 0.25]).reshape(1, 2, 1, 1)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_parameter_gradient_are_those_of_the_definition_written_out(case: str) -> None:
    penalty, definition = CASES[case]
    model, (images, labels) = network(), batch()
    value = penalty(model, images, labels)
    expected = definition(input_gradient(model, images, labels))
    assert float(value.detach()) == pytest.approx(float(expected.detach()), rel=1e-9)
    ours = torch.autograd.grad(value, list(model.parameters()), allow_unused=True)
    theirs = torch.autograd.grad(expected, list(model.parameters()), allow_unused=True)
    for mine, other in zip(ours, theirs, strict=True):
        if other is not None:
            torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-9)


def test_l1_is_the_rise_of_the_loss_under_the_worst_small_perturbation() -> None:
    model, (images, labels) = network().eval(), batch()
    eps = 1e-5
    gradient = input_gradient(model, images, labels).detach()
    rise = nn.functional.cross_entropy(model(images + eps * gradient.sign()), labels) - nn.functional.cross_entropy(
        model(images), labels
    )
    penalty = GradientNormPenalty(weight=1, eps=eps)(model, images, labels)
    assert float(penalty.detach()) == pytest.approx(float(rise.detach()), rel=1e-3)


def test_white_noise_and_one_over_f_give_the_known_values_at_any_scale() -> None:
    white = torch.randn(128, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    frequency = torch.fft.fftfreq(32, 1 / 32)
    radius = (frequency[:, None] ** 2 + frequency**2).sqrt().clamp_min(1)

    def bias(gradient: Tensor) -> float:
        return float(jacobian_frequency(torch.fft.fft2(gradient).abs().mean(dim=(0, 1))))

    pink = torch.fft.ifft2(torch.fft.fft2(white) / radius).real
    assert bias(white) == pytest.approx(3.5, abs=0.1)
    assert bias(pink) == pytest.approx(9.8, abs=0.1)
    assert bias(1e-9 * pink) == pytest.approx(bias(pink), rel=1e-9)


class PickyRest(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.silu(images.mean(dim=(1, 2, 3)))[:, None] * torch.arange(3.0)


class Picky(PickyRest):
    """The first image has no gradient, the second an infinite one."""

    def forward(self, images: Tensor) -> Tensor:
        scale = torch.tensor([0.0, math.inf, 1.0, 1.0, 1.0], dtype=torch.float64)
        return super().forward(images * scale[:, None, None, None])


def test_an_image_without_a_gradient_counts_for_the_size_and_one_that_is_not_finite_does_not() -> None:
    images, labels = batch()
    penalty = GradientNormPenalty("l2", weight=1)
    value = float(penalty(Picky(), images, labels).detach())
    assert penalty.last is not None
    assert int(penalty.last.num_skipped) == 1
    rest = l2(input_gradient(nn.Sequential(PickyRest()), images[2:], labels[2:]))
    assert value == pytest.approx(3 * float(rest.detach()) / 4)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU, nn.Hardtanh])
def test_networks_of_piecewise_linear_activations_alone_are_refused(activation: type[nn.Module]) -> None:
    images, labels = batch()
    with pytest.raises(ModelError, match=rf"{activation.__name__} alone: give model\.kwargs\.activation=silu"):
        GradientNormPenalty()(network(activation), images, labels)
    # Double backpropagation of frequencies has nothing against them.
    assert math.isfinite(float(JacobianFrequencyPenalty()(network(activation), images, labels).detach()))


def test_the_calls_activations_are_seen_as_functions_too() -> None:
    class Functional(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1)[:, :3].relu()

    with pytest.raises(ModelError, match="has ReLU alone"):
        GradientNormPenalty()(Functional(), *batch())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FourierPenalty("jafr"), "regularizer=jafr is not known"),
        (lambda: GradientNormPenalty("l3"), "regularizer.norm=l3"),
        (lambda: GradientNormPenalty(eps=0), "eps=0 must lie"),
        (lambda: GradientNormPenalty(weight=-1), "weight=-1 must not be negative"),
        (lambda: JacobianFrequencyPenalty("mid"), "regularizer.bias=mid"),
    ],
)
def test_what_makes_no_sense_is_refused(make: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()  # type: ignore[operator]


def test_public_names_show_what_they_are() -> None:
    assert isinstance(fsens_cli.GradientNormPenalty(), InputGradientPenalty)
    assert repr(fsens_cli.JacobianFrequencyPenalty("high")) == "JacobianFrequencyPenalty('high', weight=0.001)"
