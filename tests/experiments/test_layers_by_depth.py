"""Spectra by depth: layers known on paper, states of real architectures, gradients, and what is no map."""

import math

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.experiments.layers import layers
from fsens_cli.experiments.layers_result import LayerRow, LayersResult
from fsens_cli.experiments.layers_settings import LayersConfig
from fsens_cli.fourier.bases import fourier_basis
from fsens_cli.fourier.bins import fourier_bins
from fsens_cli.fourier.features import map_energy, published_log_amplitude
from fsens_cli.fourier.sensitivity import sensitivity_share
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.front_end import GaussianBlur, gaussian_kernel
from fsens_cli.models.taps import find_taps


def pictures(num_images: int = 12, size: int = 16, channels: int = 3, classes: int = 4) -> ImageSet:
    generator = torch.Generator().manual_seed(2)
    return ImageSet(
        images_NCHW=torch.randint(0, 256, (num_images, channels, size, size), generator=generator, dtype=torch.uint8),
        label_N=torch.arange(num_images) % classes,
        index_N=torch.arange(num_images),
        class_names=tuple(f"class {k}" for k in range(classes)),
        title="random",
        split="test",
    )


class Chain(nn.Module):
    """Named layers one after the other, and a linear readout of the last map."""

    def __init__(self, size: int, channels: int = 3, classes: int = 4, **steps: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.names = list(steps)
        for name, module in steps.items():
            self.add_module(name, module)
        self.fc = nn.Linear(channels * size * size, classes)

    def forward(self, images: Tensor) -> Tensor:
        for name in self.names:
            images = getattr(self, name)(images)
        return self.fc(images.flatten(1))


def depthwise_binomial(channels: int = 3) -> nn.Conv2d:
    blur = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="circular", groups=channels, bias=False)
    taps = torch.tensor([0.25, 0.5, 0.25])
    with torch.no_grad():
        blur.weight.copy_((taps[:, None] * taps[None, :]).expand_as(blur.weight))
    return blur


def row(result: LayersResult, name: str) -> LayerRow:
    return next(r for r in result.rows if r.table.tap.name == name)


def test_identity_changes_nothing() -> None:
    result = layers(Chain(16, one=nn.Identity(), two=nn.Identity()), pictures(), LayersConfig(layers="*o*"))  # type: ignore[arg-type]
    one, two = row(result, "one"), row(result, "two")
    torch.testing.assert_close(one.power_K, two.power_K, rtol=0, atol=0)
    assert two.gain is not None
    assert two.gain.value == 0


def test_circular_blur_multiplies_power_by_its_transfer_function() -> None:
    size = 16
    images = pictures(size=size).images_NCHW.double() / 255
    blurred = depthwise_binomial().double()(images)
    cos = torch.cos(math.pi * torch.fft.fftfreq(size, dtype=torch.float64)) ** 4
    before = torch.fft.fft2(images).abs().square()
    torch.testing.assert_close(
        torch.fft.fft2(blurred).abs().square(), before * cos[:, None] * cos[None], atol=1e-9, rtol=0
    )
    # Along the diagonal the published curve shifts by 2 ln cos^2.
    shift = published_log_amplitude(blurred) - published_log_amplitude(images)
    assert (shift - shift[0]).tolist() == pytest.approx((2 * torch.log(cos.sqrt())[:8]).tolist(), abs=5e-4)


def test_the_front_end_is_read_exactly() -> None:
    model = Classifier(
        Chain(16, conv=nn.Conv2d(3, 3, 3, padding=1)), name="x", num_classes=4, front_end=GaussianBlur(1.5)
    )
    result = layers(model, pictures(), LayersConfig())  # type: ignore[arg-type]
    assert [r.table.tap.kind for r in result.rows] == ["image", "front end", "convolution"]
    image, blurred = result.rows[:2]
    # The transfer function of the kernel, as the discrete transform of its circular form.
    kernel = gaussian_kernel(1.5)
    line = torch.zeros(16, dtype=torch.float64).index_add(
        0, (torch.arange(len(kernel)) - len(kernel) // 2) % 16, kernel
    )
    transfer = torch.fft.fft(line).real.square()
    images = pictures().images_NCHW.double() / 255
    power = torch.fft.rfft2(images, norm="ortho").abs().square() * transfer[:, None] * transfer[None, :9]
    bins = fourier_bins(16, 16)
    expected = torch.zeros(bins.num_bins, dtype=torch.float64).index_add(
        0, bins.index_HF.flatten(), (power.mean(dim=(0, 1)) * bins.weight_HF).flatten()
    )
    torch.testing.assert_close(blurred.power_K, expected / bins.cells_K, rtol=1e-4, atol=1e-9)
    assert blurred.gain is not None
    assert image.ratio is not None
    assert blurred.ratio is not None
    assert blurred.gain.value == pytest.approx(blurred.ratio.value - image.ratio.value)


def test_stride_two_folds_four_aliases() -> None:
    fine = torch.randn(5, 2, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    transform = torch.fft.fft2(fine, norm="ortho").reshape(5, 2, 2, 8, 2, 8)
    folded = transform.sum(dim=(2, 4)) / 2
    torch.testing.assert_close(torch.fft.fft2(fine[:, :, ::2, ::2], norm="ortho"), folded)
    bins = fourier_bins(8, 8)
    power = folded.abs().square().mean(dim=1)[..., :5] * bins.weight_HF
    expected = torch.zeros(5, bins.num_bins, dtype=torch.float64).index_add(
        1, bins.index_HF.flatten(), power.flatten(1)
    )
    torch.testing.assert_close(map_energy(fine[:, :, ::2, ::2]), expected)


def test_relu_of_white_noise() -> None:
    white = torch.randn(300, 2, 16, 16, generator=torch.Generator().manual_seed(1)) * 2
    energy = map_energy(white.relu()).mean(dim=0) / fourier_bins(16, 16).cells_K
    assert (energy[1:] / 4).tolist() == pytest.approx([0.3408] * 11, rel=0.08)
    assert float(energy[1:].mean()) / 4 == pytest.approx(0.5 - 0.5 / math.pi, rel=0.02)
    assert float(energy[0]) / 4 == pytest.approx(256 / (2 * math.pi) + 0.3408, rel=0.02)


@pytest.mark.parametrize(("mean", "expected"), [(0.0, math.log(2) / 2), (1.0, -3.8)])
def test_published_amplitude_of_white_noise_follows_its_mean(mean: float, expected: float) -> None:
    white = torch.randn(400, 3, 32, 32, generator=torch.Generator().manual_seed(3)) + mean
    curve = published_log_amplitude(white)
    assert len(curve) == 16
    assert float((curve - curve[0])[1:].mean()) == pytest.approx(expected, abs=0.06)


def test_reference_is_the_published_notebook() -> None:
    result = layers(Chain(16, one=nn.Identity()), pictures(), LayersConfig(layers="one", procedure="reference"))  # type: ignore[arg-type]
    images = pictures().images_NCHW.float() / 255
    transform = torch.roll(torch.log(torch.fft.fft2(images).abs() + 1e-6), shifts=(8, 8), dims=(2, 3))
    diagonal = transform.mean(dim=(0, 1)).diag()[8:]
    torch.testing.assert_close(result.rows[0].table.published_K.float(), diagonal - diagonal[0], rtol=1e-4, atol=1e-4)


def test_gradient_at_a_layer_is_the_spectrum_of_what_reads_it() -> None:
    torch.manual_seed(1)
    network = Chain(16, classes=2, one=depthwise_binomial())
    result = layers(Classifier(network, name="x", num_classes=2), pictures(classes=2), LayersConfig(layers="one"))  # type: ignore[arg-type]
    weight = (network.fc.weight[0] - network.fc.weight[1]).detach().reshape(1, 3, 16, 16)
    expected = sensitivity_share(weight, fourier_basis(16, 16), "power")
    shares = result.rows[0].table.gradient_NK
    assert shares.shape == (12, 12)
    torch.testing.assert_close(shares, expected.double().expand(12, -1), rtol=1e-4, atol=1e-6)


def test_gradient_of_the_image_is_what_measure_finds() -> None:
    from fsens_cli.experiments.measure import measure
    from fsens_cli.experiments.measure_settings import MeasureConfig

    torch.manual_seed(4)
    network = Chain(16, one=nn.Conv2d(3, 3, 3, padding=1), two=nn.Tanh())
    images = pictures()
    result = layers(network, images, LayersConfig(batch_size=5))  # type: ignore[arg-type]
    measured = measure(network, images.batches(6, torch.device("cpu")), MeasureConfig(channels="power"))
    torch.testing.assert_close(result.rows[0].table.gradient_NK, measured.per_image.share_NK, rtol=1e-3, atol=1e-6)


def test_batches_do_not_matter_and_the_model_is_left_alone() -> None:
    network = Chain(16, one=nn.Conv2d(3, 3, 3, padding=1), bn=nn.BatchNorm2d(3)).train()
    results = [layers(network, pictures(), LayersConfig(batch_size=b, layers="all")) for b in (12, 5)]  # type: ignore[arg-type]
    for a, b in zip(results[0].rows, results[1].rows, strict=True):
        torch.testing.assert_close(a.table.energy_NK, b.table.energy_NK, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(a.table.gradient_NK, b.table.gradient_NK, rtol=1e-3, atol=1e-6)
    assert network.training
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_constant_maps_dead_channels_and_small_grids_are_said() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x[:, :2], torch.full_like(x[:, :1], 0.3)], dim=1)

    class Flat(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(dim=(2, 3), keepdim=True).expand_as(x)

    network = Chain(2, most=Half(), pool=nn.AvgPool2d(8), flat=Flat())
    result = layers(network, pictures(), LayersConfig(layers="all"))  # type: ignore[arg-type]
    half, pool, flat = result.rows
    assert half.table.num_dead == 1
    assert half.image is not None
    assert pool.table.tap.grid == (2, 2)
    assert pool.ratio is None
    assert pool.own is None
    assert pool.image is None  # absent beyond the map's own corner, not zero
    assert flat.num_constant == 12
    assert flat.dc_share.value == pytest.approx(1)
    assert any("1 of 3 channels of most" in w for w in result.warnings)
    assert any("flat is constant on 12 images" in w for w in result.warnings)
    assert any("under 8x8" in w for w in result.warnings)


def _timm(name: str) -> Classifier:
    import timm
    from timm.models.mlp_mixer import MlpMixer

    small = {"depth": 2, "embed_dim": 48, "num_heads": 3} if "vit" in name else {}
    small = {"depths": (1, 1), "embed_dim": 24, "num_heads": (2, 2)} if "swin" in name else small
    torch.manual_seed(0)
    if "mixer" in name:
        network: nn.Module = MlpMixer(num_classes=4, patch_size=32, num_blocks=2, embed_dim=32)
    else:
        network = timm.create_model(name, num_classes=4, **small)
    return Classifier(network, name=name, num_classes=4)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("vit_tiny_patch16_224", ["attention", "mlp"] * 2),
        ("mixer_s32_224", ["token mixing", "mlp"] * 2),
        ("swin_tiny_patch4_window7_224", ["attention", "mlp"] * 2),
    ],
)
def test_states_of_transformers(name: str, kinds: list[str]) -> None:
    taps = find_taps(_timm(name), (3, 224, 224))
    assert [t.kind for t in taps] == ["image", "stem", *kinds]


def test_the_state_after_attention_is_the_residual_stream() -> None:
    model = _timm("vit_tiny_patch16_224")
    images = pictures(2, size=224)
    result = layers(model, images, LayersConfig(gradient=False))  # type: ignore[arg-type]
    network = model.module.eval()
    with torch.no_grad():
        x = network._pos_embed(network.patch_embed(images.images_NCHW.float() / 255))
        block = network.blocks[0]
        x = x + block.attn(block.norm1(x))
        expected = map_energy(x[:, 1:].transpose(1, 2).unflatten(2, (14, 14)))
    found = row(result, "blocks.0.attention").table.energy_NK
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_as_many_channels_as_places_is_told_by_what_works_on_the_map() -> None:
    taps = find_taps(Classifier(Chain(16, channels=16, conv=nn.Conv2d(3, 16, 1)), name="x", num_classes=4), (3, 16, 16))
    assert [(t.name, t.channels_last) for t in taps] == [("image", False), ("conv", False)]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("convv", "matches no module of x. Closest: conv"),
        ("fc", "fc gives no map of the image but shape"),
        ("twice", "twice is called 2 times an image"),
        ("tokens", "tokens gives 15 tokens, which are no grid of a 16x16 image"),
    ],
)
def test_what_is_no_layer_is_said_in_one_line(pattern: str, words: str) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.twice = nn.ReLU()
            self.tokens = nn.Identity()
            self.fc = nn.Linear(45, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.twice(self.twice(self.conv(x)))
            tokens = self.tokens(x.flatten(2).transpose(1, 2)[:, :15])
            return self.fc(tokens.flatten(1))

    with pytest.raises(ModelError) as error:
        layers(Classifier(Odd(), name="x", num_classes=4), pictures(), LayersConfig(layers=pattern))  # type: ignore[arg-type]
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match="no images"):
        layers(Chain(16, one=nn.Identity()), pictures().select(torch.arange(0)))
    with pytest.raises(ConfigError, match="procedure"):
        LayersConfig(procedure="other")
    with pytest.raises(ModelError, match="no blocks and no convolution"):
        layers(Chain(16, one=nn.Identity()), pictures())
