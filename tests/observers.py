"""Observers whose thresholds are known on paper: arg-max of inner products with orthonormal templates.

Accuracy in white noise of standard deviation s is the integral of phi(z - A/s) Phi(z)^(K-1) for templates of norm 1 and
images of A times their template.
"""

from collections.abc import Sequence

import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet


def detectability(num_classes: int, accuracy: float) -> float:
    """Return d at which the best of ``num_classes`` equal alternatives is found with this chance."""

    def chance(d: float) -> float:
        return float(quad(lambda z: norm.pdf(z - d) * norm.cdf(z) ** (num_classes - 1), -8, 8 + d)[0])

    return float(brentq(lambda d: chance(d) - accuracy, 0.0, 20.0))


def templates(cells_BHF: Tensor, shares: Sequence[float], num_classes: int, *, seed: int = 0) -> Tensor:
    """Return templates (K, H, W) of norm 1 with these shares of energy, orthogonal inside every band too."""
    generator = torch.Generator().manual_seed(seed)
    size = cells_BHF.shape[1]
    total = torch.zeros(num_classes, size, size, dtype=torch.float64)
    for cells_HF, share in zip(cells_BHF, shares, strict=True):
        white = torch.randn(num_classes, size, size, generator=generator, dtype=torch.float64)
        inside = torch.fft.irfft2(torch.fft.rfft2(white) * cells_HF, s=(size, size)).flatten(1)
        basis, _ = torch.linalg.qr(inside.T)
        total += share**0.5 * basis.T.reshape(num_classes, size, size)
    return total


class Matcher(nn.Module):
    """Logits are inner products of the image, less gray, with the templates; channels are averaged."""

    def __init__(self, templates_KHW: Tensor) -> None:
        super().__init__()
        self.templates = nn.Parameter(templates_KHW.float())

    def forward(self, images: Tensor) -> Tensor:
        return (images.mean(dim=1) - 128 / 255).flatten(1) @ self.templates.flatten(1).T


def pictures_of(templates_KHW: Tensor, amplitude: float, num_images: int) -> ImageSet:
    """Return pictures of gray and ``amplitude`` times the template of their class, one channel, 8 bits."""
    label_N = torch.arange(num_images) % len(templates_KHW)
    level = (128 + 255 * amplitude * templates_KHW).round()
    assert torch.equal(level, level.clamp(0, 255)), "the picture must fit 8 bits"
    return ImageSet(
        images_NCHW=level.to(torch.uint8)[label_N][:, None],
        label_N=label_N,
        index_N=torch.arange(num_images),
        class_names=tuple(f"template {k}" for k in range(len(templates_KHW))),
        title="templates",
        split="test",
    )
