"""All interventions under one protocol: what is run, and what the table and the verdict rest on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cost import cost_ratios
from intervention_rows import PANELS, Row, mean_of_bounds, over_seeds, pairs_of, row_of, seed_rows
from intervention_verdicts import brain_like, rank_correlation, shown, verdicts
from interventions import main, table_of
from networks import Asked, Network
from typer.testing import CliRunner

from fsens_cli.app import app
from fsens_cli.experiments.quantities import Sample, quantity
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


def test_strengths_are_chosen_by_short_trainings_that_are_not_made_again(script) -> None:  # noqa: ANN001
    only = {"ONLY": "lsf similarity-pixel similarity-zero apr-sp", "TUNE": "1"}
    code, calls = script("interventions.sh", **only)
    assert code == 0
    tried = [c for c in calls if "/strengths/" in c and c.startswith("train")]
    assert [c.split()[-1] for c in tried] == [
        *(f"regularizer.weight={w}" for w in ("0.5", "0.167", "1.5", "10", "3.3", "30"))
    ]
    assert all("seed=1000" in c and "epochs=1" in c for c in tried)
    # The stand-in says 7: of strengths for two, of a matched control for one; the policy has none.
    chosen = {name: c.split()[-1] for c in calls for name in only["ONLY"].split() if f"/{name}-s0 --quiet seed=0" in c}
    assert chosen == {
        "lsf": "regularizer.weight=7", "similarity-pixel": "regularizer.weight=7",
        "similarity-zero": "regularizer.weight=7", "apr-sp": "augment.policy=apr-sp",
    }  # fmt: skip
    again = script("interventions.sh", **only)[1]
    assert {c.split()[0] for c in again} == {"page"}
    # A training that breaks ends everything: no strength is made up.
    assert script("interventions.sh", ONLY="asf", TUNE="1", BREAK="train")[0] != 0


def test_the_page_needs_a_standard_network(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no finished standard network"):
        main(tmp_path, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def row(name: str, low: float, gain: float) -> Row:
    moved, gained = (Interval(v, v - 0.01, v + 0.01, 9) for v in (low, gain))
    return Row(name, (0,), 1, 1.0, 0.5, moved, None, None, dict.fromkeys(PANELS, gained))


def said_of(rows: list[Row]) -> list[str]:
    return verdicts(rows, lambda *_: [])


def test_verdicts_follow_the_rank_correlation() -> None:
    along = [row(str(k), 0.1 * k, 0.02 * k) for k in range(8)]
    assert rank_correlation(along, "noise").value == 1  # type: ignore[union-attr]
    assert "a lower sensitivity goes with robustness, rank correlation 1.00 [1.00, 1.00]" in said_of(along)[0]
    against = [row(str(k), 0.1 * k, -0.02 * k) for k in range(8)]
    assert "goes against" in said_of(against)[0]
    assert "moved low without gaining: 1 -2.0, 2 -4.0" in said_of(against)[0]
    none = [row(str(k), 0.1 * k, g) for k, g in enumerate([0.1, 0.4, 0.2, 0.3, 0.15, 0.35, 0.25, 0.05])]
    assert "is not shown to go with" in said_of(none)[0]
    assert "gained without moving low: 0 +10.0." in said_of(none)[0]
    assert said_of(along[:4]) == []


def test_no_verdict_rests_on_networks_that_guess() -> None:
    rows = [replace(row(str(k), 0.1 * k, 0.02 * k), is_told=k < 4) for k in range(8)]
    assert said_of(rows) == ["No verdict rests on 4, 5, 6, 7: not told from chance."]
    cells = table_of(rows).set_index("training")["accuracy"]
    assert (cells["3"], cells["4"]) == ("50.0", "50.0 (not told from chance)")


def network(folder: Path, name: str, seed: int, right_NC: np.ndarray, low_N: np.ndarray) -> Network:
    """A network whose evaluation holds a clean condition, a corruption and an attack, and each image's low share."""
    folder = folder / f"{name}-s{seed}"
    folder.mkdir(parents=True)
    table = pd.DataFrame(right_NC, columns=["clean", "fog-3", "pgd"])
    table.insert(0, "index", range(100, 100 + len(table)))
    table.to_csv(folder / "per_image.csv", index=False)
    conditions = [
        {"name": "fog-3", "kind": "corruption", "group": "low", "probe": "fog"},
        {"name": "pgd", "kind": "attack", "group": "", "probe": "pgd"},
    ]
    clean = {"value": 0.9, "low": 0.8, "high": 0.95}
    results = {"conditions": conditions, "accuracy": clean, "num_images": len(table), "num_classes": 10}
    answers = Sample(kind="mean", index=torch.arange(len(low_N)), value=torch.from_numpy(low_N))
    share = quantity(Interval(float(low_N.mean()), 0, 1, len(low_N)), "share-low", "low", sample=answers)
    trained = Asked(folder / "train" / "net" / "v001", {}, {"epochs": 1, "test_accuracy": {"value": 0.9}}, (share,))
    asked = Asked(folder, {}, results, ())
    return Network(name, seed, trained, asked, asked)


def test_differences_are_paired_by_image_and_seed(tmp_path: Path) -> None:
    """The mean over seeds and images, its interval from images alone: a bootstrap over images finds the same."""
    random = np.random.default_rng(0)
    hard_N = random.random(200)
    networks = []
    for name, skill in (("standard", 0.5), ("lsf", 0.7)):
        for seed in (0, 1):
            right = (random.random((200, 3)) * 0.3 + skill > hard_N[:, None]).astype(int)
            networks.append(network(tmp_path, name, seed, right, hard_N * skill + 0.05 * random.random(200)))
    pairs = pairs_of(networks)("standard", "lsf")
    found = row_of("lsf", pairs)
    by_image = np.mean([b.per_image["fog-3"] - a.per_image["fog-3"] for a, b in pairs], axis=0)
    drawn = by_image[random.integers(200, size=(4000, 200))].mean(axis=1)
    gain = found.gains["weather"]
    assert gain.value == pytest.approx(by_image.mean())
    assert (gain.low, gain.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.006)
    assert found.low is not None
    assert found.low.value == pytest.approx(0.2 * hard_N.mean(), abs=0.01)
    # Narrower than the seeds' own intervals, whose mean would not know that there are two.
    seeds = pd.DataFrame(seed_rows("lsf", pairs)).query("number == 'weather'")
    assert len(seeds) == 2
    assert (seeds["ci_high"] - seeds["ci_low"]).mean() > gain.high - gain.low
    assert seeds["value"].mean() == pytest.approx(gain.value)
    assert set(found.gains) == {"clean", "corruptions", "weather", "attacks"}
    # A seed that one of the two lacks is left out.
    assert [b.seed for _, b in pairs_of(networks[:3])("standard", "lsf")] == [0]


@pytest.mark.parametrize(
    ("gain", "low", "verdict"),
    [
        (0.3, 0.2, "more robust (corruptions, attacks), and lower: as claimed"),
        (0.3, 0.0, "more robust (corruptions, attacks), without moving low: something else explains it"),
        (0.0, 0.2, "not shown to be more robust, though it moves low"),
        (-0.3, 0.0, "not shown to be more robust, nor lower; less robust: corruptions, attacks"),
    ],
)
def test_the_claim_is_judged_beside_standard_and_control(gain: float, low: float, verdict: str, tmp_path: Path) -> None:
    random = np.random.default_rng(1)

    def trained(name: str, share: float, moved: float) -> Network:
        right = (random.random((300, 3)) < share).astype(int)
        return network(tmp_path, name, 0, right, moved + 0.01 * random.random(300))

    networks = [trained("standard", 0.5, 0.3), trained("similarity-zero", 0.5, 0.3)]
    networks.append(trained("similarity-pixel", 0.5 + gain, 0.3 + low))
    said = verdicts([], pairs_of(networks))
    assert [s.split(",")[0] for s in said] == [f"similarity-pixel beside {x}" for x in ("standard", "similarity-zero")]
    assert all(f"1 seed: {verdict} (corruptions " in s for s in said), said
    assert verdicts([], pairs_of(networks[:2])) == []
    assert brain_like(pairs_of(networks[:2])) is None


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [((0.3, 0.3), "reproduced"), ((0.3, 0.0), "partly"), ((-0.3, -0.3), "partly")],
)
def test_brain_like_is_reproduced_where_every_seed_gains(
    gains: tuple[float, float], verdict: str, tmp_path: Path
) -> None:
    random = np.random.default_rng(2)
    networks = []
    for seed, gain in enumerate(gains):
        for name, share, moved in (("standard", 0.5, 0.3), ("similarity-gabor", 0.5 + gain, 0.5)):
            right = (random.random((300, 3)) < share).astype(int)
            networks.append(network(tmp_path, name, seed, right, moved + 0.01 * random.random(300)))
    claim = brain_like(pairs_of(networks))
    assert claim is not None
    assert claim.verdict == verdict
    assert "similarity-gabor low share +20." in claim.found  # .2 of the sensitivity, as made
    assert claim.found.count("[") == 6  # two seeds of three numbers: these runs were not asked for f_rev


def test_a_missing_answer_leaves_no_number() -> None:
    assert over_seeds([pd.Series([0.1]), None]) is None
    one, two = Interval(0.1, 0.0, 0.2, 9), Interval(0.3, 0.1, 0.5, 7)
    assert mean_of_bounds([one, two]) == Interval(pytest.approx(0.2), 0.05, 0.35, 7)  # type: ignore[arg-type]
    assert mean_of_bounds([one, Interval(np.nan, 0, 0, 3)]) is None
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
