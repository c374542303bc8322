"""The table of a spectrum over epochs has one row a measured epoch, with the run's own numbers."""

from pathlib import Path

import epochs
import pandas as pd
import pytest
import torch
from torch import nn

import fsens_cli as fsens


def test_one_row_an_epoch_in_order(tmp_path: Path) -> None:
    data = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4
    found = {}
    for epoch in (10, 2):
        torch.manual_seed(epoch)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 4))
        found[epoch] = fsens.measure(model, data)
        found[epoch].save(tmp_path / f"epoch-{epoch:05d}" / "measure" / "net-given" / "latest")
    epochs.main(tmp_path, tmp_path / "epochs.csv")
    table = pd.read_csv(tmp_path / "epochs.csv")
    assert table["epoch"].tolist() == [2, 10]
    for row in table.itertuples():
        assert row.share_low == pytest.approx(found[row.epoch]["share-low"].value, rel=1e-5)
        assert row.n == 20


def test_nothing_measured_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no measured epoch"):
        epochs.main(tmp_path, tmp_path / "epochs.csv")
