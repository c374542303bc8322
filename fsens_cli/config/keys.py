"""The names of settings and the kinds of their values, read from the types of a verb's settings."""

import dataclasses
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from fsens_cli.config.jobs import JobFields
from fsens_cli.data.catalog import CATALOG
from fsens_cli.typed import hints_of

# What a setting's value is, as far as spelling goes.
Kind = Literal["list", "text", "other"]


def known_settings(job: type[JobFields], data: Iterable[str]) -> dict[str, Kind]:
    """Return every dotted key that a verb's settings have with one of these data sets, with its kind."""
    known = dict(_dotted(job))
    for name in data:
        known |= _dotted(CATALOG[name].config, "data.")
    return known


def of_some_data(key: str) -> bool:
    """Return whether a setting belongs to some data sets and not to others."""
    having = [key in dict(_dotted(entry.config, "data.")) for entry in CATALOG.values()]
    return any(having) and not all(having)


def _dotted(settings: type, prefix: str = "") -> Iterator[tuple[str, Kind]]:
    hints = hints_of(settings)
    for field in dataclasses.fields(settings):
        hint = hints[field.name]
        yield f"{prefix}{field.name}", _kind(hint, field)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from _dotted(hint, f"{prefix}{field.name}.")


def _kind(hint: object, field: "dataclasses.Field[object]") -> Kind:
    # A field of more than one type is Any, because OmegaConf knows no other: its default tells.
    if typing.get_origin(hint) is list or field.default_factory is list:
        return "list"
    return "text" if hint is str or isinstance(field.default, str) else "other"


def kinds_in(content: Mapping[str, object], prefix: str) -> Iterator[tuple[str, Kind]]:
    """Yield every dotted key of plain settings, with its kind."""
    for key, value in content.items():
        yield f"{prefix}{key}", "list" if isinstance(value, list) else "text" if isinstance(value, str) else "other"
        if isinstance(value, dict):
            yield from kinds_in(value, f"{prefix}{key}.")
