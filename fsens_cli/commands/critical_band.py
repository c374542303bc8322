"""``fsens critical-band``: how much noise in each band costs a model its accuracy."""

from pathlib import Path

from fsens_cli.commands.console import progress
from fsens_cli.commands.options import Flags
from fsens_cli.commands.probing import Probe, probing
from fsens_cli.commands.tables import table
from fsens_cli.commands.wording import interval_text, percent_interval
from fsens_cli.config.jobs import CriticalBandJob, JobFields
from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.critical_band import critical_band
from fsens_cli.experiments.critical_band_reference import PublishedResult, published_critical_band
from fsens_cli.experiments.critical_band_result import Channel, CriticalBandResult
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.fourier.octaves import bands_of
from fsens_cli.runs.critical_band_files import write_critical_band, write_published
from fsens_cli.runs.subject import Subject


def critical_band_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Do one masking and write its run folder."""
    assert isinstance(job, CriticalBandJob), "the verb decides the type"
    with probing(job, "critical-band", config_yaml, flags) as at:
        work = _published if job.procedure == "reference" else _masked
        work(at, job, flags)
    return at.run.path


def _masked(at: Probe, job: CriticalBandJob, flags: Flags) -> None:
    with progress("gradient", len(at.images), flags) as advance:
        settings = MeasureConfig(batch_size=job.batch_size, seed=job.seed)
        batches = at.images.batches(job.batch_size, at.device)
        gradient = measure(at.classifier, batches, settings, index_N=at.images.index_N, on_progress=advance)
    with progress("masking", _most_forwards(job, at.images), flags) as advance:
        result = critical_band(at.classifier, at.images, job, on_progress=advance)
    with at.run.reporting_disk_errors():
        formats, words = job.plot.all_formats(), channel_lines(result, at.subject)
        write_critical_band(at.run.path, result, gradient, at.subject, formats, summary=words)


def _most_forwards(job: CriticalBandJob, images: ImageSet) -> int:
    """Return the forward passes that a masking takes at most, in images; most take fewer."""
    height, width = images.images_NCHW.shape[-2:]
    return len(images) * (1 + job.ladder.most * len(bands_of((height, width), job.spacing).bands))


def _published(at: Probe, job: CriticalBandJob, flags: Flags) -> None:
    with progress("masking", len(at.images), flags) as advance:
        result = published_critical_band(at.classifier, at.images, job, on_progress=advance)
    with at.run.reporting_disk_errors():
        formats, words = job.plot.all_formats(), published_lines(result, at.subject)
        write_published(at.run.path, result, job, at.subject, formats, summary=words)


def channel_lines(result: CriticalBandResult, subject: Subject) -> list[str]:
    """Return the thresholds as lines of text."""
    channel = result.channel
    head = (
        f"{subject.model} ({subject.weights}) on {subject.data_title}, {len(result.answers.label_N):,} images, "
        f"accuracy without noise {percent_interval(result.accuracy)}"
    )
    found = [head, ""]
    if channel.bands:
        found += [f"noise that takes accuracy to {100 * channel.level:.1f} % ({channel.criterion})", *_rows(result), ""]
    return [*found, *(_channel_line(c) for c in result.channels)]


def _rows(result: CriticalBandResult) -> list[str]:
    fixed = f"acc. at {result.fixed_sigma:g}"
    rows = []
    for b, row in enumerate(result.channel.bands):
        line = {
            "band": row.band.name,
            "c/image": f"{row.centre:.3g}",
            "cells": f"{row.cells:,}",
            "sigma* [95 % interval]": f"{row.censored}{interval_text(row.sigma, 3)}",
            "1/sigma*": f"{row.sensitivity.value:.2f}",
            "energy": f"{row.energy.value:.3g}",
        }
        rows.append(line | ({fixed: f"{100 * result.fixed_rows[b].value:.1f} %"} if result.fixed_rows else {}))
    return table(rows)


def _channel_line(channel: Channel) -> str:
    if channel.width is None or channel.centre is None or channel.peak is None:
        return f"{channel.criterion}: undefined; {channel.undefined}"
    width = f"{'>= ' if channel.width_open else ''}{interval_text(channel.width, 2)}"
    censored = f", {100 * channel.censored_share:.0f} % of resamples censored" if channel.censored_share else ""
    return (
        f"{channel.criterion}: width {width} octaves, centre {interval_text(channel.centre, 2)} c/image, "
        f"peak {'>' if channel.peak_censored else ''}{interval_text(channel.peak, 1)}{censored}"
    )


def published_lines(result: PublishedResult, subject: Subject) -> list[str]:
    """Return what the published procedure finds as lines of text."""
    head = (
        f"{subject.model} ({subject.weights}) on {subject.data_title}, {len(result.label_N):,} images, published "
        f"stimuli, without noise {percent_interval(result.clean)}"
    )
    rows = [
        {"nominal c/image": f"{n:.3g}", "half of the power": f"{m:.3g}", "index": str(j)}
        for n, m, j in zip(result.nominal_B, result.median_B, result.index_B, strict=True)
    ]
    fit = (
        "no Gaussian: all indices are the same"
        if result.fit is None
        else f"bandwidth {result.bandwidth:.2f} octaves, centre {result.centre:.1f} nominal c/image, peak noise "
        f"sensitivity {result.peak:.2f}"
    )
    return [head, "", *table(rows), "", fit]
