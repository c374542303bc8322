"""What a hybrid probe writes can be recomputed from its own answers."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from run_files import DESCRIBED
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import OutputError
from fsens_cli.experiments.hybrid_curve import HybridResult
from fsens_cli.experiments.hybrid_probe import hybrid_probe
from fsens_cli.experiments.hybrid_settings import HybridConfig
from fsens_cli.runs.hybrid_files import (
    draw_hybrid,
    example_columns,
    reversal_dict,
    write_hybrid,
)
from fsens_cli.runs.subject import Subject
from fsens_cli.runs.sweep_labels import overlay_labels

FILES = {"curve.csv", "per_pair.csv", "examples.npz", "curve.png", "examples.png", *DESCRIBED}
GRID = [0.0, 0.2, 0.5, 1.0]


class Brighter(nn.Module):
    """Class 1 where the right half is brighter: neither band alone decides."""

    def forward(self, images: Tensor) -> Tensor:
        half = images.shape[-1] // 2
        score = images[..., half:].mean(dim=(1, 2, 3)) - images[..., :half].mean(dim=(1, 2, 3))
        return 40 * torch.stack([-score, score, 0 * score], dim=1)


def images_of(channels: int = 3) -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(20) % 2
    pixels = torch.randint(40, 160, (20, channels, 10, 13), generator=generator)
    pixels[..., 6:] += 40 * label[:, None, None, None]
    pixels[..., :6] += 40 * (1 - label)[:, None, None, None]
    return ImageSet(
        images_NCHW=pixels.to(torch.uint8),
        label_N=label,
        index_N=torch.arange(20) + 7,
        class_names=("left", "right", "an unusually long name"),
        title="halves",
        split="test",
    )


@pytest.fixture(scope="module")
def probed() -> HybridResult:
    return hybrid_probe(Brighter(), images_of(), config=HybridConfig(grid=GRID, pairings=2))


@pytest.fixture(scope="module")
def folder(probed: HybridResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run")
    subject = Subject(model="halves", weights="none", data="halves", data_title="halves test")
    write_hybrid(path, probed, images_of(), subject, ["png"], summary=["said"])
    return path


def test_every_file_is_written(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == FILES


def test_the_curve_can_be_recomputed_from_the_answers(folder: Path) -> None:
    curve, pairs = pd.read_csv(folder / "curve.csv"), pd.read_csv(folder / "per_pair.csv")
    assert len(pairs) == 40
    assert curve["mixing_frequency_nyquist"].tolist() == GRID
    assert curve["mixing_frequency_cycles_per_pixel"].tolist() == [a / 2 for a in GRID]
    assert curve["mixing_frequency_cycles_per_image"].tolist() == [5 * a for a in GRID]
    for k, frequency in enumerate(GRID):
        answer = pairs[f"prediction_at_{frequency:g}_nyquist"]
        low, high = (answer == pairs["low_label"]).mean(), (answer == pairs["high_label"]).mean()
        assert curve["p_low"][k] == pytest.approx(low)
        assert curve["p_high"][k] == pytest.approx(high)
        assert curve["difference"][k] == pytest.approx(low - high)
        assert curve["neither"][k] == pytest.approx(1 - low - high)


def test_pairs_name_the_images_of_the_data_set(folder: Path) -> None:
    pairs = pd.read_csv(folder / "per_pair.csv")
    assert sorted(set(pairs["pairing_seed"])) == [0, 1]
    for _, pairing in pairs.groupby("pairing_seed"):
        assert sorted(pairing["low_index"]) == sorted(pairing["high_index"]) == list(range(7, 27))
        assert (pairing["low_label"] != pairing["high_label"]).all()
        assert (pairing["low_label"] == (pairing["low_index"] - 7) % 2).all()


def test_results_hold_f_rev_in_three_units(folder: Path, probed: HybridResult) -> None:
    results = json.loads((folder / "results.json").read_text())
    f_rev = results["f_rev"]
    assert f_rev["status"] == "crossing"
    nyquist = f_rev["nyquist"]["value"]
    assert nyquist == pytest.approx(probed.f_rev.nyquist)
    assert f_rev["cycles_per_pixel"]["value"] == pytest.approx(nyquist / 2)
    assert f_rev["cycles_per_image"]["value"] == pytest.approx(nyquist * 5)
    for unit in ("nyquist", "cycles_per_pixel", "cycles_per_image"):
        assert f_rev[unit]["low"] <= f_rev[unit]["value"] <= f_rev[unit]["high"]
        assert f_rev[unit]["n"] == 20
    assert results["accuracy"]["n"] == 20
    assert (results["num_pairings"], results["num_pairs"], results["image_size"]) == (2, 40, [10, 13])


@pytest.mark.parametrize(
    ("value", "status", "note"),
    [
        (-math.inf, "no crossing below", "f_rev lies below 0 Nyquist"),
        (math.inf, "no crossing above", "f_rev lies above 1 Nyquist"),
    ],
)
def test_no_crossing_is_null_with_a_reason(probed: HybridResult, value: float, status: str, note: str) -> None:
    from dataclasses import replace

    f_rev = replace(probed.f_rev, nyquist=value, low=min(0.2, value), high=max(0.2, value))
    written = reversal_dict(f_rev, probed)
    assert (written["status"], written["nyquist"]["value"]) == (status, None)
    assert note in written["note"]
    json.dumps(written, allow_nan=False)
    half_open = reversal_dict(replace(probed.f_rev, low=-math.inf), probed)
    assert half_open["nyquist"]["low"] is None
    assert "the interval reaches below 0 Nyquist" in half_open["note"]


def test_figures_are_drawn_again_from_files_alone(folder: Path, tmp_path: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in ("curve.png", "examples.png")}
    for name in FILES - set(before):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "per_pair.csv").unlink()
    draw_hybrid(tmp_path, ["png", "pdf", "svg"])
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert {"curve.pdf", "curve.svg", "examples.pdf"} <= {p.name for p in tmp_path.iterdir()}


def test_incomplete_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not a finished hybrid probe"):
        draw_hybrid(tmp_path, ["png"])
    (tmp_path / "results.json").write_bytes((folder / "results.json").read_bytes())
    with pytest.raises(OutputError, match="is incomplete"):
        draw_hybrid(tmp_path, ["png"])


def test_gray_images_and_curves_without_a_crossing_are_drawn(tmp_path: Path) -> None:
    config = HybridConfig(grid=[0.8, 0.9, 1.0], pairings=1, mask="gaussian")
    result = hybrid_probe(Brighter(), images_of(channels=1), config=config)
    assert result.f_rev.status == "no crossing below"
    subject = Subject(model="halves", weights="none", data="halves", data_title="halves test")
    write_hybrid(tmp_path, result, images_of(channels=1), subject, ["png"], summary=["said"])
    assert {p.name for p in tmp_path.iterdir()} == FILES


def test_example_columns_hold_the_ends_and_the_change() -> None:
    grid = np.array(HybridConfig().grid)
    for first_low in range(13):
        columns = example_columns(grid, np.arange(13) >= first_low)
        assert len(columns) == 6
        assert {0, 12, first_low, max(0, first_low - 1)} <= set(columns)
    assert len(example_columns(grid, np.zeros(13, dtype=bool))) == 6
    assert example_columns(grid[:3], np.ones(3, dtype=bool)) == [0, 1, 2]


def test_labels_say_what_differs() -> None:
    runs = [{"model": "a", "weights": f"run:out/train/a-b-{name}/v001", "seed": "0"} for name in ("lsf", "hsf")]
    assert overlay_labels(runs) == ["a-b-lsf", "a-b-hsf"]
    assert overlay_labels(runs, ["lsf", "hsf"]) == ["lsf training", "hsf training"]
    assert overlay_labels(runs, ["", "hsf"]) == ["a-b-lsf", "a-b-hsf"]
    versions = [{"weights": f"run:train/a-b/v00{n}"} for n in (1, 2)]
    assert overlay_labels(versions) == ["run:train/a-b/v001", "run:train/a-b/v002"]
    assert overlay_labels([{"weights": 40 * "x"}]) == ["..." + 27 * "x"]
    assert overlay_labels([{"model": "a", "seed": "0"}, {"model": "b", "seed": "1"}]) == ["a, 0", "b, 1"]
    assert overlay_labels([{"model": "only"}]) == ["only"]
