"""Adversarial training: the worst neighbours of the training images, by Madry's or by TRADES' measure of worst.

Shape letters: N images, C channels, H, W pixels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from fsens_cli.experiments.train_settings import AdversaryConfig
from fsens_cli.models.classifier import Classifier, held_still
from fsens_cli.objectives.double_backward import shared_batch_norm
from fsens_cli.objectives.penalised_pass import averages_untouched
from fsens_cli.parallel.world import World
from fsens_cli.perturb.attacks.pgd import training_adversary
from fsens_cli.perturb.attacks.trades import NOISE_SD, divergence_adversary
from fsens_cli.perturb.ball import random_start


def worst_neighbours(
    classifier: Classifier,
    images_NCHW: Tensor,
    label_N: Tensor,
    config: AdversaryConfig,
    *,
    num_images: int,
    generator: torch.Generator,
    world: World,
) -> Tensor:
    """Return the neighbour of each image, inside the ball and [0, 1].

    Args:
        images_NCHW, label_N: this process's part of a batch of ``num_images``.
        generator: gives the random starts of the whole batch.
    """
    whole = images_NCHW.new_empty(num_images, *images_NCHW.shape[1:])
    if config.is_trades:
        start = NOISE_SD * torch.randn(whole.shape, generator=generator).to(whole)
    else:
        start = random_start(whole, config.norm, config.eps, generator)
    climb = divergence_adversary if config.is_trades else partial(training_adversary, label_N=label_N)
    with _attacked(classifier, config.mode), shared_batch_norm(world):
        return climb(
            classifier,
            images_NCHW,
            norm=config.norm,
            eps=config.eps,
            step_size=config.step_size,
            num_steps=config.steps,
            start_NCHW=world.part_of(start),
        )


@contextmanager
def _attacked(classifier: Classifier, mode: str) -> Iterator[None]:
    """Put the network in the mode of the attack; its running averages stay as they are in either."""
    if mode == "eval":
        with held_still(classifier):
            yield
    else:
        with averages_untouched(classifier):
            yield
