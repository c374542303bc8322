"""Settings of the wrong type, refused in one sentence.

The command line's values are typed before they arrive here; those of a Python session are not.
"""

import dataclasses
import os
import typing
from collections.abc import Sequence
from numbers import Integral, Real

from fsens_cli.errors import ConfigError

WORDS = {int: "a whole number", float: "a number", str: "a word", bool: "True or False"}
EACH = {int: "whole numbers", float: "numbers", str: "words"}


def of_type(value: object, hint: object, name: str) -> object:
    """Return a value as its field has it: whole numbers serve as numbers, tuples and arrays as lists, paths as words.

    Args:
        value: as given.
        hint: the field's type; anything but numbers, words, truth values, lists of them and settings passes unchecked.
        name: of the setting, for the message.

    Raises:
        ConfigError: it is of another type; says which one is wanted.

    >>> of_type((1, 2), list[float], "grid")
    [1.0, 2.0]
    """
    if typing.get_origin(hint) is list:
        (kind,) = typing.get_args(hint)
        if isinstance(value, str | bytes) or not _is_row(value):
            raise ConfigError(f"{name} must be a list of {EACH[kind]}, got {_shown(value)}.")
        row = value.tolist() if hasattr(value, "tolist") else list(value)  # type: ignore[call-overload]
        return [_single(each, kind, name, f"a list of {EACH[kind]}") for each in row]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if not isinstance(value, hint):
            raise ConfigError(f"{name} must be a dictionary of settings or a {hint.__name__}, got {_shown(value)}.")
        return value
    return _single(value, hint, name, WORDS[hint]) if isinstance(hint, type) and hint in WORDS else value


def word(value: object, name: str) -> str:
    """Return a word, or raise ConfigError."""
    return str(of_type(value, str, name))


def whole(value: object, name: str) -> int:
    """Return a whole number, or raise ConfigError."""
    made = of_type(value, int, name)
    assert isinstance(made, int)
    return made


def number(value: object, name: str) -> float:
    """Return a number, or raise ConfigError.

    >>> number(3, "cutoff")
    3.0
    """
    made = of_type(value, float, name)
    assert isinstance(made, float)
    return made


def is_number(value: object) -> bool:
    """Return whether a value is a real number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def row_of_numbers(value: object, name: str) -> list[float]:
    """Return one number or several, in a list, an array or a tensor of any shape, as a list.

    Raises:
        ConfigError: they are no numbers.

    >>> row_of_numbers(0.5, "std"), row_of_numbers((1, 2), "std")
    ([0.5], [1.0, 2.0])
    """
    if isinstance(value, Real):
        return [float(value)]
    flat = value.reshape(-1) if hasattr(value, "reshape") else value
    row = of_type(flat, list[float], name)
    assert isinstance(row, list)
    return row


def require_types(config: object, prefix: str = "") -> None:
    """Raise ConfigError unless every field of a dataclass of settings has its type; nothing is changed.

    Args:
        config: the settings.
        prefix: before their names in messages, ``suite.``.
    """
    for name, hint in hints_of(type(config)).items():
        of_type(getattr(config, name), hint, f"{prefix}{name}")


def hints_of(kind: type) -> dict[str, object]:
    """Return the types of a dataclass's fields by name."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _single(value: object, kind: type, name: str, wanted: str) -> object:
    # The truth values of numpy and torch count as none of these.
    if isinstance(value, bool):
        fits = kind is bool
    elif kind is int:
        fits = isinstance(value, Integral)
    elif kind is float:
        fits = isinstance(value, Real)
    else:
        fits = isinstance(value, str | os.PathLike if kind is str else kind)
    if not fits:
        raise ConfigError(f"{name} must be {wanted}, got {_shown(value)}.")
    return os.fspath(value) if isinstance(value, os.PathLike) else kind(value)


def _is_row(value: object) -> bool:
    """Return whether a value holds others in an order: a list, a tuple, an array of one axis."""
    return isinstance(value, Sequence) or getattr(value, "ndim", None) == 1


def _shown(value: object) -> str:
    """Return a value in few words: large ones by their type."""
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else type(value).__name__
