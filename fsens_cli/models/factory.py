"""A user's own network: ``path/to/net.py:factory`` or ``package.module:factory``."""

import copy
import inspect
from collections.abc import Callable
from types import ModuleType

from torch import nn

from fsens_cli.errors import ModelError, suggestion
from fsens_cli.guest.code import as_guest, naming_the_place
from fsens_cli.guest.load import import_module, importable
from fsens_cli.guest.names import split_name


def call_factory(name: str, kwargs: dict[str, object], *, num_classes: int) -> nn.Module:
    """Import the factory and call it with ``kwargs`` (and ``num_classes`` where it takes such an argument).

    What is named may also be a ready network: then a copy of it is taken.

    Raises:
        ModelError: cannot be imported, is not there, fails, or returns something other than a module.
    """
    where, function = split_name("model", name)
    with importable(where), as_guest(where):
        module = import_module(where, f"model={name}")
        return _call(module, where, function, name, kwargs, num_classes)


def parameters_of(name: str) -> set[str]:
    """Return the names of a factory's own arguments; empty for a ready network.

    Raises:
        ModelError: cannot be imported.
    """
    where, function = split_name("model", name)
    with importable(where), as_guest(where):
        factory = getattr(import_module(where, f"model={name}"), function, None)
    return _parameters(factory) if callable(factory) and not isinstance(factory, nn.Module) else set()


def _call(
    module: ModuleType, where: str, function: str, name: str, kwargs: dict[str, object], num_classes: int
) -> nn.Module:
    factory = getattr(module, function, None)
    if isinstance(factory, nn.Module):
        if kwargs:
            raise ModelError(f"model={name}: {function} is a network already and takes no model.kwargs.")
        return copy.deepcopy(factory)
    if not callable(factory):
        names = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        raise ModelError(f"model={name}: {where} has no function {function}.{suggestion(function, names)}")
    arguments = dict(kwargs)
    if "num_classes" not in arguments and "num_classes" in _parameters(factory):
        arguments["num_classes"] = num_classes
    hint = "" if "num_classes" in arguments else f" If it needs the number of classes: {classes_hint(num_classes)}."
    with naming_the_place(f"model={name}: calling {function}", hint):
        network = factory(**arguments)
    if not isinstance(network, nn.Module):
        raise ModelError(f"model={name}: {function} returned {type(network).__name__}, expected a torch.nn.Module.")
    return network


def classes_hint(num_classes: int) -> str:
    """Return what to type so that a factory without an argument of that name is told the number of classes."""
    return f"model.kwargs.num_classes={num_classes}"


def _parameters(factory: Callable[..., object]) -> set[str]:
    """Return the names of a function's own arguments, without those that it only passes on."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return set()
    passed_on = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {name for name, parameter in signature.parameters.items() if parameter.kind not in passed_on}
