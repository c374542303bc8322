"""How processes that torchrun started meet, and which device each takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist

from fsens_cli.errors import require
from fsens_cli.parallel.place import Place
from fsens_cli.parallel.world import World

# The others wait while the first one validates or fetches data; torchrun itself notices processes that die.
PATIENCE = timedelta(hours=2)


def own_device(name: str, place: Place) -> str:
    """Return the name of the device that a process takes where ``name`` was asked for: each its own GPU, or the CPU.

    Raises:
        ConfigError: one GPU was asked for by number, or there are fewer than processes.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    require(
        name in ("auto", "cuda"),
        f"device={name} under torchrun: every process takes a GPU of its own; give device=cuda, auto or cpu.",
    )
    count = torch.cuda.device_count()
    require(
        count >= place.local_size,
        f"torchrun started {place.local_size} processes on a machine with {count} usable CUDA devices: give "
        f"--nproc-per-node up to {count}, or device=cpu.",
    )
    return f"cuda:{place.local_rank}"


@contextmanager
def joined(place: Place) -> Iterator[World]:
    """Meet the other processes; sums over tensors on GPUs go through nccl, everything else through gloo."""
    both = torch.cuda.is_available() and dist.is_nccl_available()
    dist.init_process_group("cpu:gloo,cuda:nccl" if both else "gloo", timeout=PATIENCE)
    try:
        yield World(place.rank, place.size)
    finally:
        leave()


def leave() -> None:
    """Take leave of the others, where there are any."""
    if dist.is_initialized():
        dist.destroy_process_group()
