"""The run that is continued, checked to be the one that was started."""

import dataclasses
from pathlib import Path
from typing import TypeVar

from fsens_cli.cache.address import has_mask
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.config.compose import Request, flat_settings, load_job
from fsens_cli.config.jobs import JobFields, TrainJob
from fsens_cli.config.parsing import given_values
from fsens_cli.errors import ConfigError
from fsens_cli.runs.folder import SCHEMA, read_record
from fsens_cli.runs.index import find_run
from fsens_cli.runs.json_files import Fields
from fsens_cli.text import masked

Job = TypeVar("Job", bound=JobFields)


def run_of_another_verb(path: Path, other: str, command: str) -> ConfigError:
    """Return the refusal of a run of another verb, which names the way on where there is one."""
    if other in VERBS and VERBS[other].resume:
        return ConfigError(f"{path} is a run of {other}, not of {command}: go on with `fsens {other} --resume {path}`.")
    return ConfigError(f"{path} is a run of {other}, which keeps nothing to go on from: start it again.")


def job_to_resume(kind: type[Job], name: str, request: Request) -> tuple[Path, Job]:
    """Return the folder of the run called ``name`` and its job; only the device may be another than at its start.

    Raises:
        FsensError: there is no such run, it is finished, or other settings were asked for.
    """
    asked = given_values(request.overrides)
    path = find_run(name, Path(asked.get("out", "outputs")))
    record = read_record(path)
    command = request.command
    if record.get("verb") != command:
        raise run_of_another_verb(path, str(record.get("verb")), command)
    if record.get("status") == "done":
        raise ConfigError(f"{path} is finished: there is nothing to resume.")
    if record.get("schema") != SCHEMA:
        raise ConfigError(f"{path} was written by another version of fsens: start a new run, or go on with that one.")
    job, config_yaml = load_job(kind, path / "config.yaml")
    assert isinstance(job, kind), "the verb decides the type"
    _refuse_changes(path, config_yaml, asked)
    _give_secrets_back(job, asked)
    return path, dataclasses.replace(job, device=asked.get("device", job.device))


def _give_secrets_back(job: JobFields, asked: dict[str, str]) -> None:
    """Put addresses that are given again in the place of those that the run keeps without user and query.

    Where a tracker's is not given again, that of the environment counts.
    """
    if "data.mirror" in asked:
        job.data = dataclasses.replace(job.data, mirror=asked["data.mirror"])
    if isinstance(job, TrainJob) and has_mask(job.tracker.uri):
        job.tracker = dataclasses.replace(job.tracker, uri=asked.get("tracker.uri", ""))


def _refuse_changes(path: Path, config_yaml: str, asked: dict[str, str]) -> None:
    """Raise ConfigError, naming the keys, if the configuration is not the one that the run was started with."""
    started = Fields(read_record(path), path / "run.json").fields("config").content
    now = flat_settings(config_yaml)
    changed = sorted(key for key in started.keys() | now.keys() if started.get(key) != now.get(key))
    for key, value in asked.items():
        if key not in ("device", "out") and str(now.get(key, now.get(f"{key}.name"))) != masked(value):
            changed.append(key)
    if changed:
        raise ConfigError(
            f"{path} was started with other settings of {', '.join(changed)}: "
            "a resumed run keeps its own. Start a new run to change them."
        )
