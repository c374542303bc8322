"""Processes that torchrun started: only the first one speaks, and all agree on what is wrong."""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.errors import ConfigError, FsensError
from fsens_cli.parallel.place import place_in_torchrun

if TYPE_CHECKING:
    import torch

    from fsens_cli.parallel.world import World


def refuse_torchrun(command: str) -> None:
    """Raise ConfigError if several processes were started for a command that is not for several."""
    place = place_in_torchrun()
    if place is not None and not (command in VERBS and VERBS[command].shares_processes):
        shared = ", ".join(verb.name for verb in VERBS.values() if verb.shares_processes)
        raise ConfigError(
            f"torchrun started {place.size} processes, and only `fsens {shared}` is for several: run `fsens {command}` "
            "without torchrun."
        )


@contextlib.contextmanager
def only_the_first_speaks() -> Iterator[None]:
    """Silence every process but the first, whose exit code is the command's; one that breaks still says why.

    The others leave with 0 where they end in order: torchrun ends everybody at the first other code, and the first
    process may still be writing.
    """
    place = place_in_torchrun()
    if place is None or place.rank == 0:
        yield
        return
    unheard = io.StringIO()
    try:
        with contextlib.redirect_stdout(unheard), contextlib.redirect_stderr(unheard):
            yield
    except SystemExit:
        raise SystemExit(0) from None


def refuse_shared_sweep() -> None:
    """Raise ConfigError if several processes were started for a sweep."""
    if place_in_torchrun() is not None:
        raise ConfigError(
            "torchrun is for one training: leave out -m and give single values, or run the sweep without torchrun."
        )


@contextlib.contextmanager
def met_processes() -> Iterator["World"]:
    """Meet the processes that train together; without torchrun that is this one alone."""
    place = place_in_torchrun()
    if place is None:
        from fsens_cli.parallel.world import ALONE

        yield ALONE
        return
    from fsens_cli.parallel.meeting import joined

    with joined(place) as world:
        yield world


@contextlib.contextmanager
def agreeing(world: "World") -> Iterator[Callable[[], None]]:
    """Yield what to call once a process is ready to train; a problem of one before that is raised in all."""
    agreed = False

    def ready() -> None:
        nonlocal agreed
        agreed = True
        world.agree(None)

    try:
        yield ready
    except (FsensError, OSError) as error:
        if not agreed:
            world.agree(error)
        raise


def pick_own_device(name: str, world: "World") -> "torch.device":
    """Return the device of this process.

    Raises:
        ConfigError: it does not exist here.
    """
    import torch

    from fsens_cli.models.device import pick_device
    from fsens_cli.parallel.meeting import own_device

    place = place_in_torchrun()
    if not world.is_shared or place is None:
        return pick_device(name)
    device = pick_device(own_device(name, place))
    if device.type == "cuda":
        torch.cuda.set_device(device)  # nccl asks which one this process has
    return device
