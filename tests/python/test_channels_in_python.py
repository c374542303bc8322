"""Critical bands and spectra by depth in a Python session: numbers, plots and a folder like that of a run."""

from pathlib import Path

import pytest
import torch
from observers import Matcher, templates

import fsens_cli as fsens
from fsens_cli.fourier.octaves import band_cells, bands_of


def test_results_show_and_save_themselves(tmp_path: Path) -> None:
    bands = bands_of((16, 16), "octave")
    cells = torch.stack([band_cells(bands.bins, band) for band in bands.bands[1:3]])
    plane = templates(cells, [0.5, 0.5], 4)
    label = torch.arange(40) % 4
    images = (128 / 255 + plane[label].float())[:, None].clamp(0, 1)
    found = fsens.critical_band(Matcher(plane), (images, label), spacing="octave", num_resamples=100)
    assert found["accuracy"].value == 1
    assert found["centre"].value == pytest.approx(found.raw.channel.centre.value)
    assert "critical-band" in found.plots
    found.save(tmp_path / "run")
    assert (tmp_path / "run" / "critical_band.csv").is_file()
    with pytest.raises(fsens.FsensError, match="procedure=reference"):
        fsens.critical_band(Matcher(plane), (images, label), procedure="reference")


def test_layers_of_a_plain_module() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    found = fsens.layers(model, (torch.rand(12, 3, 16, 16), torch.arange(12) % 4))
    assert {"image: ratio", "0: ratio"} <= found.quantities.keys()
