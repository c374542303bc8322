"""The perturbation figures: how many images fall to which size, and of which frequencies the perturbations are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from fsens_cli.runs.figures.robustness import AXES
from fsens_cli.runs.figures.style import COLUMN_WIDTH, CYCLE, GRAY, figure_style, new_figure

DECADES = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The share of a perturbation's power up to each radius, and the radius with half of it."""

    label: str
    radius: Sequence[float]
    share: Sequence[float]
    half: float


def success_figure(sizes: Mapping[str, Mapping[str, np.ndarray]], *, title: str) -> Figure:
    """Draw the share of images for which a perturbation up to a size was found, one panel a norm, one line a filter.

    Only images that the model gets right without one count: the others need no perturbation.

    Args:
        sizes: by norm and filter; 0 where the model is wrong anyway, infinite where none was found.
        title: above the figure.
    """
    norms = [norm for norm in AXES if norm in sizes]
    with figure_style():
        figure, panels = new_figure(0.8 + 1.9 * len(norms), rows=len(norms))
        for norm, axes in zip(norms, panels, strict=True):
            scale, xlabel = AXES[norm]
            right = {name: size_N[size_N > 0] for name, size_N in sizes[norm].items()}
            found = np.concatenate([s[np.isfinite(s)] for s in right.values()])
            end = float(np.quantile(found, 0.98)) * 1.05 if len(found) else 1.0
            for (name, size_N), colour in zip(right.items(), cycle(CYCLE), strict=False):
                if not len(size_N):
                    continue
                ordered = np.sort(size_N[np.isfinite(size_N)])
                x = np.concatenate([[0.0], ordered, [end]])
                y = 100 * np.concatenate([[0], np.arange(1, len(ordered) + 1), [len(ordered)]]) / len(size_N)
                axes.step(
                    scale * x,
                    y,
                    where="post",
                    color=colour,
                    label=f"{name}, n = {len(size_N)}" if axes is panels[0] else None,
                )
            axes.set(xlabel=xlabel, ylabel="correct images fooled (%)", xlim=(0, scale * end), ylim=(0, 102))
        figure.suptitle(f"Smallest perturbations found\n{title}", fontsize=8)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def profiles_figure(profiles: Sequence[Profile], *, title: str) -> Figure:
    """Draw cumulative radial profiles; a dot on the half line marks f_0.5."""
    with figure_style():
        figure, (axes,) = new_figure(3.6)
        axes.axhline(0.5, color=GRAY, linewidth=0.6, linestyle=":")
        radius = np.linspace(0, np.sqrt(0.5), 200)
        axes.plot(radius, _white(radius), color=GRAY, linestyle="--", linewidth=0.8, label="white: 0.399")
        for profile, colour in zip(profiles, cycle(CYCLE), strict=False):
            axes.step(
                profile.radius, profile.share, where="post", color=colour, label=f"{profile.label}: {profile.half:.3f}"
            )
            axes.plot(profile.half, 0.5, "o", color=colour, markersize=4, markeredgecolor="white", markeredgewidth=0.5)
        axes.set(
            xlabel="radius f (cycles/pixel)", ylabel="share of power up to f", xlim=(0, np.sqrt(0.5)), ylim=(0, 1.02)
        )
        figure.suptitle(f"Power of the smallest L∞ perturbations by radius\n{title}", fontsize=8)
        figure.legend(
            title="f_0.5, half of the power (cycles/pixel)", title_fontsize=7, frameon=False,
            loc="outside lower center", ncols=2,
        )  # fmt: skip
    return figure


def _white(radius: np.ndarray) -> np.ndarray:
    """Return the area of the unit square of frequencies within a radius: a flat spectrum's profile."""
    share = np.pi * radius**2
    beyond = radius > 0.5
    r = radius[beyond]
    angle = np.arccos(np.clip(0.5 / r, -1, 1))
    share[beyond] = np.pi * r**2 - 4 * (r**2 * angle - 0.5 * np.sqrt(r**2 - 0.25))
    return np.clip(share, 0, 1)


def maps_figure(maps: Mapping[str, np.ndarray], *, title: str) -> Figure:
    """Draw the mean power of the perturbations over the plane of frequencies, one scale of decades for all.

    Args:
        maps: by filter; frequency 0 in the middle.
        title: above the figure.
    """
    columns = min(2, len(maps))
    rows = -(-len(maps) // columns)
    with figure_style():
        figure = Figure(figsize=(COLUMN_WIDTH, 1.3 + 1.6 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        shares = {name: power / power.sum() for name, power in maps.items()}
        top = max(float(np.log10(share.max())) for share in shares.values())
        image = None
        for axes, (name, share) in zip(panels.flat, shares.items(), strict=False):
            height, width = share.shape
            left, bottom = (-(width // 2) - 0.5) / width, (-(height // 2) - 0.5) / height
            with np.errstate(divide="ignore"):
                logarithm = np.where(share > 0, np.log10(share), np.nan)
            image = axes.imshow(
                logarithm[::-1], extent=(left, left + 1, bottom, bottom + 1), cmap="viridis",
                vmin=top - DECADES, vmax=top, interpolation="nearest",
            )  # fmt: skip
            axes.set_title(name)
        for axes in panels.flat[len(maps) :]:
            axes.set_visible(False)
        for column in range(columns):  # at the lowest map of each column
            lowest = panels[(len(maps) - 1 - column) // columns, column]
            lowest.set_xlabel("horizontal (cycles/pixel)")
            lowest.tick_params(labelbottom=True)
        figure.supylabel("vertical (cycles/pixel)", fontsize=8)
        if image is not None:
            figure.colorbar(image, ax=panels, location="bottom", shrink=0.9).set_label("log10 share of power")
        figure.suptitle(f"Power of the smallest L∞ perturbations\n{title}", fontsize=8)
    return figure
