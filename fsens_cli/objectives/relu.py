"""A ReLU whose second derivative makes no tensors of zeros.

The gradient of a ReLU is dy where the output is positive. PyTorch differentiates that with respect to the output too:
the answer is a tensor of zeros as large as the activations, which is then added to their gradient. Four passes over
memory for every ReLU of a network, left out here.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fsens_cli.objectives import aten
from fsens_cli.objectives.autograd_context import Context


class _Gate(torch.autograd.Function):
    """(dy, y) -> dy where y is positive, else 0."""

    @staticmethod
    def forward(ctx: Context, dy: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        return aten.relu_backward(dy, y)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, v: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return aten.relu_backward(v, y), None


class _ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor, inplace: bool) -> Tensor:
        if inplace:
            ctx.mark_dirty(x)
        y = torch.relu_(x) if inplace else torch.relu(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return _Gate.apply(dy, y), None


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return what ``torch.nn.functional.relu`` returns, twice differentiable at low cost."""
    if not aten.is_known("threshold_backward"):
        return torch.nn.functional.relu(input, inplace)
    # Part of another tensor, overwritten: PyTorch's own keeps the books of that.
    if inplace and aten.is_view(input):
        return torch.nn.functional.relu(input, inplace=True)
    y: Tensor = _ReLU.apply(input, inplace)
    return y
