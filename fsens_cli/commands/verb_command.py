"""The function that Typer sees for a verb: every verb takes the same flags."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

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

# Flags that are spellings of overrides, flags that say how to run, flags that say what to show; with their defaults.
SETTINGS: dict[str, Any] = {
    "model": Model,
    "data": Data,
    "weights": Weights,
    "device": Device,
    "seed": Seed,
    "out": Out,
}
RUNNING: dict[str, tuple[Any, Any]] = {
    "multirun": (Multirun, False),
    "launcher": (Launcher, None),
    "config_dir": (ConfigDir, None),
}
SHOWING: dict[str, tuple[Any, Any]] = {
    "print_config": (PrintConfig, False),
    "quiet": (Quiet, False),
    "json": (Json, False),
    "debug": (Debug, False),
}


def verb_command(verb: Verb) -> Callable[..., None]:
    """Return the command of a verb: its flags become a request, and the request a run, a sweep or what is resumed."""
    options: dict[str, tuple[Any, Any]] = {
        "overrides": (Overrides, None),
        **{name: (annotation, None) for name, annotation in SETTINGS.items()},
        "trust_checkpoint": (TrustCheckpoint, False),
        "resume": (Resume if verb.resume else ResumeSweep, None),
        **RUNNING,
        **SHOWING,
    }

    def command(**given: Any) -> None:
        from fsens_cli.commands.boundary import boundary

        flags = Flags(**{name: given[name] for name in SHOWING})
        named = {name: given[name] for name in SETTINGS} | {
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

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(name, kind, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
    # Typer reads both of these.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {name: annotation for name, (annotation, _) in options.items()}
    command.__doc__ = verb.help
    return command


def _first_word(given: Mapping[str, Any], flags: Flags) -> str:
    """Say what is loaded to whoever waits in front of a terminal, where it is plain to see; return what was said."""
    if given["multirun"] or given["resume"] is not None or given["config_dir"] is not None:
        return ""
    from fsens_cli.commands.first_word import plain_to_see, say

    word = plain_to_see({key: given[key] for key in ("model", "data")}, given["overrides"] or ())
    say(word, flags)
    return word
