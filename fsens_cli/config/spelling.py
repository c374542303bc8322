"""Values as people write them, put into the form that Hydra's grammar reads.

Only what has one meaning is changed; whatever could mean two things is left for the parser to refuse.
"""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

# 8/255, also inside lists; not part of a path or a longer word.
FRACTION = re.compile(r"(?<![\w./~-])(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)(?![\w./])")
WHOLE_WITH_EXPONENT = re.compile(r"[1-9]\d*(?:\.\d+)?[eE]\+?\d{1,2}")
# Signs that mean something to the grammar, or end what it can read.
GRAMMAR = re.compile(r"[,\[\]{}()'\"$\\]")
SIZES = ("eps", "eps_linf", "eps_l2", "step_size", "heat_map_l2", "noise_sd", "noise_levels")


def as_written(override: str) -> str:
    """Return a setting with its value in the grammar's form.

    ``8/255`` where a size is meant becomes its number, ``1e3`` the whole number 1000, and a text that the grammar
    would stumble over is quoted: ``~/pictures``, names with spaces or letters of other scripts, ``epoch=3.ckpt``, and
    the name of a file that exists, whatever is in it.

    >>> as_written("suite.eps_linf=[8/255, 0.1]")
    'suite.eps_linf=[0.03137254901960784, 0.1]'
    >>> as_written("num_images=1e3"), as_written("data.root=~/my pictures")
    ('num_images=1000', "data.root='~/my pictures'")
    """
    key, equals, value = override.partition("=")
    if not equals or not value or value[0] in "'\"":
        return override
    if key.rpartition(".")[2] in SIZES:
        return f"{key}={FRACTION.sub(_number, value)}"
    if WHOLE_WITH_EXPONENT.fullmatch(value) and float(value).is_integer():
        return f"{key}={int(float(value))}"
    if is_file(value) and (GRAMMAR.search(value) or _needs_quotes(value)):
        return f"{key}={in_quotes(value)}"
    if not GRAMMAR.search(value) and _needs_quotes(value):
        return f"{key}={in_quotes(value)}"
    return override


def in_quotes(value: str) -> str:
    """Return ``value`` so that Hydra reads it as this very text.

    >>> in_quotes("a b")
    "'a b'"
    """
    # Backslashes are themselves, except in front of a quotation mark.
    doubled = re.sub(r"\\+(?='|$)", lambda run: 2 * run.group(), value)
    escaped = doubled.replace("'", "\\'")
    return f"'{escaped}'"


def _number(fraction: re.Match[str]) -> str:
    above, below = float(fraction.group(1)), float(fraction.group(2))
    return repr(above / below) if below else fraction.group()


def is_file(value: str) -> bool:
    """Return whether a text is the path of something that exists."""
    try:
        return ("/" in value or "." in value) and Path(value).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # no such user, no home, a name that no system takes
        return False


def _needs_quotes(value: str) -> bool:
    """Return whether the grammar would stumble over a text without any of its own signs."""
    return value.startswith("~") or "=" in value or not value.isascii() or bool(re.search(r"\s", value.strip()))


def exact_spelling(key: str, value: str, known: Iterable[str]) -> str:
    """Return ``KEY=VALUE`` to type where one known setting ends in ``key``; empty where none or several do.

    >>> exact_spelling("lr", "0.1", ["optim.lr", "model.name"])
    'optim.lr=0.1'
    """
    fitting = [name for name in known if name.endswith(f".{key}") or name == key]
    return shlex.quote(f"{fitting[0]}={value}") if len(fitting) == 1 else ""


def as_override(flag: str, value: str) -> str:
    """Return what to type instead of a flag that there is not.

    >>> as_override("--num-images", "5"), as_override("--data-root", "my pictures")
    ('num_images=5', "'data.root=my pictures'")
    """
    name = flag.lstrip("-").replace("-", "_")
    group, _, rest = name.partition("_")
    nested = {"data", "model", "optim", "suite", "attack", "plot", "regularizer", "frontend", "augment", "adversary"}
    key = f"{group}.{rest}" if group in nested and rest else name
    return shlex.quote(f"{key}={value}")


def of_a_folder(named: dict[str, str | int | None]) -> dict[str, str | int | None]:
    """Return flags in which ``--data FOLDER`` of an existing folder is spelt ``data=folder data.root=FOLDER``."""
    given = named.get("data")
    if not isinstance(given, str) or "/" not in given or not Path(given).expanduser().is_dir():
        return named
    return {**named, "data": "folder", "data.root": given}
