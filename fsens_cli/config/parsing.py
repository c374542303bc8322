"""Overrides as Hydra's grammar reads them: one by one, in brackets where a list is meant, as all jobs of a sweep."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from hydra.errors import HydraException

from fsens_cli.config.spelling import in_quotes, in_shell
from fsens_cli.errors import ConfigError, in_one_line

# Of what cannot be read, more would hide the reason.
LONGEST_SHOWN = 200


def parse(overrides: Sequence[str]) -> list[Override]:
    """Parse overrides one by one, so that the message names the bad one.

    Raises:
        ConfigError: not of the form key=value, or with a ``+`` or ``~`` in front.
    """
    for text in overrides:
        if text.startswith(("+", "~")):
            plain = text.lstrip("+~")
            raise ConfigError(
                f"'{_short(text)}': settings are neither added nor removed; write {_short(plain)} without the sign."
            )
        if not text.partition("=")[0].strip() or "=" not in text:
            raise ConfigError(f"'{_short(text)}' is not a setting: write key=value, for example num_images=500.")
    return _parsed(overrides)


def _parsed(overrides: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed = []
    for text in overrides:
        try:
            parsed.append(parser.parse_override(text))
        except (HydraException, ValueError, RecursionError) as error:
            # The latter two: a number of more digits than Python reads, and brackets without end.
            reason = "" if isinstance(error, HydraException) else f" ({in_one_line(error)})"
            raise ConfigError(f"'{_short(text)}' cannot be read as key=value{reason}.{_with_quotes(text)}") from error
    return parsed


def _with_quotes(text: str) -> str:
    """Return what to type instead, where quotes make a text of a value that cannot be read."""
    if len(text) > LONGEST_SHOWN:
        return ""
    key, _, value = text.partition("=")
    exact = f"{key}={in_quotes(value)}"
    try:
        OverridesParser.create().parse_override(exact)
    except (HydraException, ValueError, RecursionError):
        return ""
    return f" Write {in_shell(exact)} if it is meant as it stands."


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def in_brackets(override: Override, *, multirun: bool) -> Override:
    """Return the override of a list with brackets around values that are given without: ``size=32``, ``mean=.5,.5``.

    In a multirun commas separate jobs, and each value gets brackets of its own.
    """
    value, text = override.value(), str(override.input_line).partition("=")[2]
    if isinstance(value, ChoiceSweep) and not multirun and value.simple_form:
        return parse([f"{override.key_or_group}=[{text}]"])[0]
    if isinstance(value, ChoiceSweep) and value.simple_form and not any(map(_is_whole, value.list)):
        listed = ",".join(f"[{item}]" for item in override.sweep_string_iterator())
        return parse([f"{override.key_or_group}={listed}"])[0]
    if not override.is_sweep_override() and not _is_whole(value):
        return parse([f"{override.key_or_group}=[{text}]"])[0]
    return override


def _is_whole(value: object) -> bool:
    """Return whether a list's value is one already, says that there is none, or stands elsewhere."""
    if isinstance(value, list | dict) or value is None:
        return True
    text = text_of(value)
    return text.lower() == "none" or "${" in text or text == "???"


def text_of(value: Any) -> str:
    """Return one value of the grammar as plain text, without quotes."""
    if value is None:
        return "null"
    return value.text if isinstance(value, QuotedString) else str(value)


def combinations(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the prepared overrides of every job of a multirun, the last key changing fastest.

    Raises:
        ConfigError: a sweep without a list of values.

    >>> list(combinations(["model=a,b", "seed=range(2)"]))
    [('model=a', 'seed=0'), ('model=a', 'seed=1'), ('model=b', 'seed=0'), ('model=b', 'seed=1')]
    """
    return itertools.product(*(_single_values(override) for override in _parsed(overrides)))


def _single_values(override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [str(override.input_line)]
    if not override.is_discrete_sweep():
        raise ConfigError(f"'{override.input_line}' has no list of values: give them one by one or as range(a,b).")
    # The key with the signs that `prepare` may have put in front.
    key = str(override.input_line).partition("=")[0]
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def given_values(overrides: Sequence[str]) -> dict[str, str]:
    """Return each override's key and its value as plain text, without quotes.

    >>> given_values(["out='my runs'", "seed=1"])
    {'out': 'my runs', 'seed': '1'}
    """
    return {o.key_or_group: text_of(o.value()) for o in parse(overrides)}
