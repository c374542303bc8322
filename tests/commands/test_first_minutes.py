"""The first minutes: a word before the wait, and what was just run is a word away."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.commands.first_word import loading, plain_to_see
from fsens_cli.commands.record import run_name
from fsens_cli.commands.runs import _about, _shown, _weights
from fsens_cli.commands.tables import laid_out
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.commands.verbs.verb import Verb
from fsens_cli.config.compose import Request, compose_job
from fsens_cli.runs.json_files import Fields


def test_show_alone_is_the_latest_run_and_of_a_verb_its_latest(fsens: Callable[..., Result]) -> None:
    for seed in (0, 1):
        assert fsens("measure", "num_images=8", f"seed={seed}").exit_code == 0
    newest = str(Path("outputs/measure/resnet8-dualband/v002"))
    for arguments in (["show"], ["show", "measure"]):
        assert fsens(*arguments).stdout.splitlines()[-1] == newest
    assert fsens("runs").stdout.splitlines()[1].startswith(newest)
    assert "evaluate" in fsens("show", "evaluate").stderr
    for row in json.loads(fsens("runs", "--json").stdout):
        (told,) = laid_out([f"  {_about(_shown(row))}"], 80)
        assert "centroid" in told


@pytest.mark.parametrize(
    ("verb", "weights", "name"),
    [
        ("measure", "auto", "resnet8-dualband"),
        ("measure", "packaged:standard", "resnet8-dualband"),
        ("measure", "packaged:lsf", "resnet8-lsf-dualband"),
        ("evaluate", "packaged:blur", "resnet8-blur-dualband"),
        ("measure", "net.pt", "resnet8-dualband"),
        # A training is not the network that it starts from.
        ("train", "packaged:lsf", "resnet8-dualband"),
    ],
)
def test_a_folder_is_of_one_packaged_network(verb: str, weights: str, name: str) -> None:
    record = VERBS[verb]
    overrides = (f"weights={weights}",)
    assert run_name(compose_job(Request(verb=record.config, job=record.job_type(), overrides=overrides)).job) == name


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"verb": "measure", "weights": "packaged:lsf"}, "packaged:lsf"),
        ({"verb": "train", "weights": "random", "training": "lsf"}, "lsf training"),
        ({"verb": "train", "weights": "net.pt", "training": "standard"}, "standard training from net.pt"),
        ({"verb": "train", "weights": "net.pt"}, "standard training from net.pt"),
    ],
)
def test_a_list_of_runs_says_how_each_network_was_trained(found: dict[str, object], said: str) -> None:
    assert _weights(Fields(found, Path("run.json"))) == said


SAY = """
import sys
from fsens_cli.app import main
from fsens_cli.commands import first_word
def stop(word, flags):
    print(word, *sorted({"hydra", "omegaconf", "torch", "numpy", "matplotlib"} & sys.modules.keys()))
    raise SystemExit(0)
first_word.say = stop
sys.argv = ["fsens", "measure", "--model", "resnet20", "data=cifar10"]
main()
"""


def test_the_first_word_is_said_before_anything_heavy_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, env=os.environ)
    assert done.stdout == "loading resnet20 on cifar10\n", done.stderr


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_the_first_word_names_what_is_loaded_where_nothing_is_said(verb: Verb) -> None:
    job = compose_job(Request(verb=verb.config, job=verb.job_type(), overrides=())).job
    assert plain_to_see({}, ["seed=1"]) == loading(job.model.name, job.data.name)


@pytest.mark.parametrize("override", ["experiment=madry", "model.name=x", "data=[a]", "model=net.py:make", "data=a,b"])
def test_what_has_to_be_composed_is_not_guessed(override: str) -> None:
    assert plain_to_see({"model": None, "data": None}, [override]) == ""
