"""Two processes that share a training, on this machine's own address: how tests start them and get their answers."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from fsens_cli.parallel.world import World

# Where gloo listens; without it, it looks the machine's name up.
LOOPBACK = {"linux": "lo", "darwin": "lo0"}.get(sys.platform, "")


def in_two_processes(work: Callable[[World], Any], folder: Path) -> list[Any]:
    """Return what ``work``, a function of an importable module, returns in each of two processes."""
    mp.spawn(_one, (work, folder), nprocs=2, join=True)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


def _one(rank: int, work: Callable[[World], Any], folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = LOOPBACK
    dist.init_process_group("gloo", store=dist.FileStore(str(folder / "store"), 2), rank=rank, world_size=2)
    torch.save(work(World(rank, 2)), folder / f"{rank}.pt")
    dist.destroy_process_group()
