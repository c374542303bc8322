"""The reproduction scripts: what is run, what is not run again, and what a verdict and a prediction rest on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from claims import NOT, NOT_RUN, PARTLY, REPRODUCED, UNDECIDED, UNTESTABLE, above_zero, together
from prediction import compare, extra_loss, spearman
from scipy.stats import spearmanr
from verdicts import PAPERS, verdict_table

from fsens_cli.runs.folder import SCHEMA
from fsens_cli.statistics.intervals import Interval

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_every_network_is_trained_and_asked_once(script) -> None:  # noqa: ANN001
    code, calls = script("reproduce_tmlr2022.sh")
    assert code == 0
    assert [c.split()[0] for c in calls] == ["train", "hybrid-probe", "evaluate"] * 7 + ["page"]
    assert [c for c in calls if c.startswith("train") and "regularizer=hsf" in c]
    assert script("reproduce_tmlr2022.sh") == (0, ["page tmlr2022"])
    # The second paper shares three networks with the first one.
    code, calls = script("reproduce_ploscb2023.sh")
    assert code == 0
    assert sum(c.startswith("train") for c in calls) == 5


def test_a_broken_run_goes_on(script, tmp_path: Path) -> None:  # noqa: ANN001
    code, calls = script("reproduce_tmlr2022.sh", BREAK="train")
    assert code != 0
    assert len(calls) == 1
    code, calls = script("reproduce_tmlr2022.sh")
    assert code == 0
    begun = tmp_path / "out" / "standard-s0" / "train" / "resnet8-dualband" / "v001"
    assert calls[0].startswith(f"train --resume {begun}")
    assert sum(c.startswith("train") for c in calls) == 7


def test_what_keeps_nothing_is_asked_again(script) -> None:  # noqa: ANN001
    for verb in ("hybrid-probe", "critical-band"):
        assert script("interventions.sh", BREAK=verb, ONLY="standard")[0] != 0
    code, calls = script("interventions.sh", ONLY="standard")
    assert code == 0
    assert [c.split()[0] for c in calls] == ["critical-band", "page"]
    assert "--resume" not in calls[0]


def test_runs_of_an_older_form_are_made_again_but_for_finished_trainings(script) -> None:  # noqa: ANN001
    older = str(SCHEMA - 1)
    assert script("interventions.sh", ONLY="standard", SCHEMA=older)[0] == 0
    code, calls = script("interventions.sh", ONLY="standard")
    assert code == 0
    assert [c.split()[0] for c in calls] == ["hybrid-probe", "evaluate", "critical-band", "page"]
    assert script("interventions.sh", ONLY="lsf", SCHEMA=older, BREAK="train")[0] != 0
    code, calls = script("interventions.sh", ONLY="lsf")
    assert code == 0
    assert not [c for c in calls if "--resume" in c]


def test_data_and_seeds_are_settings(script) -> None:  # noqa: ANN001
    code, calls = script("reproduce_ploscb2023.sh", SEEDS="4 5", DATA="data=folder data.title=\"'Two words'\"")
    assert code == 0
    trained = [c for c in calls if c.startswith("train")]
    assert len(trained) == 16
    assert all("data=folder data.title='Two words'" in c for c in trained)
    assert sum("seed=5" in c for c in trained) == 8


def test_a_page_needs_a_standard_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "reproduction" / "page.py", "tmlr2022", str(tmp_path), str(tmp_path / "page")],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "run scripts/reproduce_tmlr2022.sh first" in done.stderr
    assert not (tmp_path / "page").exists()


class TestVerdicts:
    def test_needs_every_seed(self) -> None:
        up, unsure, down = Interval(2, 1, 3, 9), Interval(1, -1, 3, 9), Interval(-2, -3, -1, 9)
        assert above_zero([up, up]) == REPRODUCED
        assert above_zero([up, unsure]) == UNDECIDED
        assert above_zero([up, down]) == UNDECIDED
        assert above_zero([down, down]) == NOT
        assert above_zero([]) == above_zero([None]) == UNTESTABLE

    def test_of_several_parts(self) -> None:
        assert together([REPRODUCED, UNTESTABLE]) == REPRODUCED
        assert together([NOT, UNDECIDED]) == NOT
        assert together([PARTLY, NOT]) == together([REPRODUCED, UNDECIDED]) == PARTLY
        assert together([REPRODUCED, UNDECIDED]) == PARTLY
        assert together([]) == UNTESTABLE


def fake_network(accuracy: np.ndarray, spectra: np.ndarray, sizes: np.ndarray) -> SimpleNamespace:
    table = pd.DataFrame(
        {
            "probe": np.repeat(["a", "b", "c", "d", "e"], 2),
            "severity": [1, 3] * 5,
            "group": "low",
            "accuracy": accuracy,
            "predicted_accuracy": spectra,
            "predicted_accuracy_flat": sizes,
        }
    )
    results = {"accuracy": {"value": 0.9}}
    return SimpleNamespace(prediction=table, evaluation=SimpleNamespace(results=results))


class TestPrediction:
    def test_extra_loss_is_a_difference_of_losses(self) -> None:
        generator = np.random.default_rng(0)
        one, two = (fake_network(*generator.uniform(0, 1, (3, 10))) for _ in range(2))
        extra = extra_loss(one, two)  # type: ignore[arg-type]
        difference = two.prediction["accuracy"] - one.prediction["accuracy"]
        assert np.allclose(extra["measured"], difference)
        assert np.allclose(
            extra["sizes"], two.prediction["predicted_accuracy_flat"] - one.prediction["predicted_accuracy_flat"]
        )

    def test_an_order_that_is_right_and_one_that_is_not(self) -> None:
        standard = fake_network(*np.zeros((3, 10)))
        truth = np.arange(10.0)
        found = compare(fake_network(truth, truth**3, -truth), standard)  # type: ignore[arg-type]
        assert found.spectra.value == found.spectra.low == found.spectra.high == 1
        assert found.sizes.value == -1
        assert found.advantage.value == 2

    def test_intervals_hold_nothing_where_there_is_nothing(self) -> None:
        generator = np.random.default_rng(1)
        standard = fake_network(*np.zeros((3, 10)))
        inside = 0
        for number in range(20):
            accuracy, spectra, sizes = generator.normal(size=(3, 10))
            found = compare(fake_network(accuracy, spectra, sizes), standard, seed=number)  # type: ignore[arg-type]
            inside += found.spectra.low <= 0 <= found.spectra.high
        assert inside >= 15

    def test_spearman_is_scipys(self) -> None:
        x, y = np.random.default_rng(2).integers(0, 5, size=(2, 30)).astype(float)
        assert spearman(x, y) == pytest.approx(spearmanr(x, y)[0])
        assert spearman(x, np.zeros(30)) == 0


@pytest.mark.slow
def test_both_pages_of_a_small_reproduction(tmp_path: Path) -> None:
    """The real commands, on the embedded data and smaller than QUICK."""
    fsens = tmp_path / "fsens"
    fsens.write_text(f'#!/usr/bin/env bash\nexec "{sys.executable}" -m fsens_cli "$@"\n')
    fsens.chmod(0o755)
    environment = os.environ | {
        "FSENS": str(fsens),
        "PYTHON": sys.executable,
        "QUICK": "1",
        "OUT": str(tmp_path / "out"),
        "DATA": "data=dualband",
        "EPOCHS": "1",
        "PENALISED_EPOCHS": "1",
        "RECIPE": "label_smoothing=0.1 optim.schedule=linear",
        "EXTRA": "data.train_size=1500 data.test_size=300",
    }
    for paper in ("tmlr2022", "ploscb2023"):
        subprocess.run([SCRIPTS / f"reproduce_{paper}.sh"], env=environment, check=True, cwd=tmp_path)
    page = tmp_path / "out" / "page"
    assert {p.name for p in page.iterdir()} >= {
        "tmlr2022.md", "ploscb2023.md", "networks.csv", "spectra.csv", "claims_tmlr2022.csv", "claims_ploscb2023.csv",
        "prediction_points.csv", "prediction_correlations.csv", "spectra.png", "corruptions_lost.png", "scatter.png",
        "blur_sweep.png", "prediction.png",
    }  # fmt: skip
    networks = pd.read_csv(page / "networks.csv")
    assert len(networks) == 12
    for row in networks.to_dict("records"):
        (file,) = (tmp_path / "out" / f"{row['training']}-s0" / "evaluate").glob("*/v001/results.json")
        results = json.loads(file.read_text())
        assert row["clean_accuracy"] == pytest.approx(results["accuracy"]["value"], rel=1e-5)
        groups = {g["name"]: g["accuracy"]["value"] for g in results["corruption_groups"]}
        assert row["corruptions_all_accuracy"] == pytest.approx(groups["all"], rel=1e-5)
    claims = pd.read_csv(page / "claims_ploscb2023.csv")
    assert set(claims["verdict"]) <= {REPRODUCED, PARTLY, NOT, UNDECIDED, UNTESTABLE, NOT_RUN}


def test_the_documented_verdicts_are_those_of_the_tables() -> None:
    docs = SCRIPTS.parent / "docs"
    text = (docs / "reproduction.md").read_text()
    folders = {"Imagenette-32, 40 epochs": docs / "reproduction" / "imagenette32",
               "CIFAR-10 (JPEG), 2 to 4 epochs": docs / "reproduction"}  # fmt: skip
    for paper in PAPERS:
        table = verdict_table(folders, paper)
        assert len(table.splitlines()) >= 10
        assert table in text


def test_a_number_that_was_not_found_is_no_number_in_a_figure() -> None:
    from figures import _span

    assert np.isnan(_span({"value": None, "low": None, "high": None})).all()
    assert _span({"value": 0.0, "low": -1.0, "high": 2.0}) == (0.0, 1.0, 2.0)
    value, down, up = _span({"value": 0.5, "low": 0.25, "high": None})
    assert (value, down) == (0.5, 0.25)
    assert np.isnan(up)
