"""How a setting is read: its key, its value or values. The grammar is Hydra's.

Hydra composes what it is given by this grammar, and has no public way to ask what a setting says before that. Its
parser (``hydra.core.override_parser``) is used here and nowhere else. Where it is gone, settings are read by
``_plainly``: single values and comma lists, no ranges and patterns; a test says so in one sentence.
"""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.errors import HydraException

from fsens_cli.config.spelling import in_quotes, in_shell
from fsens_cli.errors import ConfigError, in_one_line

try:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep, Glob, QuotedString

    HAS_PARSER = True
except ImportError:
    HAS_PARSER = False

# The latter two: a number of more digits than Python reads, and brackets without end.
UNREADABLE = (HydraException, ValueError, RecursionError)
# Of what cannot be read, more would hide the reason.
LONGEST_SHOWN = 200
# One value of a comma list: up to the next comma outside quotes and brackets.
PLAIN_VALUE = re.compile(r"""(?:'[^']*'|"[^"]*"|\[[^\]]*\]|\{[^}]*\}|[^,'"\[{])+""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What was typed as one setting.

    Attributes:
        text: as it was typed.
        key: what is set.
        is_sweep: whether it gives several values.
        values: each value as plain text; of a range each number, of a pattern nothing.
        whole: whether each value is a list or a dictionary already, says that there is none, or stands elsewhere.
        written: each value as it is written in a setting of its own; None for a sweep without a list of values.
        is_plain: whether several values were given with commas alone.
        pattern: include and exclude of ``glob(...)``, where it is one.
    """

    text: str
    key: str
    is_sweep: bool
    values: tuple[str, ...]
    whole: tuple[bool, ...]
    written: tuple[str, ...] | None
    is_plain: bool = False
    pattern: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def matching(self, options: Sequence[str]) -> list[str]:
        """Return the options that fit the pattern."""
        include, exclude = self.pattern or ((), ())
        return [o for o in options if _fits(o, include) and not _fits(o, exclude)]


def _fits(option: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(option, pattern) for pattern in patterns)


def read_settings(texts: Sequence[str]) -> list[Setting]:
    """Read settings one by one, so that the message names the bad one.

    Raises:
        ConfigError: not of the grammar.
    """
    parser = OverridesParser.create() if HAS_PARSER else None
    return [_plainly(text) if parser is None else _by_hydra(text, parser) for text in texts]


def _by_hydra(text: str, parser: "OverridesParser") -> Setting:
    try:
        parsed = parser.parse_override(text)
    except UNREADABLE as error:
        reason = "" if isinstance(error, HydraException) else f" ({in_one_line(error)})"
        hint = _with_quotes(text, parser)
        raise ConfigError(f"'{short(text)}' cannot be read as key=value{reason}.{hint}") from error
    value, key = parsed.value(), str(parsed.key_or_group)
    several = parsed.is_sweep_override()
    items = [value] if not several else value.list if isinstance(value, ChoiceSweep) else []
    pattern = (tuple(value.include), tuple(value.exclude)) if isinstance(value, Glob) else None
    written: tuple[str, ...] | None = None if several else (text,)
    if several and parsed.is_discrete_sweep() and pattern is None:
        # The key with the signs that may have been put in front.
        typed = text.partition("=")[0]
        written = tuple(f"{typed}={each}" for each in parsed.sweep_string_iterator())
    return Setting(
        text=text,
        key=key,
        is_sweep=several,
        values=tuple(_text(item) for item in items),
        whole=tuple(isinstance(item, list | dict) or _is_elsewhere(_text(item)) for item in items),
        written=written,
        is_plain=isinstance(value, ChoiceSweep) and bool(value.simple_form),
        pattern=pattern,
    )


def _with_quotes(text: str, parser: "OverridesParser") -> str:
    """Return what to type instead, where quotes make a text of a value that cannot be read."""
    if len(text) > LONGEST_SHOWN:
        return ""
    key, _, value = text.partition("=")
    exact = f"{key}={in_quotes(value)}"
    try:
        parser.parse_override(exact)
    except UNREADABLE:
        return ""
    return f" Write {in_shell(exact)} if it is meant as it stands."


def _is_elsewhere(text: str) -> bool:
    return text.lower() in ("none", "null", "???") or "${" in text


def _text(value: object) -> str:
    if value is None:
        return "null"
    return str(value.text) if isinstance(value, QuotedString) else str(value)


def _plainly(text: str) -> Setting:
    typed, equals, value = text.partition("=")
    parts = PLAIN_VALUE.findall(value) or [value]
    if not equals or ",".join(parts) != value or re.match(r"\w+\(", value):
        raise ConfigError(f"'{short(text)}' cannot be read as key=value: give single values, or several with commas.")
    values = tuple(part.strip("'\"") for part in parts)
    whole = tuple(part[:1] in ("[", "{") or _is_elsewhere(part) for part in parts)
    written = tuple(f"{typed}={part}" for part in parts)
    return Setting(
        text=text,
        key=typed.lstrip("+"),
        is_sweep=len(parts) > 1,
        values=values,
        whole=whole,
        written=written,
        is_plain=len(parts) > 1,
    )


def short(text: str) -> str:
    """Return the beginning of a text that is too long to be shown."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
