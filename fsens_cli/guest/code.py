"""Code of the user's, run as a guest: it sees no command line, and leaves everything as it was.

Whatever it raises is told in one line that names the place in the user's file.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from fsens_cli.errors import FsensError, ModelError
from fsens_cli.guest.place import in_words


@contextlib.contextmanager
def as_guest(argv0: str = "") -> Iterator[None]:
    """Let the user's code run without our command line, and put back what it changes of the process.

    That is: the working folder, torch's default type and device, gradient mode and number of threads. What it prints
    goes to standard error, because standard output belongs to the command's own result.
    """
    argv, folder = sys.argv, Path.cwd()
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    grad, threads = torch.is_grad_enabled(), torch.get_num_threads()
    sys.argv = [argv0 or (argv[0] if argv else "")]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.argv = argv
        with contextlib.suppress(OSError):
            os.chdir(folder)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(None if device.type == "cpu" else device)
        torch.set_grad_enabled(grad)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


@contextlib.contextmanager
def naming_the_place(what: str, hint: str = "") -> Iterator[None]:
    """Turn whatever the user's code raises, or its end of the program, into one line.

    Args:
        what: what was being done, as the beginning of the sentence: ``model=net.py:make: calling make``.
        hint: a sentence on what can be done.

    Raises:
        ModelError: with type, message and place.
    """
    try:
        yield
    except (FsensError, MemoryError, torch.cuda.OutOfMemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:  # user code may do anything: sys.exit, GeneratorExit, an exception of its own kind
        raise ModelError(f"{what} failed: {in_words(error)}.{hint}") from error
