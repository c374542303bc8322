"""Do the instruments agree? Profiles of several verbs on one page, correlated over bands and over models."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.runs.report.instruments import over_bands

Type = Callable[..., Result]
TINY = ["num_images=40", "data.test_size=40"]
ONLY_BANDS = ["suite.corruptions=[]", "suite.attacks=[]", "suite.minimal=false", "suite.shuffles=[]", "suite.noises=[]"]


def test_correlation_over_bands() -> None:
    x = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    up = over_bands((x, [1, 2, 3, 4, 5, 6]), (x, [1, 4, 9, 16, 25, 36]))
    assert up is not None
    assert (up.value, up.n) == (1, 6)
    # Bands in between are read off over log2 frequency.
    other = over_bands((x, [1, 2, 3, 4, 5, 6]), ([1.0, 32.0], [6.0, 1.0]))
    assert other is not None
    assert other.value == -1
    assert over_bands((x[:4], [1, 2, 3, 4]), (x[:4], [1, 2, 3, 4])) is None
    assert over_bands((x, [1.0] * 6), (x, [1, 2, 3, 4, 5, 6])) is None


def test_the_page_sets_instruments_side_by_side(fsens: Type) -> None:
    pytest.importorskip("plotly")
    for verb, more in (
        ("measure", []),
        ("critical-band", ["num_resamples=100"]),
        ("evaluate", [*ONLY_BANDS, "suite.bands=true", "suite.band_images=8", "suite.heat_map_images=4"]),
    ):
        result = fsens(verb, "-m", "--weights", "packaged:lsf,packaged:hsf", *TINY, *more)
        assert result.exit_code == 0, result.output
    result = fsens("report", "sweep:measure", "sweep:critical-band", "sweep:evaluate")
    assert result.exit_code == 0, result.output
    page = Path("report.html").read_text()
    section = page[page.index('<section id="instruments">') : page.index('<section id="provenance">')]
    for name in ("input gradient", "critical band", "Shapley value", "heat map", "band-pass accuracy"):
        assert name in section
    assert "2 models are too few for a correlation over models" in section
    row = re.search(r"<td>critical band</td><td>input gradient</td>.*?data-value=\"([^\"]+)\">\+", section)
    assert row is not None
