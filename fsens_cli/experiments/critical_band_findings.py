"""Headline numbers, warnings and plot lines of critical-band masking."""

import math

from fsens_cli.experiments.critical_band_reference import PublishedResult
from fsens_cli.experiments.critical_band_result import Channel, CriticalBandResult
from fsens_cli.experiments.critical_band_settings import CriticalBandConfig
from fsens_cli.experiments.quantities import Findings, Line, Quantity, profile, quantity, sample
from fsens_cli.statistics.chance import chance_warnings
from fsens_cli.statistics.intervals import Interval

MUST_AGREE = ("procedure", "spacing", "criterion", "preprocess", "contrast", "clip", "rms")
PLOT = "critical-band"
PLOT_TITLE = "Sensitivity to noise by frequency"
X_LABEL = "spatial frequency (cycles/image)"


def critical_band_findings(result: CriticalBandResult) -> Findings:
    """Return what critical-band masking says."""
    clean = sample("proportion", result.answers.index_N, result.answers.clean_N)
    channel = result.channel
    found = [quantity(result.accuracy, "accuracy", "accuracy", sample=clean)]
    for each in result.channels:
        found += channel_quantities(each, group="" if each is channel else each.criterion)
    middle = result.config.ladder.middle
    for band, row in enumerate(result.fixed_rows):
        right = result.answers.correct[band]
        found.append(
            quantity(
                row,
                "masked",
                f"accuracy, noise of sigma {result.fixed_sigma:g}",
                group=f"band {result.bands.names[band]}",
                sample=sample("proportion", result.answers.index_N, right[middle]),
            )
        )
    chance = () if channel.undefined else chance_warnings(result.accuracy, result.num_classes)
    return Findings(
        verdict=_verdict(channel),
        quantities=tuple(found),
        warnings=(*chance, *result.warnings),
        lines=tuple(_lines(channel)),
        asked=asked_of(result.config),
    )


def _verdict(channel: Channel) -> str:
    if channel.width is None or channel.centre is None:
        return f"no channel: {channel.undefined}"
    width = f"{'at least ' if channel.width_open else ''}{channel.width.text(2)}"
    return f"noise disturbs it in a channel centred at {channel.centre.text(1)} c/image, {width} octaves wide"


def _published_verdict(result: PublishedResult) -> str:
    if result.fit is None:
        return "no channel: all indices of the published procedure are the same"
    return (
        f"noise disturbs it in a channel centred at {result.centre:.1f} nominal c/image, {result.bandwidth:.2f} "
        "octaves wide, by the published procedure, which has no intervals"
    )


def asked_of(config: CriticalBandConfig) -> dict[str, str]:
    """Return the settings that must agree before two results answer one question."""
    return {name: str(getattr(config, name)) for name in MUST_AGREE}


def channel_quantities(channel: Channel, *, group: str) -> list[Quantity]:
    """Return width, centre and peak; where there is no channel, why not."""
    note = "undefined" if channel.undefined else ""
    nothing = Interval(math.nan, math.nan, math.nan, 0)
    open_note = "a lower bound: open at an edge" if channel.width_open else ""
    peak_note = "censored: below the smallest sigma" if channel.peak_censored else ""
    return [
        quantity(
            channel.width or nothing,
            "width",
            "channel, width",
            group=group,
            unit="octaves",
            scale=1,
            digits=2,
            note=note or open_note,
            leading=not group,
        ),
        quantity(
            channel.centre or nothing,
            "centre",
            "channel, centre",
            group=group,
            unit="c/image",
            scale=1,
            digits=2,
            note=note,
            role="" if group else "listens",
            leading=not group,
        ),
        quantity(
            channel.peak or nothing,
            "peak",
            "channel, peak sensitivity",
            group=group,
            unit="1/sigma",
            scale=1,
            digits=2,
            note=note or peak_note,
        ),
    ]


def _lines(channel: Channel) -> list[Line]:
    if not channel.bands or channel.undefined:
        return []
    return [
        Line(
            plot=PLOT,
            title=PLOT_TITLE,
            x_label=X_LABEL,
            y_label="sensitivity 1 / sigma*",
            x=[b.centre for b in channel.bands],
            y=[b.sensitivity.value for b in channel.bands],
            low=[b.sensitivity.low for b in channel.bands],
            high=[b.sensitivity.high for b in channel.bands],
            n=channel.bands[0].sensitivity.n,
        ),
        profile("critical band", [b.centre for b in channel.bands], [b.sensitivity.value for b in channel.bands]),
    ]


def published_findings(result: PublishedResult, config: CriticalBandConfig) -> Findings:
    """Return what the published procedure says; it has no intervals."""
    right = sample("proportion", result.index_N, result.correct_N)

    def bare(value: float, key: str, label: str, unit: str, *, leading: bool = False) -> Quantity:
        n = len(result.index_N)
        interval = Interval(value, math.nan, math.nan, n)
        note = "" if math.isfinite(value) else "undefined: all indices are the same"
        return quantity(interval, key, label, unit=unit, scale=1, digits=2, note=note, leading=leading)

    return Findings(
        verdict=_published_verdict(result),
        quantities=(
            quantity(result.clean, "accuracy", "accuracy, published stimuli without noise"),
            bare(result.bandwidth, "width", "published bandwidth", "octaves", leading=True),
            bare(result.centre, "centre", "published centre, nominal", "c/image", leading=True),
            bare(result.peak, "peak", "published peak noise sensitivity", "share"),
            Quantity(
                key="shown",
                label="right over all cells",
                value=float(result.correct_N.double().mean()),
                low=None,
                high=None,
                n=len(result.index_N),
                sample=right,
            ),
        ),
        warnings=result.warnings,
        lines=(
            Line(
                plot=f"{PLOT}-published",
                title="Published index of the threshold",
                x_label="frequency of half the power (cycles/image)",
                y_label="index, log2 of sensitivity",
                x=list(result.median_B),
                y=[float(j) for j in result.index_B],
                n=len(result.index_N),
            ),
        ),
        asked={"procedure": "reference", "seed": str(config.seed)},
    )
