"""Nothing heavy before it is needed: help, settings and their errors need neither torch nor what draws."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "timm", "matplotlib", "pandas", "scipy", "numpy")
LIGHT = {
    "help of all": (["--help"], 0),
    "help of a verb": (["evaluate", "--help"], 0),
    "settings": (["train", "regularizer=lsf", "data=cifar10", "--print-config"], 0),
    "a network of a library": (["measure", "--model", "timm/resnet18", "--print-config"], 0),
    "an unknown setting": (["measure", "num_imagez=3"], 2),
    "a setting of other data": (["measure", "data.root=x"], 2),
    "no setting": (["measure", "seed"], 2),
    "no value of the grammar": (["measure", "tag=[a"], 2),
    "a value of another type": (["measure", "seed=x"], 2),
    "a value out of range": (["measure", "num_images=0"], 2),
    "an unknown network": (["measure", "--model", "resnt20"], 2),
    "an unknown regularizer": (["train", "regularizer=lsff"], 2),
    "unknown data": (["measure", "--data", "cifar"], 2),
    "an unknown attack": (["evaluate", "suite.attacks=[pdg]"], 2),
    "an unknown launcher": (["measure", "-m", "seed=0,1", "--launcher", "jobli"], 2),
    "a mistake in a sweep": (["measure", "-m", "seed=0,x"], 2),
    "no such flag": (["measure", "--num-images", "5"], 2),
    "no such verb": (["messure"], 2),
}
# One process tries all of them: what was imported by one would be there for the next, so each looks at what is new.
TRY = """
import contextlib, io, json, sys
import typer
from fsens_cli.app import app
heavy, tries, found = set(json.loads(sys.argv[1])), json.loads(sys.argv[2]), {}
for name, arguments in tries.items():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            code = app(arguments) or 0
        except SystemExit as left:
            code = left.code or 0
    found[name] = [code, sorted(heavy & sys.modules.keys()), said.getvalue()]
    heavy -= sys.modules.keys()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[int, list[str], str]]:
    """For each try its exit code, the heavy modules that it imported, and its words on standard error."""

    tries = json.dumps({name: arguments for name, (arguments, _) in LIGHT.items()})
    command = [sys.executable, "-c", TRY, json.dumps(HEAVY), tries]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return {name: tuple(what) for name, what in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.mark.parametrize("name", LIGHT)
def test_nothing_heavy_is_imported(name: str, found: dict[str, tuple[int, list[str], str]]) -> None:
    code, heavy, said = found[name]
    assert code == LIGHT[name][1], said
    assert heavy == []
    assert "Traceback" not in said
