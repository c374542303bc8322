"""Names of the user's own code: ``path/to/file.py:function`` or ``package.module:function``."""

import ast
from pathlib import Path

from fsens_cli.errors import ModelError
from fsens_cli.guest.place import in_words
from fsens_cli.home import expanded


def is_own_code(name: str) -> bool:
    """Return whether a name points at Python code rather than at what is built in.

    >>> is_own_code("net.py:make"), is_own_code("resnet8")
    (True, False)
    """
    return ":" in name


def split_name(setting: str, name: str) -> tuple[str, str]:
    """Split ``where:function`` and check that a file named there exists; ``setting`` is where the name was given.

    Raises:
        ModelError: no such file, or nothing after the colon.
    """
    where, _, function = name.rpartition(":")
    if not where or not function:
        raise ModelError(f"{setting}={name}: expected FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION.")
    if where.endswith(".py") and not expanded(where).is_file():
        raise ModelError(f"{setting}={name}: there is no file {where}.")
    return where, function


def functions_of(setting: str, file: Path) -> list[str]:
    """Return the functions and classes at the top of a Python file, read without running it.

    Raises:
        ModelError: no such file, or no Python.
    """
    if not expanded(file).is_file():
        raise ModelError(f"{setting}={file}: there is no file {file}.")
    try:
        tree = ast.parse(expanded(file).read_bytes())
    except (SyntaxError, ValueError) as error:
        raise ModelError(f"{setting}={file}: it is no Python: {in_words(error)}.") from error
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
