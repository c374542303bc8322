"""How are the jobs of a sweep run, kept and made up for?"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fsens_cli.commands.console import note
from fsens_cli.commands.options import Flags
from fsens_cli.commands.outcome import Outcome, Task
from fsens_cli.commands.sweep_job import SweepJob
from fsens_cli.config.compose import Request, check_sweep, launch_sweep
from fsens_cli.config.overrides import given_values
from fsens_cli.errors import ConfigError, Interrupted, OutputError
from fsens_cli.runs.selection import read_run, sweep_path
from fsens_cli.runs.sweep_files import finished_jobs, job_folder, read_plan, sweep_folder, write_plan, write_sweep

Order = Callable[[dict[str, Any]], float]
Draw = Callable[[Path, Sequence[Outcome]], None]


def _ordered(outcomes: Sequence[Outcome], order: Order) -> list[Outcome]:
    done = [o for o in outcomes if o.status == "done"]
    return [*sorted(done, key=lambda o: order(o.results)), *(o for o in outcomes if o.status != "done")]


def run_sweep(
    request: Request, task: Task, flags: Flags, order: Order | None, draw: Draw | None
) -> tuple[list[Outcome], Path]:
    """Return how every job ended, and the sweep's folder with its table and figure."""
    first, *others = check_sweep(request)
    with sweep_folder(Path(first.out), request.command) as folder:
        write_plan(folder, request.verb, request.overrides, request.config_dir, 1 + len(others))
        return go_on(request, folder, task, flags, order, draw)


def go_on(
    request: Request, folder: Path, task: Task, flags: Flags, order: Order | None, draw: Draw | None
) -> tuple[list[Outcome], Path]:
    """Run the jobs that the sweep lacks and write its table and figure."""
    swept = [o.split("=", 1)[0] for o in request.overrides if not o.startswith("hydra")]

    job = SweepJob(task=task, flags=flags, swept=tuple(dict.fromkeys(swept)), folder=folder)
    before = _done_before(folder)
    missing = [n for n in range(read_plan(folder)["num_jobs"]) if n not in before]
    if before:
        note(f"{len(before)} jobs of {folder} are done, {len(missing)} are missing", flags)
    try:
        ran = launch_sweep(request, job, sweep_dir=folder, numbers=missing)
    except KeyboardInterrupt as stopped:
        again = f"finished jobs are kept; go on with: fsens {request.command} --resume {folder}"
        raise Interrupted(f"{stopped}; {again}" if str(stopped) else again) from None
    by_number = before | dict(zip(missing, ran, strict=True))
    outcomes = [by_number[number] for number in sorted(by_number)]
    if order is not None:
        outcomes = _ordered(outcomes, order)
    write_sweep(folder, request.command, outcomes)
    if draw is not None:
        draw(folder, outcomes)
    return outcomes, folder


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

    Raises:
        FsensError: there is no such sweep, it belongs to another verb, or other settings were given.
    """
    asked = given_values(request.overrides)
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
    return Request(verb=request.verb, overrides=overrides, multirun=True, config_dir=config_dir), path
