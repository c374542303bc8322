"""The table of critical bands and spectra by depth: the numbers of the runs, the published ones in real frequency."""

from pathlib import Path

import channels
import pandas as pd
import pytest
import torch
from torch import nn

import fsens_cli as fsens


def test_networks_stand_beside_the_published_ones(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(784, 3)
    )
    pictures = torch.rand(30, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    said = network(pictures).argmax(dim=1)
    band = fsens.critical_band(network, (pictures, said), num_resamples=100)
    depth = fsens.layers(network, (pictures, said))
    band.save(tmp_path / "runs" / "net" / "critical-band" / "net-given" / "latest")
    depth.save(tmp_path / "runs" / "net" / "layers" / "net-given" / "latest")
    (tmp_path / "runs" / "not-asked").mkdir()
    channels.main(tmp_path / "page", [tmp_path / "runs"])
    names = dict.fromkeys(("deepest", "gains_most_in"), str)
    table = pd.read_csv(tmp_path / "page" / "channels.csv", dtype=names).set_index("network")
    for key in ("accuracy", "width", "centre", "peak"):
        assert table.loc["net", key] == pytest.approx(band[key].value, rel=1e-5)
    assert table.loc["net", "size"] == "16x16"
    states = {row.table.tap.name: row for row in depth.rows}
    deepest = states[str(table.loc["net", "deepest"])]
    assert deepest.ratio is not None
    assert table.loc["net", "deepest_db"] == pytest.approx(deepest.ratio.value, rel=1e-5)
    gains = {name: row.gain.value for name, row in states.items() if row.gain is not None}
    assert table.loc["net", "gains_most_in"] == max(gains, key=lambda name: gains[name])
    # Half of the published noise's power lies at about half of its nominal frequency.
    assert table.loc["ResNet-50", "width"] == 3.99
    assert table.loc["ResNet-50", "centre"] == pytest.approx(18.6, abs=0.05)
    assert table.loc["ViT-B/16", "centre"] == pytest.approx(16.0, abs=0.05)
    lines = (tmp_path / "page" / "channels.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| net", "| 14 people, mean"]


def test_nothing_asked_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no finished critical-band"):
        channels.main(tmp_path / "page", [tmp_path])


def test_each_trained_network_is_asked_once(script, tmp_path: Path) -> None:  # noqa: ANN001
    trained = tmp_path / "trained"
    for name in ("lsf-s0", "standard-s1"):
        run = trained / name / "train" / "net" / "latest"
        run.mkdir(parents=True)
        (run / "results.json").write_text("{}")
    (trained / "unfinished-s0" / "train" / "net" / "latest").mkdir(parents=True)
    code, calls = script("channels.sh", arguments=(str(trained),))
    assert code == 0
    assert [c.split()[0] for c in calls] == ["critical-band", "layers"] * 2 + ["page"]
    assert f"--weights run:{trained}/lsf-s0/train/net/latest" in calls[0]
    assert [c.split()[0] for c in script("channels.sh", arguments=(str(trained),))[1]] == ["page"]
