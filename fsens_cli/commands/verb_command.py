"""The function that Typer sees for a verb: every verb takes the same flags."""

import inspect
from collections.abc import Callable
from typing import TypedDict, Unpack, get_args, get_type_hints

from fsens_cli.commands.options import (
    ConfigDir,
    Data,
    Debug,
    Device,
    Flags,
    Json,
    Launcher,
    Model,
    Multirun,
    Out,
    Overrides,
    PrintConfig,
    Quiet,
    Resume,
    ResumeSweep,
    Seed,
    TrustCheckpoint,
    Weights,
    make_request,
)
from fsens_cli.commands.verbs.verb import Verb


class Given(TypedDict):
    """What is typed: spellings of settings, flags that say how to run, and flags that say what to show."""

    overrides: Overrides

    model: Model
    data: Data
    weights: Weights
    device: Device
    seed: Seed
    out: Out

    trust_checkpoint: TrustCheckpoint

    resume: Resume
    multirun: Multirun
    launcher: Launcher
    config_dir: ConfigDir

    print_config: PrintConfig
    quiet: Quiet
    json: Json
    debug: Debug


def verb_command(verb: Verb) -> Callable[..., None]:
    """Return the command of a verb: its flags become a request, and the request a run, a sweep or what is resumed."""

    def command(**given: Unpack[Given]) -> None:
        from fsens_cli.commands.boundary import boundary

        flags = Flags(
            print_config=given["print_config"], quiet=given["quiet"], json=given["json"], debug=given["debug"]
        )
        named = {
            "model": given["model"],
            "data": given["data"],
            "weights": given["weights"],
            "device": given["device"],
            "seed": given["seed"],
            "out": given["out"],
            "model.trust_checkpoint": "true" if given["trust_checkpoint"] else None,
            "hydra/launcher": given["launcher"],
        }
        with boundary(debug=flags.debug):
            said = _first_word(given, flags)
            from fsens_cli.commands.jobs import run_verb

            request = make_request(
                verb, given["overrides"], named, multirun=given["multirun"], config_dir=given["config_dir"]
            )
            run_verb(verb, request, flags, given["resume"], said=said)

    annotations = get_type_hints(Given, include_extras=True) | ({} if verb.resume else {"resume": ResumeSweep})
    # Typer reads both of these. What is not given is None, or false where it can be nothing else.
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=False if get_args(annotation)[0] is bool else None,
                annotation=annotation,
            )
            for name, annotation in annotations.items()
        ]
    )
    command.__annotations__ = annotations
    command.__doc__ = verb.help
    return command


def _first_word(given: Given, flags: Flags) -> str:
    """Say what is loaded to whoever waits in front of a terminal, where it is plain to see; return what was said."""
    from fsens_cli.commands.first_word import plain_to_see, say

    if given["resume"] is not None:
        word = f"going on with {given['resume']}"
    elif given["multirun"]:
        word = "preparing the jobs of the sweep"
    elif given["config_dir"] is not None:
        word = ""  # files of one's own may name anything
    else:
        word = plain_to_see({"model": given["model"], "data": given["data"]}, given["overrides"] or ())
    say(word, flags)
    return word
