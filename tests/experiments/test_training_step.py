"""What a step costs and where it runs: no needless arithmetic, no waiting, no mixed devices; a GPU finds the same."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from fsens_cli.data.augment_settings import AugmentConfig
from fsens_cli.experiments.task_loss import Batch
from fsens_cli.experiments.train_settings import AdversaryConfig, StepConfig
from fsens_cli.experiments.training_step import StepSums, prepare_images, take_step
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.fourier_penalty import prepare_penalty
from fsens_cli.objectives.regularizers import RegularizerConfig

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
    "gradient-norm": RegularizerConfig(name="gradient-norm"),
    "jafr": RegularizerConfig(name="jafr", fraction=0.5),
}


BLUR = FrontEndConfig(name="blur", sigma=1.0)


def built(network: ModelConfig, front_end: FrontEndConfig, device: torch.device, dtype: torch.dtype) -> Classifier:
    classifier = build_classifier(
        network,
        Weights(label="random"),
        num_classes=10,
        shape=ImageShape(3, SIZE, SIZE),
        seed=0,
        front_end=front_end,
    )
    return classifier.to(device, dtype).train()


def one_step(
    network: ModelConfig,
    config: StepConfig,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    front_end: FrontEndConfig = BLUR,
    watch: AbstractContextManager[object] | None = None,
) -> tuple[Classifier, StepSums]:
    classifier = built(network, front_end, device, dtype)
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.01, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (6, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator)
    rows, labels = torch.arange(6), (torch.arange(6) % 10).to(device)
    prepared = prepare_penalty(config.regularizer, SIZE, SIZE, device) if config.regularizer.is_on else None
    made = prepare_images(pixels.to(device), labels, rows, classifier, config, epoch=1, seed=0, generator=generator)
    batch = Batch(made.images.to(dtype), tuple(each.to(dtype) for each in made.beside))
    with watch or nullcontext():
        sums = take_step(classifier, optimizer, batch, labels, config, prepared)
    return classifier, sums


@pytest.fixture
def no_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Autocast knows no meta device."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)


@contextmanager
def no_waiting() -> Iterator[None]:
    """Make every wait for a number of the GPU an error."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_waits_for_no_number_and_mixes_no_devices(network: str, penalty: str, no_autocast: None) -> None:
    """A meta tensor has a shape and no numbers: reading one is an error, and so is to join it with a CPU's tensor."""
    config = StepConfig(
        regularizer=PENALTIES[penalty],
        label_smoothing=0.1,
        noise_sd=0.1,
        adversary=AdversaryConfig(norm="l2", eps=1.0, step_size=0.5, steps=2),
        augment=AugmentConfig(pad=2, flip="random", policy="apr-s"),
    )
    classifier, sums = one_step(NETWORKS[network], config, torch.device("meta"))
    numbers: list[Tensor] = [sums.loss, sums.penalty, sums.num_skipped, sums.num_correct]
    assert {t.device.type for t in [*numbers, *classifier.parameters()]} == {"meta"}
    with pytest.raises(RuntimeError, match="meta"):
        sums.loss.item()


class Arithmetic(TorchDispatchMode):
    """Counts multiply-adds of convolutions and matrix products, forward and backward."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> object:
        result = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.count += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=result) // 2
        return result


@pytest.mark.parametrize("name", ["resnet18", "resnet20", "mobilenet_v2"])
def test_a_penalised_step_computes_twice_as_much_as_a_plain_one(name: str, no_autocast: None) -> None:
    """Forward, gradient of the inputs, and both passes back through the two of them; nothing that nobody asked for."""

    def count(penalty: str) -> int:
        config = StepConfig(regularizer=PENALTIES[penalty])
        arithmetic, meta = Arithmetic(), torch.device("meta")
        one_step(ModelConfig(name=name), config, meta, front_end=FrontEndConfig(), watch=arithmetic)
        return arithmetic.count

    plain, penalised = count("none"), count("lsf")
    assert 2.0 <= penalised / plain <= 2.02


@pytest.mark.gpu
@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_step_on_the_gpu_is_one_on_the_cpu(penalty: str) -> None:
    config = StepConfig(regularizer=PENALTIES[penalty], label_smoothing=0.1)
    on_cpu, sums_cpu = one_step(NETWORKS["convolutions"], config, torch.device("cpu"), torch.float64)
    on_gpu, sums_gpu = one_step(
        NETWORKS["convolutions"], config, torch.device("cuda"), torch.float64, watch=no_waiting()
    )
    assert float(sums_gpu.penalty) == pytest.approx(float(sums_cpu.penalty), abs=1e-6)
    for (name, own), theirs in zip(on_gpu.named_parameters(), on_cpu.parameters(), strict=True):
        torch.testing.assert_close(own.detach().cpu(), theirs.detach(), rtol=1e-6, atol=1e-8, msg=name)


@pytest.mark.gpu
@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_step_in_bf16_on_the_gpu_is_finite(penalty: str) -> None:
    config = StepConfig(regularizer=PENALTIES[penalty], precision="bf16")
    classifier, sums = one_step(NETWORKS["convolutions"], config, torch.device("cuda"))
    assert bool(torch.isfinite(sums.loss + sums.penalty))
    assert all(bool(p.isfinite().all()) for p in classifier.parameters())
