"""The cost of ``fsens hybrid-probe`` beyond the forward passes that it cannot do without.

Run with ``python benchmarks/hybrid_probe.py [MODEL] [NUM_IMAGES] [DEVICE]``. Both are timed in one process, in turns,
and the fastest turn of each counts; the target is a ratio of at most 1.15. All that is not a forward pass counts in the
numerator: pairing, transforms, hybrids, intervals. On a CPU one thread is used and its own time is taken, so that
neighbours on the machine play no part; on a GPU the time on the wall, after a synchronisation.
"""

import sys
import time
from collections.abc import Callable

import torch

from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.data.images import ImageSet, to_unit
from fsens_cli.experiments.hybrid_probe import hybrid_probe
from fsens_cli.experiments.hybrid_settings import HybridConfig
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.construct import build_network
from fsens_cli.models.device import pick_device
from fsens_cli.models.settings import ModelConfig

TURNS = 7


def main(model: str = "resnet8", num_images: str = "256", device_name: str = "auto") -> None:
    device = pick_device(device_name)
    torch.set_num_threads(1)
    images = load_dualband(DualbandConfig(test_size=int(num_images)), "test")
    shape = ImageShape(*images.images_NCHW.shape[1:])
    network = build_network(ModelConfig(name=model), num_classes=10, shape=shape, seed=0).to(device).eval()
    config = HybridConfig(pairings=1)
    total = len(images) + config.num_hybrids(len(images))  # the unmixed images are classified too

    def probe() -> None:
        hybrid_probe(network, images, config=config)

    def bare() -> None:
        forward_only(network, images, config, device)

    probe_seconds, bare_seconds = fastest(probe, bare, device=device)
    ratio = probe_seconds / bare_seconds
    print(
        f"{model} on {device}, {total:,} images of {shape}, batches of {config.batch_size}, torch {torch.__version__}"
    )
    print(f"hybrid_probe {probe_seconds:.2f} s, bare forward passes {bare_seconds:.2f} s, ratio {ratio:.3f}")


def forward_only(network: torch.nn.Module, images: ImageSet, config: HybridConfig, device: torch.device) -> None:
    """Classify the images in batches, again and again, as many as the probe has."""
    unit = to_unit(images.images_NCHW.to(device))
    with torch.no_grad():
        for _ in range(1 + config.pairings * len(config.frequencies())):
            for batch in unit.split(config.batch_size):
                network(batch)


def fastest(*tasks: Callable[[], None], device: torch.device) -> list[float]:
    """Return the shortest time of each task; the first round warms up and does not count."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    seconds: list[list[float]] = [[] for _ in tasks]
    for turn in range(TURNS + 1):
        for task, taken in zip(tasks, seconds, strict=True):
            start = clock()
            task()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn:
                taken.append(clock() - start)
    return [min(taken) for taken in seconds]


if __name__ == "__main__":
    main(*sys.argv[1:])
