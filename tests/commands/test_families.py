"""Every family of networks is measured on small and on large images, or refused with the reason."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from torch import nn
from typer.testing import Result

import fsens_cli as fsens_api
from fsens_cli.errors import ModelError
from fsens_cli.experiments.measure import measure as measure_directly

Type = Callable[..., Result]

# Family: network, its settings, and the name of its argument for the size of the images where it needs one. The first
# ones are as small as their families get; the last ones are those that people use.
FAMILIES: dict[str, tuple[str, list[str], str]] = {
    "resnet": ("resnet8", [], ""),
    "vit": ("timm/test_vit", [], "img_size"),
    "convnext": ("timm/test_convnext", [], ""),
    "mobilenet": ("timm/mobilenetv3_small_050", [], ""),
    "wide": ("wide_resnet", ["model.kwargs.depth=10", "model.kwargs.width=1"], ""),
    "own": ("net.py:make", [], ""),
}
USUAL: dict[str, tuple[str, list[str], str]] = {
    "resnet18": ("resnet18", [], ""),
    "resnet50": ("resnet50", [], ""),
    "timm's vit": ("timm/vit_tiny_patch16_224", [], "img_size"),
    "convnext": ("convnext_tiny", [], ""),
    "mobilenet": ("mobilenet_v3_small", [], ""),
}
FEW = ("num_images=2", "plot.published=none", "--quiet")


@pytest.fixture(autouse=True)
def short_self_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsens_cli.experiments.self_check.NUM_DIRECTIONS", 1)


def check_results(result: Result, size: int) -> None:
    assert result.exit_code == 0, result.output
    results = json.loads((Path(result.stdout.strip()) / "results.json").read_text())
    assert results["image_size"] == [size, size]
    assert results["zero_gradient_images"] == 0
    assert sum(b["share"]["value"] for b in results["bands"]) == pytest.approx(1)
    # An untrained network may change its loss by less than float64 can tell.
    assert (results["self_check"]["relative_error"] or 0.0) < 0.01


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("size", [32, 224])
@pytest.mark.parametrize(
    "family",
    [*FAMILIES.values(), *(pytest.param(f, marks=pytest.mark.slow) for f in USUAL.values())],
    ids=lambda f: f[0],
)
def test_a_family_is_measured(family: tuple[str, list[str], str], size: int, measure: Type) -> None:
    model, settings, argument = family
    sizes = [f"data.size=[{size},{size}]", *([f"model.kwargs.{argument}={size}"] if argument else [])]
    result = measure("--model", model, "--weights", "random", *settings, *sizes, *FEW)
    check_results(result, size)


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("size", [32, 224])
def test_a_mixer_is_refused_untrained_and_measured_with_weights(
    size: int, measure: Type, error_of: Callable[[Result], str]
) -> None:
    """Timm's mixers start with a last layer of zeros: such a network says the same of every image."""
    settings = [f"data.size=[{size},{size}]", f"model.kwargs.img_size={size}", *FEW]
    name = "timm/mixer_s32_224"
    assert "the output depends on no spatial frequency" in error_of(measure("--model", name, *settings))
    network = timm.create_model("mixer_s32_224", img_size=size, num_classes=10)
    nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(0))
    torch.save(network.state_dict(), "mixer.pt")
    # Of its own ten classes the file is no training of timm's, so that it has to say how it is normalised.
    own = ["model.mean=[.5,.5,.5]", "model.std=[.5,.5,.5]"]
    check_results(measure("--model", name, "--weights", "mixer.pt", *own, *settings), size)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--model", "vit_b_32"],
            r"data.size=[224,224] resizes the images to what it was made for; model.kwargs.image_size=32",
        ),
        (
            ["--model", "timm/vit_tiny_patch16_224"],
            "data.size=[224,224] resizes the images to what it was made for; model.kwargs.img",
        ),
        (["--model", "alexnet"], "alexnet cannot take 3x32x32 images"),
        (["--model", "net.py:make_gray"], "data.size=[HEIGHT,WIDTH] resizes the images; data.channels=1 or 3"),
    ],
)
def test_images_that_do_not_fit_are_refused_with_the_option_that_resizes(
    arguments: list[str], message: str, measure: Type, error_of: Callable[[Result], str]
) -> None:
    assert message in error_of(measure(*arguments))


class Half(nn.Sequential):
    """A linear network that computes in 16 bits."""

    def __init__(self, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Flatten(), nn.Linear(3 * 16 * 16, 3))
        self.to(dtype)


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return [(images, torch.tensor([0, 1, 2, 0]))]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_measured_as_its_wide_twin(dtype: torch.dtype) -> None:
    narrow = Half(dtype)
    before = {name: value.clone() for name, value in narrow.state_dict().items()}
    got = measure_directly(fsens_api.Classifier(narrow, name="half", num_classes=3), batches())
    wide = Half(dtype).float()
    expected = measure_directly(fsens_api.Classifier(wide, name="wide", num_classes=3), batches())
    assert {p.dtype for p in narrow.parameters()} == {dtype}
    assert all(torch.equal(before[name], value) for name, value in narrow.state_dict().items())
    torch.testing.assert_close(got.per_image.share_NK.float(), expected.per_image.share_NK.float(), rtol=0.1, atol=0.01)


class Quantised(nn.Module):
    """Integer weights and activations: the output depends on the image and carries no gradient."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("weight", torch.randint(-127, 128, (3, 3 * 16 * 16), generator=generator))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        whole = (images * 255).round().to(torch.int64).flatten(1)
        return (whole @ self.weight.T).float() / 1e4


def test_a_quantised_network_is_refused_with_the_reason() -> None:
    with pytest.raises(
        ModelError, match=r"carries no gradient: it is quantised, or detaches its input\. Measure the model"
    ):
        measure_directly(Quantised(), batches())


@pytest.mark.filterwarnings("ignore:.*quant.*")
def test_a_network_quantised_by_torch_is_refused() -> None:
    quantise = getattr(torch.ao.quantization, "quantize_dynamic", None)
    if quantise is None:
        pytest.skip("this torch has no dynamic quantisation")
    network = quantise(Half(torch.float32), {nn.Linear}, dtype=torch.qint8)
    with pytest.raises(ModelError, match="carries no gradient: it is quantised"):
        measure_directly(network, batches())


def test_the_user_s_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3))
    network[1].eval()
    network[0].weight.requires_grad_(False)
    network[4].weight.grad = torch.full_like(network[4].weight, 7.0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measure_directly(network, batches())
    assert [m.training for m in network] == [True, False, True, True, True]
    assert [p.requires_grad for p in network.parameters()] == [False, True, True, True, True, True]
    assert [p.grad is None for p in network.parameters()] == [True, True, True, True, False, True]
    assert bool((network[4].weight.grad == 7.0).all())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
