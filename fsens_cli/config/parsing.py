"""What was typed as settings: one by one, in brackets where a list is meant, as all jobs of a sweep."""

import itertools
from collections.abc import Iterator, Sequence

from fsens_cli.config.grammar import Setting, read_settings, short
from fsens_cli.errors import ConfigError


def parse(overrides: Sequence[str]) -> list[Setting]:
    """Parse overrides one by one, so that the message names the bad one.

    Raises:
        ConfigError: not of the form key=value, or with a ``+`` or ``~`` in front.
    """
    for text in overrides:
        if text.startswith(("+", "~")):
            plain = text.lstrip("+~")
            raise ConfigError(
                f"'{short(text)}': settings are neither added nor removed; write {short(plain)} without the sign."
            )
        if not text.partition("=")[0].strip() or "=" not in text:
            raise ConfigError(f"'{short(text)}' is not a setting: write key=value, for example num_images=500.")
    return read_settings(overrides)


def in_brackets(setting: Setting, *, multirun: bool) -> Setting:
    """Return the setting of a list with brackets around values that are given without: ``size=32``, ``mean=.5,.5``.

    In a multirun commas separate jobs, and each value gets brackets of its own.
    """
    text = setting.text.partition("=")[2]
    if setting.is_plain and not multirun:
        return parse([f"{setting.key}=[{text}]"])[0]
    if setting.is_plain and setting.written and not any(setting.whole):
        listed = ",".join(f"[{each.partition('=')[2]}]" for each in setting.written)
        return parse([f"{setting.key}={listed}"])[0]
    if not setting.is_sweep and not setting.whole[0]:
        return parse([f"{setting.key}=[{text}]"])[0]
    return setting


def combinations(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the prepared overrides of every job of a multirun, the last key changing fastest.

    Raises:
        ConfigError: a sweep without a list of values.

    >>> list(combinations(["model=a,b", "seed=range(2)"]))
    [('model=a', 'seed=0'), ('model=a', 'seed=1'), ('model=b', 'seed=0'), ('model=b', 'seed=1')]
    """
    return itertools.product(*(_single_values(setting) for setting in read_settings(overrides)))


def _single_values(setting: Setting) -> Sequence[str]:
    if setting.written is None:
        raise ConfigError(f"'{setting.text}' has no list of values: give them one by one or as range(a,b).")
    return setting.written


def given_values(overrides: Sequence[str]) -> dict[str, str]:
    """Return each override's key and its value as plain text, without quotes.

    >>> given_values(["out='my runs'", "seed=1"])
    {'out': 'my runs', 'seed': '1'}
    """
    return {s.key: s.text.partition("=")[2] if s.is_sweep else s.values[0] for s in parse(overrides)}
