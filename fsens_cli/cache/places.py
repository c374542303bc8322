"""Where fetched and decoded files are kept, and whether the network may be used."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from fsens_cli.errors import ConfigError
from fsens_cli.home import expanded

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
    """Return ``FSENS_CACHE``, else ``XDG_CACHE_HOME/fsens``, else ``~/.cache/fsens``; or a folder in it.

    Raises:
        ConfigError: there is no home folder to keep it in.
    """
    own = os.environ.get("FSENS_CACHE", "")
    shared = os.environ.get("XDG_CACHE_HOME", "") or "~/.cache"
    try:
        return expanded(own or f"{shared}/fsens") / name
    except ConfigError as error:
        raise ConfigError(f"there is no folder for the cache ({str(error)[:-1]}): set FSENS_CACHE=FOLDER.") from error


def offline_switch() -> str:
    """Return the environment variable that forbids downloading; empty where none does."""
    return next((s for s in OFFLINE_SWITCHES if os.environ.get(s, "").lower() not in ("", "0", "false", "no")), "")
