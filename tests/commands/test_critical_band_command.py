"""``fsens critical-band``: what it prints and leaves, the published procedure, and what has no threshold."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from run_files import DESCRIBED
from typer.testing import Result

Type = Callable[..., Result]
TINY = ["num_images=60", "num_resamples=100", "data.test_size=60"]


def test_thresholds_of_the_embedded_network(fsens: Type) -> None:
    result = fsens("critical-band", *TINY)
    assert result.exit_code == 0, result.output
    folder = Path("outputs/critical-band/resnet8-dualband/v001")
    expected = {"run.json", "config.yaml", *DESCRIBED, "critical_band.csv", "cells.csv", "gradient.csv", "answers.npz"}
    assert {p.name for p in folder.iterdir()} == expected | {"critical_band.png"}
    assert result.stdout.splitlines()[-1] == str(folder)
    table = pd.read_csv(folder / "critical_band.csv", keep_default_na=False)
    half = table[table["criterion"] == "half"]
    assert half["band"].tolist() == ["1", "2", "3", "4-5", "6-7", "8-10", "11-15", "16-23"]
    # The packaged network reads the high cue, at 12.5 and 15 cycles/image.
    assert half["sensitivity"].astype(float).idxmax() >= 6
    results = json.loads((folder / "results.json").read_text())
    leading = results["channels"][0]
    assert f"centre {leading['centre_cycles_per_image']['value']:.2f}" in result.stdout
    assert results["forwards"] <= 60 * 60
    drawn = (folder / "critical_band.png").read_bytes()
    again = fsens("show", "latest", "--plot")
    assert again.exit_code == 0, again.output
    assert (folder / "critical_band.png").read_bytes() == drawn


def test_the_channel_lies_at_the_cue_that_a_network_was_taught(fsens: Type) -> None:
    """The cues are gratings at 2.5 or 4.5, and at 12.5 or 15 cycles/image; a quarter octave of room on both sides."""
    family = ("lsf", "blur", "standard", "hsf")
    swept = fsens("critical-band", "-m", "--weights", ",".join(f"packaged:{name}" for name in family), *TINY)
    assert swept.exit_code == 0, swept.output
    table = pd.read_csv("outputs/sweeps/critical-band/v001/summary.csv").set_index("weights")
    for name in family:
        lowest, highest = (2.1, 5.4) if name in ("lsf", "blur") else (10.5, 17.8)
        centre = table.loc[f"packaged:{name}"]
        assert lowest < centre["centre_ci_low"] < centre["centre_ci_high"] < highest, name
    compared = fsens("compare", "sweep:critical-band")
    assert compared.exit_code == 0, compared.output
    rows = pd.read_csv("outputs/compare/v001/comparison.csv")
    assert rows["difference"].notna().sum() >= 8  # accuracy in every band, image by image


def test_a_model_at_chance_is_undefined_with_the_reason(fsens: Type) -> None:
    result = fsens("critical-band", "--model", "net.py:make", "--weights", "random", *TINY)
    assert result.exit_code == 0, result.output
    assert "half: undefined; accuracy without noise is" in result.stdout
    assert "warning: no threshold: accuracy without noise is" in result.stderr
    quantities = pd.read_csv("outputs/critical-band/net.py-make-dualband/v001/quantities.csv")
    width = quantities[quantities["key"] == "width"]
    assert width["value"].isna().all()
    assert set(width["note"]) == {"undefined"}


def test_the_published_procedure(fsens: Type) -> None:
    result = fsens("critical-band", "procedure=reference", *TINY)
    assert result.exit_code == 0, result.output
    folder = Path("outputs/critical-band/resnet8-dualband/v001")
    table = pd.read_csv(folder / "critical_band.csv")
    assert table["nominal_cycles_per_image"].tolist() == [2, 4, 8, 16]
    assert "nominal c/image" in result.stdout
    assert "warning: the published images have 224 pixels a side" in result.stderr
    assert fsens("show", "latest", "--plot").exit_code == 0


@pytest.mark.parametrize("wrong", ["procedure=human", "criterion=best", "spacing=3", "contrast=2", "levels=1"])
def test_bad_settings_leave_nothing(fsens: Type, wrong: str) -> None:
    result = fsens("critical-band", wrong)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert not Path("outputs").exists()
