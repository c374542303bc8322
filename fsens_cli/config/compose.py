"""How do configuration files, typed settings and overrides become one checked job?"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fsens_cli.config.jobs import JOBS, JobFields
from fsens_cli.config.overrides import combinations, prepare, quoted
from fsens_cli.data.catalog import CONFIGS as DATA_CONFIGS
from fsens_cli.errors import ConfigError, FsensError
from fsens_cli.models.catalog import ModelConfig

Result = TypeVar("Result")

# Our run folders replace Hydra's: nothing is written or logged by it.
SILENT = ("hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user typed after a verb.

    Attributes:
        verb: ``measure``, ``hybrid_probe``, ...: the name of its root configuration.
        overrides: flags as overrides first, then the overrides themselves.
        multirun: one job for every combination of values.
        config_dir: a folder with the user's own configuration files, or None.
    """

    verb: str
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


@lru_cache(maxsize=1)
def _register_schemas() -> None:
    store = ConfigStore.instance()
    for verb, job in JOBS.items():
        store.store(group="schema", name=verb, node=job, package="_global_", provider="fsens")
    store.store(group="schema", name="model", node=ModelConfig, provider="fsens")
    for name, config in DATA_CONFIGS.items():
        store.store(group="schema/data", name=name, node=config, provider="fsens")


@contextmanager
def _hydra(request: Request) -> Iterator[list[str]]:
    """Start Hydra on the configuration folders and yield the prepared overrides."""
    _register_schemas()
    folders = [configs_folder()]
    own: list[str] = []
    if request.config_dir is not None:
        if not request.config_dir.is_dir():
            raise ConfigError(f"--config-dir {request.config_dir} is not a folder.")
        folders.append(request.config_dir)
        own = [f"hydra.searchpath=[{quoted(f'file://{request.config_dir.resolve()}')}]"]
    with initialize_config_dir(version_base="1.3", config_dir=str(configs_folder()), job_name=request.verb):
        choices = [o for o in request.overrides if _is_choice(o, folders)]
        with _one_line_errors():
            prepared_choices = prepare(choices, folders=folders, keys=(), multirun=request.multirun)
            keys = _known_keys(request.verb, tuple(own), tuple(prepared_choices))
            prepared = prepare(request.overrides, folders=folders, keys=keys, multirun=request.multirun)
        yield [*own, *prepared]


def _is_choice(override: str, folders: Sequence[Path]) -> bool:
    return any((folder / override.split("=", 1)[0]).is_dir() for folder in folders) and "=" in override


@lru_cache(maxsize=32)
def _known_keys(verb: str, own: tuple[str, ...], choices: tuple[str, ...]) -> frozenset[str]:
    """Return every dotted key that some combination of the chosen options has."""
    keys: set[str] = set()
    combinations: list[list[str]] = [[]]
    for choice in choices:
        group, values = choice.split("=", 1)
        combinations = [[*c, f"{group}={value}"] for c in combinations for value in values.split(",")]
    for combination in combinations[:64]:
        config = compose(config_name=verb, overrides=[*own, *combination])
        keys |= set(_dotted(config))
    return frozenset(keys)


def _dotted(config: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in config:
        name = f"{prefix}{key!s}"
        yield name
        child = config._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            yield from _dotted(child, f"{name}.")


@contextmanager
def _one_line_errors() -> Iterator[None]:
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
        where = f"{key}: " if key else ""
        raise ConfigError(f"{where}{lines[0] if lines else type(cause).__name__}".rstrip(".") + ".") from error

    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{mark.name}, line {mark.line + 1}" if mark is not None else "a configuration file"
        raise ConfigError(f"{place} is no YAML: {error.problem}.") from error


def to_job(verb: str, config: DictConfig) -> JobFields:
    """Return the composed configuration as the verb's typed, range-checked job."""
    with _one_line_errors():
        job = OmegaConf.to_object(config)
    if not isinstance(job, JOBS[verb]):
        raise ConfigError(f"the configuration of {verb} is incomplete: a file of your own lost `schema/{verb}`.")
    return job


def compose_job(request: Request) -> tuple[JobFields, str]:
    """Return the job of a single run, and its configuration as YAML."""
    with _hydra(request) as overrides, _one_line_errors():
        config = compose(config_name=request.verb, overrides=overrides)
        return to_job(request.verb, config), OmegaConf.to_yaml(config)


def load_job(verb: str, config_file: Path) -> tuple[JobFields, str]:
    """Return the job stored in a run's ``config.yaml``, for resuming."""
    with _one_line_errors():
        stored = OmegaConf.load(config_file)
        if not isinstance(stored, DictConfig):
            raise ConfigError(f"{config_file} holds no configuration.")
        schema = OmegaConf.structured(JOBS[verb])
        data = OmegaConf.structured(DATA_CONFIGS[str(stored.data.name)])
        schema.data = data
        merged = OmegaConf.merge(schema, stored)
        assert isinstance(merged, DictConfig)
        return to_job(verb, merged), OmegaConf.to_yaml(merged)


def check_sweep(request: Request) -> list[JobFields]:
    """Return the job of every combination of a multirun, so that all are refused or none before the first one runs."""
    with _hydra(request) as overrides, _one_line_errors():
        return [
            to_job(request.verb, compose(config_name=request.verb, overrides=list(combination)))
            for combination in combinations(overrides)
        ]


@dataclass(frozen=True, slots=True)
class _Attempt(Generic[Result]):
    """How a job ended. Hydra announces an exception on standard error before passing it on, so it gets to see none."""

    value: Result | None = None
    error: Exception | None = None

    def result(self) -> Result:
        if self.error is not None:
            raise self.error
        return cast("Result", self.value)


def launch(request: Request, task: Callable[[JobFields, str], Result]) -> Result:
    """Run ``task(job, config_yaml)`` once, through Hydra.

    Raises:
        FsensError: what the task raised.
    """

    def attempt(config: DictConfig) -> _Attempt[Result]:
        try:
            return _Attempt(task(to_job(request.verb, config), OmegaConf.to_yaml(config)))
        except Exception as error:  # noqa: BLE001 raised again by result()
            return _Attempt(error=error)

    with _hydra(request) as overrides, _one_line_errors():
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None, "initialize_config_dir has just created it"
        done = hydra.run(config_name=request.verb, task_function=attempt, overrides=[*SILENT, *overrides])
        return done.return_value.result()


def launch_sweep(
    request: Request, task: Callable[[JobFields, str, int], Result], *, sweep_dir: Path, numbers: Sequence[int]
) -> list[Result]:
    """Run ``task(job, config_yaml, number)`` for these jobs of a sweep through Hydra's launcher; it must not raise.

    The sweeper is ours: Hydra's own cannot leave out the jobs that are done already.
    """

    def attempt(config: DictConfig) -> _Attempt[Result]:
        number = numbers[int(HydraConfig.get().job.num)]
        try:
            return _Attempt(task(to_job(request.verb, config), OmegaConf.to_yaml(config), number))
        except Exception as error:  # noqa: BLE001 raised again by result()
            return _Attempt(error=error)

    if not numbers:
        return []
    with _hydra(request) as overrides, _one_line_errors():
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None, "initialize_config_dir has just created it"
        jobs = [[o for o in job if not o.startswith("hydra")] for job in combinations(overrides)]
        sweep = [f"hydra.sweep.dir={quoted(str(sweep_dir))}", "hydra.sweep.subdir=."]
        config = hydra.compose_config(
            config_name=request.verb, overrides=[*SILENT, *sweep, *overrides], run_mode=RunMode.MULTIRUN
        )
        launcher = Plugins.instance().instantiate_launcher(
            config=config,
            hydra_context=HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config)),
            task_function=attempt,
        )
        done = launcher.launch([jobs[number] for number in numbers], initial_job_idx=0)
        return [job.return_value.result() for job in done]


def job_yaml(job: JobFields) -> str:
    """Return a job's settings as YAML, as a run folder keeps them."""
    return OmegaConf.to_yaml(OmegaConf.structured(job))


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
