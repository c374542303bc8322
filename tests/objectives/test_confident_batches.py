"""The penalty of confident batches in single precision against double precision."""

import copy

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.objectives.fourier_penalty import fourier_penalty, prepare_penalty
from fsens_cli.objectives.regularizers import RegularizerConfig


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.GroupNorm(2, 16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip


def confident(median_margin: float) -> tuple[nn.Sequential, Tensor, Tensor]:
    """A network without batch statistics whose last layer is scaled to this median margin, and its own labels."""
    model = network()
    images = torch.rand(24, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        top = model(images).topk(2, dim=1)
        factor = median_margin / (top.values[:, 0] - top.values[:, 1]).median()
        model[-1].weight.mul_(factor)
        model[-1].bias.mul_(factor)
    return model, images, top.indices[:, 0]


def parameter_gradient(model: nn.Module, images: Tensor, labels: Tensor, name: str) -> tuple[Tensor, int]:
    pixels = images.clone().requires_grad_()
    prepared = prepare_penalty(RegularizerConfig(name=name), 16, 16, torch.device("cpu"))
    penalty = fourier_penalty(model(pixels), pixels, labels, prepared, std=torch.ones(1))
    grads = torch.autograd.grad(penalty.value, list(model.parameters()), allow_unused=True)
    flat = [torch.zeros_like(p) if g is None else g for g, p in zip(grads, model.parameters(), strict=True)]
    return torch.cat([g.flatten() for g in flat]).double(), int(penalty.num_skipped)


@pytest.mark.parametrize("name", ["lsf", "asf"])
@pytest.mark.parametrize("margin", [5.0, 10.0, 20.0, 60.0, 400.0])
def test_the_penaltys_gradient_is_that_of_double_precision(margin: float, name: str) -> None:
    model, images, labels = confident(margin)
    single, skipped = parameter_gradient(model, images, labels, name)
    double, _ = parameter_gradient(copy.deepcopy(model).double(), images.double(), labels, name)
    assert skipped == 0
    assert float((single - double).norm() / double.norm()) < 0.01


def test_no_confidence_leaves_an_image_out_and_a_masked_class_spoils_none() -> None:
    model, images, labels = confident(400.0)
    _, skipped = parameter_gradient(model, images, labels, "lsf")
    assert skipped == 0

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, pixels: Tensor) -> Tensor:
            return torch.cat([self.inner(pixels), torch.full((len(pixels), 1), -torch.inf)], dim=1)

    plain, _ = parameter_gradient(model, images, labels, "lsf")
    masked, skipped = parameter_gradient(Masked(), images, labels, "lsf")
    assert skipped == 0
    torch.testing.assert_close(masked, plain)
