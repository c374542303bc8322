"""Names of a user's own networks: ``path/to/net.py:function`` or ``package.module:function``."""

import ast
from pathlib import Path

from fsens_cli.errors import ModelError
from fsens_cli.models.user_place import in_words


def is_factory(name: str) -> bool:
    """Return whether a model name points at Python code rather than at a catalogue."""
    return ":" in name and not name.startswith("hub:")


def split_factory(name: str) -> tuple[str, str]:
    """Split ``where:function`` and check that a file named there exists.

    Raises:
        ModelError: no such file, or nothing after the colon.
    """
    where, _, function = name.rpartition(":")
    if not where or not function:
        raise ModelError(f"model={name}: expected FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION.")
    if where.endswith(".py") and not Path(where).expanduser().is_file():
        raise ModelError(f"model={name}: there is no file {where}.")
    return where, function


def functions_of(file: Path) -> list[str]:
    """Return the functions and classes at the top of a Python file, read without running it.

    Raises:
        ModelError: no such file, or no Python.
    """
    if not file.expanduser().is_file():
        raise ModelError(f"model={file}: there is no file {file}.")
    try:
        tree = ast.parse(file.expanduser().read_bytes())
    except (SyntaxError, ValueError) as error:
        raise ModelError(f"model={file}: it is no Python: {in_words(error)}.") from error
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
