"""How is a verb run: once, or once for every combination of a sweep?"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from fsens_cli.commands.boundary import FAILED, boundary, show_error
from fsens_cli.commands.console import note, stdout
from fsens_cli.commands.options import Flags
from fsens_cli.config.compose import Request, check_sweep, compose_job, launch
from fsens_cli.config.jobs import JobFields
from fsens_cli.errors import ConfigError
from fsens_cli.runs.sweep_files import sweep_folder, write_sweep


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
) -> None:
    """Run the task for the request and print what it found.

    Args:
        task: does one job.
        show: lines of text for the results of one job.
        show_sweep: lines of text for all outcomes of a sweep.
        order: key of a job's results by which a sweep's jobs are listed; as they ran without one, failed ones last.
        draw_sweep: draws finished jobs into the sweep's folder.
    """
    with boundary(debug=flags.debug):
        if flags.print_config:
            if request.multirun:
                raise ConfigError("--print-config shows one job: leave out -m and give single values.")
            _, text = compose_job(request)
            typer.echo(text, nl=False)
            return
        if request.multirun:
            outcomes, folder = _run_sweep(request, task, flags, order, draw_sweep)
            _print_sweep(outcomes, folder, flags, show_sweep)
            return
        (outcome,) = launch(request, lambda job, text: task(job, text, flags))
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
    first, *_ = check_sweep(request)
    swept = [o.split("=", 1)[0] for o in request.overrides]

    def guarded(job: JobFields, text: str) -> Outcome:
        try:
            outcome = task(job, text, flags)
        except Exception as error:
            if flags.debug:
                raise
            outcome = Outcome(status="failed", error=f"{error}" or type(error).__name__)
        settings = {key: _setting(job, key) for key in swept}
        done = Outcome(
            status=outcome.status,
            folder=outcome.folder,
            results=outcome.results,
            settings=settings,
            error=outcome.error,
        )
        note(f"{' '.join(f'{k}={v}' for k, v in settings.items())}: {done.folder or done.error}", flags)
        return done

    with sweep_folder(Path(first.out), request.command) as folder:
        outcomes = launch(request, guarded, sweep_dir=folder)
        if order is not None:
            outcomes = _ordered(outcomes, order)
        write_sweep(folder, request.command, outcomes)
        if draw is not None:
            draw(folder, outcomes)
    return outcomes, folder


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
