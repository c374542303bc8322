"""What a penalised training step costs beside a plain one, as a component, and beside a naive way to write it.

    python benchmarks/penalty.py [--model resnet18] [--batch 32] [--steps 5] [--device cpu] [--precision float32]

All are timed in turns within one run; ratios are those of the medians. Targets: 3.0 for ResNet-18 at batch 32 on a CPU,
2.7 at batch 512 on an H100, and never slower than the loop over radii.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from fsens_cli.experiments.task_loss import Batch
from fsens_cli.experiments.train_settings import StepConfig
from fsens_cli.experiments.training_step import take_step
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.fourier_penalty import prepare_penalty
from fsens_cli.objectives.penalty import FourierPenalty
from fsens_cli.objectives.regularizers import RegularizerConfig


def main() -> None:
    """Print milliseconds and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    device = torch.device(options.device)
    classifier = build_classifier(
        ModelConfig(name=options.model),
        Weights(label="random"),
        num_classes=10,
        shape=ImageShape(3, 32, 32),
        seed=0,
        front_end=FrontEndConfig(),
    ).to(device, memory_format=torch.channels_last)
    classifier.train()
    optimizer = torch.optim.SGD(classifier.parameters(), lr=1e-3, momentum=0.9)
    images = torch.rand(options.batch, 3, 32, 32, device=device)
    labels = torch.arange(options.batch, device=device) % 10
    plain = StepConfig(precision=options.precision)
    lsf = RegularizerConfig(name="lsf")
    penalised = StepConfig(precision=options.precision, regularizer=lsf)
    prepared = prepare_penalty(lsf, 32, 32, device)

    def loop_over_radii() -> None:
        """One mask and one sum a radius, PyTorch's own double backward: how a first version would be written."""
        pixels = images.clone().requires_grad_()
        loss = torch.nn.functional.cross_entropy(classifier(pixels), labels)
        (grad,) = torch.autograd.grad(loss, pixels, create_graph=True)
        power = torch.fft.fft2(grad.mean(dim=1), norm="ortho").abs().square()
        frequency = torch.fft.fftfreq(32, d=1 / 32, device=device)
        radius = torch.sqrt(frequency[:, None] ** 2 + frequency[None, :] ** 2).round()
        energy = torch.stack([(power * (radius == r)).sum(dim=(1, 2)) for r in range(1, 24)], dim=1)
        share = energy / energy.sum(dim=1, keepdim=True)
        optimizer.zero_grad(set_to_none=True)
        (loss + 0.5 * share[:, 5:].sum(dim=1).mean()).backward()
        optimizer.step()

    component = FourierPenalty("lsf")

    def step_of(loss: Callable[[], torch.Tensor]) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        optimizer.step()

    def shared_pass() -> torch.Tensor:
        return component.with_loss(classifier, images, labels)[0]

    def own_pass() -> torch.Tensor:
        task = torch.nn.functional.cross_entropy(classifier(images), labels)
        return task + component(classifier, images, labels)

    runs: dict[str, Callable[[], object]] = {
        "plain step": lambda: take_step(classifier, optimizer, Batch(images.clone()), labels, plain, None),
        "penalised step": lambda: take_step(classifier, optimizer, Batch(images.clone()), labels, penalised, prepared),
        "FourierPenalty.with_loss": lambda: step_of(shared_pass),
        "FourierPenalty(...)": lambda: step_of(own_pass),
        "loop over radii": loop_over_radii,
    }

    def seconds(run: Callable[[], object]) -> float:
        clock = time.process_time if device.type == "cpu" else time.perf_counter
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return clock() - start

    for run in runs.values():
        seconds(run)
    turns = [[seconds(run) for run in runs.values()] for _ in range(options.steps)]
    medians = [statistics.median(column) for column in zip(*turns, strict=True)]
    print(f"{options.model}, batch {options.batch}, {device}, {options.precision}, torch {torch.__version__}, "
          f"{torch.get_num_threads()} threads")  # fmt: skip
    for name, median in zip(runs, medians, strict=True):
        print(f"{name:<25}{1000 * median:9.1f} ms   x {median / medians[0]:.2f}")


if __name__ == "__main__":
    main()
