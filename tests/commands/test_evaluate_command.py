"""``fsens evaluate`` as a user types it: its files, its refusals, and that a killed one goes on."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_files import DESCRIBED
from typer.testing import Result

from fsens_cli.experiments.part_result import PartResult
from fsens_cli.runs.evaluation_parts import PartFiles
from fsens_cli.runs.files import write_arrays

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]

QUICK = [
    "num_images=12",
    "data.test_size=40",
    "suite.corruptions=[fog,shot_noise]",
    "suite.severities=[3]",
    "suite.cutoffs=[4,8]",
    "suite.shuffles=[2]",
    "suite.noise_levels=[0.1]",
    "suite.attack_images=4",
    "suite.heat_map_images=2",
    "attack.steps=2",
    "attack.minimal_steps=5",
]
FIGURES = {"corruptions.png", "calibration.png", "filters.png", "robustness.png", "heat_map.png"}
TABLES = {"accuracy.csv", "prediction.csv", "corruption_spectra.csv", "per_image.csv", "minimal.csv", "heat_map.csv",
          "attack_stages.csv", "calibration.csv", "reliability.csv"}  # fmt: skip


@pytest.fixture
def evaluate(fsens: Type) -> Type:
    def type_(*arguments: str) -> Result:
        settings = [s for s in QUICK if s.split("=")[0] not in {a.split("=")[0] for a in arguments}]
        return fsens("evaluate", *settings, *arguments)

    return type_


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsens_cli.runs.evaluate_files.draw_evaluate", lambda folder, formats: [])


def run_folder() -> Path:
    (found,) = Path("outputs/evaluate").glob("*/v001")
    return found


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_folder_that_is_removed_meanwhile_is_no_success(
    when: str, evaluate: Type, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = PartFiles.save

    def removing(files: PartFiles, result: PartResult) -> None:
        shutil.rmtree(files.run.path)
        save(files, result)

    def written(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
        shutil.rmtree(path.parents[1])
        write_arrays(path, arrays)

    if when == "before":
        monkeypatch.setattr(PartFiles, "save", removing)
    else:
        monkeypatch.setattr("fsens_cli.runs.evaluation_parts.write_arrays", written)
    said = error_of(evaluate("--quiet"))
    assert said == "outputs/evaluate/resnet8-dualband/v001 was removed while it was written to: start the run again."
    assert not list(Path().rglob("v001"))


def test_every_file_is_there(evaluate: Type, fsens: Type) -> None:
    result = evaluate()
    assert result.exit_code == 0, result.output
    folder = run_folder()
    names = {p.name for p in folder.iterdir()}
    # Ranks of losses that are all alike are no picture.
    ranked = json.loads((folder / "results.json").read_text())["corruption_prediction"]["spearman"]
    figures = FIGURES if ranked is None else FIGURES | {"prediction.png"}
    assert figures | TABLES | {"summary.md", *DESCRIBED, "run.json", "config.yaml", "parts"} == names
    table = pd.read_csv(folder / "accuracy.csv")
    assert set(table["kind"]) == {"clean", "corruption", "filter", "shuffle", "noise", "attack"}
    assert table["accuracy"].between(table["accuracy_ci_low"], table["accuracy_ci_high"]).all()
    per_image = pd.read_csv(folder / "per_image.csv")
    assert len(per_image) == 12
    # Every accuracy follows from the per-image table; attacks saw fewer images.
    for row, column in zip(table.itertuples(), per_image.columns[2:], strict=True):
        answers = per_image[column].dropna()
        assert len(answers) == row.n
        assert answers.mean() == pytest.approx(row.accuracy)
    results = json.loads((folder / "results.json").read_text())
    assert results["accuracy"]["n"] == 12
    heat = pd.read_csv(folder / "heat_map.csv")
    assert len(heat) == 513
    assert heat["gradient_power_share"].sum() == pytest.approx(1)
    shown = fsens("show", "latest")
    assert shown.exit_code == 0
    assert shown.stdout.strip().splitlines()[0] in result.stdout


def test_figures_can_be_drawn_again(evaluate: Type, fsens: Type, no_drawing: None) -> None:
    assert evaluate().exit_code == 0
    folder = run_folder()
    assert not FIGURES & {p.name for p in folder.iterdir()}
    assert fsens("show", str(folder), "--plot").exit_code == 0
    assert {p.name for p in folder.iterdir()} >= FIGURES


def test_parts_that_are_left_out_leave_no_files(evaluate: Type) -> None:
    off = [
        "suite.corruptions=[]",
        "suite.minimal=false",
        "suite.heat_map=false",
        "suite.filters=[]",
        "suite.attacks=[]",
    ]
    result = evaluate(*off)
    assert result.exit_code == 0, result.output
    names = {p.name for p in run_folder().iterdir()}
    # Nothing has to be asked for the clean images' calibration.
    clean = {"accuracy.csv", "per_image.csv", "calibration.csv", "reliability.csv", "calibration.png"}
    assert not names & ((FIGURES | TABLES) - clean)
    assert pd.read_csv(run_folder() / "calibration.csv")["severity"].tolist() == [0]


def test_calibration_and_mean_error(evaluate: Type, fsens: Type, no_drawing: None) -> None:
    off = ["suite.filters=[]", "suite.shuffles=[]", "suite.noises=[]", "suite.attacks=[]", "suite.minimal=false",
           "suite.heat_map=false", "suite.prediction=false"]  # fmt: skip
    result = evaluate(*off, "suite.corruptions=[standard]", "suite.severities=[1,2,3,4,5]")
    assert result.exit_code == 0, result.output
    folder = run_folder()
    cells = pd.read_csv(folder / "accuracy.csv").query("kind == 'corruption'")
    assert len(cells) == 75
    numbers = pd.read_csv(folder / "quantities.csv").set_index("key")
    assert numbers.loc["mean-error", "value"] == pytest.approx(1 - cells["accuracy"].mean())
    assert "mce" not in numbers.index, "AlexNet's errors are those of ImageNet"
    assert {"ece", "nll", "brier", "ece-5", "nll-5", "brier-5"} <= set(numbers.index)
    bins = pd.read_csv(folder / "reliability.csv").query("count > 0")
    errors = pd.read_csv(folder / "calibration.csv").set_index("severity")
    for severity, rows in bins.groupby("severity"):
        gap = (rows["count"] * (rows["accuracy"] - rows["confidence"]).abs()).sum() / rows["count"].sum()
        row = errors.loc[severity]
        assert row["ece"] == pytest.approx(gap, abs=1e-8), "tables have eight digits"
        assert row["ece_ci_low"] <= row["ece"] <= row["ece_ci_high"]
    assert "ECE %" in result.stdout
    # Random weights are at chance: their probabilities mean nothing.
    untrained = evaluate(*off, "--weights", "random", "tag=untrained")
    assert untrained.exit_code == 0, untrained.output
    (other,) = Path("outputs/evaluate").glob("*untrained/v001")
    assert not (other / "calibration.csv").exists()
    assert "ECE" not in untrained.stdout


def test_a_killed_evaluation_goes_on(
    evaluate: Type, fsens: Type, no_drawing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsens_cli.experiments import evaluate_parts

    assert evaluate("tag=whole").exit_code == 0
    heat_map = evaluate_parts.RUNNERS["heat-map"]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(evaluate_parts.RUNNERS, "heat-map", killed)
    assert evaluate("tag=cut").exit_code == 130
    (cut,) = Path("outputs/evaluate").glob("*cut/v001")
    stored = {p: p.stat().st_mtime_ns for p in (cut / "parts").iterdir()}
    assert len(stored) > 5
    spoilt = {cut / "parts" / "clean.npz": b"half a file", max(stored): b""}
    for path, content in spoilt.items():
        path.write_bytes(content)
    monkeypatch.setitem(evaluate_parts.RUNNERS, "heat-map", heat_map)
    changed = fsens("evaluate", "--resume", str(cut), "seed=3")
    assert changed.exit_code == 2
    assert "seed" in changed.stderr
    resumed = fsens("evaluate", "--resume", str(cut))
    assert resumed.exit_code == 0, resumed.output
    untouched = [p for p in stored if p not in spoilt]
    assert all(p.stat().st_mtime_ns == stored[p] for p in untouched)
    (whole,) = Path("outputs/evaluate").glob("*whole/v001")
    for name in TABLES:
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name
    assert fsens("evaluate", "--resume", str(cut)).exit_code == 2


def test_a_killed_cascade_goes_on_with_the_attack_it_was_in(
    evaluate: Type, fsens: Type, no_drawing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsens_cli.perturb.attacks import stages

    off = ["suite.corruptions=[]", "suite.filters=[]", "suite.shuffles=[]", "suite.noises=[]", "suite.minimal=false"]
    only = [*off, "suite.heat_map=false", "suite.attacks=[cascade]", "suite.norms=[l2]", "suite.eps_l2=[0.7]",
            "suite.attack_images=12", "batch_size=5"]  # fmt: skip
    assert evaluate(*only, "tag=whole").exit_code == 0
    (whole,) = Path("outputs/evaluate").glob("*whole/v001")
    stages_csv = pd.read_csv(whole / "attack_stages.csv")
    assert list(stages_csv["stage"]) == ["clean", "pgd", "apgd-ce", "apgd-t"]
    assert stages_csv["accuracy"].nunique() > 1

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(stages.SINGLE, "apgd-t", killed)
        assert evaluate(*only, "tag=cut").exit_code == 130
    (cut,) = Path("outputs/evaluate").glob("*cut/v001")
    assert {p.name for p in (cut / "parts").iterdir()} == {
        "clean.npz", "attack-cascade-l2-0.7-pgd.npz", "attack-cascade-l2-0.7-apgd-ce.npz"
    }  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setitem(stages.SINGLE, "pgd", killed)
        patched.setitem(stages.SINGLE, "apgd-ce", killed)
        resumed = fsens("evaluate", "--resume", str(cut))
    assert resumed.exit_code == 0, resumed.output
    for name in ("accuracy.csv", "per_image.csv", "attack_stages.csv", "quantities.csv"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("suite.corruptions=[foggy]", "fog"),
        ("suite.corruptions=[plasma_noise]", "can only be read: give corruption.root=FOLDER"),
        ("suite.severities=[0]", "severity"),
        ("suite.eps_linf=[8]", "0.0314"),
        ("suite.attacks=[pdg]", "pgd"),
        ("suite=quik", "quick"),
        ("suite.filters=[notch]", "band-pass"),
        ("attack.eot=0", "eot"),
        ("corruption.table=64", "224"),
        ("corruption.root=nowhere", "not a folder"),
        ("num_images=1", "at least 2"),
        ("suite.shuffles=[33]", "33"),
    ],
)
def test_bad_input(evaluate: Type, error_of: ErrorOf, setting: str, words: str) -> None:
    assert words in error_of(evaluate(setting))


def write_official(root: Path, label: np.ndarray, names: tuple[str, ...]) -> None:
    root.mkdir()
    np.save(root / "labels.npy", np.tile(label, 5))
    for name in names:
        np.save(root / f"{name}.npy", np.zeros((50_000, 32, 32, 3), dtype=np.uint8))


def test_official_pictures(evaluate: Type, error_of: ErrorOf, somewhere: Path) -> None:
    from fsens_cli.data.dualband import DualbandConfig
    from fsens_cli.data.dualband_images import load_dualband

    label = np.zeros(10_000, dtype=np.uint8)
    label[:40] = load_dualband(DualbandConfig(test_size=40), "test").label_N.numpy()
    write_official(somewhere / "dualband-C", label, ("fog",))
    wanted = ["corruption.root=dualband-C", "suite.attacks=[]", "suite.minimal=false", "suite.heat_map=false"]
    assert "shot_noise" in error_of(evaluate(*wanted))
    result = evaluate(*wanted, "suite.corruptions=[fog]")
    assert result.exit_code == 0, result.output
    per_image = pd.read_csv(run_folder() / "per_image.csv")
    # The same black picture always gets the same answer.
    assert per_image.groupby("label")["fog-3"].nunique().max() == 1
    assert "read from dualband-C" in (run_folder() / "summary.md").read_text()
    label[7] = (label[7] + 1) % 10
    np.save(somewhere / "dualband-C" / "labels.npy", np.tile(label, 5))
    changed = evaluate(*wanted, "suite.corruptions=[fog]", "num_images=40", "tag=other")
    assert changed.exit_code == 2
    assert "picture 7" in changed.stderr


def test_a_sweep(evaluate: Type, no_drawing: None) -> None:
    result = evaluate(
        "-m", "--weights", "packaged:standard,packaged:lsf", "suite.heat_map=false", "suite.minimal=false"
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv("outputs/sweeps/evaluate/v001/summary.csv")
    assert len(table) == 2
    assert {"accuracy", "corruptions-all", "attack-pgd-l2-0.25_ci_low"} <= set(table.columns)
