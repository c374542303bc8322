"""The cost of measuring beside the bare forward pass and input gradient of the same model and batches.

    python benchmarks/measure.py [--model resnet20] [--images 1000] [--batch 128] [--turns 3] [--device cpu]

The two are timed in turns within one run; the fastest turn of each counts. Target: 1.05.
"""

import argparse
import time
from collections.abc import Callable

import torch

from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import held_still
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights


def main() -> None:
    """Print seconds, ratio and hardware."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    images = load_dualband(DualbandConfig(test_size=options.images), "test")
    classifier = build_classifier(
        ModelConfig(name=options.model),
        Weights(label="random"),
        num_classes=10,
        shape=ImageShape(3, 32, 32),
        seed=0,
        front_end=FrontEndConfig(),
    ).to(device)
    batches = list(images.batches(options.batch, device))

    def bare() -> None:
        with held_still(classifier):
            for batch, labels in batches:
                pixels = batch.requires_grad_()
                loss = torch.nn.functional.cross_entropy(classifier(pixels), labels, reduction="sum")
                torch.autograd.grad(loss, pixels)
                batch.requires_grad_(False)

    def measured() -> None:
        measure(classifier, batches, MeasureConfig(batch_size=options.batch))

    def seconds(run: Callable[[], None]) -> float:
        # The processor's own time on a CPU: other programs on the machine do not count.
        clock = time.process_time if device.type == "cpu" else time.perf_counter
        start = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return clock() - start

    seconds(bare), seconds(measured)
    pairs = [(seconds(bare), seconds(measured)) for _ in range(options.turns)]
    plain, full = (min(column) for column in zip(*pairs, strict=True))
    print(f"{options.model}, {options.images} images, batch {options.batch}, {device}, torch {torch.__version__}, "
          f"{torch.get_num_threads()} threads")  # fmt: skip
    print(f"bare forward + input gradient {plain:.3f} s, measure {full:.3f} s, ratio {full / plain:.3f}")


if __name__ == "__main__":
    main()
