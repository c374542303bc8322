"""Jobs given to Slurm, or to processes of this machine that behave like Slurm's."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fsens_cli.config.launchers.call import Call, Lost, Result
from fsens_cli.config.launchers.crew import Crew
from fsens_cli.config.launchers.terminal import out_of_the_terminal
from fsens_cli.errors import ConfigError

if TYPE_CHECKING:
    from submitit import AutoExecutor, Job

# Settings that submitit translates for each kind of cluster (its AutoExecutor); those of one kind carry its name.
SHARED = frozenset((
    "timeout_min", "mem_gb", "gpus_per_node", "cpus_per_task", "nodes", "tasks_per_node", "name", "stderr_to_stdout",
))  # fmt: skip
POLL_SECONDS = 0.2
PATIENCE_SECONDS = 10.0


def run(calls: Sequence[Call[Result]], crew: Crew) -> list[Result | Lost]:
    """Return every job's result, or Lost; all are waited for, whichever of them dies. An interruption cancels them."""
    jobs: list[Job[Result]] = []
    try:
        try:
            executor = _executor(crew)
            if crew.workers is None:
                jobs += executor.submit_array(calls)
            else:
                for call in calls:
                    _wait_until(lambda: sum(not job.done() for job in jobs) < (crew.workers or 1))
                    with out_of_the_terminal():
                        jobs.append(executor.submit(call))
        except Exception as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ConfigError(f"the launcher {crew.name} cannot submit jobs: {reason}") from error
        return [_result(job) for job in jobs]
    except BaseException:
        _cancel(jobs, here=crew.workers is not None)
        raise


def _executor(crew: Crew) -> "AutoExecutor":
    from submitit import AutoExecutor

    cluster = "local" if str(crew.settings["_target_"]).endswith("LocalLauncher") else "slurm"
    settings = {k: v for k, v in crew.settings.items() if k not in ("_target_", "submitit_folder", "max_num_timeout")}
    own = {} if cluster == "local" else {"slurm_max_num_timeout": crew.settings["max_num_timeout"]}
    executor = AutoExecutor(cluster=cluster, folder=crew.settings["submitit_folder"], **own)
    executor.update_parameters(**{k if k in SHARED else f"{cluster}_{k}": v for k, v in settings.items()})
    return executor


def _result(job: "Job[Result]") -> Result | Lost:
    try:
        return job.results()[0]
    except Exception as error:  # noqa: BLE001 the other jobs are waited for all the same
        state = str(job.state).lower()
        ended = "was killed or ran out of time" if state == "interrupted" else f"ended without a result ({state})"
        if type(error).__name__ == "FailedJobError":
            ended = "failed: " + str(error).strip().rpartition("\n")[2]
        return Lost(f"its process {ended}; its words are in {job.paths.stderr}")


def _cancel(jobs: "Sequence[Job[Result]]", *, here: bool) -> None:
    for job in jobs:
        if not job.done():
            job.cancel(check=False)
    # Processes of this machine end a moment later; Slurm ends its own.
    if here:
        _wait_until(lambda: all(job.done() for job in jobs), at_most=PATIENCE_SECONDS)


def _wait_until(true: Callable[[], bool], *, at_most: float = math.inf) -> None:
    end = time.monotonic() + at_most
    while not true() and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
