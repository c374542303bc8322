"""Where in the user's code an error was raised, and what it said."""

import os
import sysconfig
import traceback
from importlib.util import find_spec
from pathlib import Path

from fsens_cli.errors import in_one_line

PACKAGE = Path(__file__).resolve().parents[1]
LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("platlib"), sysconfig.get_path("purelib"))
TORCH = find_spec("torch")
TORCHS = [Path(str(TORCH.origin)).parents[1]] if TORCH is not None else []
NOT_THE_USERS: tuple[str | Path, ...] = (PACKAGE, *TORCHS, *LIBRARIES)
OTHERS = tuple(str(Path(folder).resolve()) + os.sep for folder in NOT_THE_USERS)
LONGEST_MESSAGE = 300


def in_words(error: BaseException) -> str:
    """Return type, message and place of an error of the user's code."""
    place = place_of(error)
    if isinstance(error, SystemExit):
        said = f"it ends the program with sys.exit({error.code!r})"
    else:
        message = in_one_line(error, longest=LONGEST_MESSAGE)
        kind = type(error).__name__
        said = kind if message == kind else f"{kind}: {message}"
    return f"{said} ({place})" if place else said


def place_of(error: BaseException) -> str:
    """Return file, line and function of the innermost frame that is the user's; empty where none is.

    >>> place_of(ValueError("raised nowhere"))
    ''
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if is_users(frame.filename)]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}, in {own[-1].name}" if own else ""


def is_users(filename: str) -> bool:
    """Return whether a file is neither ours nor Python's nor of an installed package."""
    return not filename.startswith("<") and not str(Path(filename).resolve()).startswith(OTHERS)
