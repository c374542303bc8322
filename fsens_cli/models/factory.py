"""How does a user's own network come in: ``path/to/net.py:factory`` or ``package.module:factory``."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from fsens_cli.errors import ModelError, suggestion


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


def call_factory(name: str, kwargs: dict[str, Any], *, num_classes: int) -> nn.Module:
    """Import the factory and call it with ``kwargs`` (and ``num_classes`` where it takes such an argument).

    Raises:
        ModelError: cannot be imported, is not there, fails, or returns something other than a module.
    """
    where, function = split_factory(name)
    with _importable(where):
        module = _import(where, name)
        return _call(module, where, function, name, kwargs, num_classes)


def _call(
    module: ModuleType, where: str, function: str, name: str, kwargs: dict[str, Any], num_classes: int
) -> nn.Module:
    factory = getattr(module, function, None)
    if not callable(factory):
        names = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        raise ModelError(f"model={name}: {where} has no function {function}.{suggestion(function, names)}")
    arguments = dict(kwargs)
    if "num_classes" not in arguments and "num_classes" in _parameters(factory):
        arguments["num_classes"] = num_classes
    try:
        network = factory(**arguments)
    except Exception as error:  # the user's code may raise anything
        raise ModelError(f"model={name}: calling {function} failed: {type(error).__name__}: {error}.") from error
    if not isinstance(network, nn.Module):
        raise ModelError(f"model={name}: {function} returned {type(network).__name__}, expected a torch.nn.Module.")
    return network


@contextmanager
def _importable(where: str) -> Iterator[None]:
    """Let the user's code import its neighbours: files beside it, or packages in the working folder."""
    folder = str(Path(where).expanduser().resolve().parent if where.endswith(".py") else Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _import(where: str, name: str) -> ModuleType:
    try:
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = Path(where).expanduser().resolve()
        # One name per path, so that two user files of the same name do not meet.
        alias = f"_fsens_user_{abs(hash(path)):x}"
        spec = importlib.util.spec_from_file_location(alias, path)
        assert spec is not None, "a .py path always has a loader"
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        spec.loader.exec_module(module)
    except Exception as error:  # the user's code may raise anything
        raise ModelError(f"model={name}: importing {where} failed: {type(error).__name__}: {error}.") from error
    return module


def _parameters(factory: Callable[..., object]) -> set[str]:
    try:
        return set(inspect.signature(factory).parameters)
    except (TypeError, ValueError):
        return set()
