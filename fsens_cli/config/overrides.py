"""Overrides, checked before Hydra composes, and the networks they name made known to it."""

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.config_store import ConfigStore

from fsens_cli.config.grammar import Setting
from fsens_cli.config.keys import Kind
from fsens_cli.config.launchers.choice import GROUP, SETTINGS, is_about_launcher, option_of
from fsens_cli.config.parsing import in_brackets, parse
from fsens_cli.config.spelling import in_quotes, in_shell, meant_by
from fsens_cli.data.catalog import CATALOG
from fsens_cli.errors import ConfigError, suggestion
from fsens_cli.guest.hooks import require_known
from fsens_cli.home import closest_beside, expanded
from fsens_cli.models.catalog import PACKAGED
from fsens_cli.models.names import check_model_name
from fsens_cli.objectives.regularizers import REGULARIZERS

# Groups of which every entry of a registry is an option, with or without a file of its own.
REGISTRIES: dict[str, Mapping[str, object]] = {"data": CATALOG, "model": PACKAGED, "regularizer": REGULARIZERS}

# What belongs to others and is not known beforehand: a network's own arguments, and those that launchers pass on.
OPEN_KEYS = (
    "model.kwargs",
    "hydra.launcher.additional_parameters",
    "hydra.launcher.ray.init",
    "hydra.launcher.ray.remote",
)


def group_options(folder: Path, group: str) -> list[str]:
    """Return the names of a group's configuration files in one folder."""
    return sorted(path.stem for path in (folder / group).glob("*.yaml"))


def prepare(
    overrides: Sequence[str],
    *,
    folders: Sequence[Path],
    known: Mapping[str, Kind],
    multirun: bool,
) -> list[str]:
    """Check the overrides and return those that Hydra composes.

    Args:
        overrides: as typed.
        folders: configuration folders, the user's own among them.
        known: every dotted key that exists, with the kind of its value.
        multirun: whether several values are allowed.

    Raises:
        ConfigError: unknown key, unknown option of a group, or several values without ``-m``.
    """
    groups = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()} - {"hydra"}
    parsed = [in_brackets(s, multirun=multirun) if known.get(s.key) == "list" else s for s in parse(overrides)]
    return [_prepared(s, folders=folders, groups=groups, known=known, multirun=multirun) for s in parsed]


def _prepared(
    setting: Setting, *, folders: Sequence[Path], groups: set[str], known: Mapping[str, Kind], multirun: bool
) -> str:
    key, text = setting.key, setting.text
    if setting.is_sweep and not multirun:
        one_text = in_shell(f"{key}={in_quotes(text.partition('=')[2])}")
        way = f", or write {one_text} for one text" if known.get(key, "text") == "text" else ""
        raise ConfigError(f"{text} gives several values: add -m to run one job for each{way}.")
    if key == GROUP:
        return f"{GROUP}={option_of(setting.values[0], folders)}"
    if key in groups:
        return _group_override(setting, folders)
    if any(key == name or key.startswith(f"{name}.") for name in OPEN_KEYS):
        return f"++{text}"
    if key not in known:
        near = difflib.get_close_matches(key, known, n=3, cutoff=0.6)
        hint = f" Closest: {', '.join(near)}." if near else ""
        if is_about_launcher(key):
            own = ", ".join(sorted(k.removeprefix(SETTINGS) for k in known if k.startswith(SETTINGS)))
            has = f"It has {own}." if own else "Name one that has it, for example --launcher joblib."
            raise ConfigError(f"unknown setting '{key}' of the launcher.{hint} {has}")
        meant = meant_by(key, known)
        exact = f"{meant[0]}={text.partition('=')[2]}" if len(meant) == 1 else ""
        hint = f" Write {in_shell(exact)}." if exact else hint
        raise ConfigError(f"unknown setting '{key}'.{hint} `--print-config` shows them all.")
    return text


def _group_override(setting: Setting, folders: Sequence[Path]) -> str:
    group, values = setting.key, setting.values
    files = {name for folder in folders for name in group_options(folder, group)}
    options = sorted(files | REGISTRIES.get(group, {}).keys())
    if setting.pattern is not None:
        values = tuple(setting.matching(options))
        if not values:
            raise ConfigError(f"{setting.text} matches none of {', '.join(options)}.")
    if not values:  # a range, which names no option
        return setting.text
    return f"{group}={','.join(_option(group, value, options, files) for value in values)}"


def _option(group: str, value: str, options: list[str], files: set[str]) -> str:
    if value in options:
        return value if value in files else _register_entry(group, value)
    if group == "regularizer":
        require_known(group, value, options, "regularizers")
        return _register_named(group, value, {"name": value})
    if group == "data" and "/" in value:
        where = expanded(value)
        if where.is_dir():
            raise ConfigError(f"data={value}: write {in_shell(f'data.root={value}')} beside data=folder.")
        raise ConfigError(f"data={value}: there is no such folder.{closest_beside(where)}")
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
    node: dict[str, object] = {"name": name}
    if group == "data":  # every data set has settings of its own
        node = {"defaults": [f"/schema/data/{name}@_here_", "_self_"]}
    ConfigStore.instance().store(group=group, name=option, node=node, provider="fsens")
    return option


def register_networks(folders: Sequence[Path]) -> None:
    """Make the packaged networks known by their own names, as recipes have them, where no file has that name."""
    files = {name for folder in folders for name in group_options(folder, "model")}
    for name in PACKAGED.keys() - files:
        node = {"defaults": ["/schema/model@_here_", "_self_"], "name": name}
        ConfigStore.instance().store(group="model", name=name, node=node, provider="fsens")


def _register_model(name: str) -> str:
    """Make a network of a library or of the user an option of the group ``model``; return the option's name."""
    return _register_named("model", name, {"defaults": ["/schema/model@_here_", "_self_"], "name": name})


def _register_named(group: str, name: str, node: Mapping[str, object]) -> str:
    """Make what is called by a free name an option of its group; return the option's name."""
    # Names that differ in signs alone are different things.
    option = re.sub(r"[^A-Za-z0-9_]+", "_", name) + "_" + hashlib.sha256(name.encode()).hexdigest()[:8]
    ConfigStore.instance().store(group=group, name=option, node=dict(node), provider="fsens")
    return option
