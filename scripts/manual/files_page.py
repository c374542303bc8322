"""The manual's page on files: what every run leaves, down to the last column, from `files.toml`."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

HEAD = """# Files

Runs are never overwritten, and their folders hold everything that `show`, `compare`, `report` and the figures need.
Tables are CSV with nine significant digits; the names of columns say their units. `NAME_ci_low` and `NAME_ci_high` are
the ends of the 95 % interval of `NAME`. Arrays are NumPy's `.npz`: `numpy.load(file)` reads them.
"""
INTERVAL = re.compile(r"_ci_(low|high)$")


@dataclass(frozen=True)
class Place:
    """The folder of some verbs.

    Attributes:
        title: of its section.
        verbs: whose folders have these files.
        files: what each file is; ``{words}`` in a name stand for anything.
        columns: what each column or array of a file is.
        about: a sentence on the folder.
    """

    title: str
    verbs: list[str]
    files: dict[str, str]
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    about: str = ""


def places() -> list[Place]:
    """Return what is described."""
    text = Path(__file__).with_name("files.toml").read_text()
    return [Place(**place) for place in tomllib.loads(text)["place"]]


def files_page() -> str:
    """Return the page."""
    return HEAD + "".join(map(_section, places()))


def _section(place: Place) -> str:
    lines = [f"\n## {place.title}\n", *([place.about, ""] if place.about else []), "| file | holds |", "| --- | --- |"]
    lines += [f"| `{_shown(name)}` | {said} |" for name, said in place.files.items()]
    for file, columns in place.columns.items():
        word = "array" if file.endswith(".npz") else "column"
        lines += [f"\n**`{file}`**\n", f"| {word} | |", "| --- | --- |"]
        lines += [f"| `{_shown(name)}` | {said} |" for name, said in columns.items()]
    return "\n".join([*lines, ""])


def _shown(name: str) -> str:
    """Return a name whose placeholders are capitals, as everywhere in the manual."""
    return re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), name).replace("|", "\\|")


def undescribed_files(verb: str, names: list[str]) -> list[str]:
    """Return the files of a verb's folder, by their paths in it, that no section describes."""
    known = [name for place in places() if verb in place.verbs for name in place.files]
    return [name for name in names if not any(_fits(name, pattern) for pattern in known)]


def undescribed_columns(verb: str, file: str, names: list[str]) -> list[str]:
    """Return the columns or arrays of a file that no section describes."""
    known = _columns(verb, file)
    # The interval of a mean is called after what it is the mean of.
    spellings = {name: (name, bare := INTERVAL.sub("", name), f"{bare}_mean") for name in names}
    return [name for name in names if not any(_fits(s, pattern) for s in spellings[name] for pattern in known)]


def idle_columns(verb: str, file: str, names: list[str]) -> list[str]:
    """Return the described columns or arrays of a file that it does not have."""
    return [pattern for pattern in _columns(verb, file) if not any(_fits(name, pattern) for name in names)]


def _columns(verb: str, file: str) -> list[str]:
    return [name for place in places() if verb in place.verbs for name in place.columns.get(file, {})]


def _fits(name: str, pattern: str) -> bool:
    """Return whether a name is a pattern's; a pattern that ends with a slash stands for all below it."""
    parts = re.split(r"(\{\w+\})", pattern)
    wanted = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts)
    return re.fullmatch(wanted + (".*" if pattern.endswith("/") else ""), name) is not None
