"""One run of a verb, a sweep of it, or what is left of either.

What a request says is composed and checked before anything is imported that does the work.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fsens_cli.commands.console import results_alone
from fsens_cli.commands.first_word import loading, say
from fsens_cli.commands.options import Flags
from fsens_cli.commands.verbs.verb import Verb
from fsens_cli.config.compose import Composed, Request, compose_job
from fsens_cli.data.catalog import own_name
from fsens_cli.errors import ConfigError
from fsens_cli.memory import keep_freed_memory

if TYPE_CHECKING:
    from fsens_cli.commands.sweeps import Ended


def run_verb(verb: Verb, request: Request, flags: Flags, resume: str | None, *, said: str = "") -> None:
    """Do what was asked and print what was found; ``resume`` names a sweep to go on with, or a run.

    Args:
        said: the word on what is loaded, where whoever waits has it already.
    """
    keep_freed_memory()
    if flags.print_config:
        if request.multirun:
            raise ConfigError("--print-config shows one job: leave out -m and give single values.")
        typer.echo(compose_job(request).config_yaml, nl=False)
    elif resume is not None:
        _resume(verb, request, flags, resume)
    elif request.multirun:
        from fsens_cli.config.launch import compose_sweep

        sweep = compose_sweep(request)
        from fsens_cli.commands.sweeps import run_sweep

        with results_alone():
            ended = run_sweep(verb, request, sweep, flags)
        _print_sweep(verb, *ended, flags)
    else:
        composed = compose_job(request)
        with results_alone():
            folder = _do(verb, composed, flags, said)
        _print_run(folder, flags)


def _do(verb: Verb, composed: Composed, flags: Flags, said: str) -> Path:
    """Do one job; loading comes before the first bar, so whoever waits has a word first."""
    word = loading(composed.job.model.name, own_name(composed.job.data) or composed.job.data.name)
    if word != said:
        say(word, flags)
    return verb.do()(composed.job, composed.config_yaml, flags)


def _resume(verb: Verb, request: Request, flags: Flags, resume: str) -> None:
    from fsens_cli.commands.sweeps import go_on, is_sweep_to_resume, resumed_request

    go_on_with_run = verb.go_on()
    if go_on_with_run is not None and not is_sweep_to_resume(resume, request):
        with results_alone():
            folder = go_on_with_run(resume, request, flags)
        _print_run(folder, flags)
        return
    request, path = resumed_request(verb, resume, request)
    with results_alone():
        ended = go_on(verb, request, path, flags)
    _print_sweep(verb, *ended, flags)


def _print_run(folder: Path, flags: Flags) -> None:
    from fsens_cli.commands.shown_run import print_run
    from fsens_cli.runs.selection import read_run

    print_run(read_run(folder), flags)


def _print_sweep(verb: Verb, jobs: "Sequence[Ended]", folder: Path, flags: Flags) -> None:
    from fsens_cli.commands.shown_run import print_sweep

    print_sweep(verb, jobs, folder, flags)
