"""``fsens measure``: what it prints, what it leaves, how it sweeps."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from run_files import DESCRIBED
from typer.testing import Result

from fsens_cli.config.spelling import quoted
from fsens_cli.models.checkpoint import read_state_dict, sha256_of

Type = Callable[..., Result]

FILES = {
    "run.json",
    "config.yaml",
    *DESCRIBED,
    "spectrum.csv",
    "bands.csv",
    "per_image.csv",
    "per_class.csv",
    "per_class_bands.csv",
    "shares.npz",
    "map.npz",
}
NAME = "net.py-make-dualband"


def test_a_measurement_with_its_figures(measure: Type) -> None:
    result = measure("tag=mine")
    assert result.exit_code == 0, result.output
    folder = Path("outputs/measure") / f"{NAME}-mine" / "v001"
    assert {p.name for p in folder.iterdir()} == FILES | {"spectrum.png", "map.png", "classes.png"}
    *_, last = result.stdout.rstrip("\n").split("\n")
    assert last == str(folder)
    results = json.loads((folder / "results.json").read_text())
    low = results["bands"][0]["share"]
    assert f"{low['value']:.3f} [{low['low']:.3f}, {low['high']:.3f}]" in result.stdout
    assert "net.py:make (random) on dualband test, 20 images, accuracy" in result.stdout
    assert "self-check: first-order error" in result.stdout
    assert "\x1b" not in result.stdout
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], record["weights"], record["seed"]) == ("done", "random", 0)
    assert len(record["data_fingerprint"]) == 64
    assert {"torch", "fsens", "python", "numpy"} <= set(record["versions"])
    assert record["peak_memory_mib"] > 0
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["data"]["test_size"], config["tag"]) == (20, "mine")


def test_one_image_has_a_spectrum_without_an_interval(measure: Type, fsens: Type) -> None:
    result = measure("num_images=1")
    assert result.exit_code == 0, result.output
    assert next(Path("outputs").rglob("spectrum.png")).stat().st_size > 10_000
    again = fsens("show", "latest")
    assert again.stdout == result.stdout


@pytest.mark.usefixtures("no_figures")
def test_json_is_the_results_file_and_nothing_else(measure: Type) -> None:
    result = measure("--json")
    folder = Path("outputs/measure") / NAME / "v001"
    said = json.loads(result.stdout)
    assert said.items() >= json.loads((folder / "results.json").read_text()).items()
    assert said["folder"] == str(folder)
    assert [q["key"] for q in said["quantities"]][:2] == ["accuracy", "share-low"]


@pytest.mark.usefixtures("no_figures")
def test_quiet_prints_the_folder_alone(measure: Type) -> None:
    assert measure("--quiet").stdout == f"outputs/measure/{NAME}/v001\n"
    assert measure("--quiet").stdout == f"outputs/measure/{NAME}/v002\n"


@pytest.mark.usefixtures("no_figures")
def test_same_seed_same_bytes_and_another_seed_other_images(measure: Type) -> None:
    for seed in (0, 0, 1):
        assert measure("--seed", str(seed), "num_images=10").exit_code == 0
    first, second, third = (Path("outputs/measure") / NAME / f"v00{i}" for i in (1, 2, 3))
    for name in ("spectrum.csv", "bands.csv", "per_image.csv", "results.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    indices = [pd.read_csv(f / "per_image.csv")["index"].tolist() for f in (first, third)]
    assert len(indices[0]) == len(indices[1]) == 10
    assert indices[0] != indices[1]


@pytest.mark.usefixtures("no_figures")
def test_a_folder_of_odd_oblong_pictures_and_a_nested_checkpoint(measure: Type) -> None:
    for number, name in enumerate("abc"):
        Path("my pics", name).mkdir(parents=True)
        for i in range(2):
            pixels = np.random.default_rng(10 * number + i).integers(0, 256, (15, 26, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(Path("my pics", name, f"{i}.png"))
    sizes = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "fc.weight": (3, 4), "fc.bias": (3,)}
    torch.manual_seed(0)
    torch.save({"state_dict": {f"module.{k}": torch.randn(s) for k, s in sizes.items()}}, "it's mine.pt")
    result = measure(
        "--data",
        "folder",
        "--weights",
        "it's mine.pt",
        "data.root=my pics",
        "model.mean=[.5]",
        "model.std=[.25]",
        "--json",
    )
    assert result.exit_code == 0, result.output
    results = json.loads(result.stdout)
    assert (results["num_images"], results["image_size"], results["num_classes"]) == (6, [15, 26], 3)
    assert (results["weights"], results["data"]) == ("it's mine.pt", "my pics, all images")
    record = json.loads(Path("outputs/measure/net.py-make-my-pics/v001/run.json").read_text())
    assert record["weights_sha256"] == sha256_of(Path("it's mine.pt"))
    assert record["normalization"] == {"mean": [0.5], "std": [0.25]}
    assert "module.conv.weight" not in read_state_dict(Path("it's mine.pt"))


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("title", ["[bold]", "a [/] [x", "back\\"])
def test_titles_are_printed_as_they_are(title: str, measure: Type) -> None:
    result = measure(f"data.title={quoted(title)}")
    assert result.exit_code == 0, result.output
    assert f"on {title} test, 20 images" in result.stdout


@pytest.mark.usefixtures("no_figures")
def test_a_sweep_keeps_the_jobs_beside_a_failing_one(measure: Type) -> None:
    result = measure("-m", "--model", "net.py:make_gray,net.py:make", "seed=0,1", "tag=x")
    assert result.exit_code == 1
    summary = pd.read_csv("outputs/sweeps/measure/v001/summary.csv")
    assert summary["model"].tolist() == ["net.py:make_gray"] * 2 + ["net.py:make"] * 2
    assert summary["seed"].tolist() == [0, 1, 0, 1]
    assert summary["status"].tolist() == ["failed", "failed", "done", "done"]
    for folder in summary["folder"][2:]:
        assert json.loads((Path(folder) / "run.json").read_text())["status"] == "done"
    errors = [line for line in result.stderr.split("\n") if line.startswith("error: ")]
    assert len(errors) == 2
    assert "model=net.py:make_gray" in errors[0]
    assert "cannot take 3x32x32 images" in errors[0]
    assert "Traceback" not in result.stderr
    assert result.stdout.rstrip("\n").split("\n")[-1] == "outputs/sweeps/measure/v001"
    assert {p.name for p in Path("outputs/sweeps/measure/v001").iterdir()} == {
        "summary.csv",
        "overlay.png",
        "sweep.json",
        "jobs",
    }
    assert [p.name for p in Path("outputs/measure").iterdir()] == [f"{NAME}-x"]
    shares = summary[["share-low", "share-mid", "share-high"]].sum(axis=1)
    assert shares[2:].tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.usefixtures("no_figures")
def test_a_sweep_without_failures_exits_with_0(measure: Type) -> None:
    result = measure("-m", "channels=mean,power", "--out", "it's [here]")
    assert result.exit_code == 0, result.output
    assert result.stdout.rstrip("\n").split("\n")[-1] == "it's [here]/sweeps/measure/v001"


def test_print_config_runs_nothing(measure: Type) -> None:
    result = measure("--print-config", "convention=reference", "data.low_cue=0")
    config = yaml.safe_load(result.stdout)
    assert (config["space"], config["data"]["low_cue"], config["model"]["name"]) == ("normalized", 0.0, "net.py:make")
    assert not Path("outputs").exists()


@pytest.mark.usefixtures("no_figures")
def test_a_model_at_chance_level_is_warned_of_on_standard_error(measure: Type) -> None:
    result = measure()
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: accuracy ")
    assert "of 20 images cannot be told from chance (10.0 %)" in result.stderr
    assert "warning" not in result.stdout


def test_help_does_not_wait_for_torch() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from fsens_cli.app import app;"
        "r = CliRunner().invoke(app, ['measure', '--help']);"
        "print(r.exit_code, [m for m in ('torch', 'hydra', 'matplotlib', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"


def test_the_package_s_names_are_imported_when_used() -> None:
    code = (
        "import sys, fsens_cli as fsens; assert 'torch' not in sys.modules; "
        "assert {'measure', 'Classifier', 'MeasureConfig', 'FsensError'} <= set(fsens.__all__); "
        "assert all(hasattr(fsens, name) for name in fsens.__all__); print(fsens.measure.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "fsens_cli.python.calls\n"


@pytest.mark.usefixtures("no_figures")
def test_four_digits_of_every_table_hold_whatever_the_batch(measure: Type) -> None:
    """As docs/reliability.md promises; the CPU adds in another order in batches of another size."""
    found = []
    for batch in (1, 7, 128):
        result = measure("--model", "resnet8", "--weights", "packaged:standard", f"batch_size={batch}")
        assert result.exit_code == 0, result.output
        folder = Path(result.stdout.rstrip().splitlines()[-1])
        found.append({path.name: pd.read_csv(path) for path in folder.glob("*.csv")})
    assert set(found[0]) >= {"spectrum.csv", "bands.csv", "quantities.csv", "per_image.csv"}
    for other in found[1:]:
        for name, table in found[0].items():
            pd.testing.assert_frame_equal(table, other[name], check_exact=False, rtol=1e-4, atol=1e-12)
