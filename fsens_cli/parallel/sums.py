"""Sums of a tensor over processes that can be differentiated any number of times.

Take what all processes compute as one function and its value as the sum of what each of them calls its loss. Then the
derivative of an all-reduce is an all-reduce of the cotangents: every process used the sum, so every use counts. The
backward pass is the forward pass again, so it can itself be differentiated.

Every process must run the same graph: autograd then runs the collectives of a backward pass in the same order in all.
"""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor

from fsens_cli.errors import PeerLost


def heard(collective: Callable[[], object]) -> None:
    """Run a collective; a process that has gone is one kind of error, whatever the backend calls it.

    Raises:
        PeerLost: another process has ended.
    """
    try:
        collective()
    except RuntimeError as error:
        raise PeerLost(str(error)) from error


def total(values: Tensor) -> Tensor:
    """Return the sum over all processes, the same on each; not differentiable.

    Raises:
        PeerLost: another process has ended.
    """
    summed = values.detach().clone(memory_format=torch.contiguous_format)
    heard(lambda: dist.all_reduce(summed))
    return summed


class DifferentiableTotal(torch.autograd.Function):
    """``total`` with itself as its derivative."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        """Return the sum over all processes."""
        del ctx
        return total(values)

    @staticmethod
    def backward(ctx: object, cotangent: Tensor) -> Tensor:
        """Return the sum of the cotangents over all processes."""
        del ctx
        summed: Tensor = DifferentiableTotal.apply(cotangent)
        return summed
