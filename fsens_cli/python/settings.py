"""Settings as keywords: the same names, ranges and messages as on the command line."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fsens_cli.errors import ConfigError, closest, require_one_of
from fsens_cli.experiments.measure_settings import CONVENTIONS, MeasureConfig
from fsens_cli.ranges import require_ranges
from fsens_cli.typed import hints_of, of_type

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")
VARIANTS = "suite"
# What the command line has settings for, and Python has better ways.
ON_THE_COMMAND_LINE = {
    "num_images": "all images of data are taken: give fewer",
    "weights": "give a model that has them",
    "device": "a model runs where it is: model.to(device)",
    "out": "result.save(folder) writes the files of a run",
}


def configured(kind: type[Config], config: Config | None, settings: Mapping[str, object]) -> Config:
    """Return a configuration with the settings replaced, checked as the command line checks them.

    Args:
        kind: the dataclass of the verb's settings.
        config: to begin with; the defaults where None.
        settings: by name; those of a part as a dictionary, ``suite={"attacks": ["pgd"]}``, or with dots,
            ``**{"suite.attacks": ["pgd"]}``; ``suite="full"`` names one that ships with fsens.

    Raises:
        ConfigError: an unknown name, another type, a value out of range, or a configuration of another verb.
    """
    if config is not None and not isinstance(config, kind):
        got = type(config).__name__
        hint = " Single settings are keywords: target=..., batch_size=..." if isinstance(config, dict) else ""
        hint = " Images and labels go together: give data=(X, Y)." if hasattr(config, "shape") else hint
        raise ConfigError(f"config must be a {kind.__name__}, got {got}.{hint}")
    made = kind() if config is None else config
    nested: dict[str, object] = {}
    for name, value in settings.items():
        group, _, rest = name.partition(".")
        if rest:
            part = nested.get(group)
            nested[group] = (part if isinstance(part, dict) else {}) | {rest: value}
        elif name == VARIANTS and isinstance(value, str):
            nested |= variant(value)
        elif name == "convention" and kind is MeasureConfig:
            nested = dict(of_convention(value)) | nested
        else:
            nested[name] = value
    settled = _replaced(made, nested, "")
    require_ranges(settled)
    return settled


def of_convention(name: object) -> dict[str, str]:
    """Return the settings that a convention of ``measure`` stands for; single ones beside it win.

    >>> of_convention("reference")["space"]
    'normalized'
    """
    require_one_of("convention", str(name), CONVENTIONS)
    return CONVENTIONS[str(name)]


def _replaced(config: Config, settings: Mapping[str, object], prefix: str) -> Config:
    hints = hints_of(type(config))
    changes: dict[str, object] = {}
    for name, value in settings.items():
        if name not in hints:
            if not prefix and name in ON_THE_COMMAND_LINE:
                raise ConfigError(f"'{name}' is a setting of the command line; in Python {ON_THE_COMMAND_LINE[name]}.")
            near = closest(name, hints)
            hint = f" Closest: {', '.join(near)}." if near else ""
            raise ConfigError(f"unknown setting '{prefix}{name}'.{hint} It can be {', '.join(sorted(hints))}.")
        current = getattr(config, name)
        if dataclasses.is_dataclass(current) and not isinstance(current, type) and isinstance(value, dict):
            changes[name] = _replaced(current, value, f"{prefix}{name}.")
        else:
            require_ranges(value, f"{prefix}{name}")
            changes[name] = of_type(value, hints[name], f"{prefix}{name}")
    return dataclasses.replace(config, **changes)


@cache
def _variants(folder: Path) -> dict[str, dict[str, object]]:
    import yaml

    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted((folder / VARIANTS).glob("*.yaml"))}


def variant(name: str) -> dict[str, object]:
    """Return the settings that a suite of this name has, without how many images it takes.

    Raises:
        ConfigError: there is none of that name.
    """
    from fsens_cli.config.compose import configs_folder

    known = _variants(configs_folder())
    if name not in known:
        raise ConfigError(f"suite={name} is not known; it can be {', '.join(known)}, or a dictionary of its settings.")
    # Which images are taken is a matter of whoever hands them over.
    return {key: value for key, value in known[name].items() if isinstance(value, dict) and key != "data"}
