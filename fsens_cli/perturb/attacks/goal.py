"""When an attack has won, and what a model decides.

Shape letters: N images, L classes, C channels, H, W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.watch import Watch, no_number

Model = Callable[[Tensor], Tensor]
Filter = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Goal:
    """What shall become of each image.

    Attributes:
        label_N: the true class; without a target an image falls when the model decides for any other one.
        target_N: the class that an image must be given to fall, or None.
        rival_N: the class that a loss pulls towards, where it is told one; does not change when an image falls.
        watch: where it is marked what the model answers; None where nobody asks.
        row_N: of each image in the watch.
    """

    label_N: Tensor
    target_N: Tensor | None = None
    rival_N: Tensor | None = None
    watch: Watch | None = None
    row_N: Tensor | None = None

    def watched(self, watch: Watch | None = None) -> "Goal":
        """Return the same goal with a watch over its images, a new one unless it is given."""
        row_N = torch.arange(len(self.label_N), device=self.label_N.device)
        return replace(self, watch=watch or Watch.over(self.label_N), row_N=row_N)

    def towards(self, rival_N: Tensor) -> "Goal":
        """Return the same goal with a class for losses to pull towards."""
        return replace(self, rival_N=rival_N)

    def __getitem__(self, rows: Tensor) -> "Goal":
        """Return the goal of some of the images (indices or a mask)."""
        return Goal(
            self.label_N[rows],
            None if self.target_N is None else self.target_N[rows],
            None if self.rival_N is None else self.rival_N[rows],
            self.watch,
            None if self.row_N is None else self.row_N[rows],
        )

    def reached(self, logits_NL: Tensor) -> Tensor:
        """Return where these logits mean that the image has fallen.

        A model that gives no decision has not given the right one, so an image falls there too, and is marked in the
        watch; but it has not been given a target.
        """
        largest_N, decided_N = logits_NL.max(dim=1)
        undecided_N = no_number(largest_N)
        if self.watch is not None and self.row_N is not None and bool(undecided_N.any()):
            self.watch.undecided_N[self.row_N] |= undecided_N
        if self.target_N is None:
            return (decided_N != self.label_N) | undecided_N
        return (decided_N == self.target_N) & ~undecided_N

    def see_gradient(self, grad_NCHW: Tensor) -> None:
        """Mark in the watch, where there is one, whether there is a gradient to follow."""
        if self.watch is not None and self.row_N is not None:
            self.watch.see_gradient(self.row_N, grad_NCHW)


def decide(model: Model, images_NCHW: Tensor, *, eot: int = 1) -> Tensor:
    """Return the logits of a fresh forward pass, or the mean of ``eot`` of them, without gradient."""
    with torch.no_grad():
        logits_NL = model(images_NCHW)
        for _ in range(eot - 1):
            logits_NL = logits_NL + model(images_NCHW)
    return logits_NL / eot if eot > 1 else logits_NL
