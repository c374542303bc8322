"""How is a verb run: once, or once for every combination of a sweep?"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import typer

from fsens_cli.commands.boundary import FAILED, boundary, show_error
from fsens_cli.commands.console import note, stdout
from fsens_cli.commands.options import Flags
from fsens_cli.config.compose import Request, check_sweep, compose_job, launch, launch_sweep
from fsens_cli.config.jobs import JobFields
from fsens_cli.config.overrides import given_values
from fsens_cli.errors import ConfigError, Interrupted, OutputError
from fsens_cli.runs.selection import read_run, sweep_path
from fsens_cli.runs.sweep_files import (
    finished_jobs,
    job_folder,
    read_plan,
    sweep_folder,
    write_job,
    write_plan,
    write_sweep,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one job ended.

    Attributes:
        status: ``done`` or ``failed``.
        folder: of the run; None where a job was refused.
        results: headline numbers.
        settings: what distinguishes the job in a sweep.
        error: why it failed.
    """

    status: str
    folder: Path | None = None
    results: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    error: str = ""


Task = Callable[[JobFields, str, Flags], Outcome]
Show = Callable[[dict[str, Any]], list[str]]
Order = Callable[[dict[str, Any]], float]
Draw = Callable[[Path, Sequence[Outcome]], None]


def run_verb(
    request: Request,
    task: Task,
    flags: Flags,
    *,
    show: Show,
    show_sweep: Callable[..., list[str]],
    order: Order | None = None,
    draw_sweep: Draw | None = None,
    resume: str | None = None,
) -> None:
    """Run the task for the request and print what it found.

    Args:
        task: does one job.
        show: lines of text for the results of one job.
        show_sweep: lines of text for all outcomes of a sweep.
        order: key of a job's results by which a sweep's jobs are listed; as they ran without one, failed ones last.
        draw_sweep: draws finished jobs into the sweep's folder.
        resume: a sweep to go on with, whatever else the request says.
    """
    with boundary(debug=flags.debug):
        if flags.print_config:
            if request.multirun:
                raise ConfigError("--print-config shows one job: leave out -m and give single values.")
            _, text = compose_job(request)
            typer.echo(text, nl=False)
            return
        if request.multirun or resume is not None:
            if resume is not None:
                request, path = resumed_request(resume, request)
                outcomes, folder = _go_on(request, path, task, flags, order, draw_sweep)
            else:
                outcomes, folder = _run_sweep(request, task, flags, order, draw_sweep)
            _print_sweep(outcomes, folder, flags, show_sweep)
            return
        outcome = launch(request, lambda job, text: task(job, text, flags))
        print_single(outcome, flags, show)


def print_single(outcome: Outcome, flags: Flags, show: Show) -> None:
    """Print one job's results: a table and its folder, or JSON, or the folder alone."""
    console = stdout()
    if flags.json:
        console.print_json(json.dumps(outcome.results), indent=2) if console.is_terminal else typer.echo(
            json.dumps(outcome.results, indent=2)
        )
        return
    if not flags.quiet:
        for line in show(outcome.results):
            console.print(line)
        console.print("")
    typer.echo(str(outcome.folder))


def _ordered(outcomes: Sequence[Outcome], order: Order) -> list[Outcome]:
    done = [o for o in outcomes if o.status == "done"]
    return [*sorted(done, key=lambda o: order(o.results)), *(o for o in outcomes if o.status != "done")]


def _run_sweep(
    request: Request, task: Task, flags: Flags, order: Order | None, draw: Draw | None
) -> tuple[list[Outcome], Path]:
    """Return how every job ended, and the sweep's folder with its table and figure."""
    first, *others = check_sweep(request)
    with sweep_folder(Path(first.out), request.command) as folder:
        write_plan(folder, request.verb, request.overrides, request.config_dir, 1 + len(others))
        return _go_on(request, folder, task, flags, order, draw)


def _go_on(
    request: Request, folder: Path, task: Task, flags: Flags, order: Order | None, draw: Draw | None
) -> tuple[list[Outcome], Path]:
    """Run the jobs that the sweep lacks and write its table and figure."""
    swept = [o.split("=", 1)[0] for o in request.overrides if not o.startswith("hydra")]

    def guarded(job: JobFields, text: str, number: int) -> Outcome:
        try:
            outcome = task(job, text, flags)
        except Interrupted as stopped:
            # Nothing between here and the command line catches this, so no further job starts.
            raise KeyboardInterrupt(str(stopped)) from None
        except Exception as error:
            if flags.debug:
                raise
            outcome = Outcome(status="failed", error=f"{error}" or type(error).__name__)
        settings = {key: _setting(job, key) for key in swept}
        done = replace(outcome, settings=settings)
        write_job(folder, number, done)
        note(f"{' '.join(f'{k}={v}' for k, v in settings.items())}: {done.folder or done.error}", flags)
        return done

    before = _done_before(folder)
    missing = [n for n in range(read_plan(folder)["num_jobs"]) if n not in before]
    if before:
        note(f"{len(before)} jobs of {folder} are done, {len(missing)} are missing", flags)
    try:
        ran = launch_sweep(request, guarded, sweep_dir=folder, numbers=missing)
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


def _setting(job: JobFields, key: str) -> Any:
    value: Any = job
    for part in key.split("."):
        value = getattr(value, part, "") if not isinstance(value, dict) else value.get(part, "")
    return getattr(value, "name", value)


def _print_sweep(outcomes: Sequence[Outcome], folder: Path, flags: Flags, show_sweep: Callable[..., list[str]]) -> None:
    if flags.json:
        typer.echo(json.dumps([o.results for o in outcomes], indent=2))
    elif not flags.quiet:
        console = stdout()
        for line in show_sweep(outcomes):
            console.print(line)
        console.print("")
    if not flags.json:
        typer.echo(str(folder))
    failed = [o for o in outcomes if o.status != "done"]
    for outcome in failed:
        show_error(f"{' '.join(f'{k}={v}' for k, v in outcome.settings.items())}: {outcome.error}")
    if failed:
        raise typer.Exit(FAILED)
