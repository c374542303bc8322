"""The cost of critical bands, Shapley importance and spectra by depth beside the bare passes that they need.

    python benchmarks/channels.py [--model resnet20] [--images 64] [--turns 3]

Each is timed in turns with its bare passes within one run; the fastest turn of each counts. Targets: 1.15 for critical
bands and Shapley values, 1.3 for spectra by depth at 224 pixels (forward passes alone, and with the gradient). At 32
pixels a network of 16 channels does little between two states, so there the transforms weigh more.
"""

import argparse
import time
from collections.abc import Callable

import torch

from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.critical_band import critical_band
from fsens_cli.experiments.critical_band_settings import CriticalBandConfig
from fsens_cli.experiments.evaluate import evaluate
from fsens_cli.experiments.evaluate_settings import EvaluateConfig, SuiteConfig
from fsens_cli.experiments.layers import layers
from fsens_cli.experiments.layers_settings import LayersConfig
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import held_still
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.input_gradient import input_gradient

# Network, pixels a side, images, images a batch.
DEPTH = (
    ("resnet20", 32, 512, 128),
    ("resnet50", 224, 32, 8),
    ("timm/tf_efficientnet_lite0", 224, 32, 8),
    ("timm/vit_tiny_patch16_224", 224, 32, 8),
)
ONLY_BANDS = SuiteConfig(
    corruptions=[], filters=[], shuffles=[], noises=[], attacks=[], minimal=False, heat_map=False, bands=True
)


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    images = load_dualband(DualbandConfig(test_size=options.images), "test")
    classifier = build_classifier(
        ModelConfig(name=options.model), Weights(label="random"), num_classes=10, shape=ImageShape(3, 32, 32), seed=0,
        front_end=FrontEndConfig(),
    )  # fmt: skip
    batches = list(images.batches(128, torch.device("cpu")))
    # A network at chance has no threshold: its labels are what it says, so that all strengths are searched.
    with held_still(classifier), torch.no_grad():
        said = torch.cat([classifier(batch).argmax(dim=1) for batch, _ in batches])
    labelled = type(images)(
        images_NCHW=images.images_NCHW, label_N=said, index_N=images.index_N, class_names=images.class_names,
        title=images.title, split=images.split,
    )  # fmt: skip

    def forwards(count: int) -> Callable[[], None]:
        def run() -> None:
            with held_still(classifier), torch.no_grad():
                for _ in range(count):
                    for batch, _ in batches:
                        classifier(batch)

        return run

    done = critical_band(classifier, labelled, CriticalBandConfig()).answers.num_forwards // len(labelled)
    cases: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        f"critical-band, {done} passes": (
            lambda: critical_band(classifier, labelled, CriticalBandConfig()), forwards(done),
        ),
        "Shapley importance, 257 passes": (
            lambda: evaluate(classifier, labelled, EvaluateConfig(suite=ONLY_BANDS)), forwards(257),
        ),
    }  # fmt: skip
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, (whole, bare) in cases.items():
        compare(f"{name}, {options.model}, {options.images} images", whole, bare, options.turns)
    for model, size, count, batch_size in DEPTH:
        by_depth(model, size, count, batch_size, options.turns)


def by_depth(model: str, size: int, count: int, batch_size: int, turns: int) -> None:
    """Compare spectra by depth with one forward pass, and with one input gradient, an image."""
    pixels = torch.randint(256, (count, 3, size, size), dtype=torch.uint8)
    images = ImageSet(
        images_NCHW=pixels, label_N=torch.arange(count) % 10, index_N=torch.arange(count), title="noise", split="test",
        class_names=tuple(str(label) for label in range(10)),
    )  # fmt: skip
    classifier = build_classifier(
        ModelConfig(name=model), Weights(label="random"), num_classes=10, shape=ImageShape(3, size, size), seed=0,
        front_end=FrontEndConfig(),
    )  # fmt: skip

    def forward() -> None:
        with held_still(classifier), torch.no_grad():
            for batch, _ in images.batches(batch_size, torch.device("cpu")):
                classifier(batch)

    def gradient() -> None:
        with held_still(classifier):
            for batch, labels in images.batches(batch_size, torch.device("cpu")):
                input_gradient(classifier, batch, labels)

    def spectra(with_gradient: bool) -> Callable[[], object]:
        config = LayersConfig(gradient=with_gradient, batch_size=batch_size)
        return lambda: layers(classifier, images, config)

    named = f"{model} at {size}, {count} images"
    compare(f"layers, forward, {named}", spectra(False), forward, turns)
    compare(f"layers, gradient, {named}", spectra(True), gradient, turns)


def compare(name: str, whole: Callable[[], object], bare: Callable[[], object], turns: int) -> None:
    """Print the fastest of each in turns, and their ratio."""
    pairs = [(seconds(bare), seconds(whole)) for _ in range(turns)]
    plain, full = (min(column) for column in zip(*pairs, strict=True))
    print(f"{name:<68} bare {plain:.2f} s, whole {full:.2f} s, ratio {full / plain:.2f}", flush=True)


def seconds(run: Callable[[], object]) -> float:
    """Return the processor's own time: other programs on the machine do not count."""
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    main()
