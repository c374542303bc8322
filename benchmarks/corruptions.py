"""The time each corruption takes per image, beside the library imagecorruptions and beside a ResNet-18.

    python benchmarks/corruptions.py [--small 128] [--large 4] [--severity 3] [--turns 3] [--device cpu]

For 32-pixel and 224-pixel images (``--small`` and ``--large`` of them in a batch): milliseconds an image, the library's
time over ours (which corrupts one image at a time by its own 224-pixel constants), and ours over the forward and
backward pass of a ResNet-18 of the same images (3x3 stem at 32 pixels). All are timed in turns in one process on one
thread, the fastest turn of each counts; on a CPU its own time, so that neighbours on the machine play no part.
"""

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.data.images import to_unit
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.construct import build_network
from fsens_cli.models.settings import ModelConfig
from fsens_cli.perturb.corruptions.apply import corrupt
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS


def main() -> None:
    """Print one table a size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", type=int, default=128)
    parser.add_argument("--large", type=int, default=4)
    parser.add_argument("--severity", type=int, default=3)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(options.device)
    print(f"severity {options.severity}, {device}, torch {torch.__version__}, one thread")
    for side, count in ((32, options.small), (224, options.large)):
        table(pictures(side, count).to(device), options.severity, options.turns)


def pictures(side: int, count: int) -> Tensor:
    """Return 8-bit pictures / 255 of the embedded data set, enlarged where the side asks for it."""
    images = to_unit(load_dualband(DualbandConfig(test_size=max(10, count)), "test").images_NCHW[:count])
    if side != images.shape[-1]:
        images = torch.nn.functional.interpolate(images, size=(side, side), mode="bicubic").clamp(0, 1)
    return (images * 255).round() / 255


def table(images: Tensor, severity: int, turns: int) -> None:
    import imagecorruptions

    side, count = images.shape[-1], len(images)
    index = torch.arange(count)
    pixels = (images.permute(0, 2, 3, 1).cpu().numpy() * 255).round().astype(np.uint8)
    few = range(min(count, 8))
    network = build_network(ModelConfig(name="resnet18"), num_classes=10, shape=ImageShape(3, side, side), seed=0)
    network = network.to(images.device).train()
    labels = torch.zeros(count, dtype=torch.int64, device=images.device)

    def train() -> None:
        torch.nn.functional.cross_entropy(network(images), labels).backward()

    (bare,) = fastest(train, turns=turns, device=images.device)
    bare /= count
    print(f"\n{side} pixels, {count} images: ResNet-18 forward and backward {1e3 * bare:.2f} ms an image")
    print(f"{'':18} {'ms':>8} {'library ms':>11} {'library/ours':>13} {'ours/ResNet-18':>15}")
    for name in CORRUPTIONS:

        def ours(name: str = name) -> None:
            corrupt(images, name, severity, index_N=index, seed=0)

        def theirs(name: str = name) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for i in few:
                    imagecorruptions.corrupt(pixels[i], corruption_name=name, severity=severity)

        our_time, their_time = fastest(ours, theirs, turns=turns, device=images.device)
        our_time, their_time = our_time / count, their_time / len(few)
        print(
            f"{name:18} {1e3 * our_time:8.3f} {1e3 * their_time:11.3f} {their_time / our_time:13.1f} "
            f"{our_time / bare:15.4f}"
        )


def fastest(*tasks: Callable[[], None], turns: int, device: torch.device) -> list[float]:
    """Return the shortest time of each task; the first round warms up and does not count."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    seconds: list[list[float]] = [[] for _ in tasks]
    for turn in range(turns + 1):
        for task, taken in zip(tasks, seconds, strict=True):
            start = clock()
            task()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn:
                taken.append(clock() - start)
    return [min(taken) for taken in seconds]


if __name__ == "__main__":
    main()
