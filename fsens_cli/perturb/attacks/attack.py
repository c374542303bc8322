"""Images that a model loses inside a ball: one attack, or the cascade of attacks, with every claim checked.

Shape letters: N images, S of them still standing, C channels, H, W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.cascades import stages_of
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.costs import Cost, Counted
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model
from fsens_cli.perturb.attacks.minimal import SEARCHES, MinimalResult, doubts, search
from fsens_cli.perturb.attacks.opening import num_open, open_goal
from fsens_cli.perturb.attacks.stages import SINGLE, Progress, run_stage
from fsens_cli.perturb.attacks.streams import Streams
from fsens_cli.perturb.attacks.verify import TOLERANCE
from fsens_cli.perturb.attacks.watch import Watch
from fsens_cli.statistics.intervals import Interval, wilson


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AttackResult:
    """What an attack of a fixed radius did.

    Attributes:
        adversarial_NCHW: an adversarial image where ``found_N``; elsewhere the last point tried; the image itself
            where it is misclassified without an attack.
        found_N: whether the model fails on it, by a fresh forward pass, inside the box and the ball to 1e-6.
        size_N: norm of the change in double precision; 0 for images misclassified clean, infinite where not found.
        rejected_N: an attack claimed an adversarial image, but no claim survived the check.
        undecided_N: the model's output at some point was no decision (NaN, or infinite); untargeted, such an image has
            fallen, because the model has not given the right answer.
        dead_N: every gradient that was taken is zero or not a number, so attacks by gradient say nothing.
        standing: for each stage in order which images stand after it; the first is ``clean``.
        costs: of each stage, ``clean`` included.
        num_classes: logits that can be compared.
    """

    adversarial_NCHW: Tensor
    found_N: Tensor
    size_N: Tensor
    rejected_N: Tensor
    undecided_N: Tensor
    dead_N: Tensor
    standing: dict[str, Tensor]
    costs: dict[str, Cost]
    num_classes: int

    @property
    def accuracy(self) -> Interval:
        """The share of images that stand, with Wilson's interval."""
        return wilson(int((~self.found_N).sum()), len(self.found_N))

    def __repr__(self) -> str:
        """Return the accuracy that is left, and how many images stand after each stage."""
        stages = ", ".join(f"{name} {int(stand_N.sum())}" for name, stand_N in self.standing.items())
        lines = [f"accuracy under attack {self.accuracy}", f" images that stand after: {stages}"]
        return "\n".join([*lines, *doubts(self.rejected_N, self.undecided_N, self.dead_N)])


def attack(
    model: Model,
    images_NCHW: Tensor,
    label_N: Tensor,
    config: AttackConfig,
    *,
    generator: torch.Generator | int,
    target_N: Tensor | None = None,
    gradient_filter: Filter | None = None,
) -> AttackResult:
    """Attack each image inside the ball of radius ``config.eps``.

    Args:
        model: from [0, 1] images to logits; a module must be in evaluation mode, where images do not mix.
        images_NCHW, label_N: one batch.
        config: which attack, and how.
        generator: one number an image is taken from it, so an image's randomness depends on its place in a run and
            not on the batch size, nor on which other images still stand. Equal batches give equal bytes on a CPU.
        target_N: the classes to reach; without them any wrong class counts.
        gradient_filter: applied to gradients (before they are normalised) and to random starts by FGSM, PGD and
            APGD. In ``l2`` the perturbation stays in the range of a linear filter up to the clamp to [0, 1]; the
            sign step of ``linf`` leaves it.

    For ``config.eot`` > 1 the decision of a random model is that of its mean logits over so many passes, in the
    checks as well. Minimal-norm attacks count as found where their image lies in the ball.

    Raises:
        ConfigError, DataError, ModelError: what was given cannot be used.
    """
    streams = Streams.drawn(generator, len(images_NCHW))
    model = counted = Counted(model)
    goal, logits_NL = open_goal(model, images_NCHW, label_N, config, target_N)
    clean_N = goal.reached(logits_NL)
    costs = {"clean": counted.taken(len(images_NCHW))}
    if config.name in (*SEARCHES, "minimal") and config.name not in SINGLE:
        result = search(model, images_NCHW, goal, clean_N, config, streams)
        costs[config.name] = counted.taken(int((~clean_N).sum()), steps=config.num_steps)
        return _within(result, clean_N, config, costs, num_open(logits_NL))
    so_far = Progress.of(images_NCHW, clean_N)
    standing = {"clean": ~clean_N}
    for stage in stages_of(config, num_open(logits_NL)):
        num_images = int((~so_far.found_N).sum())
        run_stage(model, images_NCHW, goal, logits_NL, so_far, stage, config, streams, gradient_filter)
        standing[stage.name] = ~so_far.found_N
        costs[stage.name] = counted.taken(num_images, steps=stage.num_steps)
    assert goal.watch is not None, "open_goal has set one"
    return AttackResult(
        adversarial_NCHW=so_far.point_NCHW,
        found_N=so_far.found_N,
        size_N=so_far.size_N,
        rejected_N=so_far.claimed_N & ~so_far.found_N,
        undecided_N=goal.watch.undecided_N,
        dead_N=goal.watch.dead_N,
        standing=standing,
        costs=costs,
        num_classes=num_open(logits_NL),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is known of each image between two stages of an attack, bool (N,).

    Attributes:
        found_N: it has fallen.
        claimed_N: some stage said that it falls.
        undecided_N, looked_N, alive_N: what the model answered (see `Watch`).
    """

    found_N: Tensor
    claimed_N: Tensor
    undecided_N: Tensor
    looked_N: Tensor
    alive_N: Tensor

    @property
    def rejected_N(self) -> Tensor:
        """Where no claim survived the check."""
        return self.claimed_N & ~self.found_N

    @property
    def dead_N(self) -> Tensor:
        """Where every gradient that was taken is zero or not a number."""
        return self.looked_N & ~self.alive_N

    @classmethod
    def of(cls, so_far: Progress, watch: Watch | None) -> Marks:
        """Return what an attack has found out so far."""
        assert watch is not None, "goals of attacks are watched"
        return cls(
            found_N=so_far.found_N,
            claimed_N=so_far.claimed_N,
            undecided_N=watch.undecided_N,
            looked_N=watch.looked_N,
            alive_N=watch.alive_N,
        )


def open_attack(model: Model, images_NCHW: Tensor, label_N: Tensor, config: AttackConfig) -> tuple[Tensor, Marks, Cost]:
    """Check everything; return the clean logits, what is known before the first stage, and what that took.

    Raises:
        ConfigError, DataError, ModelError: what was given cannot be used.
    """
    counted = Counted(model)
    goal, logits_NL = open_goal(counted, images_NCHW, label_N, config)
    so_far = Progress.of(images_NCHW, goal.reached(logits_NL))
    return logits_NL, Marks.of(so_far, goal.watch), counted.taken(len(images_NCHW))


def attack_stage(
    model: Model,
    images_NCHW: Tensor,
    label_N: Tensor,
    config: AttackConfig,
    stage: AttackConfig,
    marks: Marks,
    logits_NL: Tensor,
    *,
    generator: torch.Generator | int,
) -> tuple[Marks, Cost]:
    """Run one stage of a cascade on one batch, so that each can be kept by itself.

    All stages of ``stages_of(config, ...)`` in turn, each with a generator in the state in which `attack` gets it, find
    what `attack` finds.

    Args:
        model, images_NCHW, label_N, config: as `attack` takes them.
        stage: one of the cascade's.
        marks: what the stage before has left.
        logits_NL: of the clean images.
        generator: one number an image is taken from it.
    """
    streams, counted = Streams.drawn(generator, len(images_NCHW)), Counted(model)
    watch = Watch(*(mark_N.clone() for mark_N in (marks.undecided_N, marks.looked_N, marks.alive_N)))
    goal = Goal(label_N).watched(watch)
    so_far = Progress.of(images_NCHW, marks.found_N, marks.claimed_N)
    run_stage(counted, images_NCHW, goal, logits_NL, so_far, stage, config, streams, None)
    return Marks.of(so_far, watch), counted.taken(int((~marks.found_N).sum()), steps=stage.num_steps)


def join(results: Sequence[AttackResult]) -> AttackResult:
    """Return the results of several batches as one."""
    return AttackResult(
        adversarial_NCHW=torch.cat([r.adversarial_NCHW for r in results]),
        found_N=torch.cat([r.found_N for r in results]),
        size_N=torch.cat([r.size_N for r in results]),
        rejected_N=torch.cat([r.rejected_N for r in results]),
        undecided_N=torch.cat([r.undecided_N for r in results]),
        dead_N=torch.cat([r.dead_N for r in results]),
        standing={stage: torch.cat([r.standing[stage] for r in results]) for stage in results[0].standing},
        costs={stage: sum((r.costs[stage] for r in results), Cost()) for stage in results[0].costs},
        num_classes=min(r.num_classes for r in results),
    )


def _within(
    result: MinimalResult, clean_N: Tensor, config: AttackConfig, costs: dict[str, Cost], num_classes: int
) -> AttackResult:
    """Return what a search for the smallest change means for the ball of radius ``config.eps``."""
    found_N = result.size_N <= config.eps + TOLERANCE
    return AttackResult(
        adversarial_NCHW=result.adversarial_NCHW,
        found_N=found_N,
        size_N=torch.where(found_N, result.size_N, torch.inf),
        rejected_N=result.rejected_N,
        undecided_N=result.undecided_N,
        dead_N=result.dead_N,
        standing={"clean": ~clean_N, config.name: ~found_N},
        costs=costs,
        num_classes=num_classes,
    )
