"""The function that Typer sees for a verb: every verb takes the same flags, and some have one of their own."""

import inspect
from collections.abc import Callable
from pathlib import Path
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
    Seed,
    Weights,
    make_request,
)

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


def verb_command(verb: str, run: Callable[..., None], **own: Any) -> Callable[..., None]:
    """Return a command that turns its flags into a request and calls ``run(request, flags, **own)``.

    Args:
        verb: name of the root configuration.
        run: does the verb; its docstring is the command's help.
        own: further flags by name, each optional.
    """
    options: dict[str, tuple[Any, Any]] = {
        "overrides": (Overrides, None),
        **{name: (annotation, None) for name, annotation in SETTINGS.items()},
        **{name: (annotation, None) for name, annotation in own.items()},
        **RUNNING,
        **SHOWING,
    }

    def command(**given: Any) -> None:
        from fsens_cli.commands.boundary import boundary

        overrides: list[str] | None = given["overrides"]
        config_dir: Path | None = given["config_dir"]
        flags = Flags(**{name: given[name] for name in SHOWING})
        named = {name: given[name] for name in SETTINGS} | {"hydra/launcher": given["launcher"]}
        with boundary(debug=flags.debug):
            request = make_request(verb, overrides, named, multirun=given["multirun"], config_dir=config_dir)
            run(request, flags, **{name: given[name] for name in own})

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(name, kind, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
    # Typer reads both of these.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {name: annotation for name, (annotation, _) in options.items()}
    command.__doc__ = run.__doc__
    return command
