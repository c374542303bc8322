"""The jobs of a sweep: run, kept, and made up for."""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from fsens_cli.commands.console import note
from fsens_cli.commands.options import Flags
from fsens_cli.commands.processes import refuse_shared_sweep
from fsens_cli.commands.resuming import run_of_another_verb
from fsens_cli.commands.sweep_job import SweepJob, settings_of
from fsens_cli.commands.sweep_watch import telling
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.commands.verbs.verb import Verb
from fsens_cli.config.compose import Request
from fsens_cli.config.launch import Sweep, compose_sweep, launch_sweep
from fsens_cli.config.launchers.call import Lost
from fsens_cli.config.launchers.choice import GROUP, without_launcher
from fsens_cli.config.launchers.crew import Crew
from fsens_cli.config.parsing import given_values
from fsens_cli.errors import ConfigError, Interrupted, OutputError
from fsens_cli.runs.files import remove_leftovers
from fsens_cli.runs.folder import read_record
from fsens_cli.runs.index import find_run
from fsens_cli.runs.overlays import draw_overlay
from fsens_cli.runs.owner import Ownership
from fsens_cli.runs.selection import FinishedRun, job_folder, read_run, sweep_path
from fsens_cli.runs.sweep_files import (
    JobRecord,
    finished_jobs,
    forget_jobs,
    read_job,
    read_plan,
    sweep_folder,
    write_job,
    write_plan,
    write_sweep,
)
from fsens_cli.runs.sweep_labels import overlay_labels

# How a job ended, and its run where it is done.
Ended = tuple[JobRecord, FinishedRun | None]


def _ordered(jobs: Sequence[Ended], key: str) -> list[Ended]:
    """Return the jobs by a number: what lies below all that could be found first, then what has none, then failures."""

    def place(job: Ended) -> float:
        found = next((q for q in job[1].findings.quantities if q.key == key), None) if job[1] else None
        if found is None:
            return math.inf
        if found.value is not None:
            return found.value
        return -math.inf if " below " in found.note else math.inf

    done = [job for job in jobs if job[1] is not None]
    return [*sorted(done, key=place), *(job for job in jobs if job[1] is None)]


def run_sweep(verb: Verb, request: Request, sweep: Sweep, flags: Flags) -> tuple[list[Ended], Path]:
    """Return how every job ended, and the sweep's folder with its table and figure."""
    refuse_shared_sweep()
    with sweep_folder(Path(sweep.jobs[0].job.out), verb.name) as folder:
        write_plan(folder, request.verb, request.overrides, request.config_dir, len(sweep.jobs))
        return go_on(verb, request, folder, flags, sweep=sweep)


def go_on(
    verb: Verb, request: Request, folder: Path, flags: Flags, *, sweep: Sweep | None = None
) -> tuple[list[Ended], Path]:
    """Run the jobs that the sweep lacks and write its table and figure; ``sweep`` is composed from the request if None.

    Raises:
        OutputError: another process is at it.
    """
    refuse_shared_sweep()
    owner = Ownership.take(folder)
    try:
        return _go_on(verb, request, folder, flags, sweep)
    finally:
        owner.release()


def _go_on(verb: Verb, request: Request, folder: Path, flags: Flags, sweep: Sweep | None) -> tuple[list[Ended], Path]:
    remove_leftovers(folder, below=True)
    num_jobs = read_plan(folder).num_jobs
    before = _done_before(folder, num_jobs)
    missing = [n for n in range(num_jobs) if n not in before]
    if before:
        note(f"{len(before)} jobs of {folder} are done, {len(missing)} are missing", flags)
    again = f"fsens {verb.name} --resume {folder}"
    try:
        by_number = before | _run(verb, request, folder, flags, missing, sweep)
    except KeyboardInterrupt as stopped:
        kept = f"finished jobs are kept; go on with: {again}"
        # Of the job's own words those on the signal stay: how a single run goes on is not how the sweep does.
        cause = str(stopped).partition(". ")[0] if str(stopped).startswith("by ") else ""
        raise Interrupted("; ".join(filter(None, (cause, kept)))) from None
    jobs = [_with_run(folder, by_number[number]) for number in sorted(by_number)]
    if verb.order:
        jobs = _ordered(jobs, verb.order)
    write_sweep(folder, verb.name, [(record, run.findings.quantities if run else ()) for record, run in jobs])
    runs = [replace(run, settings=record.settings) for record, run in jobs if run is not None]
    if runs:
        draw_overlay(folder, runs, overlay_labels([r.settings for r in runs], [r.training for r in runs]))
    return jobs, folder


def _with_run(sweep: Path, record: JobRecord) -> Ended:
    """Return a job with what its run's folder says; one that cannot be read has failed after all."""
    if record.status != "done" or record.folder is None:
        return record, None
    try:
        return record, read_run(job_folder(sweep, str(record.folder)))
    except OutputError as error:
        return replace(record, status="failed", error=str(error)), None


def _run(
    verb: Verb, request: Request, folder: Path, flags: Flags, numbers: list[int], sweep: Sweep | None
) -> dict[int, JobRecord]:
    """Run these jobs; where the launcher broke down, those that it had not begun are given to it again."""
    if not numbers:
        return {}
    sweep = sweep or compose_sweep(request)
    jobs = [composed.job for composed in sweep.jobs]
    swept = tuple(dict.fromkeys(o.split("=", 1)[0] for o in without_launcher(request.overrides)))
    values = {key: {settings_of(job, swept)[key] for job in jobs} for key in swept}
    varied = tuple(key for key, found in values.items() if len(found) > 1)
    ended: dict[int, JobRecord] = {}
    task = verb.do()
    forget_jobs(folder, numbers)
    while numbers:
        crew = sweep.crew(numbers, folder)
        work = SweepJob(
            task=task,
            flags=flags,
            swept=swept,
            folder=folder,
            elsewhere=crew.elsewhere,
            num_jobs=len(jobs),
            varied=varied,
        )
        if crew.elsewhere:
            note(crew.in_words(len(numbers)), flags)
        with telling(folder, numbers, flags) if crew.elsewhere else nullcontext():
            ran = dict(zip(numbers, _launched(request, sweep, work, crew, numbers), strict=True))
        lost = {n: result.reason for n, result in ran.items() if isinstance(result, Lost)}
        unbegun = [n for n in lost if not read_job(folder, n)]
        # Without a single job that began, another try would end the same way.
        numbers = unbegun if len(unbegun) < len(ran) else []
        if numbers:
            note(f"{lost[numbers[0]]}; going on with the {len(numbers)} not begun", flags)
        ended |= {n: result for n, result in ran.items() if isinstance(result, JobRecord)}
        for n in lost.keys() - set(numbers):
            ended[n] = _after_loss(folder, n, settings_of(jobs[n], swept), lost[n])
    return ended


def _launched(request: Request, sweep: Sweep, work: SweepJob, crew: Crew, numbers: list[int]) -> list[JobRecord | Lost]:
    folder = work.folder
    try:
        return launch_sweep(sweep, work, crew=crew, numbers=numbers)
    except KeyboardInterrupt:
        # What was running then is no more.
        forget_jobs(folder, [n for n in numbers if (record := read_job(folder, n)) and record.status == "running"])
        raise
    except ConfigError as error:
        raise ConfigError(f"{error}\nGo on with: fsens {request.command} --resume {folder} --launcher basic") from error


def _after_loss(folder: Path, number: int, settings: dict[str, str], reason: str) -> JobRecord:
    """Return how a job ended of which only its record tells, if that; what it says lasts."""
    record = read_job(folder, number)
    if record is not None and _with_run(folder, record)[1] is not None:
        return record
    error = record.error if record is not None and record.status == "failed" else reason
    failed = JobRecord(status="failed", error=error, settings=settings)
    write_job(folder, number, failed)
    return failed


def _done_before(folder: Path, num_jobs: int) -> dict[int, JobRecord]:
    """Return the jobs whose runs are there and complete."""
    finished = finished_jobs(folder, num_jobs)
    return {number: record for number, record in finished.items() if _with_run(folder, record)[1] is not None}


def is_sweep_to_resume(name: str | None, request: Request) -> bool:
    """Return whether ``--resume NAME`` means a sweep rather than a single run."""
    if name is None:
        return False
    try:
        sweep_path(name, Path(given_values(request.overrides).get("out", "outputs")))
    except OutputError:
        return False
    return True


def resumed_request(verb: Verb, name: str, request: Request) -> tuple[Request, Path]:
    """Return what was typed when the sweep called ``name`` was started, and its folder.

    Where its jobs run may change: a sweep begun on a cluster can be finished elsewhere.

    Raises:
        FsensError: there is no such sweep, it belongs to another verb, or other settings were given.
    """
    settings = without_launcher(request.overrides)
    launcher = tuple(o for o in request.overrides if o not in settings)
    asked = given_values(settings)
    out = Path(asked.pop("out", "outputs"))
    try:
        path = sweep_path(name, out)
    except OutputError:
        _refuse_single_run(verb, name, out)
        raise
    if asked or request.config_dir is not None:
        given = ", ".join(asked) or "--config-dir"
        raise ConfigError(f"a resumed sweep keeps its own settings: leave out {given}, or start a new sweep.")
    plan = read_plan(path)
    if plan.verb != verb.config:
        other = plan.verb.replace("_", "-")
        raise ConfigError(f"{path} is a sweep of {other}: go on with `fsens {other} --resume {path}`.")
    overrides = plan.overrides
    if any(o.startswith(f"{GROUP}=") for o in launcher):
        # Another launcher knows nothing of the settings of the one before.
        overrides = without_launcher(overrides)
    overrides += launcher
    return replace(request, overrides=overrides, multirun=True, config_dir=plan.config_dir), path


def _refuse_single_run(verb: Verb, name: str, out: Path) -> None:
    """Raise ConfigError, saying how to go on, where a name means a run and not a sweep."""
    try:
        path = find_run(name, out)
        other = str(read_record(path).get("verb"))
    except OutputError:
        return
    if other != verb.name and other in VERBS and VERBS[other].resume:
        raise run_of_another_verb(path, other, verb.name)
    raise ConfigError(f"{run_of_another_verb(path, other, verb.name)} `fsens {verb.name} --resume` takes a sweep.")
