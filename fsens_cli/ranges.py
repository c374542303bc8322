"""The range that every number of a setting has by its type, whatever the setting."""

import dataclasses
import math
from collections.abc import Iterator
from typing import TypeGuard

from fsens_cli.errors import ConfigError

# Counts and seeds must fit where 32-bit integers are used; no unit in use, pixels to epochs, reaches the other.
LARGEST_WHOLE, LARGEST = 2**31 - 1, 1e9


def require_ranges(settings: object, key: str = "") -> None:
    """Raise ConfigError, naming the setting, where a number is beyond its type's range.

    Args:
        settings: a dataclass of settings, or the value of one.
        key: of that one.

    >>> require_ranges([0.5, 2], "lr")
    """
    for name, value in numbers_of(settings, key):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{name}={value} is not finite: give a number.")
        largest = LARGEST_WHOLE if isinstance(value, int) else LARGEST
        if abs(value) > largest:
            raise ConfigError(f"{name}={_short(value)} is beyond what any setting can be: at most {largest:,.0f}.")


def require_seed(seed: int, key: str = "seed") -> None:
    """Raise ConfigError unless random numbers can be drawn from a seed.

    >>> require_seed(LARGEST_WHOLE)
    """
    if not 0 <= seed <= LARGEST_WHOLE:
        raise ConfigError(f"{key}={seed} must lie in 0..{LARGEST_WHOLE}.")


def is_finite(value: object, most: float = LARGEST) -> TypeGuard[float]:
    """Return whether something read from a file is a number within -most..most; JSON has numbers beyond every float.

    >>> is_finite(1.5), is_finite(10**400), is_finite(float("nan")), is_finite(True)
    (True, False, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most


def _short(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**20 else f"a whole number of {value.bit_length()} bits"
    return f"{value:.6g}"


def numbers_of(setting: object, key: str = "") -> Iterator[tuple[str, float]]:
    """Give the dotted key and value of every number below a setting; a network's own arguments are its own."""
    if isinstance(setting, int | float) and not isinstance(setting, bool):
        yield key, setting
    elif isinstance(setting, list | tuple):
        for item in setting:
            yield from numbers_of(item, key)
    elif dataclasses.is_dataclass(setting):
        for field in dataclasses.fields(setting):
            yield from numbers_of(getattr(setting, field.name), f"{key}.{field.name}".removeprefix("."))
