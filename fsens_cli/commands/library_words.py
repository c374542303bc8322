"""Warnings and log lines of libraries: they speak to programmers, of files that users have never seen."""

import logging
import site
import sysconfig
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from fsens_cli.errors import in_one_line

# They log without being asked; what matters of it arrives as an exception.
LOGGERS = ("matplotlib", "PIL", "timm")
# What nobody else would say: that there is a GPU, and why it is not used.
OF_THE_MACHINE = ("CUDA", "NVIDIA", "HIP")


@contextmanager
def libraries_unheard() -> Iterator[None]:
    """Keep libraries' warnings from the terminal; those that the user's own code raises become one line each."""
    shown, levels = warnings.showwarning, {name: logging.getLogger(name).level for name in LOGGERS}
    warnings.showwarning = _show
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        warnings.showwarning = shown
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    from fsens_cli.commands.console import warn

    del file, line
    said = in_one_line(message if isinstance(message, Warning) else category(message))
    if any(word in said for word in OF_THE_MACHINE):
        warn(f"{said}.")
    elif Path(filename).is_file() and not any(Path(filename).is_relative_to(folder) for folder in _installed()):
        warn(f"{said} ({category.__name__} in {Path(filename).name}, line {lineno}).")


def _installed() -> set[str]:
    """Return the folders of Python, of what is installed with it, and of this package."""
    paths = sysconfig.get_paths()
    python = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return {*python, site.getusersitepackages(), str(Path(__file__).resolve().parents[1])}
