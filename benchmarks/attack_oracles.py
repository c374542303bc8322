"""The strength of the attacks beside foolbox, and beside linear models whose smallest change is known.

    python benchmarks/attack_oracles.py [--images 100]

The tables of docs/libraries.md, row by row. foolbox is a development dependency.
"""

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import fsens_cli as fsens
from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.data.images import to_unit
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import find_weights

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import foolbox

BUDGETS = {"linf": 5 / 255, "l2": 0.8}
SEARCHES = (("deepfool", "linf"), ("deepfool", "l2"), ("ddn", "l2"), ("fmn", "l2"), ("fmn", "linf"),
            ("fab-t", "l2"), ("fab-t", "linf"), ("minimal", "l2"), ("minimal", "linf"))  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=100)
    count = parser.parse_args().images
    linear_models()
    model, images, labels = packaged(count)
    lost_images(model, images, labels)
    smallest_changes(model, images, labels)


def linear_models() -> None:
    """Print the largest ratio of found to exact distance over 12 images of 40 pixels."""
    print("| attack | 2 classes | 6 classes |\n| --- | --- | --- |")
    cases = [linear_case(2), linear_case(6)]
    for name, norm in SEARCHES:
        cells = []
        for model, images, labels, exact in cases:
            if name == "fab-t" and len(model[1].weight) < 4:
                cells.append("")
                continue
            found = fsens.minimal_perturbation(model, images, labels, name, norm=norm)
            cells.append(f"{float((found.size_N / exact[norm]).max()):.4f}")
        print(f"| `{name}` `{norm}` | {' | '.join(cells)} |", flush=True)


def linear_case(num_classes: int) -> tuple[Any, Tensor, Tensor, dict[str, Tensor]]:
    """Return a linear model, images near its boundaries and far from 0 and 1, and their exact distances by norm."""
    random = torch.Generator().manual_seed(0)
    layer = nn.Linear(40, num_classes).double()
    layer.weight.data = torch.randn(num_classes, 40, generator=random, dtype=torch.float64)
    layer.bias.data = -layer.weight.sum(dim=1) / 2
    model = nn.Sequential(nn.Flatten(), layer)
    drawn = 0.5 + 0.1 * torch.randn(480, 2, 5, 4, generator=random, dtype=torch.float64)
    images = drawn.clamp(0.2, 0.8)
    with torch.no_grad():
        logits = model(images)
        labels = logits.argmax(dim=1)
        margin = logits.gather(1, labels[:, None]) - logits
        across = layer.weight[None] - layer.weight[labels][:, None]
        exact = {}
        for norm, dual in (("linf", across.abs().sum(dim=2)), ("l2", across.norm(dim=2))):
            exact[norm] = (margin / dual.clamp_min(1e-30)).scatter(1, labels[:, None], torch.inf).amin(dim=1)
    rows = ((exact["l2"] > 0.05) & (exact["l2"] < 0.3)).nonzero().squeeze(1)[:12]
    return model, images[rows], labels[rows], {norm: distance[rows] for norm, distance in exact.items()}


def packaged(count: int) -> tuple[nn.Module, Tensor, Tensor]:
    """Return the packaged standard network and test images of its data."""
    data = load_dualband(DualbandConfig(train_size=10, test_size=count), "test")
    weights = find_weights("packaged:standard", model="resnet8", data="dualband")
    model = build_classifier(
        ModelConfig(name="resnet8"), weights, num_classes=10, shape=ImageShape(3, 32, 32), seed=0,
        front_end=FrontEndConfig(),
    )  # fmt: skip
    return model.eval(), to_unit(data.images_NCHW), data.label_N


def lost_images(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Print how many images fall within a budget in 20 steps, for three seeds."""
    print(f"\n| of {len(images)} | `linf` 5/255 | `l2` 0.8 |\n| --- | --- | --- |")
    kinds = {
        "linf": foolbox.attacks.LinfProjectedGradientDescentAttack,
        "l2": foolbox.attacks.L2ProjectedGradientDescentAttack,
    }

    def ours(name: str) -> Callable[[str, float, int], int]:
        def lost(norm: str, eps: float, seed: int) -> int:
            found = fsens.attack(model, images, labels, name, norm=norm, eps=eps, steps=20, seed=seed)
            return int(found.found_N.sum())

        return lost

    def theirs(norm: str, eps: float, seed: int) -> int:
        return int(
            run_foolbox(kinds[norm](abs_stepsize=2.5 * eps / 20, steps=20), model, images, labels, eps, seed)[1].sum()
        )

    rows = {"fsens `pgd`": ours("pgd"), "foolbox PGD, same step": theirs, "fsens `apgd-ce`": ours("apgd-ce"),
            "fsens `apgd-dlr`": ours("apgd-dlr")}  # fmt: skip
    for name, lost in rows.items():
        cells = [", ".join(str(lost(norm, eps, seed)) for seed in range(3)) for norm, eps in BUDGETS.items()]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def smallest_changes(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Print the median of the smallest change that each search finds in 100 steps (DeepFool: 50)."""
    print("\n| | fsens | foolbox | ratio |\n| --- | --- | --- | --- |")
    oracles = {
        ("deepfool", "linf"): foolbox.attacks.LinfDeepFoolAttack(steps=50, candidates=10),
        ("deepfool", "l2"): foolbox.attacks.L2DeepFoolAttack(steps=50, candidates=10),
        ("ddn", "l2"): foolbox.attacks.DDNAttack(steps=100),
        ("fmn", "linf"): foolbox.attacks.LInfFMNAttack(steps=100),
        ("fmn", "l2"): MendedFMN(steps=100),
    }
    for name, norm in SEARCHES:
        if name == "fab-t":
            continue  # nine rivals in turn: minutes, and foolbox has no such search
        found = fsens.minimal_perturbation(model, images, labels, name, norm=norm).size_N.median()
        cells = f"{float(found):.5f} | | "
        if (name, norm) in oracles:
            points, fell = run_foolbox(oracles[name, norm], model, images, labels, None, 0)
            change = (points - images).flatten(1)
            size = change.abs().amax(dim=1) if norm == "linf" else change.norm(dim=1)
            reference = torch.where(fell, size, torch.inf).median()
            cells = f"{float(found):.5f} | {float(reference):.5f} | {float(found / reference):.3f}"
        print(f"| {name} `{norm}` | {cells} |", flush=True)


class MendedFMN(foolbox.attacks.L2FMNAttack):  # type: ignore[misc, name-defined]
    """foolbox 3.3.4 divides a norm by itself where its L2 FMN projects, so that its ball holds nothing back."""

    def project(self, x: Any, x0: Any, epsilon: Any) -> Any:
        """Return ``x`` drawn back into the ball around ``x0``."""
        delta = (x - x0).raw
        factor = (epsilon.raw / delta.flatten(1).norm(dim=1).clamp_min(1e-12)).clamp_max(1.0)
        return x0 + type(x)(delta * factor[:, None, None, None])


def run_foolbox(
    oracle: Any, model: nn.Module, images: Tensor, labels: Tensor, eps: float | None, seed: int
) -> tuple[Tensor, Tensor]:
    """Return foolbox's images, and which of them the model gets wrong."""
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points, _, found = oracle(
            foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), images, labels, epsilons=eps
        )
    return points, found


if __name__ == "__main__":
    main()
