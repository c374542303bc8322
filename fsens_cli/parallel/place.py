"""Which of torchrun's processes this one is, found out before anything heavy is imported."""

import os
from dataclasses import dataclass


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
