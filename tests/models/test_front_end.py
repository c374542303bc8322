"""The blur in front: its transfer function, and what it does to gradients."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from fsens_cli.errors import ConfigError, ModelError
from fsens_cli.fourier.bases import fourier_power
from fsens_cli.fourier.bins import radius_grid
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.front_end import FrontEndConfig, GaussianBlur, build_front_end, gaussian_kernel
from fsens_cli.objectives.input_gradient import input_gradient


def transfer(sigma: float, height: int, width: int) -> torch.Tensor:
    impulse = torch.zeros(1, 1, height, width, dtype=torch.float64)
    impulse[..., 0, 0] = 1
    return torch.fft.fft2(GaussianBlur(sigma)(impulse))[0, 0]


@pytest.mark.parametrize("sigma", [0.3, 1.0, 1.5, 4.0])
def test_kernel(sigma: float) -> None:
    kernel = gaussian_kernel(sigma)
    half = math.ceil(2.5 * sigma)
    assert len(kernel) == 2 * half + 1
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-15)
    assert torch.equal(kernel, kernel.flip(0))
    assert float(kernel[half + 1] / kernel[half]) == pytest.approx(math.exp(-1 / (2 * sigma**2)), rel=1e-12)


@pytest.mark.parametrize(("sigma", "error"), [(1.0, 0.02), (1.5, 0.02), (2.0, 0.02), (3.0, 0.02)])
def test_transfer_function(sigma: float, error: float) -> None:
    found = transfer(sigma, 32, 32)
    expected = torch.exp(-2 * (math.pi * sigma * radius_grid(32, 32)) ** 2)
    assert float(found.imag.abs().max()) < 1e-12
    # The kernel ends at 2.5 sigma, where 1.2 % of the weight lies outside.
    assert float((found.real - expected).abs().max()) < error
    assert float(found.real[0, 0]) == pytest.approx(1, abs=1e-12)


def test_transfer_function_by_hand() -> None:
    # Symmetric kernel: H(f) = k0 + 2 sum k_j cos(2 pi f j), the product of both directions.
    kernel = gaussian_kernel(1.5)
    frequency = torch.fft.fftfreq(31, dtype=torch.float64)
    offset = torch.arange(1, 5, dtype=torch.float64)
    one = kernel[4] + 2 * (kernel[5:] * torch.cos(2 * torch.pi * frequency[:, None] * offset)).sum(dim=1)
    torch.testing.assert_close(transfer(1.5, 31, 31).real, one[:, None] * one[None, :], rtol=0, atol=1e-13)


def test_blur_is_circular_and_commutes_with_shifts() -> None:
    images = torch.rand(2, 3, 9, 14, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    blur = GaussianBlur(1.5)
    torch.testing.assert_close(blur(images.roll((3, -5), (2, 3))), blur(images).roll((3, -5), (2, 3)))
    torch.testing.assert_close(blur(images).mean(dim=(2, 3)), images.mean(dim=(2, 3)))
    assert blur(images).shape == images.shape


def test_channels_do_not_mix() -> None:
    images = torch.zeros(1, 3, 8, 8)
    images[:, 1] = torch.rand(8, 8, generator=torch.Generator().manual_seed(0))
    blurred = GaussianBlur(1.0)(images)
    assert float(blurred[:, [0, 2]].abs().max()) == 0
    assert float(blurred[:, 1].abs().min()) > 0


def test_gradient_through_the_blur_has_the_squared_transfer_function(smooth: Callable[..., nn.Module]) -> None:
    images = torch.rand(3, 3, 12, 17, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    labels = torch.tensor([0, 1, 2])
    network, blur = smooth().double(), GaussianBlur(1.2)
    # The same point for the network: the blurred image, once as its own input and once behind the blur.
    _, inside, _ = input_gradient(network, blur(images), labels)
    classifier = Classifier(network, name="net", num_classes=4, front_end=blur)
    _, outside, _ = input_gradient(classifier, images, labels)
    squared = transfer(1.2, 12, 17).abs().square()[:, : 17 // 2 + 1]
    for channel in range(3):
        expected = fourier_power(inside[:, channel]) * squared
        torch.testing.assert_close(fourier_power(outside[:, channel]), expected, rtol=1e-8, atol=1e-18)


def test_kernel_wider_than_the_image() -> None:
    with pytest.raises(ModelError, match=r"frontend.sigma=4.0: the kernel reaches 10 pixels, further than 8x8"):
        GaussianBlur(4.0)(torch.rand(1, 3, 8, 8))


def test_configured_front_ends() -> None:
    assert build_front_end(FrontEndConfig()) is None
    blur = build_front_end(FrontEndConfig(name="blur", sigma=2.0))
    assert isinstance(blur, GaussianBlur)
    assert blur.sigma == 2.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "blurr"}, "frontend=blurr is not known"),
        ({"name": "blur", "sigma": 0.0}, r"frontend.sigma=0.0 must be positive"),
        ({"name": "blur", "sigma": float("nan")}, r"frontend.sigma=nan must be positive"),
    ],
)
def test_refuses(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FrontEndConfig(**settings)  # type: ignore[arg-type]
