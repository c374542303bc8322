"""What did the user ask to change? Overrides are checked, and named networks made known, before Hydra composes."""

import difflib
import hashlib
import itertools
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, QuotedString
from hydra.errors import HydraException

from fsens_cli.config.launchers.choice import GROUP, SETTINGS, is_about_launcher
from fsens_cli.config.spelling import exact_spelling, in_quotes, is_file
from fsens_cli.data.catalog import CATALOG
from fsens_cli.errors import ConfigError, suggestion
from fsens_cli.models.catalog import PACKAGED
from fsens_cli.models.names import check_model_name
from fsens_cli.objectives.regularizers import REGULARIZERS

# Everything else might be read as a number, as true or as null, or has a meaning in Hydra's grammar.
PLAIN_VALUE = re.compile(r"(?!(true|false|null|nan|inf)$)[A-Za-z_./][A-Za-z0-9_./:@%+-]*|0|[1-9][0-9]*", re.IGNORECASE)

# Of what cannot be read, more would hide the reason.
LONGEST_SHOWN = 200

# Groups of which every entry of a registry is an option, with or without a file of its own.
REGISTRIES: dict[str, Mapping[str, object]] = {"data": CATALOG, "model": PACKAGED, "regularizer": REGULARIZERS}

# What belongs to others and is not known beforehand: a network's own arguments, and those that launchers pass on.
OPEN_KEYS = (
    "model.kwargs",
    "hydra.launcher.additional_parameters",
    "hydra.launcher.ray.init",
    "hydra.launcher.ray.remote",
)


def flag_override(key: str, value: str, *, multirun: bool) -> str:
    """Return a flag's value as an override; in a multirun commas separate several values.

    >>> flag_override("weights", "my runs/best.pt", multirun=False)
    "weights='my runs/best.pt'"
    """
    # An existing file may have commas in its name, and there is one folder for all runs.
    whole = not multirun or key == "out" or is_file(value)
    parts = [value] if whole else value.split(",")
    return f"{key}={','.join(quoted(part) for part in parts)}"


def quoted(value: str) -> str:
    """Return ``value`` so that Hydra reads it as this very text.

    >>> [quoted(value) for value in ("net.pt", "a b", "1e3", "true")]
    ['net.pt', "'a b'", "'1e3'", "'true'"]
    """
    if PLAIN_VALUE.fullmatch(value):
        return value
    # A flag's value is meant as it stands: nothing in it is looked up elsewhere.
    return in_quotes(value.replace("${", r"\${"))


def parse(overrides: Sequence[str]) -> list[Override]:
    """Parse overrides one by one, so that the message names the bad one.

    Raises:
        ConfigError: not of the form key=value, or with a ``+`` or ``~`` in front.
    """
    for text in overrides:
        if text.startswith(("+", "~")):
            plain = text.lstrip("+~")
            raise ConfigError(f"'{text}': settings are neither added nor removed; write {plain} without the sign.")
        if not text.partition("=")[0].strip() or "=" not in text:
            raise ConfigError(f"'{text}' is not a setting: write key=value, for example num_images=500.")
    return _parsed(overrides)


def _parsed(overrides: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed = []
    for text in overrides:
        try:
            parsed.append(parser.parse_override(text))
        except (HydraException, ValueError, RecursionError) as error:
            # The latter two: a number of more digits than Python reads, and brackets without end.
            first_line = str(error).split("\n", 1)[0]
            raise ConfigError(
                f"'{_short(text)}' cannot be read as key=value ({_short(first_line)}). Put the value in quotes."
            ) from error
    return parsed


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def group_options(folder: Path, group: str) -> list[str]:
    """Return the names of a group's configuration files in one folder."""
    return sorted(path.stem for path in (folder / group).glob("*.yaml"))


def prepare(overrides: Sequence[str], *, folders: Sequence[Path], keys: Iterable[str], multirun: bool) -> list[str]:
    """Check the overrides and return those that Hydra composes.

    Args:
        overrides: as typed.
        folders: configuration folders, the user's own among them.
        keys: every dotted key that exists.
        multirun: whether several values are allowed.

    Raises:
        ConfigError: unknown key, unknown option of a group, or several values without ``-m``.
    """
    known = set(keys)
    groups = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()} - {"hydra"}
    return [_prepared(o, folders=folders, groups=groups, known=known, multirun=multirun) for o in parse(overrides)]


def _prepared(override: Override, *, folders: Sequence[Path], groups: set[str], known: set[str], multirun: bool) -> str:
    key, text = override.key_or_group, str(override.input_line)
    if override.is_sweep_override() and not multirun:
        value = text.partition("=")[2]
        raise ConfigError(
            f"{text} gives several values: add -m to run one job for each, or write {shlex.quote(f'{key}=[{value}]')} "
            f"for a list, {shlex.quote(f'{key}={in_quotes(value)}')} for one text."
        )
    if key == GROUP:
        return text
    if key in groups:
        return _group_override(override, folders)
    if any(key == name or key.startswith(f"{name}.") for name in OPEN_KEYS):
        return f"++{text}"
    if key not in known:
        near = difflib.get_close_matches(key, known, n=3, cutoff=0.6)
        hint = f" Closest: {', '.join(near)}." if near else ""
        if is_about_launcher(key):
            own = ", ".join(sorted(k.removeprefix(SETTINGS) for k in known if k.startswith(SETTINGS)))
            has = f"It has {own}." if own else "Name one that has it, for example --launcher joblib."
            raise ConfigError(f"unknown setting '{key}' of the launcher.{hint} {has}")
        exact = exact_spelling(key, text.partition("=")[2], known)
        hint = f" Write {exact}." if exact else hint
        raise ConfigError(f"unknown setting '{key}'.{hint} `--print-config` shows them all.")
    return text


def _group_override(override: Override, folders: Sequence[Path]) -> str:
    group = override.key_or_group
    files = {name for folder in folders for name in group_options(folder, group)}
    options = sorted(files | REGISTRIES.get(group, {}).keys())
    values = _choices(override, options)
    if values is None:
        return str(override.input_line)
    return f"{group}={','.join(_option(group, value, options, files) for value in values)}"


def _choices(override: Override, options: list[str]) -> list[str] | None:
    """Return the options named by a group override; None for a sweep that Hydra alone can read."""
    value = override.value()
    if isinstance(value, Glob):
        found = value.filter(options)
        if not found:
            raise ConfigError(f"{override.input_line} matches none of {', '.join(options)}.")
        return [str(name) for name in found]
    if not override.is_sweep_override():
        return [_text(value)]
    if isinstance(value, ChoiceSweep):
        return [_text(item) for item in value.list]
    return None


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return value.text if isinstance(value, QuotedString) else str(value)


def _option(group: str, value: str, options: list[str], files: set[str]) -> str:
    if value in options:
        return value if value in files else _register_entry(group, value)
    if group != "model":
        hint = suggestion(value, options)
        raise ConfigError(f"unknown {group} '{value}'.{hint} {group} can be {', '.join(options)}.")
    check_model_name(value)
    return _register_model(value)


def _register_entry(group: str, name: str) -> str:
    """Make an entry of a registry that has no configuration file an option of its group; return the option's name."""
    if group == "model":
        return _register_model(name)
    option = f"{name}_of_the_registry"  # Hydra refuses a stored configuration with the name of somebody's file
    node: dict[str, Any] = {"name": name}
    if group == "data":  # every data set has settings of its own
        node = {"defaults": [f"/schema/data/{name}@_here_", "_self_"]}
    ConfigStore.instance().store(group=group, name=option, node=node, provider="fsens")
    return option


def _register_model(name: str) -> str:
    """Make a network of a library or of the user an option of the group ``model``; return the option's name."""
    # Names that differ in signs alone are different networks.
    option = re.sub(r"[^A-Za-z0-9_]+", "_", name) + "_" + hashlib.sha256(name.encode()).hexdigest()[:8]
    node = {"defaults": ["/schema/model@_here_", "_self_"], "name": name}
    ConfigStore.instance().store(group="model", name=option, node=node, provider="fsens")
    return option


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
    return {o.key_or_group: _text(o.value()) for o in parse(overrides)}
