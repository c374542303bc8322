"""JSON objects of run folders, checked while they are read: a damaged file is one named error, never a surprise."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fsens_cli.errors import OutputError
from fsens_cli.runs.files import regular

LARGEST_FILE = 64 * 2**20
Json = dict[str, object]


def load_object(path: Path, complaint: str) -> Json:
    """Return the JSON object of a file; its numbers are finite.

    Raises:
        OutputError: there is none; the message begins with ``complaint``.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise OutputError(f"{complaint}: its {path.name} is larger than {LARGEST_FILE // 2**20} MiB.")
        content = json.loads(regular(path).read_text(encoding="utf-8"), parse_constant=_refuse, parse_float=_finite)
    except FileNotFoundError as error:
        raise OutputError(f"{complaint}: it has no {path.name}. `fsens runs` lists the folders.") from error
    except OutputError:
        raise
    except (OSError, ValueError, RecursionError) as error:  # ValueError: no JSON, no UTF-8, a number of 5,000 digits
        raise OutputError(f"{complaint}: its {path.name} cannot be read.") from error
    if not isinstance(content, dict):
        raise OutputError(f"{complaint}: its {path.name} holds no record.")
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object whose entries are asked for by type; what is missing or of another type is an OutputError."""

    content: Json
    source: Path

    @classmethod
    def read(cls, path: Path, complaint: str) -> "Fields":
        """Return the object of a file."""
        return cls(load_object(path, complaint), path)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a word, ``default`` where the entry is null or missing; numbers are words too."""
        value = self.content.get(name)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._complain(name)
        return str(value)

    def number(self, name: str) -> float:
        """Return a number."""
        value = self.number_or_none(name)
        return self._complain(name) if value is None else value

    def number_or_none(self, name: str) -> float | None:
        """Return a number, or None where the entry is null or missing."""
        value = self.content.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
            self._complain(name)
        return float(value)

    def whole(self, name: str) -> int:
        """Return a whole number."""
        return int(self.number(name))

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.content.get(name)
        return value if isinstance(value, bool) else self._complain(name)

    def fields(self, name: str) -> "Fields":
        """Return an object inside."""
        value = self.content.get(name)
        return Fields(value, self.source) if isinstance(value, dict) else self._complain(name)

    def fields_or_none(self, name: str) -> "Fields | None":
        """Return an object inside, or None where the entry is null or missing."""
        return None if self.content.get(name) is None else self.fields(name)

    def rows(self, name: str) -> list["Fields"]:
        """Return a list of objects."""
        return [Fields(v, self.source) if isinstance(v, dict) else self._complain(name) for v in self._list(name)]

    def texts(self, name: str) -> list[str]:
        """Return a list of words; none where the entry is missing."""
        if name not in self.content:
            return []
        return [str(v) if isinstance(v, str | int | float) else self._complain(name) for v in self._list(name)]

    def numbers(self, name: str) -> list[float]:
        """Return a list of numbers."""
        return [Fields({name: v}, self.source).number(name) for v in self._list(name)]

    def words(self, name: str) -> dict[str, str]:
        """Return an object of words; none where the entry is missing."""
        inside = self.fields_or_none(name)
        return {} if inside is None else {key: inside.text(key) for key in inside.content}

    def bounds(self, name: str) -> tuple[float | None, float | None, float | None]:
        """Return value, low and high of an interval inside."""
        inside = self.fields(name)
        return inside.number_or_none("value"), inside.number_or_none("low"), inside.number_or_none("high")

    def _list(self, name: str) -> list[object]:
        value = self.content.get(name)
        return value if isinstance(value, list) else self._complain(name)

    def _complain(self, name: str) -> NoReturn:
        raise OutputError(f"{self.source.parent} is damaged: {self.source.name} has no usable '{name}'.")
