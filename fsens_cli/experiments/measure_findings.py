"""Headline numbers, warnings and plot lines of a measurement."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from fsens_cli.experiments.measure_result import BandShare, MeasureResult, centroid
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.experiments.quantities import Findings, Line, Quantity, profile, quantity, sample
from fsens_cli.fourier.bands import band_mask
from fsens_cli.fourier.octaves import bands_of
from fsens_cli.statistics.chance import chance_warnings

LARGEST_ERROR = 0.05  # of the self-check, before its measurement is called unreliable
SMALLEST_WITH_BANDS = 4  # pixels a side
MUST_AGREE = ("convention", "target", "space", "channels", "basis")


def measure_findings(result: MeasureResult) -> Findings:
    """Return what a measurement says."""
    return Findings(
        verdict=verdict_on_bands(result.bands),
        quantities=tuple(_quantities(result)),
        warnings=tuple(_warnings(result)),
        lines=(spectrum := _spectrum(result), _white(spectrum, result), *_profile(result)),
        asked=asked_of(result.config) | {"bands": ", ".join(f"{b.band.name} to {b.band.last}" for b in result.bands)},
    )


def verdict_on_bands(bands: Sequence[BandShare]) -> str:
    """Say in which band most of the sensitivity lies, and whether that is more than of white noise."""
    most = max(bands, key=lambda b: b.share.value)
    name, first, last = most.band.name, most.band.first, most.band.last
    if most is bands[0]:
        where = f"at {last} c/image and below"
    elif most is bands[-1]:
        where = f"above {first - 1} c/image"
    else:
        where = f"between {first} and {last} c/image"
    if math.isnan(most.share.low):
        return f"no verdict on one image: {100 * most.share.value:.0f} % of its sensitivity lies {where}"
    share = f"{most.share.text(0, scale=100, unit=' %')} of its sensitivity lies {where}"
    if most.share.high <= 0.5:
        shares = ", ".join(f"{b.band.name} {100 * b.share.value:.0f} %" for b in bands)
        return f"listens to no band alone: {shares}{_against_white(bands)}"
    if most.share.low <= 0.5:
        return f"may listen to {name} frequencies: {share}"
    if most.share.low > most.white_share:
        return f"listens to {name} frequencies: {100 * most.share.value:.0f} % of its sensitivity lies {where}"
    less = "less than" if most.share.high < most.white_share else "no more than"
    white = f"{less} of white noise ({100 * most.white_share:.0f} %)"
    return f"does not prefer {name} frequencies: {share}, {white}{_against_white(bands)}"


def _against_white(bands: Sequence[BandShare]) -> str:
    """Name the band that goes furthest beyond its share of white noise; empty where none does with certainty."""
    beyond = [
        (times, band.band.name) for band in bands if (times := band.density) and band.share.low > band.white_share
    ]
    if not beyond:
        return ""
    times, name = max(beyond)
    return f"; against white noise it prefers {name} frequencies, {times:.1f} times their share"


def asked_of(config: MeasureConfig) -> dict[str, str]:
    """Return the settings that must agree before two measurements answer one question."""
    return {name: str(getattr(config, name)) for name in MUST_AGREE}


def _quantities(result: MeasureResult) -> list[Quantity]:
    table = result.per_image
    right = sample("proportion", table.index_N, table.prediction_N == table.label_N)
    # Images without a gradient count in no average.
    index_N, share_NK = table.index_N[table.has_gradient_N], table.share_NK[table.has_gradient_N]
    found = [quantity(result.accuracy, "accuracy", "accuracy", sample=right)]
    for band in result.bands:
        name, mask_K = band.band.name, band_mask(result.bins, band.band).double()
        found.append(
            quantity(
                band.share,
                f"share-{name}",
                f"sensitivity, {name} band",
                unit="share",
                scale=1,
                digits=3,
                role="" if name == "mid" else "listens",
                sample=sample("mean", index_N, share_NK @ mask_K),
            )
        )
    found.append(
        quantity(
            result.centroid,
            "centroid",
            "sensitivity, centroid",
            unit="c/image",
            scale=1,
            digits=2,
            role="listens",
            leading=True,
            sample=sample("mean", index_N, centroid(share_NK, result.bins)),
        )
    )
    return found


def _warnings(result: MeasureResult) -> list[str]:
    found = chance_warnings(result.accuracy, result.num_classes)
    if result.num_zero_gradient:
        found.append(
            f"{result.num_zero_gradient} of {result.num_images} images have a zero gradient and count in no average."
        )
    error = result.self_check.relative_error
    if error is not None and error > LARGEST_ERROR:
        found.append(
            f"the gradient predicts changes of the {result.config.target} with an error of {100 * error:.0f} %: "
            "the numbers are unreliable."
        )
    return found


def _profile(result: MeasureResult) -> list[Line]:
    """Return the gradient's power per cell in each half octave, which a white spectrum has the same everywhere."""
    if result.config.basis != "fourier" or result.bins.shorter_side < SMALLEST_WITH_BANDS:
        return []
    bands = bands_of(result.bins.image_size)
    masks_KB = torch.stack([band_mask(bands.bins, band) for band in bands.bands], dim=1).double()
    share = (result.spectrum.mean_K.double() @ masks_KB).tolist()
    return [profile("input gradient", bands.centres, [s / c for s, c in zip(share, bands.cells, strict=True)])]


def _white(spectrum: Line, result: MeasureResult) -> Line:
    """Return the spectrum that a gradient without preference would have."""
    kept = result.bins.cycles_per_image_K > 0
    white = result.bins.white_share_K[kept].tolist()
    return replace(spectrum, label="white gradient", style="reference", y=white, low=(), high=())


def _spectrum(result: MeasureResult) -> Line:
    kept = result.bins.cycles_per_image_K > 0
    return Line(
        plot="spectrum",
        title="Where the sensitivity lies",
        x_label="spatial frequency (cycles/image)",
        y_label="share of sensitivity",
        x=result.bins.cycles_per_image_K[kept].tolist(),
        y=result.spectrum.mean_K[kept].tolist(),
        low=result.spectrum.low_K[kept].tolist(),
        high=result.spectrum.high_K[kept].tolist(),
        n=result.centroid.n,
    )
