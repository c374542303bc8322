"""The blur in front: its transfer function, and what it does to gradients."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from fsens_cli.errors import ConfigError, ModelError
from fsens_cli.fourier.bases import fourier_power
from fsens_cli.fourier.bins import radius_grid
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.front_end import (
    GaussianBlur,
    HighPass,
    PrincipalComponents,
    RandomBlur,
    build_front_end,
    gaussian_kernel,
)
from fsens_cli.models.settings import FrontEndConfig
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


@pytest.mark.parametrize("sigma", [100.0, 1e9, 1e300])
def test_a_kernel_wider_than_the_image_is_refused_before_it_is_made(sigma: float) -> None:
    with pytest.raises(ModelError, match=r"pixels wide, more than the image's 8; give sigma up to 1\.2\.$"):
        GaussianBlur(sigma)(torch.zeros(1, 1, 8, 8))


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
    with pytest.raises(ModelError, match=r"frontend.sigma=4: the kernel is 21 pixels wide, more than the image's 8"):
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


def test_blur_is_the_padded_convolution(random: torch.Generator) -> None:
    images = torch.rand(2, 3, 20, 27, generator=random, dtype=torch.float64)
    kernel = gaussian_kernel(1.5)
    padded = nn.functional.pad(images, (4, 4, 4, 4), mode="circular")
    plane = torch.outer(kernel, kernel).expand(3, 1, -1, -1)
    torch.testing.assert_close(GaussianBlur(1.5)(images), nn.functional.conv2d(padded, plane, groups=3))


def test_high_pass_is_what_the_blur_leaves(random: torch.Generator) -> None:
    images = torch.rand(2, 3, 32, 32, generator=random, dtype=torch.float64)
    mean = images.mean(dim=(2, 3), keepdim=True)
    filtered = HighPass(1.5)(images)
    torch.testing.assert_close(filtered + GaussianBlur(1.5)(images), images + mean)
    torch.testing.assert_close(filtered.mean(dim=(2, 3), keepdim=True), mean)


def test_random_blur_draws_a_sigma_a_batch(random: torch.Generator) -> None:
    images = torch.rand(1, 3, 32, 32, generator=random)
    blur = RandomBlur(3.0, seed=4)
    drawn = [blur(images) for _ in range(6)]
    assert len({round(float(d.var()), 9) for d in drawn}) > 3
    blur.reseed(4)
    assert torch.equal(blur(images), drawn[0])
    strongest = GaussianBlur(3.0)(images)
    assert all(float(d.var()) >= float(strongest.var()) - 1e-9 for d in drawn)


class TestPrincipalComponents:
    @pytest.fixture
    def pictures(self, random: torch.Generator) -> torch.Tensor:
        """Pictures that vary along five directions, and a little along all."""
        directions = torch.randn(5, 3 * 8 * 8, generator=random)
        values = 128 + 12 * torch.randn(400, 5, generator=random) @ directions
        return values.clamp(0, 255).round().to(torch.uint8).reshape(400, 3, 8, 8)

    def test_projection_is_numpys(self, pictures: torch.Tensor) -> None:
        front_end = PrincipalComponents(5)
        front_end.fit(pictures)
        flat = pictures.flatten(1).double().numpy() / 255
        mean = flat.mean(axis=0)
        _, _, vectors = np.linalg.svd(flat - mean, full_matrices=False)
        expected = (flat - mean) @ vectors[:5].T @ vectors[:5] + mean
        found = front_end(pictures.float() / 255).flatten(1)
        np.testing.assert_allclose(found.numpy(), expected, atol=2e-5)

    def test_all_components_change_nothing(self, pictures: torch.Tensor) -> None:
        front_end = PrincipalComponents(192)
        front_end.fit(pictures)
        unit = pictures.float() / 255
        torch.testing.assert_close(front_end(unit), unit, atol=2e-5, rtol=0)

    def test_projecting_twice_is_projecting_once(self, pictures: torch.Tensor) -> None:
        front_end = PrincipalComponents(7)
        front_end.fit(pictures)
        once = front_end(pictures.float() / 255)
        torch.testing.assert_close(front_end(once), once, atol=2e-5, rtol=0)

    def test_more_components_than_numbers(self, pictures: torch.Tensor) -> None:
        with pytest.raises(ConfigError, match=r"components=193.*1\.\.192"):
            PrincipalComponents(193).fit(pictures)

    def test_other_images(self, pictures: torch.Tensor) -> None:
        front_end = PrincipalComponents(3)
        front_end.fit(pictures)
        with pytest.raises(ModelError, match="192"):
            front_end(torch.rand(1, 3, 9, 9))


@pytest.mark.parametrize("name", ["blur", "high-pass", "random-blur", "pca"])
def test_every_filter_can_be_built(name: str) -> None:
    assert build_front_end(FrontEndConfig(name=name)) is not None
