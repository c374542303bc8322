"""How is a verb run: once, or once for every combination of a sweep?"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from fsens_cli.commands.boundary import FAILED, boundary, show_error
from fsens_cli.commands.console import stdout
from fsens_cli.commands.options import Flags
from fsens_cli.commands.outcome import Outcome, Task
from fsens_cli.commands.sweep_job import in_words
from fsens_cli.commands.sweeps import Draw, Order, go_on, is_sweep_to_resume, resumed_request, run_sweep
from fsens_cli.config.compose import Request, compose_job
from fsens_cli.config.launch import launch
from fsens_cli.errors import ConfigError

Show = Callable[[dict[str, Any]], list[str]]
ResumeOne = Callable[[str, Request, Flags], None]


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
    resume_one: ResumeOne | None = None,
) -> None:
    """Run the task for the request and print what it found.

    Args:
        task: does one job.
        show: lines of text for the results of one job.
        show_sweep: lines of text for all outcomes of a sweep.
        order: key of a job's results by which a sweep's jobs are listed; as they ran without one, failed ones last.
        draw_sweep: draws finished jobs into the sweep's folder.
        resume: a sweep to go on with, or a run for ``resume_one``, whatever else the request says.
        resume_one: goes on with a single run and prints what it found; verbs whose runs are short have none.
    """
    with boundary(debug=flags.debug):
        if resume is not None and resume_one is not None and not is_sweep_to_resume(resume, request):
            resume_one(resume, request, flags)
            return
        if flags.print_config:
            if request.multirun:
                raise ConfigError("--print-config shows one job: leave out -m and give single values.")
            _, text = compose_job(request)
            typer.echo(text, nl=False)
            return
        if request.multirun or resume is not None:
            if resume is not None:
                request, path = resumed_request(resume, request)
                outcomes, folder = go_on(request, path, task, flags, order, draw_sweep)
            else:
                outcomes, folder = run_sweep(request, task, flags, order, draw_sweep)
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
        show_error(f"{in_words(outcome.settings)}: {outcome.error}")
    if failed:
        raise typer.Exit(FAILED)
