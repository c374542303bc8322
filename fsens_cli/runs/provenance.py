"""What must be known to make a result again: versions, machine, source."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import torch

import fsens_cli

PACKAGES = ("torch", "torchvision", "numpy", "hydra-core", "omegaconf", "timm")


def versions() -> dict[str, str]:
    """Return the versions of fsens, Python and the packages that numbers depend on."""
    found = {"fsens": fsens_cli.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str:
    """Return the commit of the checkout that fsens runs from, with ``+`` if it was changed; empty outside of one."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return ""
    try:
        commit = _git(here, "rev-parse", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return ""
    return commit + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def machine(device: torch.device) -> dict[str, str | int]:
    """Return what the numbers were computed on."""
    described: dict[str, str | int] = {"device": str(device), "platform": platform.platform()}
    if device.type == "cuda":
        described["gpu"] = torch.cuda.get_device_name(device)
    described["cpu_threads"] = torch.get_num_threads()
    return described


def peak_memory_mib(device: torch.device) -> float:
    """Return the highest memory use so far: of the GPU's allocator, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows has no such counter
        return 0.0
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
