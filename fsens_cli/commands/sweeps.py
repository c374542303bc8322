"""How are the jobs of a sweep run, kept and made up for?"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from fsens_cli.commands.console import note
from fsens_cli.commands.options import Flags
from fsens_cli.commands.outcome import Outcome, Task
from fsens_cli.commands.sweep_job import SweepJob, settings_of
from fsens_cli.commands.sweep_watch import telling
from fsens_cli.config.compose import Request
from fsens_cli.config.jobs import JobFields
from fsens_cli.config.launch import check_sweep, crew_of, launch_sweep
from fsens_cli.config.launchers.call import Lost
from fsens_cli.config.launchers.choice import GROUP, without_launcher
from fsens_cli.config.launchers.crew import Crew
from fsens_cli.config.overrides import given_values
from fsens_cli.errors import ConfigError, Interrupted, OutputError
from fsens_cli.runs.files import remove_leftovers
from fsens_cli.runs.owner import Ownership
from fsens_cli.runs.selection import read_run, sweep_path
from fsens_cli.runs.sweep_files import (
    finished_jobs,
    forget_jobs,
    job_folder,
    read_job,
    read_plan,
    sweep_folder,
    write_job,
    write_plan,
    write_sweep,
)

Order = Callable[[dict[str, Any]], float]
Draw = Callable[[Path, Sequence[Outcome]], None]


def _ordered(outcomes: Sequence[Outcome], order: Order) -> list[Outcome]:
    done = [o for o in outcomes if o.status == "done"]
    return [*sorted(done, key=lambda o: order(o.results)), *(o for o in outcomes if o.status != "done")]


def run_sweep(
    request: Request, task: Task, flags: Flags, order: Order | None, draw: Draw | None
) -> tuple[list[Outcome], Path]:
    """Return how every job ended, and the sweep's folder with its table and figure."""
    jobs = check_sweep(request)
    with sweep_folder(Path(jobs[0].out), request.command) as folder:
        write_plan(folder, request.verb, request.overrides, request.config_dir, len(jobs))
        return go_on(request, folder, task, flags, order, draw, checked=jobs)


def go_on(
    request: Request,
    folder: Path,
    task: Task,
    flags: Flags,
    order: Order | None,
    draw: Draw | None,
    *,
    checked: Sequence[JobFields] = (),
) -> tuple[list[Outcome], Path]:
    """Run the jobs that the sweep lacks and write its table and figure; ``checked`` are all its jobs, if known.

    Raises:
        OutputError: another process is at it.
    """
    owner = Ownership.take(folder)
    try:
        return _go_on(request, folder, task, flags, order, draw, checked)
    finally:
        owner.release()


def _go_on(
    request: Request,
    folder: Path,
    task: Task,
    flags: Flags,
    order: Order | None,
    draw: Draw | None,
    checked: Sequence[JobFields],
) -> tuple[list[Outcome], Path]:
    remove_leftovers(folder, below=True)
    before = _done_before(folder)
    missing = [n for n in range(read_plan(folder)["num_jobs"]) if n not in before]
    if before:
        note(f"{len(before)} jobs of {folder} are done, {len(missing)} are missing", flags)
    again = f"fsens {request.command} --resume {folder}"
    try:
        by_number = before | _run(request, folder, task, flags, missing, checked)
    except KeyboardInterrupt as stopped:
        kept = f"finished jobs are kept; go on with: {again}"
        raise Interrupted(f"{stopped}; {kept}" if str(stopped) else kept) from None
    outcomes = [by_number[number] for number in sorted(by_number)]
    if order is not None:
        outcomes = _ordered(outcomes, order)
    write_sweep(folder, request.command, outcomes)
    if draw is not None:
        draw(folder, outcomes)
    return outcomes, folder


def _run(
    request: Request, folder: Path, task: Task, flags: Flags, numbers: list[int], checked: Sequence[JobFields]
) -> dict[int, Outcome]:
    """Run these jobs; where the launcher broke down, those that it had not begun are given to it again."""
    if not numbers:
        return {}
    jobs = checked or check_sweep(request)
    swept = tuple(dict.fromkeys(o.split("=", 1)[0] for o in without_launcher(request.overrides)))
    ended: dict[int, Outcome] = {}
    forget_jobs(folder, numbers)
    while numbers:
        crew = crew_of(request, [jobs[n] for n in numbers], sweep_dir=folder)
        work = SweepJob(task=task, flags=flags, swept=swept, folder=folder, elsewhere=crew.elsewhere)
        if crew.elsewhere:
            note(crew.in_words(len(numbers)), flags)
        with telling(folder, numbers, flags) if crew.elsewhere else nullcontext():
            ran = dict(zip(numbers, _launched(request, work, crew, numbers), strict=True))
        lost = {n: result.reason for n, result in ran.items() if isinstance(result, Lost)}
        unbegun = [n for n in lost if not read_job(folder, n)]
        # Without a single job that began, another try would end the same way.
        numbers = unbegun if len(unbegun) < len(ran) else []
        if numbers:
            note(f"{lost[numbers[0]]}; going on with the {len(numbers)} not begun", flags)
        ended |= {n: result for n, result in ran.items() if isinstance(result, Outcome)}
        for n in lost.keys() - set(numbers):
            ended[n] = _after_loss(folder, n, settings_of(jobs[n], swept), lost[n])
    return ended


def _launched(request: Request, work: SweepJob, crew: Crew, numbers: list[int]) -> list[Outcome | Lost]:
    folder = work.folder
    try:
        return launch_sweep(request, work, crew=crew, sweep_dir=folder, numbers=numbers)
    except KeyboardInterrupt:
        # What was running then is no more.
        forget_jobs(folder, [n for n in numbers if read_job(folder, n).get("status") == "running"])
        raise
    except ConfigError as error:
        raise ConfigError(f"{error}\nGo on with: fsens {request.command} --resume {folder} --launcher basic") from error


def _after_loss(folder: Path, number: int, settings: dict[str, Any], reason: str) -> Outcome:
    """Return how a job ended of which only its record tells, if that; what it says lasts."""
    done = _done_before(folder).get(number)
    if done is not None:
        return done
    record = read_job(folder, number)
    error = str(record["error"]) if record.get("status") == "failed" else reason
    outcome = Outcome(status="failed", error=error, settings=settings)
    write_job(folder, number, outcome)
    return outcome


def _done_before(folder: Path) -> dict[int, Outcome]:
    """Return the jobs whose runs are there and complete."""
    found = {}
    for number, record in finished_jobs(folder).items():
        try:
            run = read_run(job_folder(folder, str(record["folder"])))
        except OutputError:
            continue
        found[number] = Outcome(
            status="done", folder=run.folder, results=run.results, settings=dict(record["settings"])
        )
    return found


def is_sweep_to_resume(name: str | None, request: Request) -> bool:
    """Return whether ``--resume NAME`` means a sweep rather than a single run."""
    if name is None:
        return False
    try:
        sweep_path(name, Path(given_values(request.overrides).get("out", "outputs")))
    except OutputError:
        return False
    return True


def resumed_request(name: str, request: Request) -> tuple[Request, Path]:
    """Return what was typed when the sweep called ``name`` was started, and its folder.

    Where its jobs run may change: a sweep begun on a cluster can be finished elsewhere.

    Raises:
        FsensError: there is no such sweep, it belongs to another verb, or other settings were given.
    """
    settings = without_launcher(request.overrides)
    launcher = tuple(o for o in request.overrides if o not in settings)
    asked = given_values(settings)
    path = sweep_path(name, Path(asked.pop("out", "outputs")))
    if asked or request.config_dir is not None:
        given = ", ".join(asked) or "--config-dir"
        raise ConfigError(f"a resumed sweep keeps its own settings: leave out {given}, or start a new sweep.")
    plan = read_plan(path)
    if plan["verb"] != request.verb:
        verb = str(plan["verb"]).replace("_", "-")
        raise ConfigError(f"{path} is a sweep of {verb}: go on with `fsens {verb} --resume {path}`.")
    config_dir = None if plan.get("config_dir") is None else Path(plan["config_dir"])
    overrides = tuple(str(o) for o in plan["overrides"])
    if any(o.startswith(f"{GROUP}=") for o in launcher):
        # Another launcher knows nothing of the settings of the one before.
        overrides = without_launcher(overrides)
    overrides += launcher
    return Request(verb=request.verb, overrides=overrides, multirun=True, config_dir=config_dir), path
