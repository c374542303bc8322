"""The smallest change that fools the model: several minimal-norm attacks, the best of each image.

Shape letters: N images, S of them still standing, C channels, H, W pixels, E radii.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.errors import require_one_of
from fsens_cli.perturb.attacks.config import ATTACKS, AttackConfig
from fsens_cli.perturb.attacks.ddn import ddn
from fsens_cli.perturb.attacks.deepfool import deepfool
from fsens_cli.perturb.attacks.fab import fab
from fsens_cli.perturb.attacks.fmn import fmn
from fsens_cli.perturb.attacks.goal import Goal, Model
from fsens_cli.perturb.attacks.opening import open_goal
from fsens_cli.perturb.attacks.streams import Streams, start_inside
from fsens_cli.perturb.attacks.verify import verified
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.medians import median_interval

# Of the way back to the image after ``minimal``: a thousandth of it is left.
HALVINGS = 10
SEARCHES: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "deepfool": deepfool,
    "ddn": ddn,
    "fmn": fmn,
    "fab-t": fab,
}
MEMBERS = {"linf": ("fmn", "deepfool"), "l2": ("ddn", "fmn", "deepfool")}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MinimalResult:
    """The smallest adversarial image found of each image.

    Attributes:
        adversarial_NCHW: it, or the image itself where none was found or none was needed.
        size_N: the norm of the change in double precision; 0 where the clean image is already misclassified (or has
            its target), infinite where nothing was found.
        rejected_N: an attack claimed one, but no claim survived the check, and nothing else was found.
        undecided_N, dead_N: as in `AttackResult`.
        winner_N: the attack whose image it is; ``clean`` where none was needed, empty where none was found.
    """

    adversarial_NCHW: Tensor
    size_N: Tensor
    rejected_N: Tensor
    undecided_N: Tensor
    dead_N: Tensor
    winner_N: tuple[str, ...]

    def accuracy(self, eps_E: Sequence[float]) -> Tensor:
        """Return the share of images that stand at each radius: the whole curve from one run."""
        radius = torch.as_tensor(eps_E, dtype=self.size_N.dtype, device=self.size_N.device)
        return (self.size_N[:, None] > radius).double().mean(dim=0)

    @property
    def median_size(self) -> Interval:
        """The median size with its interval; infinite where more than half of the images were not fooled."""
        return median_interval(self.size_N.cpu())

    def __repr__(self) -> str:
        """Return the median size, and how many images need no change or were not fooled."""
        clean, lost = int((self.size_N == 0).sum()), int(self.size_N.isinf().sum())
        lines = [f"median smallest change {self.median_size}", f" wrong without a change: {clean}, not fooled: {lost}"]
        return "\n".join([*lines, *doubts(self.rejected_N, self.undecided_N, self.dead_N)])


def doubts(rejected_N: Tensor, undecided_N: Tensor, dead_N: Tensor) -> list[str]:
    """Return a line for each thing that attacks met and that makes their numbers doubtful."""
    met = {
        "claims that failed the check": rejected_N,
        "images with an output that is no decision": undecided_N,
        "images without a gradient to follow": dead_N,
    }
    return [f" {what}: {int(where_N.sum())}" for what, where_N in met.items() if bool(where_N.any())]


def minimal_perturbation(
    model: Model,
    images_NCHW: Tensor,
    label_N: Tensor,
    config: AttackConfig,
    *,
    generator: torch.Generator | int,
    target_N: Tensor | None = None,
) -> MinimalResult:
    """Search the smallest adversarial image of each in ``config.norm`` with one minimal-norm attack or all of them.

    ``minimal`` runs FMN and DeepFool, for ``l2`` DDN too, brings each one's image as near to the clean one as the
    model stays fooled, by HALVINGS of the way, and keeps the smallest. Restarts after the first
    begin at a random point no further than the best so far; DeepFool has one start. Every image is checked by a fresh
    forward pass.
    """
    require_one_of("attack", config.name, [name for name, record in ATTACKS.items() if record.is_minimal])
    streams = Streams.drawn(generator, len(images_NCHW))
    goal, logits = open_goal(model, images_NCHW, label_N, config, target_N)
    return search(model, images_NCHW, goal, goal.reached(logits), config, streams)


def search(
    model: Model, images_NCHW: Tensor, goal: Goal, clean_N: Tensor, config: AttackConfig, streams: Streams
) -> MinimalResult:
    """Do what `minimal_perturbation` does to images that are known to be usable; ``clean_N`` need no change."""
    members = MEMBERS[config.norm] if config.name == "minimal" else (config.name,)
    best = images_NCHW.clone()
    size_N = torch.where(clean_N, 0.0, math.inf).double()
    claimed_N = torch.zeros_like(clean_N)
    winner_N = torch.full_like(goal.label_N, -1)
    row = (~clean_N).nonzero().squeeze(1)
    if len(row) > 0:
        images, goal_S = images_NCHW[row], goal[row]
        for restart in range(config.restarts):
            for place, name in enumerate(members):
                if restart > 0 and not ATTACKS[name].is_random:
                    continue
                start = {} if restart == 0 else _start(images, size_N[row], config, streams[row].child(restart))
                point, claimed = SEARCHES[name](model, images, goal_S, config, **start)
                found, size = verified(model, images, point, goal_S, norm=config.norm, eot=config.eot)
                if config.name == "minimal":
                    point, size = _refined(model, images, point, torch.where(found, size, math.inf), goal_S, config)
                claimed_N[row] |= claimed
                better = found & (size < size_N[row])
                best[row[better]], size_N[row[better]], winner_N[row[better]] = point[better], size[better], place
    names = ("", *members)
    assert goal.watch is not None, "open_goal has set one"
    return MinimalResult(
        adversarial_NCHW=best,
        size_N=size_N,
        rejected_N=claimed_N & size_N.isinf(),
        undecided_N=goal.watch.undecided_N,
        dead_N=goal.watch.dead_N,
        winner_N=tuple(
            "clean" if clean else names[1 + w] for clean, w in zip(clean_N.tolist(), winner_N.tolist(), strict=True)
        ),
    )


def _start(images: Tensor, size_S: Tensor, config: AttackConfig, streams: Streams) -> dict[str, Tensor]:
    radius = torch.where(size_S.isfinite(), size_S, config.eps)
    return {"start_NCHW": start_inside(images, config.norm, radius, streams)}


def _refined(
    model: Model, images_NCHW: Tensor, best_NCHW: Tensor, size_N: Tensor, goal: Goal, config: AttackConfig
) -> tuple[Tensor, Tensor]:
    """Bisect the segment from each image to its adversarial one; every step is itself a fresh check."""
    row = ((size_N > 0) & size_N.isfinite()).nonzero().squeeze(1)
    if len(row) == 0:
        return best_NCHW, size_N
    images, far, goal_S = images_NCHW[row], best_NCHW[row], goal[row]
    kept, kept_size = far, size_N[row]
    low, high = torch.zeros_like(kept_size), torch.ones_like(kept_size)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        point = images + (far - images) * middle.to(images)[:, None, None, None]
        found, size = verified(model, images, point, goal_S, norm=config.norm, eot=config.eot)
        low, high = torch.where(found, low, middle), torch.where(found, middle, high)
        better = found & (size < kept_size)
        kept, kept_size = torch.where(better[:, None, None, None], point, kept), torch.where(better, size, kept_size)
    best, size_out = best_NCHW.clone(), size_N.clone()
    best[row], size_out[row] = kept, kept_size
    return best, size_out
