"""Profiles of several verbs on one page, correlated over bands and over models."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import Result

from fsens_cli.experiments.quantities import PROFILE, Findings, Line, Quantity
from fsens_cli.runs.comparison import Compared, Comparison, Report
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.report.instruments import model_rows, over_bands, profiles
from fsens_cli.runs.report.plots import plots
from fsens_cli.runs.selection import FinishedRun, Provenance

Type = Callable[..., Result]
TINY = ["num_images=40", "data.test_size=40"]
MADE = Provenance(
    command="", seed="", weights_sha256="", data_fingerprint="", git_commit="", versions={}, device="", started="",
    seconds=None,
)  # fmt: skip
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


def test_models_of_one_label_or_one_network_are_all_counted(tmp_path: Path) -> None:
    """Two networks that two verbs call alike, and one network on two data sets."""
    comparisons = []
    for verb, network, values in (("measure", "a" * 64, (0.1, 0.2)), ("critical-band", "b" * 64, (0.3, 0.4))):
        compared = []
        for data, value in zip(("one", "two"), values, strict=True):
            numbers = [
                Quantity(key=key, label=key, value=value, low=None, high=None, n=9, role="listens", leading=True)
                for key in ("first", "second")
            ]
            lines = [
                Line(plot=PROFILE, title="t", x_label="x", y_label="y", label=name, x=[1.0, 2.0], y=[1.0, 2.0])
                for name in ("gradient", "noise")
            ]
            nothing = Fields({}, tmp_path)
            run = FinishedRun(
                folder=tmp_path, record=nothing, results=nothing, verb=verb, model="resnet8", weights="w", training="",
                data=data, num_images="9", network=network, warnings=(), made=MADE, figures=(), summary=(),
                findings=Findings(verdict="", quantities=tuple(numbers), lines=tuple(lines), warnings=(), asked={}),
            )  # fmt: skip
            compared.append(Compared(run=run, label="resnet8", quantities={}, differences={}))
        comparisons.append(Comparison(verb=verb, runs=compared))
    report = Report(comparisons=comparisons, skipped=[], differing=[])
    assert len(profiles(report)) == 4
    ((_, _, count, _),) = model_rows(report)
    assert count == 4


def test_words_across_a_plot_are_words_in_the_picture_too() -> None:
    line = Line(plot="p", title="t", x_label="x", y_label="y", x=["<b>A</b>", "B"], y=[1, 2], low=[0, 1], high=[2, 3])
    (plot,) = plots([("run", (line,))], {"run": "#000000"})
    svg = unquote(plot.source.partition(",")[2])
    assert "&lt;b&gt;A&lt;/b&gt;" in svg
    assert plot.alt == "t: y against x. run: <b>A</b> 1, B 2."


def test_the_page_sets_instruments_side_by_side(fsens: Type) -> None:
    pytest.importorskip("jinja2")
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
