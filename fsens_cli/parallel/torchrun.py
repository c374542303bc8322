"""Has torchrun started this process, and how does it meet the others?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from fsens_cli.errors import require
from fsens_cli.parallel.world import ALONE, World

# The others wait while the first one validates or fetches data; torchrun itself notices processes that die.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Place:
    """What torchrun tells a process about itself.

    Attributes:
        rank, size: among all processes.
        local_rank, local_size: among those of this machine.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int


def place_in_torchrun() -> Place | None:
    """Return this process's place among several that torchrun started; None without others."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    rank, size, local_rank, local_size = (
        int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    return Place(rank, size, local_rank, local_size) if size > 1 else None


def own_device(name: str, place: Place | None) -> str:
    """Return the name of the device that a process takes where ``name`` was asked for: each its own GPU.

    Raises:
        ConfigError: one GPU was asked for by number, or there are fewer than processes.
    """
    if place is None or name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return name
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
def joined(place: Place | None) -> Iterator[World]:
    """Meet the other processes; sums over tensors on GPUs go through nccl, everything else through gloo."""
    if place is None:
        yield ALONE
        return
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
