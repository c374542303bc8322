"""Where are fetched and decoded files kept, and may the network be used?"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

Advance = Callable[[int], object]
# Opened with a label and the expected number of bytes (0: unknown); what it yields is told the bytes done so far.
Meter = Callable[[str, int], AbstractContextManager[Advance]]

OFFLINE_SWITCHES = ("FSENS_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


@contextmanager
def silent(label: str, total: int) -> Iterator[Advance]:
    """Show no progress."""
    del label, total
    yield lambda done: None


def cache_folder(name: str = "") -> Path:
    """Return ``FSENS_CACHE``, else ``XDG_CACHE_HOME/fsens``, else ``~/.cache/fsens``; or a folder in it."""
    own = os.environ.get("FSENS_CACHE", "")
    shared = os.environ.get("XDG_CACHE_HOME", "") or "~/.cache"
    return Path(own or f"{shared}/fsens").expanduser() / name


def offline_switch() -> str:
    """Return the environment variable that forbids downloading; empty where none does."""
    return next((s for s in OFFLINE_SWITCHES if os.environ.get(s, "").lower() not in ("", "0", "false", "no")), "")


def shown(path: Path) -> str:
    """Return a path as people write it, with ``~`` for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
