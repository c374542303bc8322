"""Models whose smallest adversarial change is known on paper, and the packaged network for the oracles."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.data.images import to_unit
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import find_weights


class Affine(nn.Module):
    """Logits W x + b: the distance to each class boundary is |margin| / ||w_l - w_y||_q."""

    def __init__(self, num_classes: int, shape: tuple[int, int, int] = (2, 5, 4), seed: int = 0) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        size = shape[0] * shape[1] * shape[2]
        self.weight = nn.Parameter(torch.randn(num_classes, size, generator=random, dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(num_classes, dtype=torch.float64))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.T + self.bias

    def distances(self, images: Tensor, labels: Tensor, norm: str) -> Tensor:
        """The smallest change that reaches each class, (N, L); 0 for the label itself."""
        with torch.no_grad():
            logits = self(images)
            margin = logits.gather(1, labels[:, None]) - logits
            across = self.weight[None] - self.weight[labels][:, None]
            dual = across.abs().sum(dim=2) if norm == "linf" else across.norm(dim=2)
            return margin / dual.clamp_min(1e-30)

    def smallest(self, images: Tensor, labels: Tensor, norm: str) -> Tensor:
        return self.distances(images, labels, norm).scatter(1, labels[:, None], torch.inf).amin(dim=1)


def affine_case(num_classes: int, num_images: int = 12) -> tuple[Affine, Tensor, Tensor]:
    """A linear model and images far from 0 and 1, each with the class that the model gives it, a step away from others.

    DDN begins at a length of 1 and takes 5 % off a step, so it cannot come near in 100 steps to what is very small.
    """
    model = Affine(num_classes)
    random = torch.Generator().manual_seed(5)
    images = (0.5 + 0.1 * torch.randn(40 * num_images, 2, 5, 4, generator=random, dtype=torch.float64)).clamp(0.2, 0.8)
    with torch.no_grad():
        model.bias -= model(torch.full_like(images[:1], 0.5)).squeeze(0)
        labels = model(images).argmax(dim=1)
    distance = model.smallest(images, labels, "l2")
    rows = ((distance > 0.05) & (distance < 0.3)).nonzero().squeeze(1)[:num_images]
    assert len(rows) == num_images
    return model, images[rows], labels[rows]


@pytest.fixture
def affine() -> Callable[..., tuple[Affine, Tensor, Tensor]]:
    return affine_case


@pytest.fixture
def curved(smooth: Callable[..., nn.Module]) -> tuple[nn.Module, Tensor, Tensor]:
    """A small curved network in double precision, and images with the classes that it gives them."""
    model = smooth(3, 5).double().eval()
    images = 0.1 + 0.8 * torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        # Not all one class, and not all far from the boundary.
        model.head.bias -= model(images).mean(dim=0) / 5  # type: ignore[union-attr, operator]
        labels = model(images).argmax(dim=1)
    return model, images, labels


@pytest.fixture(scope="session")
def packaged() -> Callable[[int], tuple[nn.Module, Tensor, Tensor]]:
    """The packaged standard network in evaluation mode, and test images of its data set."""

    def load(num_images: int) -> tuple[nn.Module, Tensor, Tensor]:
        data = load_dualband(DualbandConfig(train_size=10, test_size=max(num_images, 10)), "test")
        weights = find_weights("packaged:standard", model="resnet8", data="dualband")
        model = build_classifier(
            ModelConfig(name="resnet8"),
            weights,
            num_classes=10,
            shape=ImageShape(3, 32, 32),
            seed=0,
            front_end=FrontEndConfig(),
        )
        return model.eval(), to_unit(data.images_NCHW)[:num_images], data.label_N[:num_images]

    return load
