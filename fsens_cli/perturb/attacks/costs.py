"""What an attack costs: passes of the model over images, and time.

Shape letters: N images, C channels, H, W pixels.
"""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.goal import Model


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one attack, over all images that it was given.

    Attributes:
        num_images: images that it was given.
        steps: of one start (for ``square``, the most queries of an image).
        queries: forward passes, of one image each.
        gradients: those among them that were differentiated.
        seconds: of wall time.
    """

    num_images: int = 0
    steps: int = 0
    queries: int = 0
    gradients: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of both."""
        return Cost(
            self.num_images + other.num_images,
            max(self.steps, other.steps),
            self.queries + other.queries,
            self.gradients + other.gradients,
            self.seconds + other.seconds,
        )


class Counted:
    """A model that counts what it is asked."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._start()

    def _start(self) -> None:
        self._queries = self._gradients = 0
        self._began = time.perf_counter()

    def __call__(self, images_NCHW: Tensor) -> Tensor:
        """Return the model's logits."""
        self._queries += len(images_NCHW)
        if torch.is_grad_enabled():
            self._gradients += len(images_NCHW)
        return self.model(images_NCHW)

    def taken(self, num_images: int, *, steps: int = 0) -> Cost:
        """Return the cost since the last call, or since the beginning."""
        cost = Cost(num_images, steps, self._queries, self._gradients, time.perf_counter() - self._began)
        self._start()
        return cost
