"""What a measurement leaves behind: tables that agree with each other, the same bytes each time."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from run_files import DESCRIBED
from torch import nn

from fsens_cli.errors import ConfigError, OutputError
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.measure_result import MeasureResult
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.runs.measure_files import draw_measure, published_for, write_measure
from fsens_cli.runs.plot_settings import PlotConfig
from fsens_cli.runs.published import published_curve, published_names
from fsens_cli.runs.subject import Subject

SUBJECT = Subject(model="net", weights="random", data="toy", data_title="toy test")


@pytest.fixture
def result(smooth: Callable[..., nn.Module]) -> MeasureResult:
    images = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    batches = [(images, torch.arange(12) % 4)]
    return measure(smooth(), batches, MeasureConfig(), index_N=torch.arange(100, 112))


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(figure: object, *_: object) -> None:
        import matplotlib.pyplot as plt

        plt.close(figure)  # type: ignore[arg-type]

    monkeypatch.setattr("fsens_cli.runs.measure_files.save_figure", closed)


def written(
    folder: Path, result: MeasureResult, *, formats: Sequence[str] = (), class_names: Sequence[str] = ()
) -> dict[str, Any]:
    """Write a measurement and return what stands in its results.json."""
    plot = PlotConfig(formats=list(formats))
    write_measure(folder, result, SUBJECT, plot, summary=["said"], class_names=class_names)
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


@pytest.mark.usefixtures("no_figures")
def test_tables_agree_with_the_result(result: MeasureResult, tmp_path: Path) -> None:
    results = written(tmp_path, result, class_names=["a", "b,c", "d", "e"])

    spectrum = pd.read_csv(tmp_path / "spectrum.csv")
    columns = (
        "radius cycles_per_image cycles_per_pixel cells white_share share_mean share_sd share_ci_low share_ci_high"
    )
    assert list(spectrum.columns) == [*columns.split(), "density"]
    assert spectrum["cells"].sum() == 256
    assert spectrum["share_mean"].sum() == pytest.approx(1, abs=1e-6)
    assert spectrum["cycles_per_pixel"].tolist() == pytest.approx([r / 16 for r in range(12)])
    np.testing.assert_allclose(
        spectrum["density"][1:], (spectrum["share_mean"] / spectrum["white_share"])[1:], rtol=1e-7
    )
    assert spectrum["density"][0] == 0

    images = pd.read_csv(tmp_path / "per_image.csv")
    assert images["index"].tolist() == list(range(100, 112))
    assert images["class"].tolist() == ["a", "b,c", "d", "e"] * 3
    assert images["loss"].tolist() == pytest.approx(result.per_image.value_N.tolist(), rel=1e-8)
    bands = pd.read_csv(tmp_path / "bands.csv").set_index("band")
    for name in ("low", "mid", "high"):
        assert images[f"{name}_share"].mean() == pytest.approx(bands.loc[name, "share"], rel=1e-7)
        assert bands.loc[name, "share"] == pytest.approx(result.band_share(name), rel=1e-8)
    assert (images["low_share"] + images["mid_share"] + images["high_share"]).tolist() == pytest.approx([1.0] * 12)
    assert images["centroid_cycles_per_image"].mean() == pytest.approx(results["centroid_cycles_per_image"]["value"])
    assert (images["label"] == images["prediction"]).mean() == pytest.approx(results["accuracy"]["value"])
    norm = results["gradient_norm"]
    assert images["gradient_norm"].median() == pytest.approx(norm["median"], rel=1e-7)
    assert norm["quartile_1"] <= norm["median"] <= norm["quartile_3"]

    with np.load(tmp_path / "shares.npz") as shares, np.load(tmp_path / "map.npz") as power:
        np.testing.assert_allclose(shares["share"].mean(axis=0), spectrum["share_mean"], rtol=1e-5, atol=1e-8)
        assert shares["index"].tolist() == list(range(100, 112))
        np.testing.assert_array_equal(power["power"], result.power_map_HW.numpy())


@pytest.mark.usefixtures("no_figures")
def test_headline_numbers(result: MeasureResult, tmp_path: Path) -> None:
    results = written(tmp_path, result)
    assert (results["verb"], results["convention"], results["num_images"]) == ("measure", "pixel", 12)
    assert results["image_size"] == [16, 16]
    assert [(b["name"], b["radius_first"], b["radius_last"]) for b in results["bands"]] == [
        ("low", 1, 2),
        ("mid", 3, 5),
        ("high", 6, 11),
    ]
    peak = results["peak"]
    assert peak["share"] == max(result.spectrum.mean_K.tolist())
    assert peak["cycles_per_pixel"] == pytest.approx(peak["cycles_per_image"] / 16)
    assert "class" not in pd.read_csv(tmp_path / "per_image.csv").columns


def test_figures_are_drawn_again_from_the_files_alone_and_alike(result: MeasureResult, tmp_path: Path) -> None:
    written(tmp_path, result, formats=["svg"])
    names = ["spectrum.png", "spectrum.svg", "map.png", "map.svg"]
    first = {name: (tmp_path / name).read_bytes() for name in names}
    assert first["spectrum.png"].startswith(b"\x89PNG")
    for name in names:
        (tmp_path / name).unlink()
    draw_measure(tmp_path, ["png"])
    assert all((tmp_path / name).read_bytes() == first[name] for name in ("spectrum.png", "map.png"))
    text = first["spectrum.svg"].decode()
    for word in (
        "spatial frequency (cycles/image)",
        "share of sensitivity",
        "white gradient",
        "net (random)",
        "toy test, n = ",
    ):
        assert word in text
    assert "horizontal frequency (cycles/pixel)" in first["map.svg"].decode()


@pytest.mark.usefixtures("no_figures")
def test_same_result_same_bytes(result: MeasureResult, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        written(tmp_path / name, result)
    for file in ("spectrum.csv", "bands.csv", "per_image.csv", *DESCRIBED):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("missing", ["results.json", "spectrum.csv", "map.npz"])
def test_drawing_from_half_a_folder(missing: str, result: MeasureResult, tmp_path: Path) -> None:
    written(tmp_path, result)
    (tmp_path / missing).unlink()
    with pytest.raises(OutputError, match=missing):
        draw_measure(tmp_path, ["png"])


def test_published_curves() -> None:
    assert "cifar10-standard" in published_names()
    radius, share = published_curve("cifar10-standard")
    assert radius[share.index(max(share))] == 16
    assert sum(s for r, s in zip(radius, share, strict=True) if r > 10) == pytest.approx(0.917, abs=0.02)
    low_radius, low_share = published_curve("cifar10-lsf")
    assert low_radius[low_share.index(max(low_share))] == 4


@pytest.mark.parametrize(
    ("asked", "data", "training", "expected"),
    [
        ("auto", "cifar10", "standard", "cifar10-standard"),
        ("auto", "cifar10", "noise", "none"),
        ("auto", "dualband", "standard", "none"),
        ("none", "cifar10", "standard", "none"),
        ("cifar10-asf", "dualband", "", "cifar10-asf"),
    ],
)
def test_which_published_curve(asked: str, data: str, training: str, expected: str) -> None:
    subject = Subject(model="m", weights="w", data=data, data_title="t", training=training)
    assert published_for(asked, subject) == expected


def test_unknown_published_curve() -> None:
    with pytest.raises(ConfigError, match=r"plot\.published=cifar10-sf is not known\. Closest: cifar10-"):
        published_for("cifar10-sf", SUBJECT)
