"""One stage of an attack: every start of it, on the images that still stand, with every claim checked.

Shape letters: N images, S of them still standing, L classes, C channels, H, W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.apgd import apgd
from fsens_cli.perturb.attacks.config import ATTACKS, NUM_RIVALS, AttackConfig
from fsens_cli.perturb.attacks.fab import fab_t, likeliest_rivals
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model
from fsens_cli.perturb.attacks.losses import dlr, log_odds, targeted_dlr
from fsens_cli.perturb.attacks.own import own_attack
from fsens_cli.perturb.attacks.pgd import fgsm, pgd
from fsens_cli.perturb.attacks.square import square
from fsens_cli.perturb.attacks.streams import Streams
from fsens_cli.perturb.attacks.verify import fit, verified

# Room for attacks that are built in later.
LATER = 1000

# One start of an attack: points and claims.
Attempt = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attack has come: of each image the last point tried, whether it fell or was said to, and how near."""

    point_NCHW: Tensor
    found_N: Tensor
    claimed_N: Tensor
    size_N: Tensor

    @classmethod
    def of(cls, images_NCHW: Tensor, fallen_N: Tensor, claimed_N: Tensor | None = None) -> Progress:
        """Return it before the first attempt; ``fallen_N`` are the images that are not to be tried."""
        size_N = torch.where(fallen_N, 0.0, torch.inf).double()
        claimed_N = torch.zeros_like(fallen_N) if claimed_N is None else claimed_N.clone()
        return cls(images_NCHW.clone(), fallen_N.clone(), claimed_N, size_N)

    def standing_rows(self) -> Tensor:
        """Return the rows of the images that stand."""
        return (~self.found_N).nonzero().squeeze(1)

    def settle(
        self,
        row: Tensor,
        tried: Tensor,
        claimed: Tensor,
        model: Model,
        images: Tensor,
        goal: Goal,
        config: AttackConfig,
    ) -> None:
        """Put the points of one attempt into ball and box, and ask the model anew which of these images fall."""
        tried = fit(images, tried, config.norm, config.eps)
        found, size = verified(model, images, tried, goal, norm=config.norm, eps=config.eps, eot=config.eot)
        self.point_NCHW[row], self.found_N[row] = tried, found
        self.claimed_N[row] = self.claimed_N[row] | claimed
        self.size_N[row[found]] = size[found]


def run_stage(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    logits_NL: Tensor,
    so_far: Progress,
    stage: AttackConfig,
    config: AttackConfig,
    streams: Streams,
    gradient_filter: Filter | None,
) -> None:
    """Try every start of ``stage`` on the images that stand; the checks are those of the whole attack, ``config``."""
    for number, (start, rival_N) in enumerate(_starts(stage, logits_NL, goal)):
        row = so_far.standing_rows()
        if len(row) == 0:
            break
        aim = goal if rival_N is None else goal.towards(rival_N)
        # By name, so that a stage of the cascade walks the same path as the attack alone.
        own_streams = streams[row].child(_place(stage.name)).child(number)
        tried, claimed = start(model, images_NCHW[row], aim[row], stage, own_streams, gradient_filter)
        so_far.settle(row, tried, claimed, model, images_NCHW[row], goal[row], config)


def _starts(
    stage: AttackConfig, logits_NL: Tensor, goal: Goal
) -> Iterator[tuple[Callable[..., Attempt], Tensor | None]]:
    """Yield each start of an attack, together with the rivals that it aims at."""
    for _ in range(stage.restarts):
        if stage.name not in RIVALLED:
            yield SINGLE.get(stage.name, own_attack), None
            continue
        if goal.target_N is not None:
            yield SINGLE[stage.name], goal.target_N
            continue
        for rival_N in likeliest_rivals(logits_NL, goal.label_N, NUM_RIVALS).T:
            yield SINGLE[stage.name], rival_N


def _place(name: str) -> int:
    """Return an attack's place in the registry; the user's own come after all of them."""
    return list(ATTACKS).index(name) if name in ATTACKS else len(ATTACKS) + LATER


def _apgd_ce(
    model: Model, images: Tensor, goal: Goal, config: AttackConfig, streams: Streams, gradient_filter: Filter | None
) -> Attempt:
    return apgd(model, images, goal, log_odds, config, streams, gradient_filter)


def _apgd_dlr(
    model: Model, images: Tensor, goal: Goal, config: AttackConfig, streams: Streams, gradient_filter: Filter | None
) -> Attempt:
    return apgd(model, images, goal, dlr, config, streams, gradient_filter)


def _apgd_t(
    model: Model, images: Tensor, goal: Goal, config: AttackConfig, streams: Streams, gradient_filter: Filter | None
) -> Attempt:
    return apgd(model, images, goal, targeted_dlr, config, streams, gradient_filter)


SINGLE: dict[str, Callable[..., Attempt]] = {
    "fgsm": fgsm,
    "pgd": pgd,
    "apgd-ce": _apgd_ce,
    "apgd-dlr": _apgd_dlr,
    "square": square,
    "apgd-t": _apgd_t,
    "fab-t": fab_t,
}
# These take the likeliest rivals one after the other.
RIVALLED = ("apgd-t", "fab-t")
