"""What critical-band masking leaves behind: thresholds, every answer, the published index; drawn from files."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fsens_cli.experiments.critical_band_findings import critical_band_findings, published_findings
from fsens_cli.experiments.critical_band_reference import STRENGTHS, PublishedResult
from fsens_cli.experiments.critical_band_result import Channel, CriticalBandResult
from fsens_cli.experiments.critical_band_settings import CriticalBandConfig
from fsens_cli.experiments.measure_result import MeasureResult
from fsens_cli.experiments.quantities import Findings
from fsens_cli.runs.figures.critical_band import ChannelPlot, Curve, critical_band_figure, index_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.files import write_arrays, write_table
from fsens_cli.runs.findings_files import FigureFile, write_figures, write_results
from fsens_cli.runs.json_files import Fields, Json
from fsens_cli.runs.json_numbers import interval_or_nulls
from fsens_cli.runs.stored_tables import read_columns, read_rows
from fsens_cli.runs.subject import Subject, titles_of
from fsens_cli.statistics.intervals import Interval

VERB = "critical-band"


def write_critical_band(
    folder: Path,
    result: CriticalBandResult,
    gradient: MeasureResult,
    subject: Subject,
    formats: Sequence[str],
    *,
    summary: Sequence[str],
) -> Findings:
    """Write every file of a masking, with the input gradient's spectrum of the same images, and return what it says."""
    found = critical_band_findings(result)
    _write_bands(folder, result)
    _write_cells(folder, result)
    _write_gradient(folder, gradient)
    write_results(folder, critical_band_results(result, subject), found, summary)
    if formats:
        write_figures(folder, draw_critical_band(folder, formats))
    return found


def critical_band_results(result: CriticalBandResult, subject: Subject) -> Json:
    """Return the headline numbers, as written to ``results.json``."""
    return {
        **subject.as_json(VERB, len(result.answers.label_N)),
        "num_classes": result.num_classes,
        "image_size": list(result.bands.bins.image_size),
        "procedure": result.config.procedure,
        "accuracy": interval_or_nulls(result.accuracy),
        "forwards": result.answers.num_forwards,
        "channels": [_channel_dict(channel) for channel in result.channels],
    }


def _channel_dict(channel: Channel) -> Json:
    def known(interval: Interval | None) -> Json | None:
        return None if interval is None else dict(interval_or_nulls(interval))

    gaussian = channel.gaussian
    return {
        "criterion": channel.criterion,
        "level": channel.level,
        "undefined": channel.undefined,
        "width_octaves": known(channel.width),
        "width_is_lower_bound": channel.width_open,
        "centre_cycles_per_image": known(channel.centre),
        "peak_sensitivity": known(channel.peak),
        "peak_censored": channel.peak_censored,
        "censored_share_of_resamples": channel.censored_share,
        "gaussian": None
        if gaussian is None
        else {
            "width_octaves": gaussian.full_width,
            "centre_cycles_per_image": 2**gaussian.centre,
            "height": gaussian.height,
            "r_squared": gaussian.r_squared,
        },
    }


def _write_bands(folder: Path, result: CriticalBandResult) -> None:
    rows = [(channel, b, row) for channel in result.channels for b, row in enumerate(channel.bands)]
    fixed = result.fixed_rows
    columns: dict[str, Sequence[object]] = {
        "criterion": [channel.criterion for channel, _, _ in rows],
        "band": [row.band.name for _, _, row in rows],
        "centre_cycles_per_image": [row.centre for _, _, row in rows],
        "cells": [row.cells for _, _, row in rows],
    }
    for name in ("sigma", "sensitivity", "energy"):
        found = [getattr(row, name) for _, _, row in rows]
        columns |= {
            name: [i.value for i in found],
            f"{name}_ci_low": [i.low for i in found],
            f"{name}_ci_high": [i.high for i in found],
        }
    columns |= {
        "censored": [row.censored for _, _, row in rows],
        "censored_share": [row.censored_share for _, _, row in rows],
        "out_of_range_share": [row.outside for _, _, row in rows],
        "fixed_sigma": [result.fixed_sigma] * len(rows),
        "accuracy_at_fixed_sigma": [fixed[b].value if fixed else math.nan for _, b, _ in rows],
    }
    write_table(folder / "critical_band.csv", columns)


def _write_cells(folder: Path, result: CriticalBandResult) -> None:
    """Write the accuracy in every cell that was asked about, and every answer behind it."""
    answers, ladder = result.answers, result.config.ladder
    cells = [(b, step) for b, steps in enumerate(answers.correct) for step in sorted(steps)]
    right = [answers.correct[b][step] for b, step in cells]
    write_table(
        folder / "cells.csv",
        {
            "band": ["none", *(result.bands.names[b] for b, _ in cells)],
            "sigma": [0.0, *(ladder.sigma(step) for _, step in cells)],
            "accuracy": [float(r.double().mean()) for r in (answers.clean_N, *right)],
            "out_of_range_share": [0.0, *(answers.outside[b][step] for b, step in cells)],
            "n": [len(answers.label_N)] * (len(cells) + 1),
        },
    )
    write_arrays(
        folder / "answers.npz",
        {
            "index": answers.index_N.numpy(),
            "label": answers.label_N.numpy(),
            "correct": np.stack([r.numpy() for r in (answers.clean_N, *right)], axis=1),
        },
    )


def _write_gradient(folder: Path, gradient: MeasureResult) -> None:
    kept = gradient.bins.cycles_per_image_K > 0
    spectrum = gradient.spectrum
    write_table(
        folder / "gradient.csv",
        {
            "cycles_per_image": gradient.bins.cycles_per_image_K[kept].tolist(),
            "share_mean": spectrum.mean_K[kept].tolist(),
            "share_ci_low": spectrum.low_K[kept].tolist(),
            "share_ci_high": spectrum.high_K[kept].tolist(),
        },
    )


def write_published(
    folder: Path,
    result: PublishedResult,
    config: CriticalBandConfig,
    subject: Subject,
    formats: Sequence[str],
    *,
    summary: Sequence[str],
) -> Findings:
    """Write every file of the published procedure and return what it says."""
    found = published_findings(result, config)
    columns: dict[str, Sequence[object]] = {
        "band": list(range(len(result.index_B))),
        "nominal_cycles_per_image": list(result.nominal_B),
        "half_power_cycles_per_image": list(result.median_B),
        "index": list(result.index_B),
    }
    for s, sd in enumerate(STRENGTHS):
        columns |= {f"accuracy_at_sd_{sd:g}": result.accuracy_BS[:, s].tolist()}
        columns |= {f"shown_at_sd_{sd:g}": result.shown_BS[:, s].tolist()}
    write_table(folder / "critical_band.csv", columns)
    fit = result.fit
    results: Json = {
        **subject.as_json(VERB, len(result.label_N)),
        "procedure": "reference",
        "accuracy": interval_or_nulls(result.clean),
        "index": list(result.index_B),
        "fit": None if fit is None else {"height": fit.height, "centre": fit.centre, "sd": fit.sd},
    }
    write_results(folder, results, found, summary)
    if formats:
        write_figures(folder, draw_critical_band(folder, formats))
    return found


def draw_critical_band(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw the figure of a masking from its files alone.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = Fields.read(folder / "results.json", f"{folder} is not a finished critical-band run")
    subject, title = titles_of(results)
    if results.text("procedure") == "reference":
        return [_draw_published(folder, results, subject, title, formats)]
    leading = results.rows("channels")[0]
    undefined = leading.text("undefined")
    curve, censored = (None, []) if undefined else _curve(folder, leading.text("criterion"))
    names = ("cycles_per_image", "share_mean", "share_ci_low", "share_ci_high")
    radius, mean, below, above = (column.tolist() for column in read_columns(folder / "gradient.csv", names))
    words = _words(leading)
    plot = ChannelPlot(
        gradient=Curve(x=radius, y=mean, low=below, high=above),
        sensitivity=curve,
        censored=censored,
        words=words,
        title=title,
    )
    save_figure(critical_band_figure(plot), folder, "critical_band", formats)
    return [
        FigureFile(
            name="critical_band",
            caption=f"Sensitivity of {subject} to noise in each band, below its input gradient's spectrum. {words}.",
            alt="Two curves over log2 frequency on one axis, each with its 95 % interval; published channels in gray.",
        )
    ]


def _curve(folder: Path, criterion: str) -> tuple[Curve, list[bool]]:
    """Return the sensitivities by one criterion, and which of them are bounds."""
    columns = ("centre_cycles_per_image", "sensitivity", "sensitivity_ci_low", "sensitivity_ci_high")
    rows = [r for r in read_rows(folder / "critical_band.csv", ("criterion", "censored", *columns))
            if r["criterion"] == criterion]  # fmt: skip
    x, y, low, high = ([row.number(name) for row in rows] for name in columns)
    return Curve(x=x, y=y, low=low, high=high), [bool(row["censored"]) for row in rows]


def _words(channel: Fields) -> str:
    if channel.text("undefined"):
        return "no threshold at this accuracy"
    width = channel.fields("width_octaves").number("value")
    centre = channel.fields("centre_cycles_per_image").number("value")
    at_least = ">= " if channel.flag("width_is_lower_bound") else ""
    return f"width {at_least}{width:.2f} octaves, centre {centre:.3g} c/image"


def _draw_published(folder: Path, results: Fields, subject: str, title: str, formats: Sequence[str]) -> FigureFile:
    names = ("half_power_cycles_per_image", "index")
    frequency, index = (column.tolist() for column in read_columns(folder / "critical_band.csv", names))
    stored = results.fields_or_none("fit")
    fit = None if stored is None else (stored.number("height"), stored.number("centre"), stored.number("sd"))
    words = "published procedure"
    save_figure(index_figure(frequency, index, fit, title=title, words=words), folder, "critical_band", formats)
    return FigureFile(
        name="critical_band",
        caption=f"Published index of the threshold of {subject} in each band of the pyramid.",
        alt="Points over log2 frequency and a Gaussian through them.",
    )
