"""Batch norm whose second derivative costs a few passes over memory instead of about twenty.

PyTorch decomposes the double backward of batch norm into element-wise products, which made up two fifths of a penalised
training step. Written out, it is a linear combination of three tensors with one set of coefficients a channel.

With x^ = (x - mean) / s, s = sqrt(var + eps), M values a channel and <a> their mean, the backward pass of batch norm is

    dx = (w / s) (dy - <dy> - x^ <dy x^>),   dw = M <dy x^>,   db = M <dy>

and for cotangents v of dx, p of dw and q of db its own backward pass is

    to dy:  (w / s) (v - <v> - x^ <v x^>) + p x^ + q
    to x:   -(w / s^2) (x^ (<v dy> - <v><dy> - 3 a b) + b (v - <v>) + a (dy - <dy>)) + (p / s) (dy - <dy> - x^ b)
    to w:   (M / s) (<v dy> - <v><dy> - a b)          with a = <v x^>, b = <dy x^>

Shape letters: N images, C channels, any further dimensions; M = values a channel.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def _per_channel(values_C: Tensor, like: Tensor) -> Tensor:
    return values_C.reshape(1, -1, *([1] * (like.ndim - 2)))


def _channel_mean(values: Tensor) -> Tensor:
    return values.mean(dim=[0, *range(2, values.ndim)])


class _Backward(torch.autograd.Function):
    """(dy, x, weight) -> (dx, dw, db), with the backward pass of the module's docstring."""

    @staticmethod
    def forward(
        ctx: Any, dy: Tensor, x: Tensor, weight: Tensor, mean: Tensor, inverse_sd: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        dx, dw, db = torch.ops.aten.native_batch_norm_backward(
            dy, x, weight, None, None, mean, inverse_sd, True, eps, [True, True, True]
        )
        ctx.save_for_backward(dy, x, weight, mean, inverse_sd, dw, db)
        ctx.set_materialize_grads(False)
        return dx, dw, db

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, v: Tensor | None, p: Tensor | None, q: Tensor | None) -> tuple[Tensor | None, ...]:
        dy, x, weight, mean, inverse_sd, dw, db = ctx.saved_tensors
        count = x.numel() / x.shape[1]
        b, dy_mean = dw / count, db / count
        zero = torch.zeros_like(mean)
        # Coefficients of dy, x, v and 1 in the two answers, one number a channel each.
        to_dy_v, to_dy_x, to_dy_1 = zero, zero, zero
        to_x_dy, to_x_x, to_x_v, to_x_1 = zero, zero, zero, zero
        to_weight = None
        if v is not None:
            v_mean = _channel_mean(v)
            a = (_channel_mean(v * x) - v_mean * mean) * inverse_sd
            covariance = _channel_mean(v * dy) - v_mean * dy_mean
            scale = weight * inverse_sd
            to_dy_v = scale
            to_dy_x = -scale * a * inverse_sd
            to_dy_1 = -scale * v_mean - to_dy_x * mean
            squared = -scale * inverse_sd
            to_x_v, to_x_dy = squared * b, squared * a
            to_x_x = squared * (covariance - 3 * a * b) * inverse_sd
            to_x_1 = -to_x_v * v_mean - to_x_dy * dy_mean - to_x_x * mean
            to_weight = count * inverse_sd * (covariance - a * b)
        if p is not None:
            to_dy_x = to_dy_x + p * inverse_sd
            to_dy_1 = to_dy_1 - p * inverse_sd * mean
            to_x_dy = to_x_dy + p * inverse_sd
            to_x_x = to_x_x - p * inverse_sd * b * inverse_sd
            to_x_1 = to_x_1 - p * inverse_sd * (dy_mean - b * inverse_sd * mean)
        if q is not None:
            to_dy_1 = to_dy_1 + q
        grad_dy = torch.addcmul(_per_channel(to_dy_1, x), _per_channel(to_dy_x, x), x)
        grad_x = torch.addcmul(_per_channel(to_x_1, x), _per_channel(to_x_x, x), x)
        grad_x.addcmul_(_per_channel(to_x_dy, x), dy)
        if v is not None:
            grad_dy.addcmul_(_per_channel(to_dy_v, x), v)
            grad_x.addcmul_(_per_channel(to_x_v, x), v)
        return grad_dy, grad_x, to_weight, None, None, None


class _Forward(torch.autograd.Function):
    """(x, weight, bias) -> y with batch statistics; running averages are updated as by ``nn.BatchNorm2d``."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        momentum: float,
        eps: float,
    ) -> Tensor:
        y, mean, inverse_sd = torch.native_batch_norm(x, weight, bias, running_mean, running_var, True, momentum, eps)
        ctx.save_for_backward(x, weight, mean, inverse_sd)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse_sd = ctx.saved_tensors
        dx, dw, db = _Backward.apply(dy, x, weight, mean, inverse_sd, ctx.eps)
        return dx, dw, db, None, None, None, None


def batch_norm(layer: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Return what ``layer`` in training mode returns for ``x``, twice differentiable at low cost."""
    momentum = layer.momentum
    if layer.track_running_stats and layer.num_batches_tracked is not None:
        layer.num_batches_tracked.add_(1)
        if momentum is None:
            momentum = 1.0 / float(layer.num_batches_tracked)
    y: Tensor = _Forward.apply(
        x, layer.weight, layer.bias, layer.running_mean, layer.running_var, momentum or 0.0, layer.eps
    )
    return y


@contextmanager
def cheap_double_backward(module: nn.Module) -> Iterator[None]:
    """While active, affine 2-D batch norms of ``module`` in training mode compute through ``batch_norm``."""
    layers = [m for m in module.modules() if type(m) is nn.BatchNorm2d and m.affine]

    def replacement(layer: nn.BatchNorm2d) -> Any:
        original = layer.forward

        def forward(x: Tensor) -> Tensor:
            return batch_norm(layer, x) if layer.training else original(x)

        return forward

    for layer in layers:
        layer.forward = replacement(layer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward
