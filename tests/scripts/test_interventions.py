"""All interventions under one protocol: what is run, and what the table and the verdict rest on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cost import cost_ratios
from interventions import PANELS, Row, claim_one, main, over_seeds, rank_correlation, shown, table_of, verdicts
from typer.testing import CliRunner

from fsens_cli.app import app
from fsens_cli.statistics.intervals import Interval

NAMES = (
    "standard", "lsf", "asf", "jafr", "gradient-norm", "similarity-zero", "similarity-pixel", "similarity-gabor", "pgd",
    "trades", "noise", "augmix", "apr-sp",
)  # fmt: skip


def test_every_intervention_is_trained_and_asked_under_one_protocol(script) -> None:  # noqa: ANN001
    code, calls = script("interventions.sh", SEEDS="0 1")
    assert code == 0
    verbs = [c.split()[0] for c in calls]
    assert verbs == ["train", "hybrid-probe", "evaluate", "critical-band"] * 2 * len(NAMES) + ["page"]
    trained = [c for c in calls if c.startswith("train")]
    assert all("model.kwargs.activation=silu" in c and "epochs=1" in c for c in trained)
    assert sum("seed=1" in c for c in trained) == len(NAMES)
    for name in NAMES[1:]:
        what = name.removeprefix("similarity-")
        settings = {"pgd": "adversary.norm=linf", "noise": "noise_sd=0.1"}.get(name, what)
        assert any(f"/{name}-s0" in c and settings in c for c in trained), name
    assert [c.split()[0] for c in script("interventions.sh", SEEDS="0 1")[1]] == ["page"]


def test_some_interventions_alone(script) -> None:  # noqa: ANN001
    _, calls = script("interventions.sh", ONLY="standard trades")
    assert [c.split("/")[-1].split()[0] for c in calls if c.startswith("train")] == ["standard-s0", "trades-s0"]


def test_the_page_needs_a_standard_network(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no finished standard network"):
        main(tmp_path, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def row(name: str, low: float, gain: float) -> Row:
    moved, gained = (Interval(v, v - 0.01, v + 0.01, 9) for v in (low, gain))
    return Row(name, (0,), 1, 1.0, 0.5, None, moved, None, None, dict.fromkeys(PANELS, gained))


def test_verdicts_follow_the_rank_correlation() -> None:
    along = [row(str(k), 0.1 * k, 0.02 * k) for k in range(8)]
    assert rank_correlation(along, "noise").value == 1  # type: ignore[union-attr]
    assert "a lower sensitivity goes with robustness, rank correlation 1.00 [1.00, 1.00]" in verdicts(along)[0]
    against = [row(str(k), 0.1 * k, -0.02 * k) for k in range(8)]
    assert "goes against" in verdicts(against)[0]
    none = [row(str(k), 0.1 * k, g) for k, g in enumerate([0.1, 0.4, 0.2, 0.3, 0.15, 0.35, 0.25, 0.05])]
    assert "is not shown to go with" in verdicts(none)[0]
    assert verdicts(along[:4]) == []


def test_no_verdict_rests_on_networks_that_guess() -> None:
    rows = [replace(row(str(k), 0.1 * k, 0.02 * k), is_told=k < 4) for k in range(8)]
    assert verdicts(rows) == ["No verdict rests on 4, 5, 6, 7: not told from chance."]
    cells = table_of(rows).set_index("training")["accuracy"]
    assert (cells["3"], cells["4"]) == ("50.0", "50.0 (not told from chance)")


def test_the_target_is_set_against_its_control() -> None:
    rows = [row("standard", 0, 0), row("similarity-zero", 0.1, 0.02), row("similarity-pixel", 0.15, 0.03)]
    (said,) = claim_one(rows)
    assert "low share +15.0 [+14.0, +16.0] against +10.0 [+9.0, +11.0]" in said
    assert "noise +3.0 [+2.0, +4.0] against +2.0 [+1.0, +3.0]" in said


def test_seeds_are_averaged_and_a_missing_one_leaves_no_number() -> None:
    one, two = Interval(0.1, 0.0, 0.2, 9), Interval(0.3, 0.1, 0.5, 7)
    mean = over_seeds([one, two])
    assert mean is not None
    assert (mean.value, mean.low, mean.high, mean.n) == pytest.approx((0.2, 0.05, 0.35, 7))
    assert over_seeds([one, None]) is None
    assert shown(None) == "-"
    assert shown(Interval(1.5, np.nan, np.nan, 3), scale=1) == "+1.5"


@pytest.mark.slow
def test_cost_is_measured_from_the_settings_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cost.BATCH", 8)
    monkeypatch.setattr("cost.ROUNDS", 1)
    tiny = (
        "model.kwargs.width=8", "data.train_size=40", "data.test_size=20", "data.size=[16,16]", "batch_size=16",
        "val_fraction=0.2", "probe_size=8", "epochs=1", "measure_images=10", "--quiet",
    )  # fmt: skip
    runs = {
        name: Path(CliRunner().invoke(app, ["train", *tiny, *more]).stdout.strip())
        for name, more in {
            "standard": (),
            "trades": ("adversary.norm=linf", "adversary.loss=trades", "adversary.steps=8"),
        }.items()
    }
    found = cost_ratios(runs)
    assert found["standard"] == 1
    # Eight attack steps forward and back, each without the weights' gradients, beside one step.
    assert found["trades"] > 3
