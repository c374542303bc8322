"""What autograd hands from a forward to its backward pass; torch's own class tells no types of it."""

from typing import Protocol

from torch import Tensor


class Context(Protocol):
    """The first argument of ``forward`` and ``backward`` of a ``torch.autograd.Function``."""

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """What was saved."""

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        """Which arguments of the forward pass need a gradient."""

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep tensors for the backward pass."""

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Tell of tensors that were changed in place."""

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether missing cotangents come as zeros, or as None."""
