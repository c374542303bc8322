"""Which activations a network calls, and whether a penalty on the size of its gradient can train it."""

from collections.abc import Callable, Mapping

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from fsens_cli.errors import ModelError

# Their second derivative is zero almost everywhere.
PIECEWISE_LINEAR = {
    functional.relu: "ReLU",
    torch.relu: "ReLU",
    torch.relu_: "ReLU",
    torch.Tensor.relu: "ReLU",
    torch.Tensor.relu_: "ReLU",
    functional.relu6: "ReLU6",
    functional.leaky_relu: "LeakyReLU",
    functional.prelu: "PReLU",
    functional.rrelu: "RReLU",
    functional.hardtanh: "ReLU6 or Hardtanh",
    functional.threshold: "Threshold",
    functional.hardsigmoid: "Hardsigmoid",
}
SMOOTH = frozenset({
    functional.silu, functional.gelu, functional.mish, functional.elu, functional.celu, functional.selu,
    functional.softplus, functional.hardswish, functional.logsigmoid, functional.tanh, functional.sigmoid, torch.tanh,
    torch.sigmoid, torch.Tensor.tanh, torch.Tensor.sigmoid, functional.softmax, torch.softmax, torch.Tensor.softmax,
    functional.scaled_dot_product_attention,
})  # fmt: skip


class Activations(TorchFunctionMode):
    """While active, notes which activations are called, as modules or as functions.

    Attributes:
        linear: names of the piecewise linear ones.
        any_smooth: whether there was one with a second derivative.
    """

    def __init__(self) -> None:
        super().__init__()
        self.linear: set[str] = set()
        self.any_smooth = False

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        del types
        if func in PIECEWISE_LINEAR:
            self.linear.add(PIECEWISE_LINEAR[func])
        self.any_smooth |= func in SMOOTH
        return func(*args, **(kwargs or {}))

    def require_smooth(self) -> None:
        """Refuse a network whose activations are all piecewise linear.

        Its input gradient is then locally constant, so its size changes with the weights of the active units alone,
        and training by it fails (Rodriguez-Munoz et al., 2024).

        Raises:
            ModelError: names the activation and what to take instead.
        """
        if self.linear and not self.any_smooth:
            raise ModelError(
                f"regularizer=gradient-norm needs an activation with a second derivative, and this network has "
                f"{', '.join(sorted(self.linear))} alone: give model.kwargs.activation=silu or gelu (timm's networks: "
                "model.kwargs.act_layer=silu), or another network."
            )
