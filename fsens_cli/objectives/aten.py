"""The private operators of PyTorch that cheap second derivatives are made of, and whether they are as expected.

Each is the kernel of a first derivative. PyTorch's public functions call them inside, and offer no way to call one
alone: without them, a second derivative costs the many passes over memory that it shall be spared. What may change
without notice stands here and nowhere else. Where an operator is gone or takes other arguments, `is_known` says no, and
the layers that need it leave both derivatives to PyTorch: the same numbers, more slowly.
"""

import functools

import torch
from torch import Tensor

OPERATORS = torch.ops.aten
# Names of the arguments, in order, and the number of results.
_NORM = "running_mean running_var"
SIGNATURES: dict[str, tuple[str, int]] = {
    "convolution": ("input weight bias stride padding dilation transposed output_padding groups", 1),
    "convolution_backward": (
        "grad_output input weight bias_sizes stride padding dilation transposed output_padding groups output_mask", 3
    ),
    "native_batch_norm": (f"input weight bias {_NORM} training momentum eps", 3),
    "native_batch_norm_backward": (
        f"grad_out input weight {_NORM} save_mean save_invstd train eps output_mask", 3
    ),
    "threshold_backward": ("grad_output self threshold", 1),
}  # fmt: skip


def difference(name: str) -> str:
    """Return one sentence on how PyTorch's operator differs from what is called here, empty where it does not."""
    arguments, results = SIGNATURES[name]
    try:
        schema = getattr(OPERATORS, name).default._schema
        found = " ".join(argument.name for argument in schema.arguments), len(schema.returns)
    except AttributeError:
        return f"PyTorch {torch.__version__} has no operator aten::{name}: see fsens_cli/objectives/aten.py."
    if found == (arguments, results):
        return ""
    return (
        f"PyTorch {torch.__version__} has another aten::{name}, ({found[0]}) -> {found[1]} instead of "
        f"({arguments}) -> {results}: see fsens_cli/objectives/aten.py."
    )


@functools.cache
def is_known(*names: str) -> bool:
    """Whether PyTorch has these operators with the arguments that they are called with here."""
    return not any(map(difference, names))


def is_view(tensor: Tensor) -> bool:
    """Whether a tensor is part of another one; also where PyTorch no longer tells."""
    asked = getattr(tensor, "_is_view", None)
    return asked is None or asked()


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    """Return the convolution that `convolution_backward` is the derivative of, whatever autocast says."""
    y: Tensor = OPERATORS.convolution(x, weight, bias, stride, padding, dilation, False, [0, 0], groups)
    return y


def convolution_backward(
    dy: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
    wanted: list[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return (dx, dw, db), None where not wanted."""
    gradients: tuple[Tensor | None, Tensor | None, Tensor | None] = OPERATORS.convolution_backward(
        dy, x, weight, [weight.shape[0]], stride, padding, dilation, False, [0, 0], groups, wanted
    )
    return gradients


def batch_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (y, mean, 1 / sd) with the batch's statistics; updates the running averages."""
    found: tuple[Tensor, Tensor, Tensor] = OPERATORS.native_batch_norm(
        x, weight, bias, running_mean, running_var, True, momentum, eps
    )
    return found


def batch_norm_backward(
    dy: Tensor, x: Tensor, weight: Tensor, mean: Tensor, inverse_sd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (dx, dw, db)."""
    gradients: tuple[Tensor, Tensor, Tensor] = OPERATORS.native_batch_norm_backward(
        dy, x, weight, None, None, mean, inverse_sd, True, 0.0, [True, True, True]
    )
    return gradients


def batch_norm_weight_gradient(dy: Tensor, x: Tensor, mean: Tensor, inverse_sd: Tensor) -> Tensor:
    """Return dw alone, the sums of dy (x - mean) / sd, in one pass over memory."""
    dw: Tensor = OPERATORS.native_batch_norm_backward(
        dy, x, torch.ones_like(mean), None, None, mean, inverse_sd, True, 0.0, [False, True, False]
    )[1]
    return dw


def relu_backward(dy: Tensor, y: Tensor) -> Tensor:
    """Return dy where y is positive, else 0."""
    dx: Tensor = OPERATORS.threshold_backward(dy, y, 0)
    return dx
