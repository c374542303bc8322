"""The command line: every command's flags and help. Heavy imports wait until a command runs."""

import sys
from typing import Annotated

import typer

from fsens_cli import __version__
from fsens_cli.commands.options import (
    ConfigDir,
    Data,
    Debug,
    Device,
    Flags,
    Json,
    Model,
    Multirun,
    Out,
    Overrides,
    PrintConfig,
    Quiet,
    Seed,
    Weights,
    make_request,
)

CHANGE, LOOK, FIND = "Measure and change", "Look", "Find"

app = typer.Typer(
    name="fsens",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"fsens {__version__}")
        raise typer.Exit


@app.callback(
    epilog="""[bold]Examples[/]

fsens measure                                     the embedded demonstration, in seconds

fsens measure --model net.py:make --weights net.pt --data folder data.root=pictures

fsens train --model resnet20 --data cifar10 epochs=30"""
)
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Which spatial frequencies a vision model listens to, how to change that, and what it does to robustness."""
    del version


MEASURE_EPILOG = """[bold]Settings people change most[/]

num_images=1000         at most this many test images

convention=pixel        or reference: the published convention (normalised input)

target=loss             or logit, margin: what is differentiated

channels=mean           or power: per channel, then summed

basis=fourier           or dct, haar

bands=[5,10]            last radius of low and mid, cycles/image; default N/6 and N/3

split=test              or train

model.mean=[..] model.std=[..]   normalisation of your own network

plot.formats=[png,pdf]  figures; svg too

tag=NAME                added to the run folder's name

[bold]Examples[/]

fsens measure

fsens measure --model resnet20 --data cifar10 --weights net.pt num_images=10000

fsens measure -m --model resnet8,resnet20 --weights random seed=0,1

Results land in outputs/measure/MODEL-DATA/v001: spectrum.png, spectrum.csv, bands.csv, map.png, per_image.csv, results.json."""


TRAIN_EPILOG = """[bold]Settings people change most[/]

epochs=10  batch_size=128  seed=0

optim=sgd               or adamw; optim.lr=0.1, optim.schedule=cosine|linear|step

Results land in outputs/train/MODEL-DATA/v001."""


@app.command(rich_help_panel=CHANGE, epilog=MEASURE_EPILOG)
def measure(
    overrides: Overrides = None,
    model: Model = None,
    data: Data = None,
    weights: Weights = None,
    device: Device = None,
    seed: Seed = None,
    out: Out = None,
    multirun: Multirun = False,
    config_dir: ConfigDir = None,
    print_config: PrintConfig = False,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show which spatial frequencies a model listens to: the spectrum of its input gradient."""
    from fsens_cli.commands.boundary import boundary

    flags = Flags(quiet=quiet, json=json, debug=debug, print_config=print_config)
    named: dict[str, str | int | None] = {
        "model": model,
        "data": data,
        "weights": weights,
        "device": device,
        "seed": seed,
        "out": out,
    }
    with boundary(debug=debug):
        request = make_request("measure", overrides, named, multirun=multirun, config_dir=config_dir)
        from fsens_cli.commands.jobs import run_verb
        from fsens_cli.commands.measure import measure_lines, measure_task, sweep_columns
        from fsens_cli.commands.wording import sweep_lines

        run_verb(request, measure_task, flags, show=measure_lines, show_sweep=lambda o: sweep_lines(o, sweep_columns))


@app.command(rich_help_panel=CHANGE, epilog=TRAIN_EPILOG)
def train(
    overrides: Overrides = None,
    model: Model = None,
    data: Data = None,
    weights: Weights = None,
    device: Device = None,
    seed: Seed = None,
    out: Out = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="RUN", help="Continue an unfinished run, exactly.", rich_help_panel="How to run"
        ),
    ] = None,
    multirun: Multirun = False,
    config_dir: ConfigDir = None,
    print_config: PrintConfig = False,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a network, then show which spatial frequencies it has learnt to listen to."""
    from fsens_cli.commands.boundary import boundary

    flags = Flags(quiet=quiet, json=json, debug=debug, print_config=print_config)
    named: dict[str, str | int | None] = {
        "model": model,
        "data": data,
        "weights": weights,
        "device": device,
        "seed": seed,
        "out": out,
    }
    with boundary(debug=debug):
        request = make_request("train", overrides, named, multirun=multirun, config_dir=config_dir)
        from fsens_cli.commands.jobs import run_verb
        from fsens_cli.commands.train import resume_training, sweep_columns, train_lines, train_task
        from fsens_cli.commands.wording import sweep_lines

        if resume is not None:
            resume_training(resume, request, flags)
            return
        run_verb(request, train_task, flags, show=train_lines, show_sweep=lambda o: sweep_lines(o, sweep_columns))


def main() -> None:
    """Run the command line; a closed pipe on the reading side is no error."""
    try:
        app()
    except BrokenPipeError:
        # Nobody reads any more; keep Python from complaining when it flushes at exit.
        sys.stdout = None  # type: ignore[assignment]
        sys.exit(0)
