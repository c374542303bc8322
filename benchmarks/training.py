"""Where the time of a training step goes, what other ways to take it cost, and an epoch before and now.

    python benchmarks/training.py [--model resnet20] [--batch 128] [--steps 10] [--before FOLDER]

Steps are whole ones, from 8-bit images to moved weights, all ways in turns; ratios are those of the medians of
processor time. An epoch is half of what a training of three epochs takes more than one of one, in processes of their
own, in turn with that of another checkout if one is named; the smallest difference of three counts.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from fsens_cli.data.augment_settings import AugmentConfig
from fsens_cli.experiments.train_settings import StepConfig
from fsens_cli.experiments.training_step import prepare_images, take_step
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.fourier_penalty import prepare_penalty
from fsens_cli.objectives.regularizers import RegularizerConfig

HERE = Path(__file__).resolve().parents[1]
LSF = RegularizerConfig(name="lsf")
EPOCHS = ["train", "--quiet", "model=resnet20", "measure_images=100", "data.train_size=1300"]


def whole_step(
    model: str,
    batch: int,
    *,
    layout: torch.memory_format = torch.channels_last,
    precision: str = "float32",
    regularizer: RegularizerConfig | None = None,
    fused: bool = False,
) -> Callable[[], None]:
    """Return a function that takes one step of a network of its own."""
    shape = ImageShape(3, 32, 32)
    weights = Weights(label="random")
    classifier = build_classifier(
        ModelConfig(name=model), weights, num_classes=10, shape=shape, seed=0, front_end=FrontEndConfig()
    ).to(memory_format=layout)
    classifier.train()
    optimizer = torch.optim.SGD(
        classifier.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=fused
    )
    config = StepConfig(
        precision=precision,
        label_smoothing=0.1,
        augment=AugmentConfig(flip="alternating"),
        regularizer=regularizer or RegularizerConfig(),
    )
    prepared = prepare_penalty(regularizer, 32, 32, torch.device("cpu")) if regularizer else None
    generator = torch.Generator().manual_seed(0)
    images_u8 = torch.randint(0, 256, (batch, 3, 32, 32), dtype=torch.uint8, generator=generator)
    rows = torch.arange(batch)

    def step() -> None:
        made = prepare_images(images_u8, rows % 10, rows, classifier, config, epoch=1, seed=0, generator=generator)
        take_step(classifier, optimizer, made, rows % 10, config, prepared)

    return step


def shares(step: Callable[[], None], steps: int) -> dict[str, float]:
    """Return the share of a step's time in each kind of operation."""
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for _ in range(steps):
            step()
    kinds = {"convolutions": "conv", "batch norm": "batch_norm|addcmul", "ReLU": "threshold|clamp|relu"}
    spent = dict.fromkeys([*kinds, "the rest"], 0.0)
    for row in recorded.key_averages():
        name = row.key.lower()
        kind = next((k for k, words in kinds.items() if any(w in name for w in words.split("|"))), "the rest")
        spent[kind] += row.self_cpu_time_total
    return {kind: value / sum(spent.values()) for kind, value in spent.items()}


def seconds(tree: Path, epochs: int) -> float:
    """Return the processor seconds of a training in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "FSENS_OFFLINE": "1"}
    command = [sys.executable, "-m", "fsens_cli", *EPOCHS, f"epochs={epochs}"]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = 0  # it has been waited for
    if status:
        raise SystemExit(f"{tree}: {' '.join(command[2:])} ended with {status}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print shares and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--before", type=Path, help="another checkout, for the time of an epoch")
    given = parser.parse_args()
    torch.set_num_threads(1)
    ways = {
        "plain": whole_step(given.model, given.batch),
        "plain, channels first": whole_step(given.model, given.batch, layout=torch.contiguous_format),
        "plain, fused SGD": whole_step(given.model, given.batch, fused=True),
        "plain, precision=bf16": whole_step(given.model, given.batch, precision="bf16"),
        "LSF": whole_step(given.model, given.batch, regularizer=LSF),
        "LSF, channels first": whole_step(given.model, given.batch, regularizer=LSF, layout=torch.contiguous_format),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.steps):
        for name, step in ways.items():
            begun = time.process_time()
            step()
            taken[name].append(time.process_time() - begun)
    plain = statistics.median(taken["plain"])
    for name, values in taken.items():
        median = statistics.median(values)
        print(f"{name:24}{1e3 * median:8.1f} ms {median / plain:6.2f}")
    for name in ("plain", "LSF"):
        print(f"{name}: " + ", ".join(f"{kind} {share:.0%}" for kind, share in shares(ways[name], 4).items()))
    trees = {"before": given.before.resolve(), "now": HERE} if given.before else {"now": HERE}
    least = dict.fromkeys(trees, float("inf"))
    for _ in range(3):
        for name, tree in trees.items():
            least[name] = min(least[name], (seconds(tree, 3) - seconds(tree, 1)) / 2)
    print("an epoch of 1,170 images, ResNet-20: " + ", ".join(f"{name} {value:.2f} s" for name, value in least.items()))


if __name__ == "__main__":
    main()
