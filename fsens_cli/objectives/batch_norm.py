"""Batch norm whose second derivative costs a few passes over memory instead of about twenty.

PyTorch decomposes the double backward of batch norm into element-wise products, which made up two fifths of a penalised
training step. Its first backward pass is one kernel, and that kernel does most of the second one too.

With x^ = (x - mean) / s, s = sqrt(var + eps), M values a channel and <a> their mean, the backward pass of batch norm is

    dx = B(dy) = (w / s) (dy - <dy> - x^ <dy x^>),   dw = M <dy x^>,   db = M <dy>

B is linear in dy and its own adjoint. So for cotangents v of dx, p of dw and q of db its own backward pass is

    to dy:  B(v) + p x^ + q
    to x:   -(b / s) B(v) + k (dy - <dy> - x^ b) - (w / s^2) c x^
    to w:   (M / s) c

    with a = <v x^>, b = <dy x^>, c = <(v - <v>) dy> - a b, k = p / s - w a / s^2

Where several processes share a batch, <a> and M are those of the whole batch, and a cotangent p or q belongs to the
process that got that dw or db; <p dy> and <p dy x^> then take the place of p <dy> and p b.

Shape letters: N images, C channels, any further dimensions; M = values a channel.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fsens_cli.objectives import aten
from fsens_cli.objectives.autograd_context import Context
from fsens_cli.parallel.world import ALONE, World


class _Backward(NamedTuple):
    """B(dy); this process's <dy x^> and <dy>, times M; and both means over the whole batch."""

    dx: Tensor
    dw: Tensor
    db: Tensor
    product_mean: Tensor
    mean: Tensor


def _per_channel(values_C: Tensor, like: Tensor) -> Tensor:
    return values_C.reshape(1, -1, *([1] * (like.ndim - 2)))


def _channel_sum(values: Tensor) -> Tensor:
    return values.sum(dim=[0, *range(2, values.ndim)])


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


def _backward(
    dy: Tensor, x: Tensor, weight: Tensor, mean: Tensor, inverse_sd: Tensor, count: Tensor | float, world: World
) -> _Backward:
    if not world.is_shared:
        dx, dw, db = aten.batch_norm_backward(dy, x, weight, mean, inverse_sd)
        return _Backward(dx, dw, db, dw / count, db / count)
    wide_dy, centred = dy.to(mean.dtype), x - _per_channel(mean, x)
    db, dw = _channel_sum(wide_dy), _channel_sum(wide_dy * centred) * inverse_sd
    dy_mean, b = world.total(torch.stack([db, dw])) / count
    centred.mul_(_per_channel(-b * inverse_sd, x)).add_(wide_dy).sub_(_per_channel(dy_mean, x))
    dx = centred.mul_(_per_channel(weight * inverse_sd, x)).to(x.dtype)
    return _Backward(dx, dw, db, b, dy_mean)


def _covariance(v: Tensor, v_mean: Tensor, dy: Tensor, count: Tensor | float, world: World) -> Tensor:
    """Return <(v - <v>) dy> a channel; the kernel of the weight's gradient sums it in one pass."""
    if aten.is_known("native_batch_norm_backward"):
        summed = aten.batch_norm_weight_gradient(dy, v, v_mean, torch.ones_like(v_mean))
    else:
        summed = _channel_sum((v - _per_channel(v_mean, v)) * dy.to(v_mean.dtype))
    return world.total(summed) / count if world.is_shared else summed / count


class _Kept(Context, Protocol):
    count: Tensor | float
    world: World


class _BatchNormBackward(torch.autograd.Function):
    """(dy, x, weight) -> (dx, dw, db), with the backward pass of the module's docstring."""

    @staticmethod
    def forward(
        ctx: _Kept,
        dy: Tensor,
        x: Tensor,
        weight: Tensor,
        mean: Tensor,
        inverse_sd: Tensor,
        count: Tensor | float,
        world: World,
    ) -> tuple[Tensor, Tensor, Tensor]:
        found = _backward(dy, x, weight, mean, inverse_sd, count, world)
        ctx.save_for_backward(dy, x, weight, mean, inverse_sd, found.dw, found.db, found.mean, found.product_mean)
        ctx.count, ctx.world = count, world
        ctx.set_materialize_grads(False)
        return found.dx, found.dw, found.db

    @staticmethod
    @once_differentiable
    def backward(ctx: _Kept, v: Tensor | None, p: Tensor | None, q: Tensor | None) -> tuple[Tensor | None, ...]:
        dy, x, weight, mean, inverse_sd, dw, db, dy_mean, b = ctx.saved_tensors
        count, world = ctx.count, ctx.world
        # What x, x^ and dy are multiplied by, and what is added; one number a channel each.
        to_dy_hat = to_dy_one = to_x_hat = to_x_dy = to_x_one = torch.zeros_like(mean)
        to_weight = None
        if v is not None:
            of_v = _backward(v, x, weight, mean, inverse_sd, count, world)
            c = _covariance(v, of_v.mean, dy, count, world) - of_v.product_mean * b
            scale = weight * inverse_sd * inverse_sd
            to_x_dy = -scale * of_v.product_mean
            to_x_hat, to_x_one = -to_x_dy * b - scale * c, -to_x_dy * dy_mean
            # Each process answers for its share of the one weight that all of them have.
            to_weight = count / world.size * inverse_sd * c
        if p is not None:
            p_dy, p_dyx = world.total(torch.stack([p * db, p * dw])) / count
            to_dy_hat = p
            to_x_dy = to_x_dy + p * inverse_sd
            to_x_hat, to_x_one = to_x_hat - p_dyx * inverse_sd, to_x_one - p_dy * inverse_sd
        if q is not None:
            to_dy_one = q
        to_x_x = to_x_hat * inverse_sd
        grad_x = torch.addcmul(_per_channel(to_x_one - to_x_x * mean, x), _per_channel(to_x_x, x), x)
        grad_x.addcmul_(_per_channel(to_x_dy, x), dy)
        if v is not None:
            grad_x.addcmul_(_per_channel(-b * inverse_sd, x), of_v.dx)
            if p is None and q is None:
                return of_v.dx, grad_x, to_weight, None, None, None, None
        to_dy_x = to_dy_hat * inverse_sd
        grad_dy = torch.addcmul(_per_channel(to_dy_one - to_dy_x * mean, x), _per_channel(to_dy_x, x), x)
        if v is not None:
            grad_dy.add_(of_v.dx)
        return grad_dy, grad_x, to_weight, None, None, None, None


class _BatchNorm(torch.autograd.Function):
    """(x, weight, bias) -> y with batch statistics; running averages are updated as by ``nn.BatchNorm2d``."""

    @staticmethod
    def forward(
        ctx: _Kept,
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
            y, mean, inverse_sd = aten.batch_norm(x, weight, bias, running_mean, running_var, momentum, eps)
        ctx.save_for_backward(x, weight, mean, inverse_sd)
        ctx.count, ctx.world = count, world
        return y

    @staticmethod
    def backward(ctx: _Kept, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse_sd = ctx.saved_tensors
        dx, dw, db = _BatchNormBackward.apply(dy, x, weight, mean, inverse_sd, ctx.count, ctx.world)
        return dx, dw, db, None, None, None, None, None


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    world: World = ALONE,
) -> Tensor:
    """Return what ``torch.nn.functional.batch_norm`` returns, twice differentiable at low cost.

    Where it uses the statistics of the batch, these are of the whole batch that the processes share.
    """
    known = world.is_shared or aten.is_known("native_batch_norm", "native_batch_norm_backward")
    if not (training and known):
        return torch.nn.functional.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    like = x if x.dtype == torch.float64 else x.new_empty(0, dtype=torch.float32)
    weight = like.new_ones(x.shape[1]) if weight is None else weight
    bias = like.new_zeros(x.shape[1]) if bias is None else bias
    y: Tensor = _BatchNorm.apply(x, weight, bias, running_mean, running_var, momentum, eps, world)
    return y
