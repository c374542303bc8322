"""The word to whoever waits in front of a terminal, said before anything heavy is imported."""

import re
from collections.abc import Iterable, Mapping

from fsens_cli.commands.console import note, stderr
from fsens_cli.commands.options import Flags

# What every verb's configuration names where nobody does.
FIRST = {"model": "resnet8", "data": "dualband"}
PLAIN = re.compile(r"[A-Za-z][\w-]*")
# What may name other networks and data than it says itself.
ELSEWHERE = ("experiment", "model.name", "data.name")


def loading(model: str, data: str) -> str:
    """Return the word on what is being loaded."""
    return f"loading {model} on {data}"


def say(word: str, flags: Flags) -> None:
    """Say it where somebody waits in front of a terminal, and nothing where there is nothing to say."""
    if word and not flags.print_config and stderr().is_terminal:
        note(word, flags)


def plain_to_see(flags: Mapping[str, str | int | None], overrides: Iterable[str]) -> str:
    """Return what will be loaded where the command line alone tells it; empty where it has to be composed.

    >>> plain_to_see({"model": None, "data": "cifar10"}, ["model=resnet20", "seed=1"])
    'loading resnet20 on cifar10'
    >>> plain_to_see({}, ["experiment=quick"])
    ''
    """
    named = dict(FIRST) | {key: str(flags[key]) for key in FIRST if flags.get(key) is not None}
    for override in overrides:
        key, _, value = override.partition("=")
        if key.startswith(ELSEWHERE):
            return ""
        if key in named:
            named[key] = value
    return loading(**named) if all(PLAIN.fullmatch(name) for name in named.values()) else ""
