"""Imports point down only, and each room keeps to what it alone may do."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "fsens_cli"

LEVEL = {
    "deferred": 0,
    "errors": 0,
    "short_repr": 0,
    "text": 0,
    "home": 1,
    "ranges": 1,
    "memory": 2,
    "typed": 2,
    "cache": 2,
    "fourier": 2,
    "guest": 2,
    "parallel": 2,
    "statistics": 2,
    "models": 3,
    "data": 3,
    "perturb": 3,
    "objectives": 3,
    "experiments": 4,
    "runs": 5,
    "config": 6,
    "commands": 7,
    "app": 7,
    "python": 8,
}
# The package's own lazy names, its __main__, and commands + app, which are one row with one purpose.
FRONT_DOOR = {"__init__", "__main__"}
ONE_ROOM = {"app": "commands"}

OWNERS = {
    "hydra": "config",
    "omegaconf": "config",
    "hydra_plugins": "config",
    "joblib": "config",
    "submitit": "config",
    "ray": "config",
    "matplotlib": "runs",
    "jinja2": "runs",
    "markupsafe": "runs",
    "tensorboard": "runs",
    "mlflow": "runs",
    "typer": "commands",
    "rich": "commands",
}
# click is typer's own affair, and may not even be installed.
FORBIDDEN = {"click"}

WRITING_METHODS = {
    "write_text",
    "write_bytes",
    "to_csv",
    "savefig",
    "mkdir",
    "makedirs",
    "mkstemp",
    "mkdtemp",
    "extractall",
    "pwrite",
    "truncate",
    "savez",
    "savez_compressed",
    "save_file",
    "symlink_to",
    "touch",
    "rename",
    "rmdir",
    "rmtree",
    "unlink",
}
# runs/ writes results, where the user says; cache/ what can be fetched or decoded again.
WRITERS = {"runs", "cache"}
SPEAKING = {"print", "echo", "secho", "input"}


def room_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imported(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def import_complaints(room: str, names: list[str]) -> list[str]:
    complaints = []
    for name in names:
        top, *rest = name.split(".")
        if top == "fsens_cli" and rest and rest[0] in LEVEL:
            other = rest[0]
            same_room = ONE_ROOM.get(room, room) == ONE_ROOM.get(other, other)
            if not same_room and LEVEL[other] >= LEVEL[room]:
                complaints.append(f"{room} ({LEVEL[room]}) imports {name} ({LEVEL[other]})")
        elif top in FORBIDDEN or OWNERS.get(top, ONE_ROOM.get(room, room)) != ONE_ROOM.get(room, room):
            complaints.append(f"{room} imports {name}")
    return complaints


def act_complaints(room: str, tree: ast.AST) -> list[str]:
    """Writing outside runs/ and cache/, speaking or leaving outside commands/."""
    complaints = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = getattr(node.func.value, "id", "") if isinstance(node.func, ast.Attribute) else ""
        writes = name in WRITING_METHODS or (name == "open" and _opens_for_writing(node))
        if writes and room not in WRITERS:
            complaints.append(f"{room} writes: {name} in line {node.lineno}")
        speaks = name in SPEAKING or (owner, name) in {("sys", "exit"), ("os", "_exit"), ("stdout", "write")}
        if speaks and ONE_ROOM.get(room, room) != "commands":
            complaints.append(f"{room} speaks or leaves: {name} in line {node.lineno}")
    return complaints


def _opens_for_writing(call: ast.Call) -> bool:
    place = 0 if isinstance(call.func, ast.Attribute) else 1
    given = call.args[place : place + 1] + [k.value for k in call.keywords if k.arg == "mode"]
    return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in given)


def complaints_of(room: str, source: str) -> list[str]:
    tree = ast.parse(source)
    return import_complaints(room, imported(tree)) + act_complaints(room, tree)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_file_keeps_to_its_room(file: Path) -> None:
    room = room_of(file)
    if room in FRONT_DOOR:
        return
    assert complaints_of(room, file.read_text()) == []


def test_every_room_has_a_level() -> None:
    assert {room_of(f) for f in FILES} - FRONT_DOOR == set(LEVEL)


BAD = {
    "upward": ("fourier", "from fsens_cli.models.classifier import Classifier"),
    "sideways": ("models", "from fsens_cli.data.images import ImageSet"),
    "hidden in a function": ("experiments", "def f():\n    import fsens_cli.runs.files"),
    "hydra outside config": ("runs", "from hydra import compose"),
    "a launcher outside config": ("commands", "import joblib"),
    "matplotlib outside runs": ("experiments", "import matplotlib.pyplot as plt"),
    "jinja2 outside runs": ("commands", "import jinja2"),
    "click": ("commands", "import click"),
    "typer below commands": ("runs", "import typer"),
    "print": ("models", "print('x')"),
    "exit": ("config", "import sys\nsys.exit(1)"),
    "echo": ("runs", "typer.echo('x')"),
    "open for writing": ("models", "open('a', 'w')"),
    "append": ("data", "open('a', mode='a')"),
    "path open for writing": ("models", "path.open(mode='wb')"),
    "write_text": ("experiments", "path.write_text('x')"),
    "to_csv": ("statistics", "table.to_csv('x')"),
    "savefig": ("commands", "figure.savefig('x')"),
    "download elsewhere": ("models", "path.unlink()"),
    "unpack elsewhere": ("data", "archive.extractall('x')"),
    "cache above its row": ("cache", "from fsens_cli.data.images import ImageSet"),
}


@pytest.mark.parametrize(("room", "source"), BAD.values(), ids=BAD.keys())
def test_checker_finds_what_is_forbidden(room: str, source: str) -> None:
    assert len(complaints_of(room, source)) == 1


GOOD = {
    "downward": ("experiments", "from fsens_cli.fourier.bins import radial_sum"),
    "same room": ("models", "from fsens_cli.models.catalog import ModelConfig"),
    "app and commands": ("app", "from fsens_cli.commands.jobs import run_verb\nimport typer"),
    "reading": ("models", "open('a')\npath.open('rb')\npath.read_text()"),
    "runs writes": ("runs", "path.write_text('x')"),
    "cache writes": ("cache", "path.write_bytes(b'x')"),
    "commands speak": ("commands", "typer.echo('x')"),
}


@pytest.mark.parametrize(("room", "source"), GOOD.values(), ids=GOOD.keys())
def test_checker_passes_what_is_allowed(room: str, source: str) -> None:
    assert complaints_of(room, source) == []
