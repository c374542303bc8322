"""The command line: every command's flags and help. Heavy imports wait until a command runs."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsens_cli import __version__
from fsens_cli.commands.help_text import HELP
from fsens_cli.commands.options import Debug, Flags, Json, Quiet, Resume, ResumeSweep
from fsens_cli.commands.processes import only_the_first_speaks, refuse_torchrun
from fsens_cli.commands.signals import ending_on_signals
from fsens_cli.commands.usage import OneLineErrors
from fsens_cli.commands.verb_command import verb_command

if TYPE_CHECKING:
    from fsens_cli.config.compose import Request

CHANGE, PROBE, LOOK, FIND = "Measure and change", "Probe and defend", "Look", "Find"

app = typer.Typer(
    name="fsens",
    cls=OneLineErrors,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"fsens {__version__}")
        raise typer.Exit


@app.callback(epilog=HELP["fsens"])
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Which spatial frequencies a vision model listens to, how to change that, and what it does to robustness."""
    del version
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=False):
        refuse_torchrun(context.invoked_subcommand or "")


def _measure(request: "Request", flags: Flags, resume: str | None) -> None:
    """Show which spatial frequencies a model listens to: the spectrum of its input gradient."""
    from fsens_cli.commands.jobs import run_verb
    from fsens_cli.commands.measure import measure_lines, measure_task, sweep_columns
    from fsens_cli.commands.wording import sweep_lines
    from fsens_cli.runs.measure_overlay import draw_spectra

    run_verb(
        request,
        measure_task,
        flags,
        show=measure_lines,
        show_sweep=lambda o: sweep_lines(o, sweep_columns),
        draw_sweep=draw_spectra,
        resume=resume,
    )


def _train(request: "Request", flags: Flags, resume: str | None) -> None:
    """Train a network, then show which spatial frequencies it has learnt to listen to."""
    from fsens_cli.commands.jobs import run_verb
    from fsens_cli.commands.processes import processes_of_training
    from fsens_cli.commands.sweeps import is_sweep_to_resume
    from fsens_cli.commands.train import resume_training, sweep_columns, train_lines, train_task
    from fsens_cli.commands.wording import sweep_lines

    with processes_of_training(request, is_sweep_to_resume(resume, request)) as world:
        run_verb(
            request,
            partial(train_task, world=world),
            flags,
            show=train_lines,
            show_sweep=lambda o: sweep_lines(o, sweep_columns),
            resume=resume,
            resume_one=partial(resume_training, world=world),
        )


def _hybrid_probe(request: "Request", flags: Flags, resume: str | None) -> None:
    """Mix the low frequencies of one image with the high ones of another, and see whom the model believes."""
    from fsens_cli.commands.hybrid_probe import hybrid_lines, hybrid_task, sweep_columns
    from fsens_cli.commands.jobs import run_verb
    from fsens_cli.commands.wording import sweep_lines
    from fsens_cli.runs.hybrid_files import draw_overlay, reversal_order

    run_verb(
        request,
        hybrid_task,
        flags,
        show=hybrid_lines,
        show_sweep=lambda o: sweep_lines(o, sweep_columns),
        order=reversal_order,
        draw_sweep=draw_overlay,
        resume=resume,
    )


def _evaluate(request: "Request", flags: Flags, resume: str | None) -> None:
    """Show how robust a model is: to corruptions, missing frequencies, noise and attacks."""
    from fsens_cli.commands.evaluate import evaluate_lines, evaluate_task, resume_evaluation, sweep_columns
    from fsens_cli.commands.jobs import run_verb
    from fsens_cli.commands.wording import sweep_lines
    from fsens_cli.runs.sweep_overlays import draw_evaluations

    run_verb(
        request,
        evaluate_task,
        flags,
        show=evaluate_lines,
        show_sweep=lambda o: sweep_lines(o, sweep_columns),
        draw_sweep=draw_evaluations,
        resume=resume,
        resume_one=resume_evaluation,
    )


def _blur_defense(request: "Request", flags: Flags, resume: str | None) -> None:
    """Show whether blurring the input defends a model, with the checks that such a claim needs."""
    from fsens_cli.commands.blur_defense import defense_lines, defense_task, resume_defense, sweep_columns
    from fsens_cli.commands.jobs import run_verb
    from fsens_cli.commands.wording import sweep_lines
    from fsens_cli.runs.sweep_overlays import draw_defenses

    run_verb(
        request,
        defense_task,
        flags,
        show=defense_lines,
        show_sweep=lambda o: sweep_lines(o, sweep_columns),
        draw_sweep=draw_defenses,
        resume=resume,
        resume_one=resume_defense,
    )


app.command("measure", rich_help_panel=CHANGE, epilog=HELP["measure"])(
    verb_command("measure", _measure, resume=ResumeSweep)
)
app.command("train", rich_help_panel=CHANGE, epilog=HELP["train"])(verb_command("train", _train, resume=Resume))
app.command("hybrid-probe", rich_help_panel=PROBE, epilog=HELP["hybrid-probe"])(
    verb_command("hybrid_probe", _hybrid_probe, resume=ResumeSweep)
)
app.command("blur-defense", rich_help_panel=PROBE, epilog=HELP["blur-defense"])(
    verb_command("blur_defense", _blur_defense, resume=Resume)
)
app.command("evaluate", rich_help_panel=PROBE, epilog=HELP["evaluate"])(
    verb_command("evaluate", _evaluate, resume=Resume)
)


OUTPUTS = Path("outputs")
Where = Annotated[Path, typer.Option("--out", help="Where run folders are.")]


@app.command(rich_help_panel=LOOK)
def runs(
    verb: Annotated[str, typer.Argument(metavar="[VERB]", help="Only runs of this verb.")] = "",
    out: Where = OUTPUTS,
    debug: Debug = False,
) -> None:
    """List run folders with their status."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.runs import print_runs

        print_runs(out, verb)


@app.command(rich_help_panel=LOOK)
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or latest.")],
    out: Where = OUTPUTS,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the figures again from the run's files.")] = False,
    formats: Annotated[str, typer.Option("--formats", help="For --plot: png,pdf,svg.")] = "png",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print a run's results again, from its files alone."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.runs import show_run
        from fsens_cli.runs.measure_files import PlotConfig

        wanted = PlotConfig(formats=formats.split(",")).all_formats()
        show_run(run, out, plot=plot, as_json=json, formats=wanted)


Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help="Run folders, patterns such as 'outputs/measure/*/v*', sweep:PATH."),
]


@app.command(rich_help_panel=LOOK, epilog=HELP["compare"])
def compare(
    runs: Runs,
    out: Where = OUTPUTS,
    allow_different: Annotated[
        bool, typer.Option("--allow-different", help="Compare what can be compared of runs that differ in more.")
    ] = False,
    formats: Annotated[str, typer.Option("--formats", help="Of the overlay: png,pdf,svg.")] = "png",
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Set runs side by side: numbers with intervals, paired differences, one figure."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.compare import compare_runs
        from fsens_cli.runs.measure_files import PlotConfig

        wanted = PlotConfig(formats=formats.split(",")).all_formats()
        compare_runs(runs, out, allow_different=allow_different, formats=wanted, quiet=quiet, as_json=json)


@app.command(rich_help_panel=LOOK, epilog=HELP["report"])
def report(
    runs: Runs,
    page: Annotated[Path, typer.Option("-o", "--output", help="The HTML file to write.")] = Path("report.html"),
    title: Annotated[str, typer.Option("--title", help="Above the page.")] = "Frequencies and robustness",
    out: Where = OUTPUTS,
    debug: Debug = False,
) -> None:
    """Write one page that a person can read: question, answer, evidence, provenance."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.report import report_runs

        report_runs(runs, out, page, title=title)


@app.command(rich_help_panel=FIND)
def models(
    pattern: Annotated[str, typer.Argument(metavar="[PATTERN]", help="Part of the name.")] = "",
    debug: Debug = False,
) -> None:
    """List the networks that can be named."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.find import print_models

        print_models(pattern)


@app.command(rich_help_panel=FIND)
def data(debug: Debug = False) -> None:
    """List the data sets that can be named."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.find import print_data

        print_data()


def main() -> None:
    """Run the command line."""
    from fsens_cli.commands.streams import any_words_to_anybody

    with any_words_to_anybody(), ending_on_signals(), only_the_first_speaks():
        app()
