"""A convolution whose second derivative uses the kernel that every training uses for the gradient of its weights.

PyTorch writes the double backward of a convolution as further convolutions: the part that belongs to the weights
becomes one whose kernel is as large as the images, after copies that put images and channels in each other's place, and
with groups there is one for each group. The kernel for the gradient of the weights gives the same sum.

With y = x * w, cotangents v of dx and p of dw, and (dx, dw) linear in dy, the answers are

    to dy:  v * w + x * p + q,    to x: dx of (dy, p),    to w: dw of (dy, v)

Shape letters: N images, C channels in, D channels out, H, W pixels.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fsens_cli.objectives import aten
from fsens_cli.objectives.autograd_context import Context

# Measured: on CPUs the kernel for the gradient of the weights is the slower one for 512 x 512 x 3 x 3 numbers and the
# few pixels that images have by then.
MOST_WEIGHTS_ON_CPU = 2**21


class _Asked:
    """Whether anybody wants the gradients of the parameters; autograd does not tell a Python function that."""

    def __init__(self) -> None:
        self.weights = True


class _Thread(threading.local):
    """One ``_Asked`` a thread. Graphs keep that of the thread that built them: a GPU runs them backwards in another."""

    def __init__(self) -> None:
        self.asked = _Asked()


_thread = _Thread()


@contextmanager
def for_inputs_alone() -> Iterator[None]:
    """While active, backward passes through what this thread computed leave out the gradients of the parameters."""
    asked = _thread.asked
    before, asked.weights = asked.weights, False
    try:
        yield
    finally:
        asked.weights = before


class _Shape(NamedTuple):
    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int


class _Kept(Context, Protocol):
    shape: _Shape
    asked: _Asked


class _ConvolutionBackward(torch.autograd.Function):
    """(dy, x, w) -> (dx, dw, db), with the backward pass of the module's docstring."""

    @staticmethod
    def forward(
        ctx: _Kept, dy: Tensor, x: Tensor, weight: Tensor, shape: _Shape, wanted: list[bool]
    ) -> tuple[Tensor | None, ...]:
        ctx.save_for_backward(dy, x, weight)
        ctx.shape = shape
        ctx.set_materialize_grads(False)
        return aten.convolution_backward(dy, x, weight, *shape, wanted)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Kept, v: Tensor | None, p: Tensor | None, q: Tensor | None) -> tuple[Tensor | None, ...]:
        dy, x, weight = ctx.saved_tensors
        shape = ctx.shape
        to_dy = to_x = to_weight = None
        if v is not None:
            to_dy = aten.convolution(v, weight, None, *shape)
            _, to_weight, _ = aten.convolution_backward(dy, v, weight, *shape, [False, True, False])
        if p is not None:
            from_weight = aten.convolution(x, p, None, *shape)
            to_dy = from_weight if to_dy is None else to_dy + from_weight
            to_x, _, _ = aten.convolution_backward(dy, x, p, *shape, [True, False, False])
        if q is not None:
            from_bias = q.reshape(-1, 1, 1).expand_as(dy)
            to_dy = from_bias if to_dy is None else to_dy + from_bias
        return to_dy, to_x, to_weight, None, None


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Kept, x: Tensor, weight: Tensor, bias: Tensor | None, shape: _Shape) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.shape, ctx.asked = shape, _thread.asked
        return aten.convolution(x, weight, bias, *shape)

    @staticmethod
    def backward(ctx: _Kept, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        to_x, to_weight, to_bias, _ = ctx.needs_input_grad
        wanted = [to_x, to_weight and ctx.asked.weights, to_bias and ctx.asked.weights]
        return *_ConvolutionBackward.apply(dy, x, weight, ctx.shape, wanted), None


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> Tensor:
    """Return what ``torch.nn.functional.conv2d`` returns, twice differentiable at low cost."""
    many = input.device.type == "cpu" and groups == 1 and weight.numel() > MOST_WEIGHTS_ON_CPU
    known = aten.is_known("convolution", "convolution_backward")
    if not known or many or isinstance(padding, str) or input.ndim != 4:
        return torch.nn.functional.conv2d(input, weight, bias, stride, padding, dilation, groups)
    kind = input.device.type
    shape = _Shape(_pair(stride), _pair(padding), _pair(dilation), groups)
    if not torch.is_autocast_enabled(kind):
        return _applied(input, weight, bias, shape)
    narrow = torch.get_autocast_dtype(kind)
    # What is saved for the backward passes must be what was computed with.
    with torch.autocast(kind, enabled=False):
        return _applied(
            _cast(input, narrow), _cast(weight, narrow), None if bias is None else _cast(bias, narrow), shape
        )


def _applied(x: Tensor, weight: Tensor, bias: Tensor | None, shape: _Shape) -> Tensor:
    y: Tensor = _Convolution.apply(x, weight, bias, shape)
    return y


def _cast(operand: Tensor, narrow: torch.dtype) -> Tensor:
    """Return the operand as autocast would: doubles stay."""
    return operand if operand.dtype == torch.float64 else operand.to(narrow)


def _pair(value: int | tuple[int, ...]) -> list[int]:
    return [value, value] if isinstance(value, int) else [*value] * (2 // len(value))
