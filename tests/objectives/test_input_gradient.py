"""Input gradients: against autograd, against paper and pencil, and at confidences where softmax gives up."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.objectives.input_gradient import input_gradient, loss_cotangent, target_cotangent, target_value


def logits_and_labels(random: torch.Generator, num_images: int = 6, num_classes: int = 5) -> tuple[Tensor, Tensor]:
    logits = 3 * torch.randn(num_images, num_classes, generator=random, dtype=torch.float64)
    return logits, torch.randint(num_classes, (num_images,), generator=random)


@pytest.mark.parametrize("num_classes", [2, 5, 1000])
def test_loss_cotangent_is_autograd_s(num_classes: int, random: torch.Generator) -> None:
    logits, labels = logits_and_labels(random, num_classes=num_classes)
    logits.requires_grad_()
    (expected,) = torch.autograd.grad(nn.functional.cross_entropy(logits, labels, reduction="sum"), logits)
    cotangent, log_factor = loss_cotangent(logits.detach(), labels)
    torch.testing.assert_close(cotangent * log_factor.exp()[:, None], expected, rtol=1e-11, atol=1e-16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", [30.0, 200.0, 2000.0])
def test_loss_cotangent_of_a_confident_sample(margin: float, dtype: torch.dtype) -> None:
    # Rivals at 0 and -2: the direction is (-(1 + e^-2), 1, e^-2) at any margin.
    logits = torch.tensor([[margin, 0.0, -2.0]], dtype=dtype)
    cotangent, log_factor = loss_cotangent(logits, torch.tensor([0]))
    rival = math.exp(-2)
    assert cotangent[0].tolist() == pytest.approx([-(1 + rival), 1.0, rival], rel=2e-7 if dtype == torch.float32 else 0)
    assert float(log_factor) == pytest.approx(-margin - math.log1p((1 + rival) * math.exp(-margin)), rel=1e-7)


def test_loss_cotangent_of_a_confidently_wrong_sample() -> None:
    logits = torch.tensor([[0.0, 500.0, 498.0]], dtype=torch.float64)
    cotangent, log_factor = loss_cotangent(logits, torch.tensor([0]))
    rival = math.exp(-2)
    true = [-1.0, 1 / (1 + rival), rival / (1 + rival)]
    assert (cotangent * log_factor.exp())[0].tolist() == pytest.approx(true, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_handled_in_single(dtype: torch.dtype) -> None:
    logits = torch.tensor([[40.0, 0.0, 1.0]], dtype=dtype)
    cotangent, log_factor = loss_cotangent(logits, torch.tensor([0]))
    assert cotangent.dtype == log_factor.dtype == torch.float32
    assert cotangent[0].tolist() == pytest.approx([-1 - math.exp(-1), math.exp(-1), 1.0], rel=1e-6)


@pytest.mark.parametrize(("target", "expected"), [("logit", [0.0, 1.0, 0.0, 0.0]), ("margin", [0.0, 1.0, 0.0, -1.0])])
def test_cotangent_of_logit_and_margin(target: str, expected: list[float]) -> None:
    logits = torch.tensor([[1.0, 5.0, -2.0, 3.0]])
    cotangent, log_factor = target_cotangent(logits, torch.tensor([1]), target)
    assert cotangent[0].tolist() == expected
    assert log_factor.tolist() == [0.0]


def test_values_of_the_targets() -> None:
    logits = torch.tensor([[1.0, 5.0, -2.0, 3.0]], dtype=torch.float64)
    label = torch.tensor([1])
    loss = math.log(sum(math.exp(z - 5) for z in (1, 5, -2, 3)))
    assert float(target_value(logits, label, "loss")) == pytest.approx(loss, rel=1e-14)
    assert float(target_value(logits, label, "logit")) == 5.0
    assert float(target_value(logits, label, "margin")) == 2.0


@pytest.mark.parametrize("margin", [40.0, 200.0, 700.0])
def test_loss_of_a_confident_sample_keeps_its_digits(margin: float) -> None:
    logits = torch.tensor([[margin, 0.0, 0.0]], dtype=torch.float64)
    # log(1 + 2 e^-m) is 2 e^-m to first order.
    value = float(target_value(logits, torch.tensor([0]), "loss"))
    assert value == pytest.approx(2 * math.exp(-margin), rel=1e-12, abs=0)


@pytest.mark.parametrize("target", ["loss", "logit", "margin"])
def test_gradient_against_finite_differences(
    target: str, smooth: Callable[..., nn.Module], random: torch.Generator
) -> None:
    model = smooth().double()
    images = torch.rand(3, 3, 6, 7, generator=random, dtype=torch.float64)
    labels = torch.tensor([0, 3, 1])
    _, grad, log_factor = input_gradient(model, images, labels, target)
    true = grad * log_factor.exp()[:, None, None, None]
    direction = torch.randn(3, 6, 7, generator=random, dtype=torch.float64)
    step = 1e-6  # error of order step^2, rounding of order 1e-16 / step
    with torch.no_grad():
        plus, minus = (target_value(model(images + s * direction), labels, target) for s in (step, -step))
    slope = (true * direction).sum(dim=(1, 2, 3))
    torch.testing.assert_close((plus - minus) / (2 * step), slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("target", ["loss", "logit", "margin"])
def test_gradient_is_autograd_s(target: str, smooth: Callable[..., nn.Module], random: torch.Generator) -> None:
    model = smooth().double()
    images = torch.rand(3, 3, 6, 7, generator=random, dtype=torch.float64)
    labels = torch.tensor([2, 2, 0])
    logits, grad, log_factor = input_gradient(model, images, labels, target)
    leaf = images.clone().requires_grad_()
    (expected,) = torch.autograd.grad(target_value(model(leaf), labels, target).sum(), leaf)
    torch.testing.assert_close(grad * log_factor.exp()[:, None, None, None], expected, rtol=1e-9, atol=1e-15)
    torch.testing.assert_close(logits, model(images).detach())


def test_gradient_leaves_nothing_behind(smooth: Callable[..., nn.Module], random: torch.Generator) -> None:
    model = smooth()
    images = torch.rand(2, 3, 8, 8, generator=random)
    with torch.no_grad():
        logits, grad, _ = input_gradient(model, images, torch.tensor([0, 1]))
    assert images.grad is None
    assert not images.requires_grad
    assert not logits.requires_grad
    assert not grad.requires_grad
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    "forward",
    [lambda x: torch.ones(len(x), 3), lambda x: torch.ones(len(x), 3, requires_grad=True) * 2],
    ids=["without a graph", "with a graph that does not reach the image"],
)
def test_output_that_does_not_depend_on_the_image_has_zero_gradient(forward: Callable[[Tensor], Tensor]) -> None:
    _, grad, _ = input_gradient(forward, torch.rand(2, 1, 4, 4), torch.tensor([0, 1]))
    assert grad.shape == (2, 1, 4, 4)
    assert float(grad.abs().max()) == 0


@pytest.mark.parametrize(("labels", "bad"), [([0, 4, 1], 4), ([-1, 0, 1], -1)])
def test_label_outside_the_classes(labels: list[int], bad: int, smooth: Callable[..., nn.Module]) -> None:
    with pytest.raises(DataError, match=rf"labels must lie in 0\.\.3 for this model, got {bad}"):
        input_gradient(smooth(), torch.rand(3, 3, 8, 8), torch.tensor(labels))


def test_one_output_has_no_rival(smooth: Callable[..., nn.Module]) -> None:
    with pytest.raises(ModelError, match="one output"):
        input_gradient(smooth(num_classes=1), torch.rand(2, 3, 8, 8), torch.tensor([0, 0]))


def test_unknown_target() -> None:
    with pytest.raises(ConfigError, match="target=entropy is not known; target can be loss, logit, margin"):
        target_cotangent(torch.zeros(1, 2), torch.tensor([0]), "entropy")
