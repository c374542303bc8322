"""``fsens hybrid-probe``: one model, several, and runs drawn again from their files."""

import json
from pathlib import Path

import pandas as pd
import pytest
from run_files import DESCRIBED
from typer.testing import CliRunner, Result

from fsens_cli.app import app

SMALL = ["data.test_size=40", "num_images=20", "pairings=2", "grid=[0,0.3,1]"]
RUN_FILES = {
    "run.json",
    "config.yaml",
    *DESCRIBED,
    "curve.csv",
    "per_pair.csv",
    "examples.npz",
    "curve.png",
    "examples.png",
}


def fsens(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_one_model_end_to_end_and_the_same_again(tmp_path: Path) -> None:
    done = fsens("hybrid-probe", "--weights", "random", "--out", tmp_path, *SMALL)
    assert done.exit_code == 0, done.output
    run = tmp_path / "hybrid-probe" / "resnet8-dualband" / "v001"
    assert {p.name for p in run.iterdir()} == RUN_FILES
    assert str(run) in done.stdout
    assert "40 pairs" in done.stdout
    assert "of 20 images is at chance level (10.0 %)" in done.stderr
    record = json.loads((run / "run.json").read_text())
    assert (record["verb"], record["status"], record["weights"]) == ("hybrid-probe", "done", "random")
    assert len(record["data_fingerprint"]) == 64
    again = fsens("hybrid-probe", "--weights", "random", "--out", tmp_path, "--quiet", *SMALL)
    second = Path(again.stdout.strip())
    assert second.name == "v002"
    for name in ("curve.csv", "per_pair.csv", "results.json"):
        assert (run / name).read_bytes() == (second / name).read_bytes()


def test_a_run_is_shown_and_drawn_from_its_files(tmp_path: Path) -> None:
    done = fsens("hybrid-probe", "--weights", "random", "--out", tmp_path, "--quiet", *SMALL)
    run = Path(done.stdout.strip())
    (run / "curve.png").unlink()
    shown = fsens("show", run, "--out", tmp_path, "--plot")
    assert shown.exit_code == 0, shown.output
    assert "40 pairs" in shown.stdout
    assert (run / "curve.png").is_file()


def test_json_is_the_results_file_and_nothing_else(tmp_path: Path) -> None:
    done = fsens("hybrid-probe", "--weights", "random", "--out", tmp_path, "--json", *SMALL)
    run = tmp_path / "hybrid-probe" / "resnet8-dualband" / "v001"
    said = json.loads(done.stdout)
    assert said.items() >= json.loads((run / "results.json").read_text()).items()
    assert [q["key"] for q in said["quantities"]] == ["accuracy", "f_rev"]


def test_several_models_give_one_overlay_and_one_table(tmp_path: Path) -> None:
    done = fsens(
        "hybrid-probe", "-m", "--weights", "packaged:standard,packaged:lsf,packaged:hsf", "--out", tmp_path, *SMALL
    )
    assert done.exit_code == 0, done.output
    sweep = tmp_path / "sweeps" / "hybrid-probe" / "v001"
    assert {p.name for p in sweep.iterdir()} == {"summary.csv", "overlay.png", "sweep.json", "jobs"}
    table = pd.read_csv(sweep / "summary.csv")
    assert table["verb"].tolist() == ["hybrid-probe"] * 3
    assert len(set(table["weights"])) == 3
    order = {"no crossing below the grid": -1.0, "no crossing above the grid": 2.0}
    notes = table.get("f_rev_note", table["f_rev"])
    keys = [order.get(note, value) for note, value in zip(notes, table["f_rev"], strict=True)]
    assert keys == sorted(keys)
    assert {"f_rev_ci_low", "accuracy_ci_low", "accuracy_n"} <= set(table.columns)


def test_a_failed_job_keeps_the_others(tmp_path: Path) -> None:
    done = fsens("hybrid-probe", "-m", "--weights", "random,nowhere.pt", "--out", tmp_path, *SMALL)
    assert done.exit_code == 1
    sweep = tmp_path / "sweeps" / "hybrid-probe" / "v001"
    assert pd.read_csv(sweep / "summary.csv")["status"].tolist() == ["done", "failed"]
    assert (sweep / "overlay.png").is_file()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mask=box", "mask=box is not known; mask can be sharp, gaussian, butterworth."),
        ("pairs=none", "pairs=none is not known; pairs can be all, both_correct."),
        ("grid=[0.5,0.1]", "at least two frequencies, ascending"),
        ("grid=0.5", "grid"),
        ("num=1", "give 2 to 1000 frequencies"),
        ("pairings=0", "must lie between 1 and 1000"),
        ("num_images=1", "must be at least 2"),
        ("split=val", "split can be train, test"),
        ("pairing=3", "unknown setting 'pairing'. Closest: pairings"),
        ("clip=maybe", "clip"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path: Path, override: str, message: str) -> None:
    out = tmp_path / "out"
    done = fsens("hybrid-probe", "--weights", "random", "--out", out, *[s for s in SMALL if "grid" not in s], override)
    assert done.exit_code == 2
    last_line = done.stderr.strip().splitlines()[-1]
    assert last_line.startswith("error: ")
    assert message in last_line
    assert "Traceback" not in done.output
    assert not out.exists()


def test_help_and_configuration_name_the_settings() -> None:
    shown = fsens("hybrid-probe", "--help")
    assert shown.exit_code == 0
    config = fsens("hybrid-probe", "--print-config")
    assert config.exit_code == 0
    for setting in ("pairings", "grid", "num", "mask", "order", "clip", "pairs", "split", "num_images"):
        assert setting in shown.stdout
        assert f"\n{setting}:" in f"\n{config.stdout}"


def test_the_library_has_the_same_names() -> None:
    import fsens_cli as fsens

    assert fsens.hybrid_probe.__name__ == "hybrid_probe"
    assert fsens.HybridConfig().pairings == 2
    assert fsens.HybridResult.__name__ == "HybridResult"
