"""Values as people write them, put into the form that Hydra's grammar reads.

Only what has one meaning is changed; whatever could mean two things is left for the parser to refuse.
"""

import re
import shlex
from collections.abc import Collection, Iterable

from fsens_cli.data.hub_data import PREFIX as HUB_DATA
from fsens_cli.home import expanded

# Everything else might be read as a number, as true or as null, or has a meaning in Hydra's grammar.
PLAIN_VALUE = re.compile(r"(?!(true|false|null|nan|inf)$)[A-Za-z_./][A-Za-z0-9_./:@%+-]*|0|[1-9][0-9]*", re.IGNORECASE)
# 8/255, also inside lists; not part of a path or a longer word.
FRACTION = re.compile(r"(?<![\w./~-])(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)(?![\w./])")
WHOLE_WITH_EXPONENT = re.compile(r"[1-9]\d*(?:\.\d+)?[eE]\+?\d{1,2}")
# Signs that mean something to the grammar, or end what it can read.
GRAMMAR = re.compile(r"[,\[\]{}()'\"$\\]")
# Where Hydra would look something up.
LITERAL = r"\${"
# Settings in units of the pixel range.
SIZES = ("eps", "eps_linf", "eps_l2", "step_size", "heat_map_l2", "noise_sd", "noise_levels", "patch_sd", "lowest",
         "mean", "std")  # fmt: skip


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
        return f"{key}={sizes_as_numbers(value)}"
    if WHOLE_WITH_EXPONENT.fullmatch(value) and float(value).is_integer():
        return f"{key}={int(float(value))}"
    if not PLAIN_VALUE.fullmatch(value) and is_file(value):
        return f"{key}={in_quotes(value.replace('${', LITERAL))}"
    inner = value[1:-1] if value[0] + value[-1] == "[]" else value
    if GRAMMAR.search(inner.replace(",", "")):
        return override
    items = ",".join(in_quotes(item.strip()) if _needs_quotes(item) else item for item in inner.split(","))
    return f"{key}={value.replace(inner, items)}" if items != inner else override


def flag_override(key: str, value: str, *, multirun: bool) -> str:
    """Return a flag's value as an override; in a multirun commas separate several values.

    >>> flag_override("weights", "my runs/best.pt", multirun=False)
    "weights='my runs/best.pt'"
    """
    # An existing file may have commas in its name, and there is one folder for all runs.
    whole = not multirun or key == "out" or is_file(value)
    parts = [value] if whole else value.split(",")
    return f"{key}={','.join(quoted(part) for part in parts)}"


def quoted(value: str) -> str:
    """Return ``value`` so that Hydra reads it as this very text.

    >>> [quoted(value) for value in ("net.pt", "a b", "1e3", "true")]
    ['net.pt', "'a b'", "'1e3'", "'true'"]
    """
    if PLAIN_VALUE.fullmatch(value):
        return value
    # A flag's value is meant as it stands: nothing in it is looked up elsewhere.
    return in_quotes(value.replace("${", LITERAL))


def in_quotes(value: str) -> str:
    """Return ``value`` so that Hydra reads it as this very text.

    >>> in_quotes("a b")
    "'a b'"
    """
    # Backslashes are themselves, except in front of a quotation mark.
    doubled = re.sub(r"\\+(?='|$)", lambda run: 2 * run.group(), value)
    escaped = doubled.replace("'", "\\'")
    return f"'{escaped}'"


def in_shell(text: str) -> str:
    """Return ``text`` as it is typed in bash and zsh.

    >>> print(in_shell("tag='a,b'"), in_shell("seed=1"), in_shell("tag=$5"))
    "tag='a,b'" seed=1 'tag=$5'
    """
    return f'"{text}"' if "'" in text and not re.search(r'["$`\\!]', text) else shlex.quote(text)


def sizes_as_numbers(text: str) -> str:
    """Return a text whose fractions are the numbers that they stand for, to the last bit.

    >>> sizes_as_numbers("8/255"), sizes_as_numbers("0.5")
    ('0.03137254901960784', '0.5')
    """
    return FRACTION.sub(_number, text)


def _number(fraction: re.Match[str]) -> str:
    above, below = float(fraction.group(1)), float(fraction.group(2))
    return repr(above / below) if below else fraction.group()


def is_file(value: str) -> bool:
    """Return whether a text is the path of something that exists."""
    try:
        return not value.isdigit() and expanded(value).exists()
    except (OSError, ValueError):  # no such user, no home, a name that no system takes
        return False


def _needs_quotes(value: str) -> bool:
    """Return whether the grammar would stumble over a text without any of its own signs."""
    return value.startswith("~") or "=" in value or not value.isascii() or bool(re.search(r"\s", value.strip()))


def meant_by(name: str, known: Iterable[str]) -> list[str]:
    """Return the known settings that a name may mean: the one that differs in signs alone, else all that end in it.

    >>> meant_by("suite-eps-linf", ["suite.eps_linf"]), meant_by("lr", ["optim.lr", "model.name"])
    (['suite.eps_linf'], ['optim.lr'])
    """
    plain = _with_one_sign(name)
    spelt = {key: _with_one_sign(key) for key in known}
    same = [key for key, other in spelt.items() if other == plain]
    return same[:1] or [key for key, other in spelt.items() if other.endswith(f"_{plain}") and "." in key]


def _with_one_sign(name: str) -> str:
    return re.sub(r"[-.]", "_", name.strip("-"))


def as_override(flag: str, value: str, known: Iterable[str]) -> str:
    """Return what to type instead of a flag that there is not; empty where it means no setting.

    What depends on the data set or the network is not known of every choice, and guessed by its first word.

    >>> as_override("--num-images", "5", ["num_images"]), as_override("--data-root", "my pictures", ())
    ('num_images=5', "'data.root=my pictures'")
    """
    meant = meant_by(flag, known)
    group, _, rest = _with_one_sign(flag).partition("_")
    if not meant and group in ("data", "model") and rest:
        meant = [f"{group}.{rest}".replace(".kwargs_", ".kwargs.")]
    return " or ".join(in_shell(f"{key}={value}") for key in meant)


def of_a_folder(named: dict[str, str | int | None], known: Collection[str]) -> dict[str, str | int | None]:
    """Return flags in which ``--data FOLDER`` of an existing folder is spelt ``data=folder data.root=FOLDER``.

    ``--data hf-data:OWNER/NAME`` is spelt ``data=hf-data data.repo=OWNER/NAME``.

    Args:
        known: the data sets that can be named; a folder of such a name is written ``./NAME``.
    """
    given = named.get("data")
    if isinstance(given, str) and given.startswith(HUB_DATA):
        return {**named, "data": HUB_DATA.rstrip(":"), "data.repo": given.removeprefix(HUB_DATA)}
    if not isinstance(given, str) or not given or given in known or not expanded(given).is_dir():
        return named
    return {**named, "data": "folder", "data.root": given}
