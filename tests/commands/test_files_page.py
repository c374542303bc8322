"""The manual's page on files describes every file, column and array that a run leaves, and none that it does not."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from files_page import files_page, idle_columns, places, undescribed_columns, undescribed_files
from typer.testing import Result

from fsens_cli.commands.verbs.registry import VERBS

# What a run has only where it is asked for it.
OTHERWISE = {"x_{k}", "logit", "margin", "nominal_cycles_per_image", "half_power_cycles_per_image", "index",
             "accuracy_at_sd_{sd}", "shown_at_sd_{sd}"}  # fmt: skip
OTHERS = {
    "critical-band": ["num_images=4", "levels=4", "num_resamples=100"],
    "layers": ["num_images=4"],
    "train": ["epochs=1", "batch_size=64", "measure_images=10", "probe_size=4"],
}


def names_in(path: Path) -> list[str]:
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return list(arrays)
    with path.open(newline="") as file:
        return next(csv.reader(file))


def check(verb: str, folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert undescribed_files(verb, [path.relative_to(folder).as_posix() for path in files]) == []
    for path in files:
        if path.parent == folder and path.suffix in (".csv", ".npz"):
            assert undescribed_columns(verb, path.name, names_in(path)) == [], path
            assert set(idle_columns(verb, path.name, names_in(path))) <= OTHERWISE, path


def test_every_verb_has_a_section() -> None:
    assert set(VERBS) <= {verb for place in places() for verb in place.verbs}
    assert all(f"## {place.title}" in files_page() for place in places())


@pytest.mark.xdist_group("family")
def test_runs_and_sweeps_of_the_probing_verbs(family_outputs: Path) -> None:
    for folder in [*family_outputs.glob("*/*/v001"), *family_outputs.glob("sweeps/*/v001")]:
        if "sweeps" not in folder.parts:
            check(folder.parts[-3], folder)
        elif folder.parts[-3] == "sweeps":
            check("sweep", folder)


@pytest.mark.parametrize("verb", OTHERS)
def test_runs_of_the_other_verbs(fsens: Callable[..., Result], verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for figures in ("measure_files.draw_measure", "train_files.draw_training", "critical_band_files.draw_critical_band",
                    "layers_files.draw_layers"):  # fmt: skip
        monkeypatch.setattr(f"fsens_cli.runs.{figures}", lambda *_: [])
    tiny = ["--model", "net.py:make", "--weights", "random", "data.train_size=200", "data.test_size=20", *OTHERS[verb]]
    result = fsens(verb, *tiny)
    assert result.exit_code == 0, result.output
    check(verb, Path(result.stdout.splitlines()[-1]))
