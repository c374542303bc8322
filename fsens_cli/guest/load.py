"""Importing the user's own code."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from fsens_cli.guest.code import naming_the_place
from fsens_cli.home import expanded


@contextmanager
def importable(where: str) -> Iterator[None]:
    """Let the user's code import its neighbours: files beside it, or packages in the working folder."""
    folder = str(expanded(where).resolve().parent if where.endswith(".py") else Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:  # the user's code may have changed the list itself
            sys.path.remove(folder)


def import_module(where: str, given: str) -> ModuleType:
    """Import a file or a module; ``given`` is the setting with its value, for the message.

    Raises:
        ModelError: it cannot be imported, with the place in the user's code.
    """
    with naming_the_place(f"{given}: importing {where}"):
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = expanded(where).resolve()
        # One name per path, so that two user files of the same name do not meet.
        alias = f"_fsens_user_{abs(hash(path)):x}"
        spec = importlib.util.spec_from_file_location(alias, path)
        assert spec is not None, "a .py path always has a loader"
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        spec.loader.exec_module(module)
        return module
