"""Batch norm whose second derivative costs a few passes over memory instead of about twenty.

PyTorch decomposes the double backward of batch norm into element-wise products, which made up two fifths of a penalised
training step. Written out, it is a linear combination of three tensors with one set of coefficients a channel.

With x^ = (x - mean) / s, s = sqrt(var + eps), M values a channel and <a> their mean, the backward pass of batch norm is

    dx = (w / s) (dy - <dy> - x^ <dy x^>),   dw = M <dy x^>,   db = M <dy>

and for cotangents v of dx, p of dw and q of db its own backward pass is

    to dy:  (w / s) (v - <v> - x^ <v x^>) + p x^ + q
    to x:   -(w / s^2) (x^ (<v dy> - <v><dy> - 3 a b) + b (v - <v>) + a (dy - <dy>)) + (p / s) (dy - <dy> - x^ b)
    to w:   (M / s) (<v dy> - <v><dy> - a b)          with a = <v x^>, b = <dy x^>

Where several processes share a batch, <a> and M are those of the whole batch, and a cotangent p or q belongs to the
process that got that dw or db; <p dy> and <p dy x^> then take the place of p <dy> and p b.

Shape letters: N images, C channels, any further dimensions; M = values a channel.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from fsens_cli.parallel.world import ALONE, World


def _per_channel(values_C: Tensor, like: Tensor) -> Tensor:
    return values_C.reshape(1, -1, *([1] * (like.ndim - 2)))


def _channel_mean(values: Tensor) -> Tensor:
    return values.mean(dim=[0, *range(2, values.ndim)])


def _channel_sum(values: Tensor) -> Tensor:
    return values.sum(dim=[0, *range(2, values.ndim)])


def _means(world: World, count: Tensor | float, *values: Tensor) -> tuple[Tensor, ...]:
    """Return <a> of each of the values over the whole batch, whoever holds its images; one message for all of them."""
    if not world.is_shared:
        return tuple(_channel_mean(v) for v in values)
    return tuple(world.total(torch.stack([_channel_sum(v) for v in values])) / count)


def _statistics(x: Tensor, world: World) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean, variance and number of values a channel of the whole batch (Chan's formula for joining parts)."""
    var, mean = torch.var_mean(x, dim=[0, *range(2, x.ndim)], correction=0)
    parts = mean.new_zeros(world.size, 2 * len(mean) + 1)
    parts[world.rank] = torch.cat([mean, var, mean.new_full((1,), x.numel() // x.shape[1])])
    parts = world.total(parts)
    mean_PC, var_PC, count_P = parts[:, : len(mean)], parts[:, len(mean) : -1], parts[:, -1:]
    count = count_P.sum()
    mean = (count_P * mean_PC).sum(dim=0) / count
    var = (count_P * (var_PC + (mean_PC - mean).square())).sum(dim=0) / count
    return mean, var, count


class _Backward(torch.autograd.Function):
    """(dy, x, weight) -> (dx, dw, db), with the backward pass of the module's docstring."""

    @staticmethod
    def forward(
        ctx: Any,
        dy: Tensor,
        x: Tensor,
        weight: Tensor,
        mean: Tensor,
        inverse_sd: Tensor,
        count: Tensor | float,
        eps: float,
        world: World,
    ) -> tuple[Tensor, Tensor, Tensor]:
        if world.is_shared:
            wide_dy, centred = dy.to(mean.dtype), x - _per_channel(mean, x)
            db, dw = _channel_sum(wide_dy), _channel_sum(wide_dy * centred) * inverse_sd
            dy_mean, b = world.total(torch.stack([db, dw])) / count
            centred.mul_(_per_channel(-b * inverse_sd, x)).add_(wide_dy).sub_(_per_channel(dy_mean, x))
            dx = centred.mul_(_per_channel(weight * inverse_sd, x)).to(x.dtype)
        else:
            dx, dw, db = torch.ops.aten.native_batch_norm_backward(
                dy, x, weight, None, None, mean, inverse_sd, True, eps, [True, True, True]
            )
            dy_mean, b = db / count, dw / count
        ctx.save_for_backward(dy, x, weight, mean, inverse_sd, dw, db, dy_mean, b)
        ctx.count, ctx.world = count, world
        ctx.set_materialize_grads(False)
        return dx, dw, db

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, v: Tensor | None, p: Tensor | None, q: Tensor | None) -> tuple[Tensor | None, ...]:
        dy, x, weight, mean, inverse_sd, dw, db, dy_mean, b = ctx.saved_tensors
        count, world = ctx.count, ctx.world
        zero = torch.zeros_like(mean)
        # Coefficients of dy, x, v and 1 in the two answers, one number a channel each.
        to_dy_v, to_dy_x, to_dy_1 = zero, zero, zero
        to_x_dy, to_x_x, to_x_v, to_x_1 = zero, zero, zero, zero
        to_weight = None
        if v is not None:
            v_mean, vx_mean, vdy_mean = _means(world, count, v, v * x, v * dy)
            a = (vx_mean - v_mean * mean) * inverse_sd
            covariance = vdy_mean - v_mean * dy_mean
            scale = weight * inverse_sd
            to_dy_v = scale
            to_dy_x = -scale * a * inverse_sd
            to_dy_1 = -scale * v_mean - to_dy_x * mean
            squared = -scale * inverse_sd
            to_x_v, to_x_dy = squared * b, squared * a
            to_x_x = squared * (covariance - 3 * a * b) * inverse_sd
            to_x_1 = -to_x_v * v_mean - to_x_dy * dy_mean - to_x_x * mean
            # Each process answers for its share of the one weight that all of them have.
            to_weight = count / world.size * inverse_sd * (covariance - a * b)
        if p is not None:
            to_dy_x = to_dy_x + p * inverse_sd
            to_dy_1 = to_dy_1 - p * inverse_sd * mean
            to_x_dy = to_x_dy + p * inverse_sd
            p_dy, p_dyx = world.total(torch.stack([p * db, p * dw])) / count
            to_x_x = to_x_x - inverse_sd * p_dyx * inverse_sd
            to_x_1 = to_x_1 - inverse_sd * (p_dy - p_dyx * inverse_sd * mean)
        if q is not None:
            to_dy_1 = to_dy_1 + q
        grad_dy = torch.addcmul(_per_channel(to_dy_1, x), _per_channel(to_dy_x, x), x)
        grad_x = torch.addcmul(_per_channel(to_x_1, x), _per_channel(to_x_x, x), x)
        grad_x.addcmul_(_per_channel(to_x_dy, x), dy)
        if v is not None:
            grad_dy.addcmul_(_per_channel(to_dy_v, x), v)
            grad_x.addcmul_(_per_channel(to_x_v, x), v)
        return grad_dy, grad_x, to_weight, None, None, None, None, None


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
        world: World,
    ) -> Tensor:
        count: Tensor | float = x.numel() / x.shape[1]
        if world.is_shared:
            mean, var, count = _statistics(x.to(weight.dtype), world)
            inverse_sd = torch.rsqrt(var + eps)
            scale = weight * inverse_sd
            y = torch.addcmul(_per_channel(bias - mean * scale, x), _per_channel(scale, x), x).to(x.dtype)
            if running_mean is not None and running_var is not None:
                running_mean.lerp_(mean.to(running_mean), momentum)
                running_var.lerp_((var * (count / (count - 1))).to(running_var), momentum)
        else:
            y, mean, inverse_sd = torch.native_batch_norm(
                x, weight, bias, running_mean, running_var, True, momentum, eps
            )
        ctx.save_for_backward(x, weight, mean, inverse_sd)
        ctx.count, ctx.eps, ctx.world = count, eps, world
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse_sd = ctx.saved_tensors
        dx, dw, db = _Backward.apply(dy, x, weight, mean, inverse_sd, ctx.count, ctx.eps, ctx.world)
        return dx, dw, db, None, None, None, None, None


def batch_norm(layer: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Return what ``layer`` in training mode returns for ``x``, twice differentiable at low cost."""
    momentum = layer.momentum
    if layer.track_running_stats and layer.num_batches_tracked is not None:
        layer.num_batches_tracked.add_(1)
        if momentum is None:
            momentum = 1.0 / float(layer.num_batches_tracked)
    y: Tensor = _Forward.apply(
        x, layer.weight, layer.bias, layer.running_mean, layer.running_var, momentum or 0.0, layer.eps, ALONE
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


class _SharedBatch(TorchFunctionMode):
    """Takes over every call of ``batch_norm`` with batch statistics, whichever layer it comes from."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is nn.functional.batch_norm:
            return self._batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _batch_norm(
        self,
        x: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return nn.functional.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
        like = x if x.dtype == torch.float64 else x.new_empty(0, dtype=torch.float32)
        weight = like.new_ones(x.shape[1]) if weight is None else weight
        bias = like.new_zeros(x.shape[1]) if bias is None else bias
        y: Tensor = _Forward.apply(x, weight, bias, running_mean, running_var, momentum, eps, self.world)
        return y


@contextmanager
def shared_batch_norm(world: World) -> Iterator[None]:
    """While active, batch norm has the statistics of all processes' images together, and two derivatives.

    ``nn.SyncBatchNorm`` has neither a second derivative nor a version for the CPU.
    """
    if not world.is_shared:
        yield
        return
    with _SharedBatch(world):
        yield
