"""The files of a sweep: its plan, how each job ended, and one row a job with settings and numbers."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.home import expanded
from fsens_cli.runs.files import write_json, write_table
from fsens_cli.runs.folder import claim_version, remove_empty
from fsens_cli.runs.json_files import Fields

PLAN, JOBS = "sweep.json", "jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """How one job of a sweep goes or ended.

    Attributes:
        status: ``running``, ``done`` or ``failed``.
        folder: of its run, as the sweep wrote it; None where the job was refused.
        settings: what distinguishes the job.
        error: why it failed.
        said: warnings of a job in another process, where nobody could read them.
    """

    status: str
    folder: Path | None = None
    settings: dict[str, str] = field(default_factory=dict)
    error: str = ""
    said: str = ""


@contextmanager
def sweep_folder(out: Path, verb: str) -> Iterator[Path]:
    """Give a new folder ``out/sweeps/verb/vNNN``; if nothing is written into it, it is gone afterwards."""
    folder = claim_version(expanded(out) / "sweeps" / verb)
    try:
        yield folder
    finally:
        remove_empty(folder, folder.parent, folder.parent.parent)


def write_sweep(folder: Path, verb: str, jobs: Sequence[tuple[JobRecord, Sequence[Quantity]]]) -> None:
    """Write ``summary.csv``: settings, status, folder and every headline number of each job, in plain units."""
    records = [record for record, _ in jobs]
    numbers = [_numbers(quantities) for _, quantities in jobs]
    settings = dict.fromkeys(key for record in records for key in record.settings)
    names = dict.fromkeys(name for row in numbers for name in row)
    columns: dict[str, list[object]] = {"verb": [verb] * len(jobs)}
    columns |= {key: [record.settings.get(key, "") for record in records] for key in settings}
    columns["status"] = [record.status for record in records]
    columns["folder"] = ["" if record.folder is None else str(record.folder) for record in records]
    columns |= {name: [row.get(name) for row in numbers] for name in names if name not in columns}
    columns["error"] = [record.error for record in records]
    write_table(folder / "summary.csv", columns)


def _numbers(quantities: Sequence[Quantity]) -> dict[str, object]:
    found: dict[str, object] = {}
    for q in quantities:
        found |= {q.name: q.value, f"{q.name}_ci_low": q.low, f"{q.name}_ci_high": q.high, f"{q.name}_n": q.n}
        if q.note:
            found[f"{q.name}_note"] = q.note
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sweep was started as."""

    verb: str
    overrides: tuple[str, ...]
    config_dir: Path | None
    num_jobs: int


def write_plan(folder: Path, verb: str, overrides: Sequence[str], config_dir: Path | None, num_jobs: int) -> None:
    """Write ``sweep.json``, before the first job: enough to run what a killed sweep lacks."""
    where = None if config_dir is None else str(config_dir.resolve())
    plan = {"schema": 1, "verb": verb, "overrides": list(overrides), "config_dir": where, "num_jobs": num_jobs}
    write_json(folder / PLAN, plan)


def read_plan(folder: Path) -> Plan:
    """Return ``sweep.json``.

    Raises:
        OutputError: it is missing or damaged.
    """
    complaint = f"{folder} is no sweep that can be continued"
    plan = Fields.read(folder / PLAN, complaint)
    try:
        return Plan(
            verb=plan.text("verb"),
            overrides=tuple(plan.texts("overrides")),
            config_dir=Path(plan.text("config_dir")) if plan.content.get("config_dir") else None,
            num_jobs=plan.whole("num_jobs"),
        )
    except OutputError as error:
        raise OutputError(f"{complaint}: its {PLAN} is damaged.") from error


def write_job(folder: Path, number: int, job: JobRecord) -> None:
    """Write how one job goes or ended; each has a file of its own, because jobs may end at the same time."""
    (folder / JOBS).mkdir(exist_ok=True)
    where = None if job.folder is None else str(job.folder)
    write_json(_job_file(folder, number), {"number": number, **asdict(job), "folder": where})


def _job_file(folder: Path, number: int) -> Path:
    return folder / JOBS / f"{number:03d}.json"


def read_job(folder: Path, number: int) -> JobRecord | None:
    """Return what is known of a job; None if it has not begun or its record is damaged."""
    try:
        stored = Fields.read(_job_file(folder, number), "this job")
        return JobRecord(
            status=stored.text("status"),
            folder=Path(stored.text("folder")) if stored.content.get("folder") else None,
            settings=stored.words("settings"),
            error=stored.text("error", ""),
            said=stored.text("said", ""),
        )
    except OutputError:
        return None


def forget_jobs(folder: Path, numbers: Iterable[int]) -> None:
    """Remove the records of jobs that are to be run again, or were stopped."""
    for number in numbers:
        _job_file(folder, number).unlink(missing_ok=True)


def finished_jobs(folder: Path, num_jobs: int) -> dict[int, JobRecord]:
    """Return what is known of each job that is done, by its number; a damaged record counts as none."""
    records = {number: read_job(folder, number) for number in range(num_jobs)}
    return {n: r for n, r in records.items() if r is not None and r.status == "done" and r.folder is not None}
