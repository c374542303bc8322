"""The corruption figure: how much of the accuracy is left under each corruption, by frequency group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import BLACK, BLUE, GRAY, GREEN, INTERVAL, PURPLE, RED, figure_style, new_figure
from fsens_cli.statistics.intervals import Interval

GROUPS = {
    "low": (BLUE, "low frequency"),
    "medium": (GREEN, "medium"),
    "high": (RED, "high frequency"),
    "other": (PURPLE, "other"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionBar:
    """One corruption and its accuracy at each severity."""

    name: str
    group: str
    by_severity: Mapping[int, float]

    @property
    def mean(self) -> float:
        """Mean accuracy over severities."""
        return float(np.mean(list(self.by_severity.values())))


def corruption_figure(
    bars: Sequence[CorruptionBar], means: Mapping[str, Interval], *, clean: float, title: str
) -> Figure:
    """Draw one bar a corruption (mean over severities), a dot a severity, and each group's mean with its interval."""
    ordered = [b for group in GROUPS for b in sorted((b for b in bars if b.group == group), key=lambda b: -b.mean)]
    gaps = np.cumsum([i > 0 and ordered[i].group != ordered[i - 1].group for i in range(len(ordered))])
    places = np.arange(len(ordered)) + 1.4 * gaps
    with figure_style():
        figure, (axes,) = new_figure(1.35 + 0.155 * (places[-1] + 1))
        for place, bar in zip(places, ordered, strict=True):
            colour = GROUPS[bar.group][0]
            axes.barh(place, 100 * bar.mean, height=0.7, color=colour, alpha=0.45, linewidth=0)
            for severity, value in bar.by_severity.items():
                axes.plot(
                    100 * value, place, "o", color=colour, markersize=1 + 0.7 * severity, markeredgewidth=0, zorder=4
                )
        for group, (colour, words) in GROUPS.items():
            mine = [p for p, b in zip(places, ordered, strict=True) if b.group == group]
            if not mine:
                continue
            mean = means[group]
            axes.fill_betweenx(
                [mine[0] - 0.45, mine[-1] + 0.45],
                100 * mean.low,
                100 * mean.high,
                color=colour,
                alpha=0.3,
                linewidth=0,
            )
            axes.vlines(100 * mean.value, mine[0] - 0.45, mine[-1] + 0.45, color=colour)
            axes.text(
                0, mine[0] - 0.62, f" {words}: mean {100 * mean.value:.1f} %", color=colour, va="bottom", fontsize=7
            )
        axes.axvline(100 * clean, color=BLACK, linestyle="--", linewidth=0.8)
        axes.set_yticks(places, [b.name.replace("_", " ") for b in ordered])
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(0, 102), ylim=(places[-1] + 0.7, -1.6))
        severities = sorted({s for bar in ordered for s in bar.by_severity})
        dots = f"dots: severity {', '.join(map(str, severities))}, larger is stronger"
        means_of = f"bar: their mean\nline: mean of the group, {INTERVAL}"
        axes.set_xlabel(f"accuracy (%)\n{dots}\n{means_of}\ndashed: clean, {100 * clean:.1f} %")
        figure.suptitle(title, fontsize=8)
        axes.spines["left"].set_color(GRAY)
    return figure
