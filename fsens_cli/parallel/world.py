"""The processes that train one model together, the part of this one, and what they agree on.

Shape letters: N images of a batch.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from fsens_cli.parallel.sums import DifferentiableTotal, heard, total

Answer = TypeVar("Answer")

# Gradients travel together in pieces of about this size: few enough messages, little enough memory beside them.
BUCKET_NUMBERS = 1 << 23


@dataclass(frozen=True, slots=True)
class World:
    """The processes of one training, as one of them sees them; alone by default.

    With ``size > 1`` torch's default process group must be up, and every method but the properties is a collective:
    all processes must call it, in the same order.

    Attributes:
        rank: of this process, from 0.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that validates, writes and speaks."""
        return self.rank == 0

    @property
    def is_shared(self) -> bool:
        """Whether there are other processes."""
        return self.size > 1

    def part_of(self, values_N: Tensor) -> Tensor:
        """Return this process's part of a batch: every ``size``-th entry from ``rank`` on.

        So the first images of a batch, which a penalty on a fraction of it takes, are spread over the processes.

        >>> World(1, 2).part_of(torch.arange(6)).tolist()
        [1, 3, 5]
        """
        return values_N[self.rank :: self.size] if self.is_shared else values_N

    def part_of_first(self, count: int) -> int:
        """Return how many of the first ``count`` images of a batch are this process's.

        >>> World(0, 2).part_of_first(3), World(1, 2).part_of_first(3)
        (2, 1)
        """
        return len(range(self.rank, count, self.size))

    def differentiable_total(self, values: Tensor) -> Tensor:
        """Return the sum over the processes, differentiable any number of times (see ``sums``)."""
        if not self.is_shared:
            return values
        summed: Tensor = DifferentiableTotal.apply(values)
        return summed

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over the processes, not differentiable."""
        return total(values) if self.is_shared else values

    def any(self, here: bool) -> bool:
        """Return whether it is so in any process."""
        # On the CPU, where nobody waits for a device to learn the answer.
        return bool(self.total(torch.tensor(float(here))) > 0) if self.is_shared else here

    def level(self, module: nn.Module) -> None:
        """Give every process the first one's parameters and buffers."""
        if self.is_shared:
            with torch.no_grad():
                for tensor in [*module.parameters(), *module.buffers()]:
                    # A broadcast writes into plain memory, whatever the layout of the tensor.
                    sent = tensor.detach().contiguous()
                    heard(partial(dist.broadcast, sent, src=0))
                    tensor.copy_(sent)

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over the processes."""
        if not self.is_shared:
            return
        for bucket in _buckets([p.grad for p in parameters if p.grad is not None]):
            together = torch.cat([grad.reshape(-1) for grad in bucket])
            heard(partial(dist.all_reduce, together))
            for grad, summed in zip(bucket, together.split([g.numel() for g in bucket]), strict=True):
                grad.copy_(summed.view_as(grad))

    def from_first(self, answer: Callable[[], Answer]) -> Answer:
        """Return what the first process computes, or raise in every process what it raises."""
        if not self.is_shared:
            return answer()
        told: list[object] = [None, None]
        if self.is_first:
            try:
                told[0] = answer()
            except Exception as error:  # noqa: BLE001 raised below, here and elsewhere
                told[1] = error
        heard(lambda: dist.broadcast_object_list(told, src=0))
        if isinstance(told[1], Exception):
            raise told[1]
        return cast(Answer, told[0])

    def agree(self, problem: Exception | None) -> None:
        """Meet the others; raise the problem of the first process that has one, in all of them."""
        if not self.is_shared:
            return
        told: list[Exception | None] = [None] * self.size
        heard(lambda: dist.all_gather_object(told, problem))
        for rank, found in enumerate(told):
            if found is not None:
                raise problem if rank == self.rank and problem is not None else found


ALONE = World()


def _buckets(gradients: list[Tensor]) -> Iterable[list[Tensor]]:
    """Yield gradients of one type at a time, in lists of about ``BUCKET_NUMBERS`` numbers."""
    for dtype in dict.fromkeys(g.dtype for g in gradients):
        bucket: list[Tensor] = []
        for gradient in (g for g in gradients if g.dtype == dtype):
            bucket.append(gradient)
            if sum(g.numel() for g in bucket) >= BUCKET_NUMBERS:
                yield bucket
                bucket = []
        if bucket:
            yield bucket
