"""The cost of a step of PGD and APGD beside the bare forward pass and input gradient, and beside foolbox's PGD.

    python benchmarks/attacks.py [--model resnet18] [--batch 64] [--steps 5] [--repeats 5] [--device cpu] [--foolbox]

All are timed in turns within one run, on images of which none falls; ratios are those of the medians. Target: 1.15.
The check at the end of an attack, one more forward pass, is left out: it is paid once and not a step.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights
from fsens_cli.perturb.attacks.apgd import apgd
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Goal
from fsens_cli.perturb.attacks.losses import dlr, log_odds, targeted_dlr
from fsens_cli.perturb.attacks.pgd import pgd
from fsens_cli.perturb.attacks.streams import Streams

NUM_CLASSES = 10


def main() -> None:
    """Print milliseconds a step and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--foolbox", action="store_true", help="time foolbox's PGD too (a development dependency)")
    options = parser.parse_args()
    device = torch.device(options.device)
    network = build_classifier(
        ModelConfig(name=options.model),
        Weights(label="random"),
        num_classes=NUM_CLASSES,
        shape=ImageShape(3, 32, 32),
        seed=0,
        front_end=FrontEndConfig(),
    )
    network = network.to(device).eval().requires_grad_(False)
    images = torch.rand(options.batch, 3, 32, 32, device=device)
    streams = Streams.drawn(0, options.batch)
    # A label that no image can lose: its logit is raised far above the others.
    labels = torch.zeros(options.batch, dtype=torch.long, device=device)
    lead = torch.zeros(NUM_CLASSES, device=device)
    lead[0] = 1e3

    def model(x: Tensor) -> Tensor:
        return network(x) + lead

    def settings(name: str, norm: str) -> AttackConfig:
        return AttackConfig(name=name, norm=norm, eps=8 / 255 if norm == "linf" else 0.5, steps=options.steps)

    def bare() -> None:
        for _ in range(options.steps):
            x = images.detach().requires_grad_()
            loss = torch.nn.functional.cross_entropy(model(x), labels, reduction="sum")
            torch.autograd.grad(loss, x)

    goal = Goal(labels, rival_N=labels + 1)
    runs: dict[str, Callable[[], object]] = {"bare": bare}
    for norm in ("linf", "l2"):
        plain, own = settings("pgd", norm), settings("apgd-ce", norm)
        runs[f"pgd {norm}"] = lambda c=plain: pgd(model, images, goal, c, streams)
        runs[f"apgd-ce {norm}"] = lambda c=own: apgd(model, images, goal, log_odds, c, streams)
    linf = settings("apgd-dlr", "linf")
    runs["apgd-dlr linf"] = lambda: apgd(model, images, goal, dlr, linf, streams)
    runs["apgd-t linf"] = lambda: apgd(model, images, goal, targeted_dlr, linf, streams)
    if options.foolbox:
        runs["foolbox pgd linf"] = foolbox_pgd(model, images, labels, options.steps)

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
    turns = [[seconds(run) for run in runs.values()] for _ in range(options.repeats)]
    medians = [statistics.median(column) for column in zip(*turns, strict=True)]
    print(f"{options.model}, batch {options.batch}, {device}, torch {torch.__version__}, "
          f"{torch.get_num_threads()} threads, {options.steps} steps")  # fmt: skip
    for name, median in zip(runs, medians, strict=True):
        print(f"{name:<18}{1000 * median / options.steps:9.1f} ms a step   x {median / medians[0]:.3f}")


def foolbox_pgd(model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, steps: int) -> Callable[[], object]:
    """Return foolbox's PGD on the same images; its loop alone, as for the others."""
    import foolbox

    class Wrapped(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return model(x)

    wrapped = foolbox.PyTorchModel(Wrapped().eval(), bounds=(0, 1), device=images.device)
    oracle = foolbox.attacks.LinfProjectedGradientDescentAttack(abs_stepsize=2.5 * 8 / 255 / steps, steps=steps)
    return lambda: oracle.run(wrapped, images, labels, epsilon=8 / 255)


if __name__ == "__main__":
    main()
