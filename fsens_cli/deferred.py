"""What is named by where it stands, ``"module:attribute"``, and imported when it is used.

Registries are read at every start of the command line, and what they name may need torch.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def imported(target: str) -> Any:
    """Return what ``"module:attribute"`` names.

    >>> imported("math:sqrt")(4.0)
    2.0
    """
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@dataclass(frozen=True, slots=True)
class _Deferred:
    """Stands for a function until it is called."""

    target: str

    def __call__(self, *arguments: object, **named: object) -> object:
        return imported(self.target)(*arguments, **named)


def deferred(target: str) -> Callable[..., Any]:
    """Return a function that imports the named one when it is called.

    >>> deferred("math:sqrt")(4.0)
    2.0
    """
    return _Deferred(target)
