"""Jobs of a sweep: composed and checked once, then done by whom the launcher names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from hydra import compose
from omegaconf import DictConfig, OmegaConf, open_dict

from fsens_cli.config.compose import Composed, Request, started_hydra
from fsens_cli.config.launchers import on_joblib, on_ray, on_submitit
from fsens_cli.config.launchers.call import Call, Lost
from fsens_cli.config.launchers.choice import GROUP, OUR_PREFIX, without_launcher
from fsens_cli.config.launchers.crew import BASIC, Crew, Machine, crew_for
from fsens_cli.config.parsing import combinations
from fsens_cli.config.plain_errors import one_line_errors
from fsens_cli.models.device import num_cores, num_gpus, num_threads

Result = TypeVar("Result")

# Hydra's own launchers for these compose again in every process, and give up at the first job that dies.
ELSEWHERE = {"joblib": on_joblib.run, "submitit": on_submitit.run, "ray": on_ray.run}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Every job of a sweep, and the settings of the launcher that was chosen.

    Attributes:
        jobs: in the order of their numbers.
        launcher: its name in Hydra's group.
        hydra: Hydra's own part of the configuration, of which the launcher's settings take the sweep's folder.
    """

    jobs: tuple[Composed, ...]
    launcher: str
    hydra: DictConfig = field(repr=False)

    def crew(self, numbers: Sequence[int], folder: Path) -> Crew:
        """Return who does these jobs of the sweep in this folder.

        Raises:
            ConfigError: a setting of the launcher makes no sense.
        """
        if self.launcher == BASIC.name:
            return BASIC
        with one_line_errors():
            self.hydra.hydra.sweep.dir = str(folder)
            settings = cast("dict[str, object]", OmegaConf.to_container(self.hydra.hydra.launcher, resolve=True))
        gpus = max((num_gpus(self.jobs[n].job.device) for n in numbers), default=0)
        machine = Machine(cores=num_cores(), threads=num_threads(), gpus=gpus)
        return crew_for(self.launcher, settings, num_jobs=len(numbers), machine=machine)


def compose_sweep(request: Request) -> Sweep:
    """Return the jobs of every combination of a multirun, so that all are refused or none before the first one runs."""
    with started_hydra(request) as overrides, one_line_errors():
        first, *others = combinations(overrides)
        whole = compose(config_name=request.verb, overrides=list(first), return_hydra_config=True)
        hydra = OmegaConf.masked_copy(whole, "hydra")
        with open_dict(whole):
            del whole["hydra"]
        configs = [compose(config_name=request.verb, overrides=list(without_launcher(job))) for job in others]
        jobs = tuple(Composed.of(request.job, config) for config in (whole, *configs))
    option = str(hydra.hydra.runtime.choices[GROUP])
    sweep = Sweep(jobs=jobs, launcher=option.removeprefix(OUR_PREFIX), hydra=hydra)
    sweep.crew(range(len(jobs)), Path())
    return sweep


def launch_sweep(
    sweep: Sweep, task: Callable[..., Result], *, crew: Crew, numbers: Sequence[int]
) -> "list[Result | Lost]":
    """Run ``task(job, config_yaml, number)`` for these jobs of a sweep by the crew; the task must not raise.

    Returns:
        The result of each job, or why there is none.

    Raises:
        ConfigError: the launcher could not be started.
    """
    jobs = sweep.jobs
    if not crew.elsewhere:
        return [task(jobs[number].job, jobs[number].config_yaml, number) for number in numbers]
    calls = [
        Call(
            task=task,
            job=jobs[number].job,
            config_yaml=jobs[number].config_yaml,
            number=number,
            turn=turn,
            threads=crew.threads,
        )
        for turn, number in enumerate(numbers)
    ]
    return ELSEWHERE[crew.kind](calls, crew) if calls else []
