"""What may be the user's own: corruptions, attacks, regularizers, metrics, by name.

A name is built in, or that of an installed package's entry point (group ``fsens.corruptions`` and so on), or the user's
own code, ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION``.
"""

from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import entry_points

from fsens_cli.errors import ConfigError, suggestion
from fsens_cli.guest.names import is_own_code, split_name

# What each kind of function takes and returns, in one sentence.
SIGNATURES = {
    "corruptions": "takes (image, severity, generator): float32 (C, H, W) in [0, 1], 1 to 5, and a torch.Generator on "
    "the CPU for all randomness; and returns the image changed, in the same shape and in [0, 1]",
    "attacks": "takes (model, images, labels, eps, norm, generator): a function from [0, 1] images (N, C, H, W) to "
    "logits, those, int64 (N,), the radius, 'linf' or 'l2', and a torch.Generator on the CPU; and returns the images "
    "changed, each within eps and in [0, 1]",
    "regularizers": "takes (share, radius): the batch's mean share of sensitivity at each radius (K,), which sums to "
    "1, and these radii in cycles per image (K,); and returns a number as a tensor that can be differentiated by share",
    "metrics": "takes (logits, labels), float (N, L) and int64 (N,), and returns one number an image as a tensor (N,)",
}


def short_name(name: str) -> str:
    """Return what a function is called in tables.

    >>> short_name("my/net.py:darken"), short_name("fog")
    ('darken', 'fog')
    """
    return name.rpartition(":")[2]


@lru_cache(maxsize=8)
def packaged(kind: str) -> dict[str, str]:
    """Return what installed packages offer: names to ``package.module:function``."""
    return {entry.name: entry.value for entry in entry_points(group=f"fsens.{kind}")}


def target_of(name: str, kind: str) -> str:
    """Return the ``where:function`` that a name stands for, that of a package's entry point too."""
    return name if is_own_code(name) else packaged(kind)[name]


def require_known(setting: str, name: str, built_in: Iterable[str], kind: str) -> None:
    """Refuse a name that is neither built in, nor a package's, nor that of a file or module.

    Raises:
        ConfigError: with what is allowed, and how one's own is named.
        ModelError: no such file.
    """
    names = list(built_in)
    if name in names:
        return
    if is_own_code(name):
        split_name(setting, name)
        return
    if name not in packaged(kind):
        known = [*names, *packaged(kind)]
        listed = f"; {setting} can be {', '.join(known)}" if known else ""
        raise ConfigError(
            f"{setting}={name} is not known{listed}, or your own function FILE.py:FUNCTION.{suggestion(name, known)}"
        )


def require_apart(setting: str, names: Iterable[str], built_in: Iterable[str]) -> None:
    """Refuse two functions that would be called alike in tables, or one that is called like a built-in one.

    Raises:
        ConfigError: which.
    """
    taken = {name: name for name in built_in}
    for name in names:
        short = short_name(name)
        if taken.setdefault(short, name) != name:
            raise ConfigError(f"{setting}: {taken[short]} and {name} would both be called {short}: rename a function.")
