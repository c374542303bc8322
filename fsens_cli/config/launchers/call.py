"""What is sent to another process: one job of a sweep as plain data, and what comes back instead of a lost one."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from fsens_cli.config.jobs import JobFields
from fsens_cli.errors import ConfigError
from fsens_cli.models.device import device_in_turn, use_threads

Result = TypeVar("Result")
OUR_ENVIRONMENT = "FSENS_"


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands for the result of a job whose process ended before it could say anything."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Result]):
    """Does one job in another process. The job is composed already, so that process needs no Hydra.

    Attributes:
        task: does the job; a function of a module, or plain data that can be called.
        job: its settings.
        config_yaml: the same, as a run folder keeps them.
        number: of the job in its sweep.
        turn: its place among the jobs started together, by which GPUs are dealt out.
        threads: of torch; None leaves them as they are.
        folder: where paths of the user start.
        environ: variables that only the first process may have.
    """

    task: Callable[[JobFields, str, int], Result]
    job: JobFields
    config_yaml: str
    number: int
    turn: int
    threads: int | None
    folder: Path = field(default_factory=Path.cwd)
    environ: Mapping[str, str] = field(
        default_factory=lambda: {k: v for k, v in os.environ.items() if k.startswith(OUR_ENVIRONMENT)}
    )

    def __call__(self) -> Result:
        """Do it."""
        if not self.folder.is_dir():
            raise ConfigError(
                f"{self.folder} is not on this machine: the jobs of a sweep need a folder that all share."
            )
        os.chdir(self.folder)
        os.environ.update(self.environ)
        if self.threads is not None:
            use_threads(self.threads)
        job = replace(self.job, device=device_in_turn(self.job.device, self.turn))
        return self.task(job, self.config_yaml, self.number)
