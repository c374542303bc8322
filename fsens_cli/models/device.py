"""Which device does a name mean?"""

import torch

from fsens_cli.errors import ConfigError


def pick_device(name: str) -> torch.device:
    """Return the device; ``auto`` is the first CUDA device where there is one, else the CPU.

    Raises:
        ConfigError: the device does not exist here.
    """
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
