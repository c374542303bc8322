"""The device that a name means, and a job's share of a machine."""

import os
from typing import TYPE_CHECKING

from fsens_cli.errors import ConfigError

if TYPE_CHECKING:
    import torch


def pick_device(name: str) -> "torch.device":
    """Return the device; ``auto`` is the first CUDA device where there is one, else the CPU.

    Raises:
        ConfigError: the device does not exist here.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device={name} is not a device: give auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device={name}, and this machine has no usable CUDA device: give device=cpu or device=auto.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device={name}, and this machine has {torch.cuda.device_count()} CUDA device(s).")
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device={name} is not supported: give auto, cpu, cuda or cuda:N.")
    return device


def num_gpus(name: str) -> int:
    """Return how many GPUs jobs with this setting may be dealt out to."""
    import torch

    return torch.cuda.device_count() if name in ("auto", "cuda") else 0


def device_in_turn(name: str, turn: int) -> str:
    """Return the device of the job at place ``turn`` of several at once: the GPUs it can see, one after the other.

    A device that was named exactly stays.
    """
    gpus = num_gpus(name)
    return f"cuda:{turn % gpus}" if gpus > 1 else name


def num_cores() -> int:
    """Return how many CPU cores this process may use."""
    # Not every system says which of the cores those are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def num_threads() -> int:
    """Return how many threads torch uses for one operation."""
    import torch

    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Let torch use this many threads for one operation."""
    import torch

    torch.set_num_threads(count)
