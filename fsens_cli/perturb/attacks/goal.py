"""When has an attack won, and what does a model decide?

Shape letters: N images, L classes, C channels, H, W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Model = Callable[[Tensor], Tensor]
Filter = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Goal:
    """What shall become of each image.

    Attributes:
        label_N: the true class; without a target an image falls when the model decides for any other one.
        target_N: the class that an image must be given to fall, or None.
        rival_N: the class that a loss pulls towards, where it is told one; does not change when an image falls.
    """

    label_N: Tensor
    target_N: Tensor | None = None
    rival_N: Tensor | None = None

    def __getitem__(self, rows: Tensor) -> "Goal":
        """Return the goal of some of the images (indices or a mask)."""
        return Goal(
            self.label_N[rows],
            None if self.target_N is None else self.target_N[rows],
            None if self.rival_N is None else self.rival_N[rows],
        )

    def reached(self, logits_NL: Tensor) -> Tensor:
        """Return where these logits mean that the image has fallen; logits that are no numbers never do."""
        decided_N = logits_NL.argmax(dim=1)
        fell_N = decided_N != self.label_N if self.target_N is None else decided_N == self.target_N
        return fell_N & logits_NL.isfinite().all(dim=1)


def decide(model: Model, images_NCHW: Tensor, *, eot: int = 1) -> Tensor:
    """Return the logits of a fresh forward pass, or the mean of ``eot`` of them, without gradient."""
    with torch.no_grad():
        logits_NL = model(images_NCHW)
        for _ in range(eot - 1):
            logits_NL = logits_NL + model(images_NCHW)
    return logits_NL / eot if eot > 1 else logits_NL
