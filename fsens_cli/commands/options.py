"""The flags that every verb shares, declared once."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fsens_cli.commands.verbs.verb import Verb
    from fsens_cli.config.compose import Request

EXPORTS = ("model-card", "robustbench", "eval-results", "latex", "csv")  # formats of other people
WHAT, RUN, SHOW = "What to run on", "How to run", "What to show"

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Settings to change, as in the list below.", show_default=False),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Network: resnet20, a torchvision name, timm/NAME, hub:, hf: or clip:OWNER/NAME, FILE.py:FUNCTION.",
        rich_help_panel=WHAT,
    ),
]
TrustCheckpoint = Annotated[
    bool,
    typer.Option(
        "--trust-checkpoint",
        metavar="",
        help="Run the program that --model NET.pt2 or a TorchScript file holds.",
        rich_help_panel=WHAT,
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="Images: dualband, cifar10, imagenet, hf-data:OWNER/NAME, a folder of pictures, ...: see fsens data.",
        rich_help_panel=WHAT,
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        help="auto, random, packaged:NAME, public, torchvision, timm, hub:OWNER/NAME, run:RUN or a path.",
        rich_help_panel=WHAT,
    ),
]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:N.", rich_help_panel=RUN)]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of everything random.", rich_help_panel=RUN)]
Out = Annotated[str | None, typer.Option("--out", help="Where run folders go.", rich_help_panel=RUN)]
Resume = Annotated[
    str | None,
    typer.Option("--resume", metavar="RUN", help="Continue an unfinished run or sweep, exactly.", rich_help_panel=RUN),
]
ResumeSweep = Annotated[
    str | None,
    typer.Option("--resume", metavar="SWEEP", help="Run the jobs that a sweep is missing.", rich_help_panel=RUN),
]
Multirun = Annotated[
    bool,
    typer.Option(
        "-m", "--multirun", metavar="", help="One job for every combination of comma lists.", rich_help_panel=RUN
    ),
]
Launcher = Annotated[
    str | None,
    typer.Option(
        "--launcher", help="With -m, where the jobs run: joblib, slurm, slurm-local, ray.", rich_help_panel=RUN
    ),
]
ConfigDir = Annotated[
    Path | None,
    typer.Option("--config-dir", help="Folder with configuration files of your own.", rich_help_panel=RUN),
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", metavar="", help="Print every setting, run nothing.", rich_help_panel=SHOW)
]
Quiet = Annotated[bool, typer.Option("--quiet", metavar="", help="Print the run folder only.", rich_help_panel=SHOW)]
Json = Annotated[
    bool, typer.Option("--json", metavar="", help="Print results.json with all numbers only.", rich_help_panel=SHOW)
]
Debug = Annotated[
    bool, typer.Option("--debug", metavar="", help="Show the traceback of an error.", rich_help_panel=SHOW)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """How a command shows what it does."""

    quiet: bool = False
    json: bool = False
    debug: bool = False
    print_config: bool = False


def make_request(
    verb: "Verb",
    overrides: list[str] | None,
    named: dict[str, str | int | None],
    *,
    multirun: bool,
    config_dir: Path | None,
) -> "Request":
    """Return the request: flags become overrides, in front of those given as such."""
    from fsens_cli.config.compose import Request
    from fsens_cli.config.spelling import as_written, flag_override, of_a_folder
    from fsens_cli.data.catalog import CATALOG
    from fsens_cli.home import expanded

    named = of_a_folder(named, CATALOG)
    flags = [flag_override(key, str(value), multirun=multirun) for key, value in named.items() if value is not None]
    return Request(
        verb=verb.config,
        job=verb.job_type(),
        overrides=(*flags, *(as_written(text) for text in overrides or ())),
        multirun=multirun,
        config_dir=None if config_dir is None else expanded(config_dir),
    )
