"""The machine's memory, and what would not fit into it."""

import contextlib
import ctypes
import os
import platform
from pathlib import Path

from fsens_cli.errors import DataError

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")

# mallopt's names for what the GNU C library gives back to the system at once, from malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 2**30


def keep_freed_memory() -> None:
    """Let the GNU C library keep up to 1 GiB of freed memory for the next layer, instead of giving it back.

    Activations of a batch are larger than its limit of 32 MiB or add up to more; without this every layer of every
    batch gets new pages from the system, which takes as long as the convolutions. Does nothing on other systems.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            library.mallopt(option, KEPT)


def machine_memory() -> int | None:
    """Return the bytes of memory that a process here can have at most; None where that cannot be told."""
    limits = []
    with contextlib.suppress(ValueError, OSError, AttributeError):  # not on Windows
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(ValueError, OSError):  # "max" is no number, and means none
        limits.append(int(CGROUP_LIMIT.read_text()))
    return min((limit for limit in limits if limit > 0), default=None)


def require_memory(needed: int, what: str, way_on: str) -> None:
    """Raise DataError where ``needed`` bytes are more than the machine has.

    Args:
        what: takes that much, in words.
        way_on: what to give instead.
    """
    there = machine_memory()
    if there is not None and needed > there:
        raise DataError(f"{what} take {in_gigabytes(needed)}, and this machine has {in_gigabytes(there)}: {way_on}.")


def in_gigabytes(count: int) -> str:
    """Return a number of bytes in words.

    >>> in_gigabytes(1_960_000_000), in_gigabytes(65_000)
    ('2.0 GB', '0.1 MB')
    """
    return f"{count / 1e9:,.1f} GB" if count >= 5e7 else f"{count / 1e6:,.1f} MB"
