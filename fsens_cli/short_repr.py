"""Records with tensors in them, shown in a dozen lines."""

import dataclasses
from collections.abc import Sized

MOST_FIELDS = 10
LONGEST = 60  # characters of one value


class ShortRepr:
    """A dataclass whose repr has a line a field: numbers as they are, arrays by type and shape, records by name.

    >>> @dataclasses.dataclass(repr=False)
    ... class Row(ShortRepr):
    ...     name: str
    ...     values: list[int]
    >>> Row("ones", [1] * 100)
    Row
     name    'ones'
     values  list of 100
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return name and fields."""
        names = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]  # subclasses are dataclasses
        first, rest = names[:MOST_FIELDS], names[MOST_FIELDS:]
        width = max(map(len, first), default=0)
        rows = [f" {name:<{width}}  {_in_short(getattr(self, name))}" for name in first]
        more = [f" and {len(rest)} more: {', '.join(rest)}"] if rest else []
        return "\n".join([type(self).__name__, *rows, *more])


def _in_short(value: object) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    text = repr(value) if _is_plain(value) else ""
    if text and len(text) <= LONGEST and "\n" not in text:
        return text
    if isinstance(value, Sized) and not isinstance(value, str):
        return f"{type(value).__name__} of {len(value)}"
    return f"{text[:LONGEST]}..." if text else type(value).__name__


def _is_plain(value: object) -> bool:
    """Return whether a value's own repr is of numbers and words alone."""
    if isinstance(value, list | tuple):
        return len(value) <= MOST_FIELDS and all(isinstance(each, str | int | float) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, ShortRepr):
        fields = dataclasses.fields(value)
        return all(isinstance(getattr(value, field.name), str | int | float) for field in fields)
    return isinstance(value, str | int | float | None)
