"""Configuration files, typed settings and overrides, composed into one checked job."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from fsens_cli.config.grammar import Setting
from fsens_cli.config.jobs import JobFields
from fsens_cli.config.keys import Kind, kinds_in, known_settings, of_some_data
from fsens_cli.config.launchers.choice import GROUP, SETTINGS, chosen, is_about_launcher, launchers, option_of
from fsens_cli.config.overrides import prepare, register_networks
from fsens_cli.config.own_folder import check_folder, searched
from fsens_cli.config.parsing import combinations, parse
from fsens_cli.config.plain_errors import one_line_errors
from fsens_cli.config.spelling import quoted
from fsens_cli.data.catalog import CATALOG
from fsens_cli.errors import ConfigError
from fsens_cli.models.settings import ModelConfig
from fsens_cli.ranges import require_ranges
from fsens_cli.text import masked_values, with_255ths


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


# What the store has been given: it copies each type into a node, which takes longer than the rest of a refusal.
_stored: dict[tuple[str, str], type] = {}


def _register_schemas(verb: str, job: type[JobFields]) -> None:
    schemas = {("schema", verb): job, ("schema", "model"): ModelConfig}
    schemas |= {("schema/data", name): entry.config for name, entry in CATALOG.items()}
    for (group, name), node in schemas.items():
        if _stored.get((group, name)) is not node:
            package = "_global_" if node is job else None
            ConfigStore.instance().store(group=group, name=name, node=node, package=package, provider="fsens")
            _stored[group, name] = node


@contextmanager
def started_hydra(request: Request) -> Iterator[list[str]]:
    """Start Hydra on the configuration folders and yield the prepared overrides."""
    _register_schemas(request.verb, request.job)
    folders = [configs_folder()]
    if request.config_dir is not None:
        if not request.config_dir.is_dir():
            raise ConfigError(f"--config-dir {request.config_dir} is not a folder.")
        check_folder(request.config_dir)
        folders.append(request.config_dir)
    settings = parse(request.overrides)
    launcher = chosen(settings, launchers(folders), multirun=request.multirun)
    if any(s.key == "experiment" for s in settings):
        register_networks(folders)
    with (
        _search_path(request.config_dir) as own,
        initialize_config_dir(version_base="1.3", config_dir=str(configs_folder()), job_name=request.verb),
    ):
        with one_line_errors():
            choices = [s.text for s in settings if _is_choice(s, folders)]
            named = prepare(choices, folders=folders, known={}, multirun=request.multirun)
            known = known_settings(request.job, _data_sets(request.verb, settings, own, named))
            if any(s.key.startswith(SETTINGS) for s in settings):
                known |= _settings_of_launcher(request.verb, [*own, f"{GROUP}={option_of(launcher, folders)}"])
            prepared = prepare(request.overrides, folders=folders, known=known, multirun=request.multirun)
        yield [*own, *prepared]


@contextmanager
def _search_path(folder: Path | None) -> Iterator[list[str]]:
    """Yield the override that lets Hydra search a folder, if there is one."""
    if folder is None:
        yield []
        return
    with searched(folder) as places:
        yield [f"hydra.searchpath=[{','.join(quoted(f'file://{place.resolve()}') for place in places)}]"]


def _is_choice(setting: Setting, folders: Sequence[Path]) -> bool:
    return not is_about_launcher(setting.key) and any((folder / setting.key).is_dir() for folder in folders)


def _data_sets(verb: str, settings: Sequence[Setting], own: Sequence[str], named: Sequence[str]) -> list[str]:
    """Return the data sets whose settings can be changed: those that were named, or the one of the configuration."""
    given = [value for s in settings if s.key == "data" for value in s.values if value in CATALOG]
    if given or not any(of_some_data(s.key) for s in settings):
        return given or list(CATALOG)
    first = next(iter(combinations(named)))
    return [str(OmegaConf.select(compose(config_name=verb, overrides=[*own, *first]), "data.name"))]


def _settings_of_launcher(verb: str, overrides: Sequence[str]) -> dict[str, Kind]:
    """Return every dotted key that can be set of a launcher, with its kind."""
    composed = compose(config_name=verb, overrides=list(overrides), return_hydra_config=True)
    content = OmegaConf.to_container(composed.hydra.launcher)
    assert isinstance(content, dict), "a launcher has settings"
    found = dict(kinds_in({str(key): value for key, value in content.items()}, SETTINGS))
    del found[f"{SETTINGS}_target_"]
    return found


def to_job(kind: type[JobFields], config: DictConfig) -> JobFields:
    """Return the composed configuration as the verb's typed, range-checked job."""
    with one_line_errors():
        job = OmegaConf.to_object(config)
    if not isinstance(job, kind):
        raise ConfigError("the configuration is incomplete: a file of your own lost `schema/VERB` from its defaults.")
    if job.data.name not in CATALOG:
        raise ConfigError(f"data.name={job.data.name} is not known: choose data with data=NAME.")
    if not isinstance(job.data, CATALOG[job.data.name].config):
        other = job.data.name
        raise ConfigError(f"data.name={other}: other data have other settings; choose them with data={other}.")
    require_ranges(job)
    return job


class Composed(NamedTuple):
    """One job, and its settings as a run folder keeps them."""

    job: JobFields
    config_yaml: str

    @classmethod
    def of(cls, kind: type[JobFields], config: DictConfig) -> "Composed":
        """Check a composed configuration."""
        return cls(to_job(kind, config), settings_yaml(config))


def compose_job(request: Request) -> Composed:
    """Return the job of a single run."""
    with started_hydra(request) as overrides, one_line_errors():
        return Composed.of(request.job, compose(config_name=request.verb, overrides=overrides))


def load_job(kind: type[JobFields], config_file: Path) -> Composed:
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
        return Composed.of(kind, merged)


def settings_yaml(config: DictConfig) -> str:
    """Return settings as YAML, as they are shown and kept: secrets of addresses masked, sizes in 255ths noted."""
    text = OmegaConf.to_yaml(config)
    if "://" in text:
        text = OmegaConf.to_yaml(masked_values(OmegaConf.to_container(config)))
    return with_255ths(text)


def job_yaml(job: JobFields) -> str:
    """Return a job's settings as YAML, as a run folder keeps them."""
    return settings_yaml(OmegaConf.structured(job))


def flat_settings(config_yaml: str) -> dict[str, object]:
    """Return a configuration as dotted keys and values.

    >>> flat_settings("data: {name: dualband}")
    {'data.name': 'dualband'}
    """
    flat: dict[str, object] = {}

    def walk(value: object, name: str) -> None:
        if isinstance(value, dict) and value:
            for key, child in value.items():
                walk(child, f"{name}.{key}" if name else str(key))
        else:
            flat[name] = value

    walk(OmegaConf.to_container(OmegaConf.create(config_yaml)), "")
    return flat
