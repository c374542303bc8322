"""What an attack meets on its way at each image: outputs that are no decision, and gradients that are zero.

Shape letters: N images, L classes, C channels, H, W pixels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


def undecided(logits_NL: Tensor) -> Tensor:
    """Return where logits are no decision: one of them is NaN, or the largest is infinite, shape (N,).

    -inf is a legal logit, that of a class that is masked out.

    >>> undecided(torch.tensor([[0.0, -torch.inf], [0.0, torch.nan], [0.0, torch.inf], [-torch.inf, -torch.inf]]))
    tensor([False,  True,  True,  True])
    """
    return no_number(logits_NL.amax(dim=1))


def no_number(largest_N: Tensor) -> Tensor:
    """Return where the largest logits are no decision; that of a row with NaN is NaN."""
    return ~(largest_N.abs() < torch.inf)


@dataclass(frozen=True, slots=True)
class Watch:
    """Marks for every image of a batch, set while an attack runs.

    Attributes:
        undecided_N: some output at a point of the image was no decision.
        looked_N: some gradient was taken.
        alive_N: some gradient was a number and not zero.
    """

    undecided_N: Tensor
    looked_N: Tensor
    alive_N: Tensor

    @classmethod
    def over(cls, label_N: Tensor) -> "Watch":
        """Return a watch over the images of these labels, nothing marked."""
        return cls(*(torch.zeros_like(label_N, dtype=torch.bool) for _ in range(3)))

    def see_gradient(self, row_S: Tensor, grad_SCHW: Tensor) -> None:
        """Mark what the gradients at points of the images ``row_S`` are."""
        if bool(self.alive_N[row_S].all()):
            return
        largest_S = grad_SCHW.detach().flatten(1).abs().amax(dim=1)
        self.looked_N[row_S] = True
        self.alive_N[row_S] |= largest_S.isfinite() & (largest_S > 0)

    @property
    def dead_N(self) -> Tensor:
        """Where every gradient that was taken is zero or not a number."""
        return self.looked_N & ~self.alive_N
