"""Standard output and standard error as they are: pipes that nobody reads, terminals with a narrow encoding."""

import contextlib
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def nobody_reads() -> bool:
    """Return whether the other end of standard output or standard error has been closed."""
    try:
        watched = select.poll()
        for stream in (sys.stdout, sys.stderr):
            watched.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in watched.poll(0))
    except (AttributeError, OSError, ValueError):  # a system without poll, or a stream without a file
        return False


def stop_printing() -> None:
    """Let all further words go nowhere, also those that Python still holds back."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def any_words_to_anybody() -> Iterator[None]:
    """Print what an encoding lacks by its number, and take a pipe that nobody reads any more for no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        stop_printing()
    except SystemExit as ended:
        # What rich prints (help, tables) ends with 1 by itself where the pipe is closed.
        if isinstance(ended.__context__, BrokenPipeError) and ended.__context__.__context__ is None:
            stop_printing()
            raise SystemExit(0) from None
        raise
