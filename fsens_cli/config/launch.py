"""How are checked jobs run: one through Hydra, a sweep's through the launcher that was chosen?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from hydra import compose
from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from fsens_cli.config.compose import (
    SILENT,
    Request,
    one_line_errors,
    running_hydra,
    settings_yaml,
    started_hydra,
    to_job,
)
from fsens_cli.config.jobs import JobFields
from fsens_cli.config.launchers import on_joblib, on_ray, on_submitit
from fsens_cli.config.launchers.call import Call, Lost
from fsens_cli.config.launchers.choice import GROUP, without_launcher
from fsens_cli.config.launchers.crew import Crew, Machine, crew_for
from fsens_cli.config.parsing import combinations
from fsens_cli.config.spelling import quoted
from fsens_cli.models.device import num_cores, num_gpus, num_threads

Result = TypeVar("Result")

# Hydra's own launchers for these compose again in every process, and give up at the first job that dies.
ELSEWHERE = {"joblib": on_joblib.run, "submitit": on_submitit.run, "ray": on_ray.run}


def check_sweep(request: Request) -> list[JobFields]:
    """Return the job of every combination of a multirun, so that all are refused or none before the first one runs."""
    jobs = [job for job, _ in _composed_jobs(request)]
    crew_of(request, jobs, sweep_dir=Path())
    return jobs


def _composed_jobs(request: Request) -> list[tuple[JobFields, str]]:
    with started_hydra(request) as overrides, one_line_errors():
        jobs = [without_launcher(job) for job in combinations(overrides)]
        configs = [compose(config_name=request.verb, overrides=list(job)) for job in jobs]
        return [(to_job(request.job, config), settings_yaml(config)) for config in configs]


def crew_of(request: Request, jobs: Sequence[JobFields], *, sweep_dir: Path) -> Crew:
    """Return who does these jobs of a multirun.

    Raises:
        ConfigError: a setting of the launcher makes no sense.
    """
    with started_hydra(request) as overrides, one_line_errors():
        config = _multirun_config(request, overrides, sweep_dir)
        settings = cast("dict[str, Any]", OmegaConf.to_container(config.hydra.launcher, resolve=True))
        name = str(config.hydra.runtime.choices[GROUP])
        gpus = max((num_gpus(job.device) for job in jobs), default=0)
        machine = Machine(cores=num_cores(), threads=num_threads(), gpus=gpus)
        return crew_for(name, settings, num_jobs=len(jobs), machine=machine)


def _multirun_config(request: Request, overrides: Sequence[str], sweep_dir: Path) -> DictConfig:
    sweep = [f"hydra.sweep.dir={quoted(str(sweep_dir))}", "hydra.sweep.subdir=."]
    return running_hydra().compose_config(
        config_name=request.verb, overrides=[*SILENT, *sweep, *overrides], run_mode=RunMode.MULTIRUN
    )


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
            return _Attempt(task(to_job(request.job, config), settings_yaml(config)))
        except Exception as error:  # noqa: BLE001 raised again by result()
            return _Attempt(error=error)

    with started_hydra(request) as overrides, one_line_errors():
        done = running_hydra().run(config_name=request.verb, task_function=attempt, overrides=[*SILENT, *overrides])
        return done.return_value.result()


def launch_sweep(
    request: Request,
    task: Callable[[JobFields, str, int], Result],
    *,
    crew: Crew,
    sweep_dir: Path,
    numbers: Sequence[int],
) -> list[Result | Lost]:
    """Run ``task(job, config_yaml, number)`` for these jobs of a sweep by the crew; the task must not raise.

    The sweeper is ours: Hydra's own cannot leave out the jobs that are done already.

    Returns:
        The result of each job, or why there is none.

    Raises:
        FsensError: the launcher could not be started.
    """
    if not numbers:
        return []
    if crew.kind in ELSEWHERE:
        composed = _composed_jobs(request)
        calls = [
            Call(
                task=task,
                job=composed[number][0],
                config_yaml=composed[number][1],
                number=number,
                turn=turn,
                threads=crew.threads,
            )
            for turn, number in enumerate(numbers)
        ]
        return ELSEWHERE[crew.kind](calls, crew)
    if not crew.elsewhere:
        request = replace(request, overrides=without_launcher(request.overrides))
    return _launch_by_hydra(request, task, sweep_dir, numbers)


@dataclass(frozen=True, slots=True)
class _OfSweep(Generic[Result]):
    """What Hydra's launchers call with a job's configuration."""

    kind: type[JobFields]
    task: Callable[[JobFields, str, int], Result]
    numbers: tuple[int, ...]

    def __call__(self, config: DictConfig) -> Result:
        number = self.numbers[int(HydraConfig.get().job.num)]
        return self.task(to_job(self.kind, config), settings_yaml(config), number)


def _launch_by_hydra(
    request: Request, task: Callable[[JobFields, str, int], Result], sweep_dir: Path, numbers: Sequence[int]
) -> list[Result | Lost]:
    with started_hydra(request) as overrides, one_line_errors():
        jobs = [without_launcher(job) for job in combinations(overrides)]
        config = _multirun_config(request, overrides, sweep_dir)
        launcher = Plugins.instance().instantiate_launcher(
            config=config,
            hydra_context=HydraContext(config_loader=running_hydra().config_loader, callbacks=Callbacks(config)),
            task_function=_OfSweep(request.job, task, tuple(numbers)),
        )
        done = launcher.launch([jobs[number] for number in numbers], initial_job_idx=0)
        return [job.return_value for job in done]
