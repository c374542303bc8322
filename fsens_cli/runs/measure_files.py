"""What a measurement leaves: tables, numbers with intervals, figures; and the figures drawn again from them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fsens_cli.experiments.measure_findings import measure_findings
from fsens_cli.experiments.measure_result import MeasureResult, centroid
from fsens_cli.experiments.quantities import Findings, Line
from fsens_cli.fourier.bands import band_mask
from fsens_cli.runs.class_files import draw_classes, write_classes
from fsens_cli.runs.figures.power_map import power_map_figure
from fsens_cli.runs.figures.spectrum import BandLabel, SpectrumCurve, spectrum_figure
from fsens_cli.runs.figures.style import BLUE, colour_of, save_figure
from fsens_cli.runs.files import write_arrays, write_table
from fsens_cli.runs.findings_files import FigureFile, write_figures, write_results
from fsens_cli.runs.json_files import Fields, Json
from fsens_cli.runs.json_numbers import interval_or_nulls
from fsens_cli.runs.plot_settings import PlotConfig
from fsens_cli.runs.published import published_curve, published_names
from fsens_cli.runs.stored_tables import read_arrays, read_columns
from fsens_cli.runs.subject import Subject, titles_of


def measure_results(result: MeasureResult, subject: Subject) -> Json:
    """Return the headline numbers of a measurement, as written to ``results.json``."""
    bins, peak = result.bins, result.peak_bin
    norm = np.quantile(result.per_image.gradient_norm_N.numpy(), [0.5, 0.25, 0.75])
    check = result.self_check
    return {
        **subject.as_json("measure", result.num_images),
        "num_classes": result.num_classes,
        "image_size": list(bins.image_size),
        "convention": result.config.convention,
        "target": result.config.target,
        "space": result.config.space,
        "channels": result.config.channels,
        "basis": result.config.basis,
        "accuracy": interval_or_nulls(result.accuracy),
        "bands": [
            {
                "name": b.band.name,
                "radius_first": b.band.first,
                "radius_last": b.band.last,
                "share": interval_or_nulls(b.share),
                "white_share": b.white_share,
                "density": b.density,
            }
            for b in result.bands
        ],
        "peak": {
            "cycles_per_image": float(bins.cycles_per_image_K[peak]),
            "cycles_per_pixel": float(bins.cycles_per_pixel_K[peak]),
            "share": float(result.spectrum.mean_K[peak]),
        },
        "centroid_cycles_per_image": interval_or_nulls(result.centroid),
        "gradient_norm": {"median": float(norm[0]), "quartile_1": float(norm[1]), "quartile_3": float(norm[2])},
        "zero_gradient_images": result.num_zero_gradient,
        "self_check": {
            "relative_error": check.relative_error,
            "num_images": check.num_images,
            "num_directions": check.num_directions,
            "note": check.note,
        },
    }


def write_measure(
    folder: Path,
    result: MeasureResult,
    subject: Subject,
    plot: PlotConfig,
    *,
    summary: Sequence[str],
    class_names: Sequence[str] = (),
    figures: bool = True,
) -> Findings:
    """Write every file of a measurement into ``folder`` and return what it says; ``summary`` says it in words."""
    published = published_for(plot.published, subject)
    results = measure_results(result, subject) | {"published": published}
    found = measure_findings(result)
    if published != "none":
        found = replace(found, lines=(*found.lines, _published_line(found.lines[0], published)))
    _write_spectrum(folder, result)
    _write_bands(folder, result)
    _write_per_image(folder, result, class_names)
    write_classes(folder, result, class_names)
    write_arrays(folder / "shares.npz", {"index": result.per_image.index_N.numpy(), "share": _as_float32(result)})
    write_arrays(folder / "map.npz", {"power": result.power_map_HW.numpy()})
    write_results(folder, results, found, summary)
    if figures:
        write_figures(folder, draw_measure(folder, plot.all_formats()))
    return found


def _published_line(measured: Line, name: str) -> Line:
    x, y = published_curve(name)
    return replace(measured, label="published, ResNet-50", style="reference", x=x, y=y, low=(), high=())


def draw_measure(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw the figures of a measurement from its files alone.

    Raises:
        OutputError: a file is missing or damaged.
    """
    whole = Fields.read(folder / "results.json", f"{folder} is not a finished measurement")
    results = whole.fields_or_none("measure") or whole
    radius, share, low, high, white = read_columns(
        folder / "spectrum.csv", ("cycles_per_image", "share_mean", "share_ci_low", "share_ci_high", "white_share")
    )
    power = read_arrays(folder / "map.npz", ("power",))["power"]
    outside = radius > 0
    subject, title = titles_of(results)
    published = results.text("published", "none")
    training = whole.text("training", "") or results.text("weights", "").partition("packaged:")[2]
    curve = SpectrumCurve(
        radius=radius[outside].tolist(),
        mean=share[outside].tolist(),
        colour=colour_of(training) or BLUE,
        low=low[outside].tolist(),
        high=high[outside].tolist(),
        white=white[outside].tolist(),
        bands=[
            BandLabel(
                name=b.text("name"),
                first=b.whole("radius_first"),
                last=b.whole("radius_last"),
                share=b.fields("share").number("value"),
            )
            for b in results.rows("bands")
        ],
        shorter_side=int(min(results.numbers("image_size"))),
        title=title,
        published=None if published == "none" else published_curve(published),
        published_label="published, ResNet-50",
    )
    save_figure(spectrum_figure(curve), folder, "spectrum", formats)
    save_figure(power_map_figure(power, basis=results.text("basis"), title=title), folder, "map", formats)
    bands = ", ".join(f"{b.name} {b.share:.3f}" for b in curve.bands)
    return [
        FigureFile(
            name="spectrum",
            caption=f"Share of the sensitivity of {subject} by spatial frequency.",
            alt=f"A curve over frequency with its 95 % band; shares of the bands: {bands}.",
            has_lines=True,
        ),
        FigureFile(
            name="map",
            caption=f"Sensitivity of {subject} over the plane of frequencies.",
            alt="A map of the mean power of the input gradient at each horizontal and vertical frequency.",
        ),
        *draw_classes(folder, formats, title=title, subject=subject),
    ]


def require_published(asked: str) -> None:
    """Check that ``asked`` is ``auto``, ``none`` or the name of a published curve.

    Raises:
        ConfigError: lists the names.
    """
    if asked not in ("auto", "none"):
        published_curve(asked)


def published_for(asked: str, subject: Subject) -> str:
    """Return the name of the published curve to draw, or ``none``."""
    if asked == "none":
        return "none"
    if asked != "auto":
        require_published(asked)
        return asked
    name = f"{subject.data}-{subject.training}"
    return name if name in published_names() else "none"


def _write_spectrum(folder: Path, result: MeasureResult) -> None:
    bins, spectrum = result.bins, result.spectrum
    white = bins.white_share_K
    density = np.divide(spectrum.mean_K.numpy(), white.numpy(), out=np.zeros(len(white)), where=white.numpy() > 0)
    write_table(
        folder / "spectrum.csv",
        {
            "radius": list(range(bins.num_bins)),
            "cycles_per_image": bins.cycles_per_image_K.tolist(),
            "cycles_per_pixel": bins.cycles_per_pixel_K.tolist(),
            "cells": bins.cells_K.int().tolist(),
            "white_share": white.tolist(),
            "share_mean": spectrum.mean_K.tolist(),
            "share_sd": spectrum.sd_K.tolist(),
            "share_ci_low": spectrum.low_K.tolist(),
            "share_ci_high": spectrum.high_K.tolist(),
            "density": density.tolist(),
        },
    )


def _write_bands(folder: Path, result: MeasureResult) -> None:
    bands = result.bands
    write_table(
        folder / "bands.csv",
        {
            "band": [b.band.name for b in bands],
            "radius_first_cycles_per_image": [b.band.first for b in bands],
            "radius_last_cycles_per_image": [b.band.last for b in bands],
            "share": [b.share.value for b in bands],
            "share_ci_low": [b.share.low for b in bands],
            "share_ci_high": [b.share.high for b in bands],
            "white_share": [b.white_share for b in bands],
            "density": [b.density for b in bands],
            "n": [b.share.n for b in bands],
        },
    )


def _write_per_image(folder: Path, result: MeasureResult, class_names: Sequence[str]) -> None:
    table = result.per_image
    columns: dict[str, Sequence[object]] = {"index": table.index_N.tolist(), "label": table.label_N.tolist()}
    if class_names:
        columns["class"] = [class_names[i] for i in table.label_N.tolist()]
    columns["prediction"] = table.prediction_N.tolist()
    columns[result.config.target] = table.value_N.tolist()
    columns["gradient_norm"] = table.gradient_norm_N.tolist()
    for share in result.bands:
        mask = band_mask(result.bins, share.band).double()
        columns[f"{share.band.name}_share"] = (table.share_NK @ mask).tolist()
    columns["centroid_cycles_per_image"] = centroid(table.share_NK, result.bins).tolist()
    write_table(folder / "per_image.csv", columns)


def _as_float32(result: MeasureResult) -> np.ndarray:
    return result.per_image.share_NK.float().numpy()
