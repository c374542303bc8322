"""``fsens blur-defense`` as a user types it: its files, both modes, its refusals, and that a killed one goes on."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pytest
from run_files import DESCRIBED
from typer.testing import Result

from fsens_cli.commands import train_recorder

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]

QUICK = [
    "num_images=24",
    "data.test_size=40",
    "data.train_size=300",
    "suite.corruptions=[contrast]",
    "suite.severities=[3]",
    "suite.attack_images=6",
    "suite.eps_linf=[0.01,0.02]",
    "suite.eps_l2=[0.5]",
    "attack.steps=2",
    "attack.minimal_steps=6",
    "checks.images=6",
    "checks.steps=2",
    "checks.queries=5",
    "checks.starts=2",
    "pairings=1",
]
FIGURES = {"defense.png", "success.png", "profiles.png", "spectra.png", "scatter.png"}
FILES = {"sweep.csv", "corruptions.csv", "sizes.csv", "profiles.csv", "checks.csv", "spectra.npz", "summary.md"}


@pytest.fixture
def defense(fsens: Type) -> Type:
    def type_(*arguments: str) -> Result:
        settings = [s for s in QUICK if s.split("=")[0] not in {a.split("=")[0] for a in arguments}]
        return fsens("blur-defense", *settings, *arguments)

    return type_


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsens_cli.runs.defense_files.draw_defense", lambda folder, formats: [])


def newest() -> Path:
    return max(Path("outputs/blur-defense").glob("*/v*"), key=lambda p: p.stat().st_mtime_ns)


def test_test_time(defense: Type, fsens: Type) -> None:
    result = defense("sigmas=[0,1.5]", "--weights", "packaged:lsf")
    assert result.exit_code == 0, result.output
    folder = newest()
    names = {p.name for p in folder.iterdir()}
    assert names == FIGURES | FILES | {*DESCRIBED, "run.json", "config.yaml", "parts"}
    sweep = pd.read_csv(folder / "sweep.csv")
    assert sweep["filter"].tolist() == ["none", "blur 1.5"]
    assert (sweep["mode"] == "test_time").all()
    # This network listens to the low cue, which a blur of 1.5 pixels lets through.
    assert (sweep["accuracy"] > 0.8).all()
    sizes = pd.read_csv(folder / "sizes.csv")
    assert len(sizes) == 2 * 2 * 6
    for name, group in sizes[sizes["norm"] == "linf"].groupby("filter"):
        row = sweep[sweep["filter"] == name].iloc[0]
        assert group.loc[group["size_pixel_range"] > 0, "size_pixel_range"].median() == pytest.approx(
            row["linf_median_size_pixel_range"]
        )
        assert (group["size_pixel_range"] > 0.02).mean() <= row["accuracy_at_linf-0.01"] + 1e-9
    profiles = pd.read_csv(folder / "profiles.csv")
    assert profiles.groupby(["filter", "norm"])["cumulative_share"].max().between(0.999999, 1.000001).all()
    shown = fsens("show", "latest")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[0] in result.stdout


def test_the_default_compares_the_packaged_pair_and_a_control(defense: Type, no_drawing: None) -> None:
    result = defense("num_images=60")
    assert result.exit_code == 0, result.output
    sweep = pd.read_csv(newest() / "sweep.csv")
    assert sweep["filter"].tolist() == ["none", "blur 1.5", "blur 0.5 at test time"]
    assert sweep["mode"].tolist() == ["trained", "trained", "test_time"]
    # None of them is at chance, 10 %, and the one trained through its blur needs the largest perturbations.
    assert (sweep["accuracy"] > 0.8).all()
    assert sweep["linf_median_size_pixel_range"].idxmax() == 1


def test_a_control_needs_a_network_without_a_filter(defense: Type, error_of: ErrorOf) -> None:
    result = defense("mode=trained", "runs=[packaged:blur]", "controls=[.5]")
    assert "trained without a filter" in error_of(result)


def test_each_sigma_removes_its_cue(defense: Type, no_drawing: None) -> None:
    """The high cue (12 to 15 cycles/image) is gone at sigma 1.5; of the low one (2.5, 4.5) enough is left."""
    accuracy = {}
    for training in ("lsf", "hsf"):
        result = defense("sigmas=[0,1.5]", "--weights", f"packaged:{training}", "num_images=40")
        assert result.exit_code == 0, result.output
        accuracy[training] = pd.read_csv(newest() / "sweep.csv")["accuracy"].tolist()
    assert accuracy["lsf"][0] > 0.95
    assert accuracy["hsf"][0] > 0.95
    assert accuracy["lsf"][1] > 0.8
    assert accuracy["hsf"][1] < 0.3
    assert "cannot be told from chance" in result.stderr
    behind = pd.read_csv(newest() / "sweep.csv").iloc[1]
    assert behind[["linf_median_size_pixel_range", "linf_f_half_cycles_per_pixel", "f_rev_nyquist"]].isna().all()
    assert pd.read_csv(newest() / "checks.csv").query("strength == 1.5")["passed"].isna().all()
    assert re.search(r"blur 1\.5 +not told from chance .*not run", result.stdout)


def stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def test_trained_on_the_spot_and_reused(defense: Type, no_drawing: None, fsens: Type) -> None:
    trained = ["mode=trained", "train.epochs=1", "train.batch_size=64", "sigmas=[0,2]"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_recorder, "save_checkpoint", stop)
        stopped = defense(*trained)
    assert "go on with: fsens blur-defense --resume outputs/blur-defense/resnet8-dualband/v001" in stopped.stderr
    result = fsens("blur-defense", "--resume", "outputs/blur-defense/resnet8-dualband/v001")
    assert result.exit_code == 0, result.output
    # The training that was stopped went on in its own folder.
    assert "outputs/train/resnet8-dualband-none/v001 goes on" in result.stderr
    runs = sorted(Path("outputs/train").glob("*/v001"))
    assert [r.parent.name for r in runs] == ["resnet8-dualband-blur2", "resnet8-dualband-none"]
    again = defense(*trained)
    assert again.exit_code == 0, again.output
    assert len(list(Path("outputs/train").glob("*/v*"))) == 2
    assert "has the same settings" in again.stderr
    given = defense("mode=trained", f"runs=[{runs[0]},{runs[1]}]", "tag=given")
    assert given.exit_code == 0, given.output
    folders = [p for p in Path("outputs/blur-defense").glob("*/v*") if not p.is_symlink()]
    tables = {(f / "sweep.csv").read_bytes() for f in folders}
    assert len(folders) == 3
    assert len(tables) == 1


def test_a_killed_defense_goes_on(
    defense: Type, fsens: Type, no_drawing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsens_cli.experiments import defense as module

    seen = "sigmas=[0,1]", "--weights", "packaged:lsf"
    assert defense(*seen, "tag=whole").exit_code == 0
    whole = newest()
    checks = module.run_checks
    calls: list[int] = []

    def killed_the_second_time(*arguments: object, **settings: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return checks(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "run_checks", killed_the_second_time)
    assert defense(*seen, "tag=cut").exit_code == 130
    cut = newest()
    assert json.loads((cut / "run.json").read_text())["status"] == "interrupted"
    resumed = fsens("blur-defense", "--resume", str(cut))
    assert resumed.exit_code == 0, resumed.output
    assert len(calls) == 3
    for name in ("sweep.csv", "sizes.csv", "checks.csv", "corruptions.csv"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow  # training behind principal components is tested in test_train_command.py
def test_pca(defense: Type, no_drawing: None) -> None:
    # 32 x 32 RGB has 3,072 numbers; 300 training images span fewer, which is no obstacle.
    result = defense("defense=pca", "components=[0,64]", "--weights", "packaged:lsf")
    assert result.exit_code == 0, result.output
    assert pd.read_csv(newest() / "sweep.csv")["filter"].tolist() == ["none", "pca 64"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["sigmas=[-1]"], "negative"),
        (["sigmas=[20]"], "sigma up to 6"),
        (["defense=pca"], "components=[0,512]"),
        (["defense=pca", "components=[4000]"], "1..3072"),
        (["mode=trained"], "train.epochs"),
        (["mode=trained", "runs=[nowhere]"], "nowhere"),
        (["mode=trained", "runs=[nowhere]", "train.epochs=2"], "runs=[RUN"),
        (["frontend=blur"], "sigmas=[...]"),
        (["--weights", "packaged:blur"], "mode=trained"),
        (["suite.minimal=false"], "suite.minimal=true"),
        (["defence=blur"], "defense"),
    ],
)
def test_bad_input(defense: Type, error_of: ErrorOf, settings: list[str], words: str) -> None:
    assert words in error_of(defense(*settings))
