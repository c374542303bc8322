"""What the blur adds to a forward pass.

Command: python benchmarks/blur.py

One run, interleaved, medians: a ResNet-18 with the 3x3 stem at 32 x 32 behind sigma 1.5, and torchvision's ResNet-18 at
224 x 224 behind sigma 15, each against the same network without a filter.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from fsens_cli.models.front_end import GaussianBlur


def seconds(function: Callable[[], object], device: str) -> float:
    start = time.perf_counter()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(name: str, network: nn.Module, images: torch.Tensor, sigma: float, repeats: int) -> None:
    blur = GaussianBlur(sigma).to(images.device)
    plain, blurred, alone = [], [], []
    device = images.device.type
    with torch.no_grad():
        for _ in range(repeats + 2):
            plain.append(seconds(lambda: network(images), device))
            blurred.append(seconds(lambda: network(blur(images)), device))
            alone.append(seconds(lambda: blur(images), device))
    pairs = [b / p for b, p in zip(blurred[2:], plain[2:], strict=True)]
    share = statistics.median(alone[2:]) / statistics.median(plain[2:])
    print(
        f"{name}: {statistics.median(plain[2:]):.3f} s plain, ratio with sigma {sigma:g}: "
        f"{statistics.median(pairs):.3f} (the blur alone is {100 * share:.1f} % of the pass)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    from torchvision.models import resnet18

    torch.manual_seed(0)
    small = resnet18(num_classes=10)
    small.conv1, small.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    for name, network, shape, sigma in (
        ("ResNet-18, 3x3 stem, 32 x 32, batch 32", small, (32, 3, 32, 32), 1.5),
        ("ResNet-18, 224 x 224, batch 8", resnet18(), (8, 3, 224, 224), 15.0),
    ):
        compare(name, network.eval().to(given.device), torch.rand(shape, device=given.device), sigma, given.repeats)


if __name__ == "__main__":
    main()
