"""The panel has one line a headline number with the run it comes from, and the verdict tables hold the claims."""

from pathlib import Path

import pandas as pd
import panel
import pytest
import torch
import verdicts
from torch import nn

import fsens_cli as fsens


def small_network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 4))


def test_every_number_names_its_run(tmp_path: Path) -> None:
    data = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4
    found = {}
    for seed, name in enumerate(("first", "second")):
        found[name] = fsens.measure(small_network(seed), data)
        found[name].save(tmp_path / name / "measure" / "net-given" / "latest")
    (tmp_path / "not-asked").mkdir()
    panel.main(tmp_path, tmp_path / "page")
    table = pd.read_csv(tmp_path / "page" / "panel.csv")
    assert set(table["network"]) == {"first", "second"}
    for name, result in found.items():
        row = table[(table["network"] == name) & (table["key"] == "centroid")].iloc[0]
        assert row["value"] == pytest.approx(result["centroid"].value, rel=1e-5)
        assert (tmp_path / row["run"] / "results.json").is_file()
    shown = (tmp_path / "page" / "panel.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in shown if "[" in line] == ["| first", "| second"]


def test_nothing_asked_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no finished run"):
        panel.main(tmp_path, tmp_path / "page")


def test_verdicts_go_between_their_marks(tmp_path: Path) -> None:
    for folder, verdict in (("a", "reproduced"), ("b", "partly")):
        (tmp_path / folder).mkdir()
        for paper in verdicts.PAPERS:
            claim = {"text": "it falls", "published": "yes", "found": "-1 [-2, -0.5]", "verdict": verdict, "why": ""}
            pd.DataFrame([claim]).to_csv(tmp_path / folder / f"claims_{paper}.csv", index=False)
    page = tmp_path / "page.md"
    page.write_text("".join(f"before\n<!-- {p} -->\nold\n<!-- end of {p} -->\nafter\n" for p in verdicts.PAPERS))
    for _ in range(2):  # a second time changes nothing
        verdicts.main(page, {"A": tmp_path / "a", "B": tmp_path / "b"})
        lines = page.read_text().splitlines()
        assert lines.count("| it falls | yes | -1 [-2, -0.5] | **reproduced** | partly |") == 2
        assert "old" not in lines
        assert lines.count("after") == 2
    page.write_text("no marks\n")
    with pytest.raises(SystemExit, match="lacks the lines"):
        verdicts.main(page, {"A": tmp_path / "a"})
