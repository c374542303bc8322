"""What does a sweep leave behind: its plan, how each job ended, and one row a job with settings and numbers."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from fsens_cli.errors import OutputError
from fsens_cli.runs.files import write_json, write_table
from fsens_cli.runs.folder import claim_version, read_json, remove_empty

PLAN, JOBS = "sweep.json", "jobs"


class JobOutcome(Protocol):
    """What a sweep needs to know of a job."""

    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def folder(self) -> Path | None: ...  # noqa: D102
    @property
    def results(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def settings(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def error(self) -> str: ...  # noqa: D102
    @property
    def said(self) -> str: ...  # noqa: D102


def headline_numbers(results: dict[str, Any]) -> dict[str, float | str | None]:
    """Return every number of ``results.json`` under one flat name; intervals become three columns.

    A ``status`` inside says why a number is missing, and stays as a word.

    >>> headline_numbers({"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 5}, "model": "m"})
    {'accuracy': 0.9, 'accuracy_low': 0.8, 'accuracy_high': 1.0, 'accuracy_n': 5}
    """
    flat: dict[str, float | str | None] = {}
    _flatten(results, "", flat)
    return flat


def _flatten(value: Any, name: str, flat: dict[str, float | str | None]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            _flatten(child, name if key == "value" else f"{name}_{key}".strip("_"), flat)
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, dict) and "name" in child:
                _flatten(child, f"{name}_{child['name']}", flat)
    elif (isinstance(value, int | float) and not isinstance(value, bool)) or name.endswith("_status"):
        flat[name] = value


@contextmanager
def sweep_folder(out: Path, verb: str) -> Iterator[Path]:
    """Give a new folder ``out/sweeps/verb/vNNN``; if nothing is written into it, it is gone afterwards."""
    folder = claim_version(out.expanduser() / "sweeps" / verb)
    try:
        yield folder
    finally:
        remove_empty(folder, folder.parent, folder.parent.parent)


def write_sweep(folder: Path, verb: str, outcomes: Sequence[JobOutcome]) -> None:
    """Write ``summary.csv``: settings, status, folder and every headline number of each job."""
    numbers = [headline_numbers(o.results) for o in outcomes]
    settings = list(dict.fromkeys(key for o in outcomes for key in o.settings))
    names = list(dict.fromkeys(name for row in numbers for name in row))
    columns: dict[str, list[Any]] = {"verb": [verb] * len(outcomes)}
    columns |= {key: [str(o.settings.get(key, "")) for o in outcomes] for key in settings}
    columns["status"] = [o.status for o in outcomes]
    columns["folder"] = ["" if o.folder is None else str(o.folder) for o in outcomes]
    columns |= {name: [row.get(name) for row in numbers] for name in names if name not in columns}
    columns["error"] = [o.error for o in outcomes]
    write_table(folder / "summary.csv", columns)


def write_plan(folder: Path, verb: str, overrides: Sequence[str], config_dir: Path | None, num_jobs: int) -> None:
    """Write ``sweep.json``, before the first job: enough to run what a killed sweep lacks."""
    where = None if config_dir is None else str(config_dir.resolve())
    plan = {"schema": 1, "verb": verb, "overrides": list(overrides), "config_dir": where, "num_jobs": num_jobs}
    write_json(folder / PLAN, plan)


def read_plan(folder: Path) -> dict[str, Any]:
    """Return ``sweep.json``.

    Raises:
        OutputError: it is missing or damaged.
    """
    plan = read_json(folder / PLAN, f"{folder} is no sweep that can be continued")
    if not isinstance(plan.get("overrides"), list) or not isinstance(plan.get("num_jobs"), int):
        raise OutputError(f"{folder} is no sweep that can be continued: its {PLAN} is damaged.")
    return plan


def write_job(folder: Path, number: int, outcome: JobOutcome) -> None:
    """Write how one job goes or ended; each has a file of its own, because jobs may end at the same time."""
    (folder / JOBS).mkdir(exist_ok=True)
    record = {
        "number": number,
        "status": outcome.status,
        "folder": None if outcome.folder is None else str(outcome.folder),
        "settings": {key: str(value) for key, value in outcome.settings.items()},
        "error": outcome.error,
        "said": outcome.said,
    }
    write_json(_job_file(folder, number), record)


def _job_file(folder: Path, number: int) -> Path:
    return folder / JOBS / f"{number:03d}.json"


def read_job(folder: Path, number: int) -> dict[str, Any]:
    """Return what is known of a job; nothing if it has not begun or its record is damaged."""
    try:
        return read_json(_job_file(folder, number), "this job")
    except OutputError:
        return {}


def forget_jobs(folder: Path, numbers: Iterable[int]) -> None:
    """Remove the records of jobs that are to be run again, or were stopped."""
    for number in numbers:
        _job_file(folder, number).unlink(missing_ok=True)


def finished_jobs(folder: Path) -> dict[int, dict[str, Any]]:
    """Return what is known of each job that is done, by its number; a damaged record counts as none."""
    found = {}
    for path in sorted((folder / JOBS).glob("*.json")):
        try:
            record = read_json(path, "this job")
        except OutputError:
            continue
        if record.get("status") == "done" and isinstance(record.get("number"), int) and record.get("folder"):
            found[int(record["number"])] = record
    return found


def job_folder(sweep: Path, folder: str) -> Path:
    """Return a job's run folder: as the sweep wrote it, else beside the sweep, where that was moved with its runs."""
    path = Path(folder)
    return path if path.is_dir() else sweep.resolve().parents[2].joinpath(*path.parts[-3:])
