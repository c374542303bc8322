"""The command line: every command's flags and help. Heavy imports wait until a command runs."""

from pathlib import Path
from typing import Annotated

import typer

from fsens_cli import __version__
from fsens_cli.commands.completion import answer, asked
from fsens_cli.commands.help_layout import Command
from fsens_cli.commands.options import SHOW, Debug, Json, Quiet
from fsens_cli.commands.processes import only_the_first_speaks, refuse_torchrun
from fsens_cli.commands.signals import ending_on_signals
from fsens_cli.commands.usage import OneLineErrors
from fsens_cli.commands.verb_command import verb_command
from fsens_cli.commands.verbs.registry import VERBS

LOOK, FIND = "Look", "Find"

app = typer.Typer(
    name="fsens",
    cls=OneLineErrors,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"fsens {__version__}")
        raise typer.Exit


def _install_completion(shell: str | None) -> None:
    if shell is None:
        return
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=False):
        from fsens_cli.commands.completion import gather
        from fsens_cli.commands.completion_scripts import script_of
        from fsens_cli.runs.shell_files import install_script

        start = install_script(shell, script_of(shell))
        typer.echo("gathering the names of networks, settings and data ...", err=True)
        gather(wait=True)
    typer.echo(f"{start} now loads the completion of fsens: open a new shell")
    raise typer.Exit


def _show_completion(shell: str | None) -> None:
    if shell is None:
        return
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=False):
        from fsens_cli.commands.completion_scripts import script_of

        typer.echo(script_of(shell), nl=False)
    raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", metavar="", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    install_completion: Annotated[
        str | None,
        typer.Option(
            metavar="SHELL",
            callback=_install_completion,
            is_eager=True,
            help="Install Tab completion: bash or zsh.",
        ),
    ] = None,
    show_completion: Annotated[
        str | None,
        typer.Option(metavar="SHELL", callback=_show_completion, is_eager=True, help="Print the completion script."),
    ] = None,
) -> None:
    """Which spatial frequencies a vision model listens to, how to change that, and what it does to robustness."""
    del version, install_completion, show_completion
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=False):
        refuse_torchrun(context.invoked_subcommand or "")


for _verb in VERBS.values():
    app.command(_verb.name, rich_help_panel=_verb.panel, cls=Command)(verb_command(_verb))


OUTPUTS = Path("outputs")
Where = Annotated[Path, typer.Option("--out", help="Where run folders are.")]


@app.command(rich_help_panel=LOOK, cls=Command)
def runs(
    verb: Annotated[str, typer.Argument(metavar="[VERB]", help="Only runs of this verb.")] = "",
    out: Where = OUTPUTS,
    json: Annotated[
        bool, typer.Option("--json", metavar="", help="Print the list as JSON.", rich_help_panel=SHOW)
    ] = False,
    debug: Debug = False,
) -> None:
    """List run folders, newest first, with what each found."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.runs import print_runs

        print_runs(out, verb, as_json=json)


@app.command(rich_help_panel=LOOK, cls=Command)
def show(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="A run folder, latest, or a verb for its latest.")
    ] = "latest",
    out: Where = OUTPUTS,
    plot: Annotated[
        bool, typer.Option("--plot", metavar="", help="Draw the figures again from the run's files.")
    ] = False,
    formats: Annotated[str, typer.Option("--formats", help="For --plot: png,pdf,svg.")] = "png",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print a run's results again, from its files alone."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.runs import show_run
        from fsens_cli.runs.plot_settings import PlotConfig

        wanted = PlotConfig(formats=formats.split(",")).all_formats()
        show_run(run, out, plot=plot, as_json_only=json, formats=wanted)


Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help="Run folders, patterns such as 'outputs/measure/*/v*', sweep:PATH."),
]


@app.command(rich_help_panel=LOOK, cls=Command)
def compare(
    runs: Runs,
    out: Where = OUTPUTS,
    allow_different: Annotated[
        bool,
        typer.Option("--allow-different", metavar="", help="Compare what can be compared of runs that differ in more."),
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
        from fsens_cli.runs.plot_settings import PlotConfig

        wanted = PlotConfig(formats=formats.split(",")).all_formats()
        compare_runs(runs, out, allow_different=allow_different, formats=wanted, quiet=quiet, as_json=json)


@app.command(rich_help_panel=LOOK, cls=Command)
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


@app.command(rich_help_panel=LOOK, cls=Command)
def export(
    runs: Runs,
    to: Annotated[str, typer.Option("--to", help="model-card, robustbench, eval-results, latex or csv.")],
    file: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; without it, standard output.")
    ] = None,
    benchmark: Annotated[str, typer.Option("--benchmark", help="For eval-results: the Hub's id of a benchmark.")] = "",
    task: Annotated[str, typer.Option("--task", help="For eval-results: that benchmark's id of a task.")] = "",
    number: Annotated[str, typer.Option("--number", help="For eval-results: which number; accuracy.")] = "",
    out: Where = OUTPUTS,
    debug: Debug = False,
) -> None:
    """Give runs in other people's formats: model card, RobustBench entry, tables of a paper."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.export import export_runs

        export_runs(runs, out, to, file, benchmark=benchmark, task=task, number=number)


@app.command(rich_help_panel=FIND, cls=Command)
def models(
    pattern: Annotated[str, typer.Argument(metavar="[PATTERN]", help="Part of the name.")] = "",
    debug: Debug = False,
) -> None:
    """List the networks that you can name."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.find import print_models

        print_models(pattern)


@app.command(rich_help_panel=FIND, cls=Command)
def data(debug: Debug = False) -> None:
    """List the data sets that you can name."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.find import print_data

        print_data()


@app.command(rich_help_panel=FIND, cls=Command)
def cite(debug: Debug = False) -> None:
    """Print BibTeX entries for fsens and for the papers whose methods it uses."""
    from fsens_cli.commands.boundary import boundary

    with boundary(debug=debug):
        from fsens_cli.commands.cite import print_citation

        print_citation()


def _flags() -> dict[str, dict[str, bool]]:
    """Return each command's flags, and whether they take a value; those before any command stand under no name."""
    group = typer.main.get_command(app)
    commands = {"": group, **getattr(group, "commands", {})}
    return {
        name: {flag: not getattr(p, "is_flag", False) for p in command.params for flag in p.opts if flag[0] == "-"}
        for name, command in commands.items()
    }


def main() -> None:
    """Run the command line."""
    from fsens_cli.commands.library_words import libraries_unheard
    from fsens_cli.commands.streams import any_words_to_anybody

    if asked():
        with any_words_to_anybody():
            for word in answer(_flags()):
                typer.echo(word)
        return
    with any_words_to_anybody(), libraries_unheard(), ending_on_signals(), only_the_first_speaks():
        app()
