"""One architecture on several data sets, several on the first one, and a verdict that needs every seed."""

import json
from collections.abc import Callable
from pathlib import Path

import architectures
import data_and_architecture
import pandas as pd
import pytest
import torch
from torch import nn

import fsens_cli as fsens

Script = Callable[..., tuple[int, list[str]]]


def test_every_data_set_and_every_architecture_on_the_first(script: Script) -> None:
    done, calls = script(
        "data_and_architecture.sh",
        SETS="here=data=folder 'data.title=my pictures'; there=data=dualband",
        ARCHITECTURES="vit",
        RECIPE="batch_size=8",
    )
    assert done == 0
    trained = [call.split() for call in calls if call.startswith("train")]
    assert [(call[2].split(":")[-1], call[3]) for call in trained] == [
        ("resnet8", "data=folder"),
        ("vit", "data=folder"),
        ("resnet8", "data=dualband"),
    ]
    assert "data.title=my pictures" in calls[0]
    assert [call.split()[0] for call in calls] == [*["train", "evaluate"] * 3, "page"]


def test_what_is_done_is_left_out(script: Script) -> None:
    settings = {"SETS": "here=data=dualband", "ARCHITECTURES": ""}
    assert script("data_and_architecture.sh", **settings)[1][-1].startswith("page")
    assert [call.split()[0] for call in script("data_and_architecture.sh", **settings)[1]] == ["page"]


@pytest.mark.parametrize("name", ["vgg", "mobilenet", "vit"])
def test_the_architectures_take_small_pictures(name: str) -> None:
    network: nn.Module = getattr(architectures, name)(num_classes=10)
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    assert sum(p.numel() for p in network.parameters()) < 1e6


def trained(folder: Path, seed: int, smooth: bool) -> None:
    """Write what a finished training leaves that matters here: a measurement of a network with its record."""
    data = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 4
    torch.manual_seed(seed)
    layers: list[nn.Module] = [nn.AvgPool2d(3, stride=1)] * 4 if smooth else []
    model = nn.Sequential(
        *layers, nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 4)
    )
    run = folder / "train" / "net-given" / "latest"
    fsens.measure(model, data).save(run)
    results = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(
        json.dumps(results | {"measure": results, "epochs": 1, "test_accuracy": results["accuracy"]})
    )


def test_kinds_that_differ_for_every_seed(tmp_path: Path) -> None:
    for seed in (0, 1):
        trained(tmp_path / f"sharp-net-s{seed}", seed, smooth=False)
        trained(tmp_path / f"soft-net-s{seed}", seed, smooth=True)
    (tmp_path / "soft-net-s2").mkdir()  # not finished
    data_and_architecture.main(tmp_path, tmp_path / "page")
    table = pd.read_csv(tmp_path / "page" / "data_and_architecture.csv")
    assert table[["data", "architecture", "seed"]].to_numpy().tolist() == [
        ["sharp", "net", 0], ["sharp", "net", 1], ["soft", "net", 0], ["soft", "net", 1],
    ]  # fmt: skip
    for row in table.itertuples():
        spectrum = pd.read_csv((tmp_path / row.run).resolve() / "spectrum.csv")
        centroid = (spectrum["cycles_per_image"] * spectrum["share_mean"]).sum() / spectrum["share_mean"].sum()
        assert row.centroid_nyquist == pytest.approx(centroid / 8, rel=1e-3)
    claims = pd.read_csv(tmp_path / "page" / "claims_data_and_architecture.csv")
    assert claims["text"].tolist() == ["Sensitivity depends on the data set"]
    assert claims["verdict"].tolist() == ["reproduced"]


def test_nothing_trained_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no finished training"):
        data_and_architecture.main(tmp_path, tmp_path / "page")
