"""Where errors end: one line on standard error and an exit code.

0 done, 1 a job failed, 2 the user's input, 130 interrupted.
"""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from fsens_cli.commands.console import stderr, tell
from fsens_cli.commands.streams import nobody_reads, stop_printing
from fsens_cli.errors import FsensError, Interrupted, PeerLost, way_on_after

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM}


def show_error(message: str) -> None:
    """Print ``error: message``, further lines indented."""
    tell("error", message, style="bold red")


@contextmanager
def boundary(*, debug: bool) -> Iterator[None]:
    """Turn what went wrong inside into one line and an exit code; ``debug`` lets the traceback through."""
    try:
        yield
    except FsensError as error:
        if debug:
            raise
        show_error(str(error))
        raise typer.Exit(BAD_INPUT) from error
    except PeerLost as error:
        if debug:
            raise
        show_error("another process of this training has ended; what it said, if anything, says why.")
        raise typer.Exit(FAILED) from error
    except (KeyboardInterrupt, Interrupted) as error:
        if stderr().is_terminal:
            stderr().print("")  # the terminal shows ^C where the line is
        tell("interrupted", str(error) or "nothing is kept to go on from: start it again")
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        if not nobody_reads():
            raise
        # Whoever read the output has seen enough; what is written to files is written.
        stop_printing()
        raise typer.Exit from error
    except OSError as error:
        if debug or error.errno not in DISK_TROUBLE:
            raise
        where = f" {error.filename}" if error.filename else ""
        show_error(f"cannot write{where} ({error.strerror}): {way_on_after(error)}.")
        raise typer.Exit(BAD_INPUT) from error
    except BaseException as error:
        said = "" if debug else told_of_model(error)
        if not said:
            raise
        show_error(f"{said} --debug shows where.")
        raise typer.Exit(BAD_INPUT) from error


def told_of_model(error: BaseException) -> str:
    """Return in one line what a model's code raised; empty where the error came from elsewhere."""
    if "torch" not in sys.modules:
        return ""  # no model without it, and it takes seconds to import
    from fsens_cli.models.user_code import told_of_model as told

    return told(error)
