"""Measuring: closed forms from end to end, what it refuses, and that it leaves the model alone."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.measure_result import MeasureResult
from fsens_cli.experiments.measure_settings import CONVENTIONS, MeasureConfig
from fsens_cli.fourier.bases import Basis, dct_basis, fourier_basis, fourier_power
from fsens_cli.fourier.sensitivity import sensitivity_share
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.front_end import GaussianBlur

Build = Callable[..., nn.Module]


def images_of(num_images: int, *shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(num_images, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def run(
    model: nn.Module, images: Tensor, labels: Tensor | None = None, batch: int = 8, **settings: object
) -> MeasureResult:
    labels = torch.arange(len(images)) % 2 if labels is None else labels
    batches = zip(images.split(batch), labels.split(batch), strict=True)
    return measure(model, batches, MeasureConfig(**settings))  # type: ignore[arg-type]


def numpy_shares(weight_HW: Tensor) -> np.ndarray:
    power = np.abs(np.fft.fft2(weight_HW.double().numpy())) ** 2
    height, width = power.shape
    f_y, f_x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    radius = np.maximum(np.floor(min(height, width) * np.hypot(f_y, f_x) + 0.5 + 1e-9).astype(int), 1)
    radius[0, 0] = 0
    energy = np.bincount(radius.ravel(), power.ravel())
    energy[0] = 0
    return energy / energy.sum()


@pytest.mark.parametrize("target", ["loss", "logit", "margin"])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (31, 31), (13, 20), (20, 13)])
def test_linear_model_has_the_spectrum_of_its_weights(target: str, height: int, width: int, linear: Build) -> None:
    weight = torch.randn(3, height, width, generator=torch.Generator().manual_seed(5), dtype=torch.float64) / 10
    result = run(linear(weight), images_of(6, 3, height, width, dtype=torch.float64), target=target)
    expected = numpy_shares(weight.mean(dim=0))
    for share in result.per_image.share_NK.numpy():
        np.testing.assert_allclose(share, expected, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(result.spectrum.mean_K.numpy(), expected, rtol=1e-9, atol=1e-14)
    # Six images that are all alike leave room for others: no interval has no width.
    assert bool((result.spectrum.high_K > result.spectrum.mean_K).all())
    assert bool((result.spectrum.low_K[1:] < result.spectrum.mean_K[1:]).all())


def test_linear_model_in_single_precision(linear: Build) -> None:
    weight = torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(6)) / 10
    result = run(linear(weight), images_of(4, 1, 32, 32))
    np.testing.assert_allclose(result.per_image.share_NK[0].numpy(), numpy_shares(weight[0]), rtol=1e-5, atol=1e-8)


def test_gradient_norm_of_a_linear_model(linear: Build) -> None:
    weight = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(7), dtype=torch.float64) / 10
    images = images_of(5, 3, 12, 12, dtype=torch.float64)
    model, labels = linear(weight), torch.tensor([0, 1, 0, 1, 1])
    norm = float(weight.norm())
    assert run(model, images, labels, target="logit").per_image.gradient_norm_N.tolist() == pytest.approx([norm] * 5)
    assert run(model, images, labels, target="margin").per_image.gradient_norm_N.tolist() == pytest.approx(
        [2 * norm] * 5
    )
    # Cross-entropy of logits (s, -s): slope 2 (1 - p) on s, p the probability of the label.
    wrong = 1 - torch.softmax(model(images), dim=1).gather(1, labels[:, None]).squeeze(1)
    loss = run(model, images, labels)
    assert loss.per_image.gradient_norm_N.tolist() == pytest.approx((2 * norm * wrong).tolist())
    expected = nn.functional.cross_entropy(model(images), labels, reduction="none")
    assert loss.per_image.value_N.tolist() == pytest.approx(expected.tolist())


def test_model_that_listens_to_one_wave(linear: Build) -> None:
    x = torch.arange(32.0)
    wave = torch.cos(2 * torch.pi * (5 * x[:, None] + 12 * x[None, :]) / 32).expand(3, 32, 32) / 100
    result = run(linear(wave.clone()), images_of(4, 3, 32, 32))
    assert result.peak_bin == 13
    assert float(result.spectrum.mean_K[13]) == pytest.approx(1, abs=1e-6)
    assert result.band_share("high") == pytest.approx(1, abs=1e-6)
    assert result.centroid.value == pytest.approx(13, abs=1e-4)
    # Half of the power at (5, 12), half at (-5, -12); frequency 0 is in the middle.
    power = result.power_map_HW
    assert float(power[16 + 5, 16 + 12]) == pytest.approx(0.5, abs=1e-6)
    assert float(power[16 - 5, 16 - 12]) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (9, 14), (14, 9)])
@pytest.mark.parametrize("channels", ["mean", "power"])
def test_map_and_spectrum_tell_the_same(height: int, width: int, channels: str, smooth: Build) -> None:
    result = run(smooth(), images_of(6, 3, height, width), channels=channels, bands=[1, 2])
    assert float(result.power_map_HW.sum()) == pytest.approx(1, abs=1e-5)
    assert float(result.power_map_HW[height // 2, width // 2]) == 0
    back = torch.fft.ifftshift(result.power_map_HW)
    half = back[:, : width // 2 + 1]
    summed = torch.zeros(result.bins.num_bins, dtype=torch.float64).index_add(
        0, result.bins.index_HF.flatten(), (half * result.bins.weight_HF).flatten()
    )
    torch.testing.assert_close(summed, result.spectrum.mean_K, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("basis", ["fourier", "dct", "haar"])
def test_batch_size_does_not_change_results(basis: str, smooth: Build) -> None:
    images, labels = images_of(64, 3, 16, 16), torch.arange(64) % 4
    once = run(smooth(), images, labels, batch=64, basis=basis)
    for batch in (16, 1, 23):
        other = run(smooth(), images, labels, batch=batch, basis=basis)
        torch.testing.assert_close(other.per_image.share_NK, once.per_image.share_NK, rtol=2e-3, atol=2e-6)
        torch.testing.assert_close(other.power_map_HW, once.power_map_HW, rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(
            other.per_image.gradient_norm_N, once.per_image.gradient_norm_N, rtol=1e-4, atol=1e-9
        )
        assert other.per_image.index_N.tolist() == list(range(64))
        assert other.centroid.value == pytest.approx(once.centroid.value, rel=1e-5)


def test_same_input_same_result(smooth: Build) -> None:
    images = images_of(8, 3, 12, 12)
    first, second = run(smooth(), images), run(smooth(), images)
    assert torch.equal(first.per_image.share_NK, second.per_image.share_NK)
    assert torch.equal(first.spectrum.low_K, second.spectrum.low_K)
    assert first.bands == second.bands
    assert first.self_check == second.self_check


@pytest.mark.parametrize(
    ("channels", "height", "width"), [(1, 32, 32), (3, 31, 31), (3, 17, 40), (1, 40, 17), (4, 12, 12)]
)
def test_sizes_and_channels(channels: int, height: int, width: int, smooth: Build) -> None:
    model = smooth(channels)
    images = images_of(4, channels, height, width)
    result = run(model, images, torch.tensor([0, 1, 2, 3]))
    leaf = images.clone().requires_grad_()
    nn.functional.cross_entropy(model(leaf), torch.tensor([0, 1, 2, 3]), reduction="sum").backward()
    assert leaf.grad is not None
    expected = sensitivity_share(leaf.grad, fourier_basis(height, width)).double()
    torch.testing.assert_close(result.per_image.share_NK, expected, rtol=1e-3, atol=1e-6)
    assert result.power_map_HW.shape == (height, width)
    assert result.self_check.relative_error is not None
    assert result.self_check.relative_error < 1e-3


def test_normalized_space_is_the_gradient_times_std(smooth: Build) -> None:
    std = [0.1, 0.4, 0.9]
    images, labels = images_of(4, 3, 16, 16), torch.tensor([0, 1, 2, 3])
    network = smooth()
    classifier = Classifier(network, name="net", num_classes=4, mean=[0.5, 0.4, 0.3], std=std)
    normalised = (images - torch.tensor([0.5, 0.4, 0.3]).reshape(1, 3, 1, 1)) / torch.tensor(std).reshape(1, 3, 1, 1)
    leaf = normalised.clone().requires_grad_()
    nn.functional.cross_entropy(network(leaf), labels, reduction="sum").backward()
    assert leaf.grad is not None
    result = run(classifier, images, labels, space="normalized")
    expected = sensitivity_share(leaf.grad, fourier_basis(16, 16)).double()
    torch.testing.assert_close(result.per_image.share_NK, expected, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(
        result.per_image.gradient_norm_N, leaf.grad.flatten(1).norm(dim=1).double(), rtol=1e-4, atol=0
    )
    pixel = run(classifier, images, labels, space="pixel").per_image.share_NK
    assert float((pixel - expected).abs().max()) > 0.01


def test_one_std_for_all_channels_changes_the_norm_alone(smooth: Build) -> None:
    classifier = Classifier(smooth(), name="net", num_classes=4, mean=[0.5], std=[0.25])
    images = images_of(4, 3, 16, 16)
    pixel, normalised = (run(classifier, images, space=s).per_image for s in ("pixel", "normalized"))
    torch.testing.assert_close(pixel.share_NK, normalised.share_NK, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(pixel.gradient_norm_N, 4 * normalised.gradient_norm_N, rtol=1e-5, atol=0)


def test_channels_of_opposite_sign(linear: Build) -> None:
    x = torch.arange(32.0, dtype=torch.float64)
    low, high = (torch.cos(2 * torch.pi * k * x / 32).expand(32, 32) / 100 for k in (3, 14))
    model = linear(torch.stack([low + high, -low + high]))
    images = images_of(3, 2, 32, 32, dtype=torch.float64)
    assert run(model, images, channels="mean").band_share("high") == pytest.approx(1, abs=1e-9)
    power = run(model, images, channels="power")
    assert power.band_share("low") == pytest.approx(0.5, abs=1e-9)
    assert power.band_share("high") == pytest.approx(0.5, abs=1e-9)


def test_gradient_that_cancels_over_channels_counts_as_zero(linear: Build) -> None:
    wave = torch.cos(torch.arange(16.0)).expand(16, 16) / 10
    model = linear(torch.stack([wave, -wave]))
    with pytest.raises(DataError, match="or the same in every pixel, on all 3 images"):
        run(model, images_of(3, 2, 16, 16), channels="mean")


class DeadOnDark(nn.Module):
    """Ignores every image whose first pixel is below one half."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        return self.inner(images) * (images[:, :1, 0, 0] > 0.5)


def test_images_without_gradient_are_counted_and_left_out(smooth: Build) -> None:
    images = images_of(6, 3, 16, 16)
    images[:, 0, 0, 0] = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    mixed = run(DeadOnDark(smooth()), images, labels)
    assert mixed.num_zero_gradient == 3
    assert mixed.num_images == 6
    assert mixed.per_image.has_gradient_N.tolist() == [True, False, True, False, False, True]
    alive = torch.tensor([0, 2, 5])
    alone = run(DeadOnDark(smooth()), images[alive], labels[alive])
    torch.testing.assert_close(mixed.spectrum.mean_K, alone.spectrum.mean_K, rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(mixed.power_map_HW, alone.power_map_HW, rtol=1e-5, atol=1e-9)
    assert [b.share.n for b in mixed.bands] == [3, 3, 3]
    assert mixed.accuracy.n == 6
    assert mixed.per_image.gradient_norm_N[1] == 0


class Constant(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return torch.ones(len(images), 2)


@pytest.mark.parametrize("model", [Constant()])
def test_model_that_ignores_its_input(model: nn.Module) -> None:
    with pytest.raises(DataError, match="or the same in every pixel, on all 4 images"):
        run(model, images_of(4, 3, 8, 8))


class SquareRoot(nn.Module):
    """Has an infinite slope where the brightest pixel is 0."""

    def forward(self, images: Tensor) -> Tensor:
        root = images.flatten(1).amax(dim=1).sqrt()
        return torch.stack([root + images[:, 0, 3, 3], -root], dim=1)


@pytest.mark.parametrize("batch", [2, 8])
def test_non_finite_gradient_names_the_image(batch: int) -> None:
    images = images_of(6, 1, 8, 8)
    images[4] = 0
    with pytest.raises(ModelError, match="gradient of image 4 is not finite"):
        run(SquareRoot(), images, batch=batch)


def test_non_finite_gradient_names_the_image_of_the_data_set() -> None:
    images = images_of(6, 1, 8, 8)
    images[4] = 0
    batches = zip(images.split(2), torch.zeros(6, dtype=torch.long).split(2), strict=True)
    with pytest.raises(ModelError, match="gradient of image 104 is not finite"):
        measure(SquareRoot(), batches, index_N=torch.arange(100, 106))


class Brightness(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        mean = images.mean(dim=(1, 2, 3))
        return torch.stack([mean, -mean], dim=1)


@pytest.mark.parametrize("side", [16, 31])
def test_model_that_sees_brightness_alone_has_no_spectrum(side: int) -> None:
    # All of its gradient is the constant; what rounding leaves elsewhere is no sensitivity.
    with pytest.raises(DataError, match="or the same in every pixel, on all 4 images"):
        run(Brightness(), images_of(4, 3, side, side))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.full((2, 3, 8, 8), 1.5), torch.tensor([0, 1]), r"must lie in \[0, 1\], got 1.5 to 1.5: divide by 255"),
        (torch.full((2, 3, 8, 8), -0.1), torch.tensor([0, 1]), r"must lie in \[0, 1\], got -0.1"),
        (torch.full((2, 3, 8, 8), math.nan), torch.tensor([0, 1]), r"must lie in \[0, 1\], got nan"),
        (torch.ones(2, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]), "must be floating point.*torch.uint8"),
        (torch.rand(2, 8, 8), torch.tensor([0, 1]), r"of shape \(N, C, H, W\), got torch.float32 of shape \(2, 8, 8\)"),
        (torch.rand(2, 3, 8, 8), torch.tensor([0]), "2 images and 1 labels"),
        (torch.rand(2, 3, 8, 8), torch.tensor([0, 4]), r"labels must lie in 0\.\.3 for this model, got 4"),
        (torch.rand(2, 3, 8, 8), torch.tensor([-1, 3]), r"labels must lie in 0\.\.3 for this model, got -1"),
        (torch.rand(2, 3, 8, 8), torch.tensor([[0.0], [1.0]]), r"labels must be integers of shape \(N,\)"),
        (torch.rand(2, 3, 8, 8), torch.tensor([0.0, 1.0]), r"labels must be integers of shape \(N,\)"),
        (torch.rand(2, 3, 8, 8), torch.eye(4)[:2].long(), r"labels must be integers of shape \(N,\)"),
    ],
)
def test_refuses_batches(images: Tensor, labels: Tensor, message: str, smooth: Build) -> None:
    with pytest.raises(DataError, match=message):
        measure(smooth(), [(images, labels)])


def test_refuses_unequal_sizes(smooth: Build) -> None:
    batches = [(images_of(2, 3, 8, 8), torch.tensor([0, 1])), (images_of(2, 3, 8, 9), torch.tensor([0, 1]))]
    with pytest.raises(DataError, match=r"images of \(3, 8, 8\) and \(3, 8, 9\) in one measurement"):
        measure(smooth(), batches)


@pytest.mark.parametrize("batches", [[], [(torch.rand(0, 3, 8, 8), torch.zeros(0, dtype=torch.long))]])
def test_refuses_to_measure_nothing(batches: list[tuple[Tensor, Tensor]], smooth: Build) -> None:
    with pytest.raises(DataError, match="there are no images to measure"):
        measure(smooth(), batches)


def test_refuses_bands_before_the_model_runs() -> None:
    class Untouchable(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise AssertionError("the model was called")

    with pytest.raises(ConfigError, match=r"bands=\[5,6\]"):
        run(Untouchable(), images_of(2, 3, 8, 8), bands=[5, 6])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "los"}, "target=los is not known; target can be loss, logit, margin"),
        ({"space": "lab"}, "space=lab"),
        ({"channels": "max"}, "channels=max"),
        ({"basis": "sine"}, "basis=sine"),
        ({"bands": [5]}, r"bands=\[5\]: give \[LAST_LOW,LAST_MID\]"),
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"seed": -1}, "seed=-1 must lie in 0.."),
    ],
)
def test_refuses_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MeasureConfig(**settings)  # type: ignore[arg-type]


def test_leaves_the_model_as_it_was() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.LazyLinear(2))
    model(torch.rand(2, 3, 8, 8))
    model.train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    model[4].weight.grad = torch.full_like(model[4].weight, 7.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    flags = [(m.training) for m in model.modules()]
    required = [p.requires_grad for p in model.parameters()]
    images = images_of(4, 3, 8, 8)
    kept = images.clone()
    run(model, images)
    assert [m.training for m in model.modules()] == flags
    assert [p.requires_grad for p in model.parameters()] == required
    assert torch.equal(model[4].weight.grad, torch.full_like(model[4].weight, 7.0))
    assert [p.grad is None for p in model.parameters()] == [True, True, True, True, False, True]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(images, kept)
    assert not images.requires_grad
    assert not model[0]._forward_hooks


def test_leaves_the_model_as_it_was_after_an_error(smooth: Build) -> None:
    model = smooth().train()
    with pytest.raises(DataError):
        run(model, torch.full((2, 3, 8, 8), 2.0))
    assert all(m.training for m in model.modules())
    assert all(p.requires_grad for p in model.parameters())


def test_measures_in_evaluation_mode() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 36, 2))
    images = images_of(4, 3, 8, 8)
    trained, resting = run(model.train(), images), run(model.eval(), images)
    assert torch.equal(trained.per_image.share_NK, resting.per_image.share_NK)


class WrongBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:  # type: ignore[override]
        return 1.3 * grad.roll(1, dims=3)


class Lying(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        return self.inner(WrongBackward.apply(images))


def test_self_check_tells_a_right_gradient_from_a_wrong_one(smooth: Build) -> None:
    images, labels = images_of(8, 3, 16, 16), torch.arange(8) % 4
    right, wrong = run(smooth(), images, labels).self_check, run(Lying(smooth()), images, labels).self_check
    assert right.num_images == right.num_directions == 2
    assert right.relative_error is not None
    assert right.relative_error < 1e-3
    assert wrong.relative_error is not None
    assert wrong.relative_error > 0.2


@pytest.mark.parametrize("target", ["loss", "logit", "margin"])
@pytest.mark.parametrize("scale", [1.0, 30.0, 300.0])
def test_self_check_of_a_confident_model(target: str, scale: float, linear: Build) -> None:
    # Margins up to several hundred: the loss is far below the rounding error of the logits.
    weight = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(4)) * scale / 10
    images = images_of(4, 1, 8, 8)
    labels = (linear(weight)(images).argmax(dim=1)).long()
    check = run(linear(weight), images, labels, target=target).self_check
    assert check.relative_error is not None
    assert check.relative_error < 1e-4


class FixedSingle(nn.Module):
    """Keeps a float32 matrix that no conversion reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = [torch.randn(3 * 64, 2, generator=torch.Generator().manual_seed(1))]

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.matrix[0]


def test_self_check_is_left_out_where_the_model_cannot_run_in_double() -> None:
    result = run(FixedSingle(), images_of(4, 3, 8, 8))
    assert result.self_check.relative_error is None
    assert "float64" in result.self_check.note
    assert result.num_images == 4


def test_tiny_gradients_of_a_double_model_do_not_underflow(linear: Build) -> None:
    weight = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    result = run(linear(weight * 1e-60), images_of(3, 1, 16, 16, dtype=torch.float64))
    np.testing.assert_allclose(result.per_image.share_NK[0].numpy(), numpy_shares(weight[0]), rtol=1e-9, atol=1e-14)
    assert float(result.per_image.gradient_norm_N[0]) == pytest.approx(float(weight.norm()) * 1e-60, rel=1e-6, abs=0)


def test_confident_images_still_have_a_spectrum(linear: Build) -> None:
    weight = 100 * torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(2))
    images = images_of(3, 1, 16, 16)
    result = run(linear(weight), images, torch.zeros(3, dtype=torch.long))
    assert result.num_zero_gradient == 0
    np.testing.assert_allclose(result.per_image.share_NK[0].numpy(), numpy_shares(weight[0]), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("basis", ["dct", "haar"])
def test_other_bases_keep_their_own_map(basis: str, linear: Build) -> None:
    weight = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(8), dtype=torch.float64) / 10
    result = run(linear(weight), images_of(2, 1, 16, 16, dtype=torch.float64), basis=basis)
    assert float(result.power_map_HW.sum()) == pytest.approx(1, abs=1e-9)
    assert float(result.spectrum.mean_K.sum()) == pytest.approx(1, abs=1e-9)
    assert sum(b.share.value for b in result.bands) == pytest.approx(1, abs=1e-9)
    if basis == "dct":
        power = dct_basis(16, 16).power(weight)[0]
        power[0, 0] = 0
        torch.testing.assert_close(result.power_map_HW, power / power.sum(), rtol=1e-9, atol=1e-14)


def test_a_basis_of_one_s_own(linear: Build) -> None:
    weight = torch.randn(1, 12, 12, generator=torch.Generator().manual_seed(8), dtype=torch.float64) / 10
    doubled = Basis(name="mine", power=lambda p: 2 * fourier_power(p), bins=fourier_basis(12, 12).bins)
    images = images_of(2, 1, 12, 12, dtype=torch.float64)
    mine = measure(linear(weight), [(images, torch.tensor([0, 1]))], basis=doubled)
    np.testing.assert_allclose(mine.per_image.share_NK[0].numpy(), numpy_shares(weight[0]), rtol=1e-9, atol=1e-14)
    assert mine.power_map_HW.shape == (12, 7)


def test_numbers_follow_from_the_per_image_table(smooth: Build) -> None:
    result = run(smooth(), images_of(12, 3, 32, 32), torch.arange(12) % 4)
    table = result.per_image
    share = table.share_NK.numpy()
    np.testing.assert_allclose(share.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(result.spectrum.mean_K.numpy(), share.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(result.spectrum.sd_K.numpy(), share.std(axis=0), rtol=1e-9, atol=1e-15)
    for b, rows in zip(result.bands, (slice(1, 6), slice(6, 11), slice(11, 24)), strict=True):
        assert b.share.value == pytest.approx(share[:, rows].sum(axis=1).mean(), rel=1e-9)
        assert b.share.low <= b.share.value <= b.share.high
    assert [round(b.white_share, 3) for b in result.bands] == [0.094, 0.246, 0.660]
    assert result.centroid.value == pytest.approx((share @ np.arange(24)).mean(), rel=1e-9)
    correct = int((table.prediction_N == table.label_N).sum())
    assert (result.accuracy.value, result.accuracy.n) == (correct / 12, 12)


def test_progress_is_told_after_each_batch(smooth: Build) -> None:
    told: list[int] = []
    images = images_of(5, 3, 8, 8)
    batches = zip(images.split(2), (torch.arange(5) % 2).split(2), strict=True)
    measure(smooth(), batches, on_progress=told.append)
    assert told == [2, 4, 5]


def test_a_data_loader_and_given_names(smooth: Build) -> None:
    images, labels = images_of(6, 3, 8, 8), torch.arange(6) % 4
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=4)
    result = measure(smooth(), loader, index_N=torch.arange(10, 16))
    assert result.per_image.index_N.tolist() == [10, 11, 12, 13, 14, 15]
    assert result.per_image.label_N.tolist() == labels.tolist()


@pytest.mark.parametrize("name", ["pixel", "reference"])
def test_conventions_are_recognised(name: str) -> None:
    assert MeasureConfig(**CONVENTIONS[name]).convention == name  # type: ignore[arg-type]
    assert MeasureConfig(**CONVENTIONS[name] | {"channels": "power"}).convention == "custom"  # type: ignore[arg-type]


@pytest.mark.gpu
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_network_on_the_gpu_measures_as_on_the_cpu(wrapped: bool, smooth: Build) -> None:
    def model() -> nn.Module:
        return Classifier(smooth(), name="net", num_classes=4, mean=[0.5], std=[0.25]) if wrapped else smooth()

    images, labels = images_of(8, 3, 17, 24), torch.arange(8) % 4
    cpu, gpu = run(model(), images, labels), run(model().cuda(), images, labels)
    torch.testing.assert_close(gpu.per_image.share_NK, cpu.per_image.share_NK, rtol=2e-2, atol=1e-4)
    torch.testing.assert_close(gpu.power_map_HW, cpu.power_map_HW, rtol=2e-2, atol=1e-5)
    assert gpu.per_image.share_NK.device.type == "cpu"
    assert gpu.self_check.relative_error is not None
    assert gpu.self_check.relative_error < 1e-2


def test_self_check_is_left_out_where_float64_cannot_tell() -> None:
    class Faint(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            score = 1e-12 * images.flatten(1).cumsum(dim=1).mean(dim=1)
            return torch.stack([score, -score], dim=1)

    check = measure(Faint(), [(torch.rand(2, 3, 16, 16), torch.tensor([0, 1]))]).self_check
    assert check.relative_error is None
    assert "float64 can tell" in check.note


def test_self_check_behind_a_blur_is_no_false_alarm(smooth: Build) -> None:
    blurred = Classifier(smooth(), name="blurred", num_classes=4, front_end=GaussianBlur(2.5))
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    for seed in range(5):
        check = measure(blurred, [(images, torch.tensor([0, 1]))], MeasureConfig(seed=seed)).self_check
        assert check.relative_error is not None
        assert check.relative_error < 1e-3


def test_the_self_check_samples_all_images_by_the_seed_whatever_the_batch_size() -> None:
    class BrokenAtTheEnd(torch.nn.Module):
        """Its gradient is wrong on the second half of the images, which are bright: a straight-through rounding."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(3, 3 * 16 * 16, generator=torch.Generator().manual_seed(0)))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            bright = (images.detach().mean(dim=(1, 2, 3)) > 0.5)[:, None, None, None]
            wrong = images.detach() + 3 * (images - images.detach())
            return torch.where(bright, wrong, images).flatten(1) @ self.weight.to(images).T

    images = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.4
    images[20:] += 0.6
    labels = torch.arange(40) % 3
    seen = set()
    for seed in range(6):
        config = MeasureConfig(seed=seed)
        checks = [
            measure(BrokenAtTheEnd(), zip(images.split(size), labels.split(size), strict=True), config).self_check
            for size in (40, 7)
        ]
        assert checks[0] == checks[1]
        assert checks[0].relative_error is not None
        seen.add(checks[0].relative_error > 0.05)
    assert True in seen
