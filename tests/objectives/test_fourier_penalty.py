"""Penalties: values against a slow numpy route, exact second derivatives, one bad image that changes nothing."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError
from fsens_cli.objectives.fourier_penalty import PreparedPenalty, fourier_penalty, penalty_of_share, prepare_penalty
from fsens_cli.objectives.regularizers import RegularizerConfig

SIZES = [(12, 12), (13, 13), (12, 17), (15, 12)]
NAMES = ["lsf", "msf", "hsf", "asf", "target"]
ONE = torch.ones(1, 1, 1, 1, dtype=torch.float64)


class SmoothNet(nn.Module):
    """Two convolutions with tanh; differentiable any number of times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 3, 3, padding=1)
        self.head = nn.Conv2d(3, 3, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.tanh(2 * self.conv(images))).tanh().mean(dim=(2, 3)) * 4


def batch(height: int, width: int, *, channels: int = 3, num: int = 3) -> tuple[Tensor, Tensor, SmoothNet]:
    torch.manual_seed(height * 100 + width)
    images = torch.rand(num, channels, height, width, dtype=torch.float64, requires_grad=True)
    return images, torch.arange(num) % 3, SmoothNet(channels).double()


def config_for(name: str, height: int, width: int, **options: object) -> RegularizerConfig:
    if name == "target":
        num_radii = prepare_penalty(
            RegularizerConfig(name="lsf"), height, width, torch.device("cpu")
        ).basis.bins.num_bins
        values = np.arange(num_radii - 1, 0, -1.0)
        options["target"] = (values / values.sum()).tolist()
    return RegularizerConfig(name=name, **options)  # type: ignore[arg-type]


def ready(name: str, height: int, width: int, **options: object) -> PreparedPenalty:
    return prepare_penalty(config_for(name, height, width, **options), height, width, torch.device("cpu"))


def slow_penalty(grad_NCHW: np.ndarray, config: RegularizerConfig) -> float:
    """Cell by cell, from the definition: nothing shared with the code under test."""
    num, _, height, width = grad_NCHW.shape
    side = min(height, width)
    shares = []
    for n in range(num):
        planes = [grad_NCHW[n].mean(axis=0)] if config.channels == "mean" else list(grad_NCHW[n])
        energy: dict[int, float] = {}
        for plane in planes:
            power = np.abs(np.fft.fft2(plane)) ** 2
            for v in range(height):
                for u in range(width):
                    f_y = (v if v <= height // 2 else v - height) / height
                    f_x = (u if u <= width // 2 else u - width) / width
                    if u == v == 0:
                        continue
                    radius = max(1, math.floor(side * math.hypot(f_y, f_x) + 0.5 + 1e-9))
                    energy[radius] = energy.get(radius, 0.0) + power[v, u]
        total = sum(energy.values())
        shares.append({r: e / total for r, e in energy.items()})
    radii = sorted(set().union(*shares))
    mean = {r: sum(s.get(r, 0.0) for s in shares) / num for r in radii}
    low, mid = side // 6, side // 3
    if config.name == "lsf":
        return sum(p for r, p in mean.items() if r > low)
    if config.name == "msf":
        return sum(p for r, p in mean.items() if r <= low or r > mid)
    if config.name == "hsf":
        return sum(p for r, p in mean.items() if r <= mid)
    if config.name == "target":
        return sum(t * math.log2(t / mean[r]) for r, t in enumerate(config.target, start=1) if t > 0)

    def minus_entropy(share: dict[int, float]) -> float:
        kept = [p for r, p in share.items() if r <= side // 2]
        return sum(p / sum(kept) * math.log2(p / sum(kept)) for p in kept if p > 0)

    return minus_entropy(mean) if config.entropy == "batch" else sum(map(minus_entropy, shares)) / num


@pytest.mark.parametrize("options", [{}, {"channels": "power"}, {"entropy": "per_image"}], ids=["", "power", "each"])
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_equals_a_slow_loop(name: str, height: int, width: int, options: dict[str, str]) -> None:
    images, labels, net = batch(height, width)
    prepared = ready(name, height, width, **options)
    logits = net(images)
    (grad,) = torch.autograd.grad(
        nn.functional.cross_entropy(logits, labels, reduction="sum"), images, retain_graph=True
    )
    penalty = fourier_penalty(logits, images, labels, prepared, std=ONE)
    # The shares are summed with single-precision weights of 1 and 2, which are exact.
    assert float(penalty.value.detach()) == pytest.approx(slow_penalty(grad.numpy(), prepared.config), abs=1e-6)
    assert int(penalty.num_skipped) == 0


def test_normalized_space_multiplies_by_the_standard_deviation() -> None:
    images, labels, net = batch(12, 12)
    std = torch.tensor([0.2, 0.5, 1.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    logits = net(images)
    (grad,) = torch.autograd.grad(
        nn.functional.cross_entropy(logits, labels, reduction="sum"), images, retain_graph=True
    )
    for space, factor in (("pixel", 1.0), ("normalized", std.numpy())):
        prepared = ready("lsf", 12, 12, space=space)
        value = fourier_penalty(logits, images, labels, prepared, std=std).value
        assert float(value.detach()) == pytest.approx(slow_penalty(grad.numpy() * factor, prepared.config), abs=1e-9)


@pytest.mark.parametrize(("height", "width"), [(12, 12), (13, 13), (12, 15)])
@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives_are_exact(name: str, height: int, width: int) -> None:
    images, labels, net = batch(height, width, channels=1, num=2)
    prepared = ready(name, height, width)
    weight = net.conv.weight.detach().clone().requires_grad_()

    def value(weight: Tensor) -> Tensor:
        logits = torch.func.functional_call(net, {"conv.weight": weight}, (images,))
        return fourier_penalty(logits, images, labels, prepared, std=ONE).value

    assert torch.autograd.gradcheck(value, (weight,), eps=1e-6, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(12, 12), (13, 13), (12, 15)])
@pytest.mark.parametrize("name", NAMES)
def test_penalty_of_shares_passes_gradgradcheck(name: str, height: int, width: int) -> None:
    prepared = ready(name, height, width)
    raw = torch.rand(2, prepared.basis.bins.num_bins, dtype=torch.float64, requires_grad=True)
    used = torch.tensor([True, True])

    def value(raw: Tensor) -> Tensor:
        share = raw.abs() + 0.05
        return penalty_of_share(share / share.sum(dim=1, keepdim=True), used, prepared)

    assert torch.autograd.gradcheck(value, (raw,))
    assert torch.autograd.gradgradcheck(value, (raw,))


def test_ranges_at_32_pixels() -> None:
    flat = torch.zeros(1, 24)
    flat[0, 1:17] = 1 / 16
    single = torch.zeros(1, 24)
    single[0, 4] = 1.0
    used = torch.tensor([True])
    asf = ready("asf", 32, 32)
    assert float(penalty_of_share(flat, used, asf)) == pytest.approx(-4.0, abs=1e-6)
    assert float(penalty_of_share(single, used, asf)) == pytest.approx(0.0, abs=1e-6)
    for name, expected in (("lsf", 0.0), ("msf", 1.0), ("hsf", 1.0)):
        assert float(penalty_of_share(single, used, ready(name, 32, 32))) == pytest.approx(expected)
    assert float(penalty_of_share(flat, used, ready("lsf", 32, 32))) == pytest.approx(11 / 16)


class SharpNet(nn.Module):
    """Logits whose gradient is zero for images below 0.5 and infinite at a pixel that is exactly 0."""

    def forward(self, images: Tensor) -> Tensor:
        score = torch.relu(images - 0.5).flatten(1).square().sum(dim=1) + images[:, 0, 0, 0].sqrt() * 0.1
        return torch.stack([score, -score], dim=1)


@pytest.mark.parametrize("name", NAMES)
def test_one_bad_image_changes_nothing_for_the_others(name: str) -> None:
    torch.manual_seed(0)
    good = torch.rand(3, 1, 12, 12, dtype=torch.float64) * 0.5 + 0.5
    bad = good[:1].clone()
    bad[0, 0, 0, 0] = 0.0  # d sqrt / dx is infinite there
    labels = torch.tensor([0, 1, 0])
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    prepared = ready(name, 12, 12)

    def penalise(images: Tensor, labels: Tensor) -> tuple[float, int, float]:
        images = images.clone().requires_grad_()
        logits = SharpNet()(images * scale)
        penalty = fourier_penalty(logits, images, labels, prepared, std=ONE)
        (slope,) = torch.autograd.grad(penalty.value, scale)
        return float(penalty.value.detach()), int(penalty.num_skipped), float(slope)

    alone = penalise(good, labels)
    together = penalise(torch.cat([good, bad]), torch.cat([labels, labels[:1]]))
    assert math.isfinite(together[0])
    assert together[0] == pytest.approx(alone[0], rel=1e-9)
    assert (alone[1], together[1]) == (0, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_without_gradient_costs_nothing(name: str) -> None:
    images = torch.rand(2, 1, 12, 12, requires_grad=True)
    weight = torch.zeros(1, requires_grad=True)
    logits = torch.stack([images.sum(dim=(1, 2, 3)), images.sum(dim=(1, 2, 3))], dim=1) * weight
    penalty = fourier_penalty(logits, images, torch.tensor([0, 1]), ready(name, 12, 12), std=ONE)
    assert float(penalty.value.detach()) == 0.0
    assert int(penalty.num_skipped) == 2
    (slope,) = torch.autograd.grad(penalty.value, weight, allow_unused=True)
    assert slope is None or bool(torch.isfinite(slope).all())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "lfs"}, "regularizer=lfs is not known; regularizer can be none, lsf, msf, hsf, asf, target"),
        ({"name": "lsf", "weight": -1.0}, "regularizer.weight=-1.0 must not be negative"),
        ({"name": "lsf", "weight": float("nan")}, "regularizer.weight=nan"),
        ({"name": "lsf", "every": 0}, "regularizer.every=0 must be at least 1"),
        ({"name": "lsf", "fraction": 0.0}, r"regularizer.fraction=0.0 must lie in \(0, 1\]"),
        ({"name": "asf", "entropy": "each"}, "regularizer.entropy=each is not known"),
        ({"name": "target"}, "regularizer=target needs regularizer.file"),
        ({"name": "lsf", "file": "x.csv"}, "regularizer.file belongs to regularizer=target"),
    ],
)
def test_refuses_settings(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RegularizerConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [("lsf", 5, "5x5 images cannot be split into three bands"), ("asf", 3, "at least 4x4 pixels, got 3x3")],
)
def test_refuses_images_too_small(name: str, size: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ready(name, size, size)


def test_refuses_a_target_of_another_length() -> None:
    config = RegularizerConfig(name="target", target=[0.5, 0.5], file="s.csv")
    with pytest.raises(ConfigError, match=r"s.csv has 2 radii and 32x32 images have 23"):
        prepare_penalty(config, 32, 32, torch.device("cpu"))
