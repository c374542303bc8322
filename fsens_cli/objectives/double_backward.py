"""Layers of a network replaced by forms that are cheap to differentiate twice.

Calls are taken over wherever they come from, so that a network of any library is served as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from torch.overrides import TorchFunctionMode

from fsens_cli.objectives.batch_norm import batch_norm
from fsens_cli.objectives.convolution import conv2d
from fsens_cli.objectives.relu import relu
from fsens_cli.parallel.world import ALONE, World


class _TakenOver(TorchFunctionMode):
    def __init__(self, world: World) -> None:
        super().__init__()
        functional = torch.nn.functional
        self.ours: dict[object, Callable[..., object]] = {
            functional.batch_norm: partial(batch_norm, world=world),
            functional.conv2d: conv2d,
            functional.relu: relu,
            torch.relu: relu,
            torch.Tensor.relu: relu,
        }

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        del types
        return self.ours.get(func, func)(*args, **(kwargs or {}))


@contextmanager
def cheap_double_backward(world: World = ALONE) -> Iterator[None]:
    """While active, convolution, batch norm and ReLU have cheap second derivatives.

    Batch norm then has the statistics of all processes:
    ``nn.SyncBatchNorm`` has neither a second derivative nor a version for the CPU.
    """
    with _TakenOver(world):
        yield


@contextmanager
def shared_batch_norm(world: World) -> Iterator[None]:
    """While active, batch norm has the statistics of all processes' images together; alone, nothing changes."""
    if not world.is_shared:
        yield
        return
    with cheap_double_backward(world):
        yield
