"""Every figure at the width of a paper's column: no text on another, none too small to read, units on every axis."""

import importlib
import inspect
import itertools
import json
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import FillBetweenPolyCollection, PolyCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text

from fsens_cli.experiments.quantities import Line
from fsens_cli.runs import figures
from fsens_cli.runs.figures.band_importance import BandCurve, class_band_figure, importance_figure
from fsens_cli.runs.figures.calibration import ErrorPoint, ReliabilityCurve, calibration_figure
from fsens_cli.runs.figures.corruption_bars import CorruptionBar, corruption_figure
from fsens_cli.runs.figures.critical_band import ChannelPlot, critical_band_figure, index_figure
from fsens_cli.runs.figures.critical_band import Curve as ChannelCurve
from fsens_cli.runs.figures.defense import Curve, Panel, ScatterPoint, panels_figure, scatter_figure
from fsens_cli.runs.figures.filter_curves import filter_figure
from fsens_cli.runs.figures.heat_map import heat_map_figure
from fsens_cli.runs.figures.hybrid import Band, HybridCurves, curve_figure
from fsens_cli.runs.figures.hybrid_examples import Example, examples_figure
from fsens_cli.runs.figures.layers import DepthPoint, StateSpectrum, depth_figure, spectra_figure
from fsens_cli.runs.figures.overlay import draw_plot, overlay_figure
from fsens_cli.runs.figures.perturbations import Profile, maps_figure, profiles_figure, success_figure
from fsens_cli.runs.figures.power_map import power_map_figure
from fsens_cli.runs.figures.prediction import PredictedCorruption, prediction_figure
from fsens_cli.runs.figures.robustness import BudgetPoint, robustness_figure
from fsens_cli.runs.figures.spectrum import BandLabel, SpectrumCurve, spectrum_figure
from fsens_cli.runs.figures.style import COLUMN_WIDTH, figure_style
from fsens_cli.runs.figures.training import training_figure
from fsens_cli.runs.train_files import draw_training, write_history
from fsens_cli.statistics.intervals import Interval

TITLE = "resnet20 (packaged:standard)\ndualband test, n = 1,000"
RANDOM = np.random.default_rng(0)
CORRUPTIONS = (
    ("gaussian noise", "high"), ("shot noise", "high"), ("impulse noise", "high"), ("glass blur", "medium"),
    ("motion blur", "medium"), ("elastic transform", "medium"), ("jpeg compression", "medium"), ("fog", "low"),
    ("frost", "low"), ("contrast", "low"), ("brightness", "low"),
)  # fmt: skip


def spectrum() -> Figure:
    radius = list(range(1, 24))
    share = [1 / 23] * 23
    bands = [BandLabel(name=n, first=a, last=b, share=0.333) for n, a, b in
             (("low", 1, 5), ("mid", 6, 10), ("high", 11, 23))]  # fmt: skip
    return spectrum_figure(
        SpectrumCurve(radius=radius, mean=share, low=share, high=share, white=share, bands=bands, shorter_side=32,
                      title=TITLE, published=(radius, share), published_label="published, ResNet-50")
    )  # fmt: skip


def prediction() -> Figure:
    points = [
        PredictedCorruption(name=name, group=group, severity=s, predicted=float(RANDOM.uniform(0.2, 0.9)),
                            measured=(float(RANDOM.uniform(0.2, 0.9)), 0.1, 0.95))
        for name, group in CORRUPTIONS for s in (1, 3, 5)
    ]  # fmt: skip
    return prediction_figure(points, clean=0.95, correlation=Interval(0.72, 0.53, 0.84, 500), title=TITLE)


def corruptions() -> Figure:
    bars = [CorruptionBar(name=n, group=g, by_severity={1: 0.9, 3: 0.7, 5: 0.4}) for n, g in CORRUPTIONS]
    means = dict.fromkeys(("low", "medium", "high"), Interval(0.67, 0.6, 0.7, 500))
    return corruption_figure(bars, means, clean=0.95, title=TITLE)


def filters() -> Figure:
    rows = [
        {"probe": probe, "parameter": c, "parameter_upper": 2 * c, "accuracy": 0.5, "accuracy_ci_low": 0.4,
         "accuracy_ci_high": 0.6}
        for probe in ("low-pass", "high-pass", "band-pass") for c in (2, 4, 8, 16)
    ]  # fmt: skip
    return filter_figure(pd.DataFrame(rows), clean=0.9, chance=0.1, shorter_side=32, title=TITLE)


def heat_map(power: float = 1.0) -> Figure:
    v, u = np.meshgrid(range(-8, 9), range(9), indexing="ij")
    table = pd.DataFrame({
        "vertical_cycles_per_image": v.ravel(), "horizontal_cycles_per_image": u.ravel(),
        "error_rate": RANDOM.uniform(size=v.size), "gradient_power_share": power * RANDOM.uniform(size=v.size) / v.size,
    })  # fmt: skip
    return heat_map_figure(table, [17, 17], agreement=Interval(0.9, 0.87, 0.92, 32), title=TITLE)


def defense() -> Figure:
    def curve(label: str) -> Curve:
        values = [0.9, 0.8, 0.6, 0.5, 0.2]
        return Curve(label=label, strength=[0, 1, 1.5, 2, 3], value=values, low=values, high=values,
                     reliable=[True, True, True, False, False])  # fmt: skip

    return panels_figure(
        [Panel(words="accuracy (%)", curves=[curve("clean"), curve("corruptions")], chance=0.1),
         Panel(words="corrupted (%)", curves=[curve("low"), curve("medium"), curve("high")]),
         Panel(words="size (1/255)", curves=[curve("median, L∞")]),
         Panel(words="cycles/pixel", curves=[curve("f_rev"), curve("f_0.5")])],
        unit="blur sigma (pixels)", title=TITLE,
    )  # fmt: skip


def scatter(published: bool) -> Callable[[], Figure]:
    points = [
        ScatterPoint(label=f"blur {s:g}", f_rev=0.4 - 0.01 * s, corruption_percent=70 + 0.5 * s, f_half=0.4 - 0.01 * s,
                     size_per_255=1 + 0.05 * s, median_per_255=1 + 0.05 * s, reliable=True)
        for s in (0, 0.5, 1, 1.5, 2, 3)
    ]  # fmt: skip
    behind = {key: [("standard", 0.4, 60.0), ("blur", 0.2, 80.0)] for key in ("f_rev", "f_half")}
    return lambda: scatter_figure(points, behind if published else {}, title=TITLE)


UNITS = ("(", "share", "p_low", "cycles", "rank", "epoch", "class", "loss", "log10", "dB")
BANDS = ("1-2", "3-4", "5-6", "7-9", "10-12", "13-16")


def importance() -> Figure:
    value = [0.3, 0.1, 0.05, 0.0, -0.02, 0.2]
    curves = [
        BandCurve(label=label, value=value, low=[v - 0.05 for v in value], high=[v + 0.05 for v in value])
        for label in ("alone", "Shapley value", "added last")
    ]
    return importance_figure(BANDS, curves, unit="accuracy (share)", title=TITLE)


def classes(count: int, *, signed: bool) -> Figure:
    names = [("caterpillar tractor", "ship", "automobile")[k % 3] + str(k) for k in range(count)]
    value = RANDOM.uniform(-0.2 if signed else 0, 1, size=(count, len(BANDS)))
    return class_band_figure(names, BANDS, value, label="share of sensitivity", title=TITLE, signed=signed)


def hybrid(f_rev: float | None) -> Figure:
    frequency = [k / 10 for k in range(11)]
    rising = [0.5 + 0.5 * np.tanh(8 * (f - (0.5 if f_rev is None else f_rev))) for f in frequency]
    up, down = (Band(mean=p, low=p, high=p) for p in (rising, [1 - p for p in rising]))
    return curve_figure(
        HybridCurves(
            frequency=frequency, p_low=up, p_high=down, neither=[0.02] * 11,
            difference=Band(mean=[2 * p - 1 for p in rising], low=[2 * p - 1 for p in rising],
                            high=[2 * p - 1 for p in rising]),
            f_rev=f_rev, f_rev_low=f_rev, f_rev_high=f_rev, f_rev_status="found" if f_rev else "above",
            cycles_per_nyquist=16, title=TITLE,
        )
    )  # fmt: skip


def examples() -> Figure:
    picture = RANDOM.uniform(size=(32, 32, 3))
    return examples_figure(
        Example(
            frequency=[0.1, 0.3, 0.5, 0.7, 0.9], low_image=picture, high_image=picture, low_parts=[picture] * 5,
            high_parts=[picture] * 5, hybrids=[picture] * 5, low_label="automobile", high_label="caterpillar",
            predictions=["automobile"] * 2 + ["caterpillar"] * 2 + ["ship"], model="resnet20 (packaged:standard)",
            cycles_per_nyquist=16,
        )
    )  # fmt: skip


SIZES = {
    norm: {name: RANDOM.uniform(0, 0.05, 30) for name in ("none", "blur 1", "blur 1.5")} for norm in ("linf", "l2")
}
HISTORY = {
    "epoch": [1, 2, 3], "train_loss": [2.0, 1.0, 0.5], "penalty": [0.4, 0.45, 0.48], "train_accuracy": [0.3, 0.6, 0.8],
    "val_accuracy": [0.3, 0.6, 0.79], "probe_low_share": [0.3, 0.31, 0.33], "probe_mid_share": [0.3, 0.31, 0.33],
    "probe_high_share": [0.4, 0.38, 0.34],
}  # fmt: skip


def line(label: str) -> Line:
    return Line(plot="spectrum", title="Where the sensitivity lies", x_label="spatial frequency (cycles/image)",
                y_label="share of sensitivity", x=[1.0, 2.0, 3.0], y=[0.2, 0.5, 0.3], label=label)  # fmt: skip


WHITE = replace(line("white gradient"), style="reference")


def states(count: int) -> list[StateSpectrum]:
    radius = [float(r) for r in range(1, 17)]
    return [
        StateSpectrum(name=f"layer{k // 3}.{k % 3}", depth=k / (count - 1), radius=radius,
                      power=[1 / r**2 for r in radius], gradient=[1 / 16] * 16)
        for k in range(count)
    ]  # fmt: skip


CHANNEL = ChannelCurve(x=[1.2, 4.5, 13.1], y=[1.4, 4.6, 9.7], low=[1.3, 4.4, 9.4], high=[1.5, 4.7, 10.0])

GALLERY: dict[str, Callable[[], Figure]] = {
    "spectrum": spectrum,
    "map": lambda: power_map_figure(RANDOM.uniform(size=(32, 32)) / 1024, basis="fourier", title=TITLE),
    "prediction": prediction,
    "corruptions": corruptions,
    "calibration": lambda: calibration_figure(
        [
            ReliabilityCurve(
                severity=s, confidence=[0.4, 0.7, 0.9], accuracy=[0.4 - 0.03 * s, 0.6, 0.8], share=[0.2, 0.3, 0.5]
            )
            for s in range(6)
        ],
        [ErrorPoint(s, 0.02 + 0.05 * s, 0.01 + 0.04 * s, 0.03 + 0.06 * s) for s in range(6)],
        title=TITLE,
    ),
    "band importance": importance,
    "classes": lambda: classes(10, signed=False),
    "change of classes": lambda: classes(20, signed=True),
    "many classes": lambda: classes(100, signed=False),
    "hybrid, low decides": lambda: hybrid(0.25),
    "hybrid, high decides": lambda: hybrid(0.85),
    "hybrid without a reversal": lambda: hybrid(None),
    "examples": examples,
    "filters": filters,
    "robustness": lambda: robustness_figure(
        {n: s["none"] for n, s in SIZES.items()},
        [BudgetPoint(attack="apgd-ce", norm=n, eps=0.02, accuracy=0.5, low=0.4, high=0.6) for n in SIZES],
        title=TITLE,
    ),
    "heat map": heat_map,
    "heat map, gradient without frequencies": lambda: heat_map(power=0),
    "defense": defense,
    "scatter": scatter(False),
    "scatter beside published": scatter(True),
    "success": lambda: success_figure(SIZES, title=TITLE),
    "profiles": lambda: profiles_figure(
        [Profile(label=n, radius=[0, 0.3, 0.7], share=[0, 0.6, 1], half=0.25) for n in ("none", "blur 1", "blur 1.5")],
        title=TITLE,
    ),
    "spectra": lambda: maps_figure(
        {n: RANDOM.uniform(size=(32, 32)) for n in ("none", "blur 1", "blur 1.5", "blur 2", "blur 3")}, title=TITLE
    ),
    "depth": lambda: depth_figure(
        [
            DepthPoint(name=f"{k}.0", depth=d, kind=k, ratio=-4 * d, low=-4 * d - 1, high=-4 * d + 1)
            for d, k in ((0.0, "image"), (0.3, "stem"), (0.6, "convolution"), (1.0, "attention"))
        ],
        title=TITLE,
    ),
    "states": lambda: spectra_figure(states(6), title=TITLE),
    "many states": lambda: spectra_figure(states(20), title=TITLE),
    "channel": lambda: critical_band_figure(
        ChannelPlot(
            gradient=CHANNEL,
            sensitivity=CHANNEL,
            censored=[False, False, True],
            words="width >= 0.98 octaves, centre 13 c/image",
            title=TITLE,
        )
    ),
    "index at its ceiling": lambda: index_figure(
        [1.2, 4.5, 13.1], [4, 4, 4], None, title=TITLE, words="published procedure"
    ),
    "two epochs": lambda: training_figure(
        {name: column[:2] for name, column in HISTORY.items()}, best_epoch=1, title="resnet20, lsf training on dualband"
    ),
    "training": lambda: training_figure(HISTORY, best_epoch=3, title="resnet20, lsf training on dualband"),
    "overlay with a long title": lambda: overlay_figure(
        [("standard", [replace(line(""), title="Whom the model believes in hybrid images (mark: f_rev)")])], about="a"
    ),
    "overlay": lambda: overlay_figure(
        [
            (n, [line(""), replace(line("white gradient"), style="reference")])
            for n in ("standard", "lsf", "msf", "asf")
        ],
        about="dualband test, n = 1,000",
    ),
}


def texts_of(figure: Figure) -> list[Text]:
    """Texts that are drawn: ticks beyond the limits keep labels that are not."""
    undrawn = set()
    for axes in (a for parent in figure.axes for a in (parent, *parent.child_axes)):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    undrawn |= {tick.label1, tick.label2}
    found = [t for t in figure.findobj(Text) if isinstance(t, Text) and t.get_visible() and t.get_text().strip()]
    return [t for t in found if t not in undrawn]


@pytest.mark.parametrize("name", GALLERY)
def test_texts_are_apart_and_large_enough_and_axes_have_units(name: str) -> None:
    with figure_style():
        figure = GALLERY[name]()
        FigureCanvasAgg(figure).draw()
    assert figure.get_size_inches()[0] == pytest.approx(COLUMN_WIDTH)
    texts = texts_of(figure)
    assert [t.get_text() for t in texts if t.get_fontsize() < 6] == []
    edge = figure.bbox
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts]
    drawn = [(words, box) for words, box in boxes if box.overlaps(edge)]
    for words, box in drawn:
        assert box.x0 >= -1, words
        assert box.x1 <= edge.x1 + 1, words
    clashes = [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(drawn, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]
    assert clashes == []
    assert not any("$" in t.get_text() for t in texts), "words, no formulas: names may hold dollar signs"
    labels = [axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes if axes.get_visible()]
    assert any(labels) or name in ("spectra", "examples")  # which have theirs above and below all pictures
    for axes in figure.axes:
        for words in filter(None, (axes.get_xlabel(), axes.get_ylabel())):
            assert any(sign in words for sign in UNITS), words


@pytest.mark.parametrize("name", GALLERY)
def test_what_shades_and_bars_mean_is_written_on_the_figure(name: str) -> None:
    with figure_style():
        figure = GALLERY[name]()
    shades = any(isinstance(found, FillBetweenPolyCollection) for found in figure.findobj(PolyCollection))
    bars = any(isinstance(found, ErrorbarContainer) for axes in figure.axes for found in axes.containers)
    named = any("95 % interval" in text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))
    assert named or not (shades or bars)


def test_no_figure_is_missing() -> None:
    modules = [importlib.import_module(f"{figures.__name__}.{m.name}") for m in pkgutil.iter_modules(figures.__path__)]
    drawn = {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.endswith("_figure") and function.__annotations__.get("return") is Figure
    }
    # The page's plots have another size, and text that a reader can enlarge.
    assert drawn - {"plot_figure"} <= globals().keys()


def test_no_line_joins_a_control_with_trained_networks() -> None:
    def point(label: str, *, control: bool = False) -> ScatterPoint:
        return ScatterPoint(label=label, f_rev=0.4, corruption_percent=70, f_half=0.4, size_per_255=1, median_per_255=1,
                            reliable=True, is_control=control)  # fmt: skip

    figure = scatter_figure([point("none"), point("blur 1.5"), point("control", control=True)], {}, title=TITLE)
    for axes in figure.axes:
        joined = [len(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "-" and line.get_alpha()]  # type: ignore[arg-type]
        assert joined == [2]


def test_an_epoch_is_a_whole_number() -> None:
    with figure_style():
        figure = GALLERY["two epochs"]()
        FigureCanvasAgg(figure).draw()
    shown = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert {"1", "2"} <= set(shown)
    assert not any("." in words for words in shown)


def test_one_epoch_is_no_curve(tmp_path: Path) -> None:
    results = {"model": "resnet8", "training": "lsf", "data": "dualband test", "best_epoch": 1, "epochs": 1}
    (tmp_path / "results.json").write_text(json.dumps(results))
    rows = [{name: column[k] for name, column in HISTORY.items()} for k in range(2)]
    write_history(tmp_path, rows[:1])
    assert draw_training(tmp_path, ["png"]) == []
    assert not list(tmp_path.glob("*.png"))
    write_history(tmp_path, rows)
    assert [figure.name for figure in draw_training(tmp_path, ["png"])] == ["training"]
    assert (tmp_path / "training.png").stat().st_size > 0


def test_a_label_stands_clear_of_the_line_between_points() -> None:
    figure = GALLERY["scatter"]()
    figure.set_dpi(100)
    FigureCanvasAgg(figure).draw()
    for axes in figure.axes:
        (joined,) = [line for line in axes.lines if line.get_linestyle() == "-" and line.get_alpha()]
        x, y = (np.asarray(values, float) for values in joined.get_data())
        t = np.linspace(0, len(x) - 1, 400)
        pixels = axes.transData.transform(np.column_stack([np.interp(t, range(len(x)), v) for v in (x, y)]))
        for words in axes.texts:
            box = words.get_window_extent()
            assert not any(box.x0 < px < box.x1 and box.y0 < py < box.y1 for px, py in pixels), words.get_text()


def test_plots_of_results_say_n_and_what_the_shade_is() -> None:
    measured = replace(line(""), low=[0.1, 0.4, 0.2], high=[0.3, 0.6, 0.4], n=1200)
    axes = draw_plot([("net on given images", [measured, WHITE])], "spectrum")
    assert axes.get_title() == "net on given images, n = 1,200"
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["white gradient", "95 % interval"]
    figure = overlay_figure([("lsf", [measured]), ("hsf", [replace(measured, n=40)])], about="dualband test")
    assert figure.axes[0].get_title() == "Where the sensitivity lies, n = 40 to 1,200"
    assert "95 % interval" in [text.get_text() for text in figure.legends[0].get_texts()]
    unknown = draw_plot([("an older run", [replace(measured, n=0)])], "spectrum")
    assert unknown.get_title() == "an older run"
