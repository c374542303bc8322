"""What can be wrong with what the user gave: one line that says what was given, what is allowed, what to do."""

import difflib
import errno
from collections.abc import Iterable

# What an operating system says of a disk, or a user's part of it, that is full.
FULL = (errno.ENOSPC, errno.EDQUOT)


class FsensError(ValueError):
    """The user's input cannot be used. Shown as one line, exit code 2."""


class ConfigError(FsensError):
    """An option, a name or a combination of options is not allowed."""


class DataError(FsensError):
    """Images or labels are missing, unreadable or of the wrong kind."""


class ModelError(FsensError):
    """A model cannot be built or does not fit the data."""


class CheckpointError(FsensError):
    """Weights are missing, unsafe to load or do not fit the model."""


class FetchError(FsensError):
    """A file cannot be fetched; whoever asked for it says what else can be given.

    Args:
        reason: without a full stop, to stand in a longer sentence.
        resumable: whether what has arrived is worth keeping.
        absent: whether the source, or the cache where nothing else may be asked, has no such file.
    """

    def __init__(self, reason: str, *, resumable: bool = False, absent: bool = False) -> None:
        super().__init__(reason)
        self.resumable = resumable
        self.absent = absent


class OutputError(FsensError):
    """Results cannot be written or read where the user asked."""


class PeerLost(Exception):
    """Another process of a training that several share has ended, so this one cannot go on."""


class Interrupted(Exception):
    """A long job was asked to stop and has kept what it had."""


def closest(name: str, allowed: Iterable[str], *, count: int = 3) -> list[str]:
    """Return up to ``count`` allowed names that look like ``name``, best first.

    >>> closest("resnt20", ["resnet20", "resnet8", "vit_b_16"])
    ['resnet20', 'resnet8']
    """
    return difflib.get_close_matches(name, list(dict.fromkeys(allowed)), n=count, cutoff=0.6)


def suggestion(name: str, allowed: Iterable[str]) -> str:
    """Return ``" Closest: a, b."`` where something looks like ``name``, else an empty string."""
    near = closest(name, allowed)
    return f" Closest: {', '.join(near)}." if near else ""


def require_one_of(option: str, given: str, allowed: Iterable[str]) -> None:
    """Raise ConfigError unless ``given`` is one of ``allowed``; the message names all of them."""
    names = list(allowed)
    if given not in names:
        raise ConfigError(f"{option}={given} is not known; {option} can be {', '.join(names)}.")


def in_one_line(error: BaseException, *, longest: int = 200) -> str:
    """Return the first line of what an error says, without its full stop; its type where it says nothing.

    >>> in_one_line(RuntimeError("no such layer.")), in_one_line(KeyError())
    ('no such layer', 'KeyError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:longest].rstrip(".:")


def way_on_after(error: OSError) -> str:
    """Return what to do where nothing could be written.

    >>> way_on_after(OSError(errno.ENOSPC, "No space left on device")), way_on_after(PermissionError())
    ('free space, or give another folder with --out', 'give another folder with --out')
    """
    return f"{'free space, or ' if error.errno in FULL else ''}give another folder with --out"


def require(condition: bool, message: str) -> None:
    """Raise ConfigError with ``message`` unless ``condition`` holds."""
    if not condition:
        raise ConfigError(message)
