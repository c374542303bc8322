"""How do configuration files, typed settings and overrides become one checked job?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fsens_cli.config.jobs import JobFields
from fsens_cli.config.launchers.choice import GROUP, SETTINGS, chosen, is_about_launcher, register_plugin_settings
from fsens_cli.config.overrides import Kind, group_options, prepare
from fsens_cli.config.own_folder import check_folder
from fsens_cli.config.parsing import parse
from fsens_cli.config.spelling import quoted
from fsens_cli.data.catalog import CATALOG
from fsens_cli.errors import ConfigError, FsensError
from fsens_cli.models.settings import ModelConfig
from fsens_cli.ranges import require_ranges
from fsens_cli.text import masked_values, with_255ths

# Our run folders replace Hydra's: nothing is written or logged by it.
SILENT = ("hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user typed after a verb.

    Attributes:
        verb: ``measure``, ``hybrid_probe``, ...: the name of its root configuration.
        job: the type of its settings.
        overrides: flags as overrides first, then the overrides themselves.
        multirun: one job for every combination of values.
        config_dir: a folder with the user's own configuration files, or None.
    """

    verb: str
    job: type[JobFields]
    overrides: tuple[str, ...]
    multirun: bool = False
    config_dir: Path | None = None

    @property
    def command(self) -> str:
        """The verb as it is typed and as folders are named: ``hybrid-probe``."""
        return self.verb.replace("_", "-")


def configs_folder() -> Path:
    """Return the packaged configuration files: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    inside, beside = package / "_configs", package.parent / "configs"
    return inside if inside.is_dir() else beside


def _register_schemas(verb: str, job: type[JobFields]) -> None:
    store = ConfigStore.instance()
    store.store(group="schema", name=verb, node=job, package="_global_", provider="fsens")
    store.store(group="schema", name="model", node=ModelConfig, provider="fsens")
    for name, entry in CATALOG.items():
        store.store(group="schema/data", name=name, node=entry.config, provider="fsens")


@contextmanager
def started_hydra(request: Request) -> Iterator[list[str]]:
    """Start Hydra on the configuration folders and yield the prepared overrides."""
    _register_schemas(request.verb, request.job)
    folders = [configs_folder()]
    own: list[str] = []
    if request.config_dir is not None:
        if not request.config_dir.is_dir():
            raise ConfigError(f"--config-dir {request.config_dir} is not a folder.")
        check_folder(request.config_dir)
        folders.append(request.config_dir)
        own = [f"hydra.searchpath=[{quoted(f'file://{request.config_dir.resolve()}')}]"]
    with initialize_config_dir(version_base="1.3", config_dir=str(configs_folder()), job_name=request.verb):
        # Plugins are found at their first use, which has just been.
        register_plugin_settings()
        choices = [o for o in request.overrides if _is_choice(o, folders)]
        with one_line_errors():
            launcher = _chosen_launcher(request, folders)
            prepared_choices = prepare(choices, folders=folders, known={}, multirun=request.multirun)
            known = _known_settings(request.verb, tuple(own), tuple(prepared_choices))
            if any(o.startswith(SETTINGS) for o in request.overrides):
                known = {**known, **_settings_of_launcher(request.verb, own, launcher)}
            prepared = prepare(request.overrides, folders=folders, known=known, multirun=request.multirun)
        yield [*own, *prepared]


def settings_of_verb(verb: str, job: type[JobFields]) -> Mapping[str, Kind]:
    """Return every dotted key that a verb's defaults have, with its kind."""
    with started_hydra(Request(verb=verb, job=job, overrides=())):
        return _known_settings(verb, (), ())


def _is_choice(override: str, folders: Sequence[Path]) -> bool:
    key, equals, _ = override.partition("=")
    return bool(equals) and not is_about_launcher(key) and any((folder / key).is_dir() for folder in folders)


def _chosen_launcher(request: Request, folders: Sequence[Path]) -> str:
    options = {name for folder in folders for name in group_options(folder, GROUP)}
    options |= set(GlobalHydra.instance().config_loader().get_group_options(GROUP))
    return chosen(parse(request.overrides), sorted(options), multirun=request.multirun)


def _settings_of_launcher(verb: str, own: Sequence[str], launcher: str) -> dict[str, Kind]:
    """Return every dotted key that can be set of a launcher, with its kind."""
    hydra = running_hydra()
    overrides = [*SILENT, *own, f"{GROUP}={launcher}"]
    config = hydra.compose_config(config_name=verb, overrides=overrides, run_mode=RunMode.MULTIRUN)
    found = dict(_dotted(config.hydra.launcher, SETTINGS))
    del found[f"{SETTINGS}_target_"]
    return found


def running_hydra() -> Hydra:
    """Return the Hydra that ``started_hydra`` has started."""
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None, "initialize_config_dir has just created it"
    return hydra


@lru_cache(maxsize=32)
def _known_settings(verb: str, own: tuple[str, ...], choices: tuple[str, ...]) -> Mapping[str, Kind]:
    """Return every dotted key that some combination of the chosen options has, with its kind."""
    known: dict[str, Kind] = {}
    combinations: list[list[str]] = [[]]
    for choice in choices:
        group, values = choice.split("=", 1)
        combinations = [[*c, f"{group}={value}"] for c in combinations for value in values.split(",")]
    for combination in combinations[:64]:
        config = compose(config_name=verb, overrides=[*own, *combination])
        known |= _dotted(config)
    return known


def _dotted(config: DictConfig, prefix: str = "") -> Iterator[tuple[str, Kind]]:
    for key in config:
        name = f"{prefix}{key!s}"
        child = config._get_node(key)
        value = None if child is None else child._value()
        yield name, "list" if isinstance(child, ListConfig) else "text" if isinstance(value, str) else "other"
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            yield from _dotted(child, f"{name}.")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn Hydra's and OmegaConf's complaints into one line."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        cause: BaseException = error
        while cause.__cause__ is not None and not isinstance(cause, FsensError):
            cause = cause.__cause__
        if isinstance(cause, FsensError):
            raise cause from None
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        if len(lines) > 1 and lines[0].endswith(":"):
            lines = [f"{lines[0]} {lines[1]}"]
        key = getattr(cause, "full_key", None)
        plain = _in_plain_words(str(key), lines[0]) if key and lines else ""
        if plain:
            raise ConfigError(plain) from error
        where = f"{key}: " if key else ""
        raise ConfigError(f"{where}{lines[0] if lines else type(cause).__name__}".rstrip(".") + ".") from error
    except OverflowError as error:
        raise ConfigError("a number among the settings has hundreds of digits, which none can be.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{mark.name}, line {mark.line + 1}" if mark is not None else "a configuration file"
        raise ConfigError(f"{place} is no YAML: {error.problem}.") from error


KINDS = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}


def _in_plain_words(key: str, said: str) -> str:
    """Return OmegaConf's complaint about a value of the wrong type in fsens's words; empty for other complaints."""
    for kind, words in KINDS.items():
        if said.startswith("Value ") and f"could not be converted to {kind}" in said:
            given = said.removeprefix("Value ").partition(" of type ")[0]
            return f"{key} must be {words}, got {given}."
    return ""


def to_job(kind: type[JobFields], config: DictConfig) -> JobFields:
    """Return the composed configuration as the verb's typed, range-checked job."""
    with one_line_errors():
        job = OmegaConf.to_object(config)
    if not isinstance(job, kind):
        raise ConfigError("the configuration is incomplete: a file of your own lost `schema/VERB` from its defaults.")
    if job.data.name not in CATALOG:
        raise ConfigError(f"data.name={job.data.name} is not known: choose data with data=NAME.")
    require_ranges(job)
    return job


def compose_job(request: Request) -> tuple[JobFields, str]:
    """Return the job of a single run, and its configuration as YAML."""
    with started_hydra(request) as overrides, one_line_errors():
        config = compose(config_name=request.verb, overrides=overrides)
        return to_job(request.job, config), settings_yaml(config)


def load_job(kind: type[JobFields], config_file: Path) -> tuple[JobFields, str]:
    """Return the job stored in a run's ``config.yaml``, for resuming."""
    with one_line_errors():
        stored = OmegaConf.load(config_file)
        if not isinstance(stored, DictConfig):
            raise ConfigError(f"{config_file} holds no configuration.")
        name = str(OmegaConf.select(stored, "data.name"))
        if name not in CATALOG:
            raise ConfigError(f"{config_file} is of no data set that is known here (data.name={name}).")
        schema = OmegaConf.structured(kind)
        data = OmegaConf.structured(CATALOG[name].config)
        schema.data = data
        merged = OmegaConf.merge(schema, stored)
        assert isinstance(merged, DictConfig)
        return to_job(kind, merged), settings_yaml(merged)


def settings_yaml(config: DictConfig) -> str:
    """Return settings as YAML, as they are shown and kept: secrets of addresses masked, sizes in 255ths noted."""
    text = OmegaConf.to_yaml(config)
    if "://" in text:
        text = OmegaConf.to_yaml(masked_values(OmegaConf.to_container(config)))
    return with_255ths(text)


def job_yaml(job: JobFields) -> str:
    """Return a job's settings as YAML, as a run folder keeps them."""
    return settings_yaml(OmegaConf.structured(job))


def flat_settings(config_yaml: str) -> dict[str, Any]:
    """Return a configuration as dotted keys and values.

    >>> flat_settings("data: {name: dualband}")
    {'data.name': 'dualband'}
    """
    flat: dict[str, Any] = {}

    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict) and value:
            for key, child in value.items():
                walk(child, f"{name}.{key}" if name else str(key))
        else:
            flat[name] = value

    walk(OmegaConf.to_container(OmegaConf.create(config_yaml)), "")
    return flat
