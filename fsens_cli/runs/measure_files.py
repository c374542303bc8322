"""What does a measurement leave behind: tables, numbers with intervals, figures; and how is it drawn again?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fsens_cli.errors import OutputError, require, require_one_of
from fsens_cli.experiments.sensitivity import MeasureResult, centroid
from fsens_cli.fourier.bands import band_mask
from fsens_cli.runs.figures.power_map import power_map_figure
from fsens_cli.runs.figures.spectrum import BandLabel, SpectrumCurve, spectrum_figure
from fsens_cli.runs.figures.style import FORMATS, save_figure
from fsens_cli.runs.files import write_arrays, write_json, write_table
from fsens_cli.runs.folder import read_json
from fsens_cli.runs.published import published_curve, published_names
from fsens_cli.statistics.intervals import Interval


@dataclass(kw_only=True)
class PlotConfig:
    """How figures are written.

    Attributes:
        formats: any of ``png``, ``pdf``, ``svg``; a PNG is always written.
        published: a published curve to draw in gray, such as ``cifar10-standard``; ``none``; ``auto`` takes the one for
            the data and training where there is one.
    """

    formats: list[str] = field(default_factory=lambda: ["png"])
    published: str = "auto"

    def __post_init__(self) -> None:
        """Check the formats."""
        for name in self.formats:
            require_one_of("plot.formats", name, FORMATS)
        require(self.published != "", "plot.published needs a name: none, auto or a published curve.")

    def all_formats(self) -> list[str]:
        """Return the formats, PNG always among them."""
        return list(dict.fromkeys(["png", *self.formats]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was measured, in words for tables and figures."""

    model: str
    weights: str
    data: str
    data_title: str
    training: str = ""


def interval_dict(interval: Interval) -> dict[str, float]:
    """Return an interval as it stands in ``results.json``."""
    return {"value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n}


def measure_results(result: MeasureResult, subject: Subject) -> dict[str, Any]:
    """Return the headline numbers of a measurement, as written to ``results.json``."""
    bins, peak = result.bins, result.peak_bin
    norm = np.quantile(result.per_image.gradient_norm_N.numpy(), [0.5, 0.25, 0.75])
    check = result.self_check
    return {
        "verb": "measure",
        "model": subject.model,
        "weights": subject.weights,
        "training": subject.training,
        "data": subject.data_title,
        "num_images": result.num_images,
        "num_classes": result.num_classes,
        "image_size": list(bins.image_size),
        "convention": result.config.convention,
        "target": result.config.target,
        "space": result.config.space,
        "channels": result.config.channels,
        "basis": result.config.basis,
        "accuracy": interval_dict(result.accuracy),
        "bands": [
            {
                "name": b.band.name,
                "radius_first": b.band.first,
                "radius_last": b.band.last,
                "share": interval_dict(b.share),
                "white_share": b.white_share,
                "density": b.share.value / b.white_share if b.white_share > 0 else None,
            }
            for b in result.bands
        ],
        "peak": {
            "cycles_per_image": float(bins.cycles_per_image_K[peak]),
            "cycles_per_pixel": float(bins.cycles_per_pixel_K[peak]),
            "share": float(result.spectrum.mean_K[peak]),
        },
        "centroid_cycles_per_image": interval_dict(result.centroid),
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
    folder: Path, result: MeasureResult, subject: Subject, plot: PlotConfig, *, class_names: Sequence[str] = ()
) -> dict[str, Any]:
    """Write every file of a measurement into ``folder`` and return the headline numbers."""
    results = measure_results(result, subject)
    results["published"] = published_for(plot.published, subject)
    _write_spectrum(folder, result)
    _write_bands(folder, results)
    _write_per_image(folder, result, class_names)
    write_arrays(folder / "shares.npz", {"index": result.per_image.index_N.numpy(), "share": _as_float32(result)})
    write_arrays(folder / "map.npz", {"power": result.power_map_HW.numpy()})
    write_json(folder / "results.json", results)
    draw_measure(folder, plot.all_formats())
    return results


def draw_measure(folder: Path, formats: Sequence[str]) -> None:
    """Draw the figures of a measurement from its files alone.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = read_json(folder / "results.json", f"{folder} is not a finished measurement")
    results = results.get("measure", results)
    try:
        table = pd.read_csv(folder / "spectrum.csv")
        with np.load(folder / "map.npz") as arrays:
            power = arrays["power"]
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{folder} is incomplete: {error}.") from error
    table = table[table["cycles_per_image"] > 0]
    subject = wrap_title(f"{results['model']} ({results['weights']})")
    title = f"{subject}\n" + wrap_title(f"{results['data']}, n = {results['num_images']:,}")
    published = results.get("published", "none")
    curve = SpectrumCurve(
        radius=table["cycles_per_image"].tolist(),
        mean=table["share_mean"].tolist(),
        low=table["share_ci_low"].tolist(),
        high=table["share_ci_high"].tolist(),
        white=table["white_share"].tolist(),
        bands=[
            BandLabel(name=b["name"], first=b["radius_first"], last=b["radius_last"], share=b["share"]["value"])
            for b in results["bands"]
        ],
        shorter_side=min(results["image_size"]),
        title=title,
        published=None if published == "none" else published_curve(published),
        published_label="published, ResNet-50",
    )
    save_figure(spectrum_figure(curve), folder, "spectrum", formats)
    save_figure(power_map_figure(power, basis=results["basis"], title=title), folder, "map", formats)


def wrap_title(title: str) -> str:
    """Break a title into lines that fit one column."""
    import textwrap

    return "\n".join(textwrap.wrap(title, 52))


def published_for(asked: str, subject: Subject) -> str:
    """Return the name of the published curve to draw, or ``none``."""
    if asked == "none":
        return "none"
    if asked != "auto":
        published_curve(asked)
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


def _write_bands(folder: Path, results: dict[str, Any]) -> None:
    bands = results["bands"]
    write_table(
        folder / "bands.csv",
        {
            "band": [b["name"] for b in bands],
            "radius_first_cycles_per_image": [b["radius_first"] for b in bands],
            "radius_last_cycles_per_image": [b["radius_last"] for b in bands],
            "share": [b["share"]["value"] for b in bands],
            "share_ci_low": [b["share"]["low"] for b in bands],
            "share_ci_high": [b["share"]["high"] for b in bands],
            "white_share": [b["white_share"] for b in bands],
            "density": [b["density"] for b in bands],
            "n": [b["share"]["n"] for b in bands],
        },
    )


def _write_per_image(folder: Path, result: MeasureResult, class_names: Sequence[str]) -> None:
    table = result.per_image
    columns: dict[str, Sequence[Any]] = {"index": table.index_N.tolist(), "label": table.label_N.tolist()}
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
