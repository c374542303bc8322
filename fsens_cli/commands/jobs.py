"""One run of a verb, a sweep of it, or what is left of either; and what is said of the result."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from fsens_cli.commands.boundary import FAILED, show_error
from fsens_cli.commands.console import note, print_lines, results_alone, stderr, stdout, warn
from fsens_cli.commands.options import Flags
from fsens_cli.commands.sweep_job import in_words
from fsens_cli.commands.sweeps import Ended, go_on, is_sweep_to_resume, resumed_request, run_sweep
from fsens_cli.commands.verbs.verb import Task, Verb
from fsens_cli.commands.wording import sweep_lines
from fsens_cli.config.compose import Request, compose_job
from fsens_cli.config.jobs import JobFields
from fsens_cli.config.launch import launch
from fsens_cli.errors import ConfigError
from fsens_cli.memory import keep_freed_memory
from fsens_cli.runs.selection import FinishedRun, read_run


def run_verb(verb: Verb, request: Request, flags: Flags, resume: str | None) -> None:
    """Do what was asked and print what was found; ``resume`` names a sweep to go on with, or a run."""
    keep_freed_memory()
    go_on_with_run = verb.go_on()
    if resume is not None and go_on_with_run is not None and not is_sweep_to_resume(resume, request):
        with results_alone():
            folder = go_on_with_run(resume, request, flags)
        print_run(read_run(folder), flags)
    elif flags.print_config:
        if request.multirun:
            raise ConfigError("--print-config shows one job: leave out -m and give single values.")
        _, text = compose_job(request)
        typer.echo(text, nl=False)
    elif resume is not None:
        request, path = resumed_request(verb, resume, request)
        with results_alone():
            ended = go_on(verb, request, path, flags)
        _print_sweep(verb, *ended, flags)
    elif request.multirun:
        with results_alone():
            ended = run_sweep(verb, request, flags)
        _print_sweep(verb, *ended, flags)
    else:
        task = verb.do()
        with results_alone():
            folder = launch(request, lambda job, text: _begun(task, job, text, flags))
        print_run(read_run(folder), flags)


def _begun(task: Task, job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Do one job after a word to whoever waits in front of a terminal: loading comes before the first bar."""
    if stderr().is_terminal:
        note(f"loading {job.model.name} on {job.data.name}", flags)
    return task(job, config_yaml, flags)


def print_run(run: FinishedRun, flags: Flags, *, is_new: bool = True) -> None:
    """Print a run: its words, warnings and folder, or JSON, or the folder alone.

    What there is to say of its images has been said while they were loaded, if ``is_new``.
    """
    for line in run.findings.warnings if is_new else run.warnings:
        warn(line)
    if flags.json:
        print_json(as_json(run))
        return
    if not flags.quiet:
        print_lines(run.summary)
    typer.echo(str(run.folder))


def as_json(run: FinishedRun) -> dict[str, object]:
    """Return ``results.json`` and every headline number."""
    numbers = [
        {"key": q.key, "group": q.group, "label": q.label, "unit": q.unit, "scale": q.scale, "value": q.value,
         "low": q.low, "high": q.high, "n": q.n, "note": q.note}
        for q in run.findings.quantities
    ]  # fmt: skip
    return {**run.results.content, "warnings": list(run.warnings), "quantities": numbers, "folder": str(run.folder)}


def print_json(content: object) -> None:
    """Print JSON, coloured on a terminal."""
    console = stdout()
    text = json.dumps(content, indent=2)
    if console.is_terminal:
        console.print_json(text, indent=2)
    else:
        typer.echo(text)


def _print_sweep(verb: Verb, jobs: Sequence[Ended], folder: Path, flags: Flags) -> None:
    for record, run in jobs:
        for line in run.findings.warnings if run else ():
            warn(f"{in_words(record.settings)}: {line}")
    if flags.json:
        print_json([as_json(run) if run else {} for _, run in jobs])
    else:
        if not flags.quiet:
            print_lines(sweep_lines(jobs, verb.columns))
            stdout().print("")
        typer.echo(str(folder))
    failed = [record for record, run in jobs if run is None]
    for record in failed:
        show_error(f"{in_words(record.settings)}: {record.error}")
    if failed:
        raise typer.Exit(FAILED)
