"""A step on devices: it waits for no number, it mixes no devices, and a GPU finds what a CPU finds."""

import contextlib
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from fsens_cli.data.augment import AugmentConfig
from fsens_cli.experiments.training_step import AdversaryConfig, StepConfig, StepSums, prepare_images, take_step
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape, ModelConfig
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.front_end import FrontEndConfig
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.fourier_penalty import RegularizerConfig, prepare_penalty

SIZE = 16
NETWORKS = {
    "convolutions": ModelConfig(name="resnet8"),
    "attention": ModelConfig(name="timm/test_vit", kwargs={"img_size": SIZE, "patch_size": 4}),
}
PENALTIES = {
    "none": RegularizerConfig(),
    "lsf": RegularizerConfig(name="lsf"),
    "normalized": RegularizerConfig(name="hsf", space="normalized", channels="power"),
    "part": RegularizerConfig(name="msf", fraction=0.5),
    "asf": RegularizerConfig(name="asf"),
    "asf, each": RegularizerConfig(name="asf", entropy="per_image"),
    "target": RegularizerConfig(name="target", target=[1.0 / 11] * 11),
}


def built(network: str, device: torch.device, dtype: torch.dtype) -> Classifier:
    classifier = build_classifier(
        NETWORKS[network],
        Weights(label="random"),
        num_classes=10,
        shape=ImageShape(3, SIZE, SIZE),
        seed=0,
        front_end=FrontEndConfig(name="blur", sigma=1.0),
    )
    return classifier.to(device, dtype).train()


def one_step(network: str, config: StepConfig, device: torch.device, dtype: torch.dtype) -> tuple[Classifier, StepSums]:
    classifier = built(network, device, dtype)
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.01, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (6, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator)
    rows, labels = torch.arange(6), (torch.arange(6) % 10).to(device)
    prepared = prepare_penalty(config.regularizer, SIZE, SIZE, device) if config.regularizer.is_on else None
    images = prepare_images(pixels.to(device), labels, rows, classifier, config, epoch=1, seed=0, generator=generator)
    with no_waiting(device):
        sums = take_step(classifier, optimizer, images.to(dtype), labels, config, prepared)
    return classifier, sums


@contextlib.contextmanager
def no_waiting(device: torch.device) -> Iterator[None]:
    """On a GPU, make every wait for one of its numbers an error; the meta device has none to wait for."""
    if device.type != "cuda":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_waits_for_no_number_and_mixes_no_devices(
    network: str, penalty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A meta tensor has a shape and no numbers: reading one is an error, and so is to join it with a CPU's tensor."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())  # knows no meta device
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)
    config = StepConfig(
        regularizer=PENALTIES[penalty],
        label_smoothing=0.1,
        noise_sd=0.1,
        adversary=AdversaryConfig(norm="l2", eps=1.0, step_size=0.5, steps=2),
        augment=AugmentConfig(pad=2, flip="random"),
    )
    classifier, sums = one_step(network, config, torch.device("meta"), torch.float32)
    numbers: list[Tensor] = [sums.loss, sums.penalty, sums.num_skipped, sums.num_correct]
    assert {t.device.type for t in [*numbers, *classifier.parameters()]} == {"meta"}
    with pytest.raises(RuntimeError, match="meta"):
        sums.loss.item()


@pytest.mark.gpu
@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_step_on_the_gpu_is_one_on_the_cpu(penalty: str) -> None:
    config = StepConfig(regularizer=PENALTIES[penalty], label_smoothing=0.1)
    on_cpu, sums_cpu = one_step("convolutions", config, torch.device("cpu"), torch.float64)
    on_gpu, sums_gpu = one_step("convolutions", config, torch.device("cuda"), torch.float64)
    assert float(sums_gpu.penalty) == pytest.approx(float(sums_cpu.penalty), abs=1e-6)
    for (name, own), theirs in zip(on_gpu.named_parameters(), on_cpu.parameters(), strict=True):
        torch.testing.assert_close(own.detach().cpu(), theirs.detach(), rtol=1e-6, atol=1e-8, msg=name)


@pytest.mark.gpu
@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_step_in_bf16_on_the_gpu_is_finite(penalty: str) -> None:
    config = StepConfig(regularizer=PENALTIES[penalty], precision="bf16")
    classifier, sums = one_step("convolutions", config, torch.device("cuda"), torch.float32)
    assert bool(torch.isfinite(sums.loss + sums.penalty))
    assert all(bool(p.isfinite().all()) for p in classifier.parameters())
