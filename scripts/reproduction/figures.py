"""The figures of a reproduction, each beside what was published."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from networks import Network
from prediction import Comparison, extra_loss

from fsens_cli.perturb.corruptions.catalog import GROUPS as PUBLISHED
from fsens_cli.runs.figures.corruption_bars import GROUPS as ALL_GROUPS
from fsens_cli.runs.figures.style import BLACK, COLUMN_WIDTH, CYCLE, GRAY, figure_style, save_figure, subplots
from fsens_cli.runs.published import published_curve, published_names, published_points

# Corruptions of one's own have no group of the papers.
GROUPS = {name: ALL_GROUPS[name] for name in PUBLISHED}
FULL_WIDTH = 2 * COLUMN_WIDTH + 0.2
PLOTTED_RADII = 23
BOUNDS = ("value", "low", "high")
# Of the published networks, by how they were trained.
MARKERS = {"standard": "o", "adversarially-trained": "s", "corruption-trained": "D", "blur": "^", "pca": "v"}


def spectra_figure(networks: Sequence[Network], folder: Path) -> None:
    """Draw one panel a training: every seed's mean spectrum, its spread over images, and the published curve."""
    names = list(dict.fromkeys(n.name for n in networks))
    with figure_style():
        rows = -(-len(names) // 4)
        figure, panels = subplots(
            rows, 4, figsize=(FULL_WIDTH, 0.5 + 1.45 * rows), sharex=True, sharey=True, squeeze=False
        )
        for axes in panels.flat[len(names) :]:
            axes.set_axis_off()
        for axes, name in zip(panels.flat, names, strict=False):
            for network, colour in zip((n for n in networks if n.name == name), cycle(CYCLE), strict=False):
                table = network.spectrum[network.spectrum["radius"] > 0]
                radius, mean, spread = (table[c] for c in ("cycles_per_image", "share_mean", "share_sd"))
                axes.fill_between(radius, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
                axes.plot(radius, mean, color=colour, label=f"seed {network.seed}")
            if f"cifar10-{name}" in published_names():
                axes.plot(*published_curve(f"cifar10-{name}"), ":", color=BLACK, label="published")
            axes.set_title(networks[[n.name for n in networks].index(name)].label)
            axes.set(xlim=(0, PLOTTED_RADII), ylim=(0, 0.45))
        for axes in panels[:, 0]:
            axes.set_ylabel("share")
        for axes in panels.flat[max(0, len(names) - 4) : len(names)]:
            axes.set_xlabel("cycles/image")
            axes.tick_params(labelbottom=True)
        handles = {label: h for axes in panels.flat for h, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    save_figure(figure, folder, "spectra", ["png"])


def lost_figure(networks: Sequence[Network], folder: Path) -> None:
    """Draw the points lost under each group of corruptions, one colour a training, one mark a seed."""
    names = list(dict.fromkeys(n.name for n in networks))
    with figure_style():
        figure, axes = subplots(figsize=(FULL_WIDTH, 2.6))
        for place, (name, colour) in enumerate(zip(names, cycle(CYCLE), strict=False)):
            mine = [n for n in networks if n.name == name]
            for number, network in enumerate(mine):
                groups = {g["name"]: g["drop"] for g in network.evaluation.results["corruption_groups"]}
                shift = (place - (len(names) - 1) / 2) * 0.8 / len(names) + 0.015 * number
                for x, group in enumerate(GROUPS):
                    drop = groups[group]
                    axes.errorbar(
                        x + shift,
                        100 * drop["value"],
                        yerr=[[100 * (drop["value"] - drop["low"])], [100 * (drop["high"] - drop["value"])]],
                        fmt="os^Dv"[place % 5],
                        markersize=3,
                        linewidth=0.7,
                        color=colour,
                        label=network.label if x == number == 0 else None,
                    )
        axes.axhline(0, color=GRAY, linewidth=0.6)
        axes.set_xticks(range(len(GROUPS)), ["low-frequency\ncorruptions", "medium", "high-frequency\ncorruptions"])
        axes.set_ylabel("points below clean (95 % interval)")
        figure.legend(loc="outside right center", frameon=False)
    save_figure(figure, folder, "corruptions_lost", ["png"])


def scatter_figure(networks: Sequence[Network], folder: Path) -> None:
    """Draw robustness against frequency preference, the published networks behind."""
    published = published_points("cifar10")
    with figure_style():
        figure, panels = subplots(1, 2, figsize=(FULL_WIDTH, 2.8))
        for axes, key in zip(panels, ("f_rev", "f_half"), strict=True):
            for family in dict.fromkeys(p[0] for p in published[key]):
                points = [(x, y) for name, x, y in published[key] if name == family]
                x, y = zip(*points, strict=True)
                axes.plot(x, y, MARKERS[family], color="#bbbbbb", markersize=4, label=f"published: {family}")
        for network, colour in _coloured(networks):
            f_rev = network.hybrid.results["f_rev"]["nyquist"]
            corrupted = network.numbers["corruptions-all"]
            if f_rev["value"] is not None and corrupted.value is not None:
                _cross(
                    panels[0],
                    f_rev,
                    {"value": corrupted.value, "low": corrupted.low, "high": corrupted.high},
                    colour,
                    100,
                )
            half, mean = network.minimal["f_half_cycles_per_pixel"], network.minimal["mean_of_found"]
            if half["value"] is not None:
                _cross(panels[1], half, {"value": mean, "low": mean, "high": mean}, colour, 255, label=network.label)
        panels[0].set(xlabel="f_rev (Nyquist)", ylabel="accuracy under corruptions (%)")
        panels[1].set(xlabel="f_0.5 (cycles/pixel)", ylabel="mean smallest L-inf perturbation (/255)", yscale="log")
        panels[1].set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        panels[1].minorticks_off()
        handles, labels = panels[1].get_legend_handles_labels()
        once = dict(zip(labels, handles, strict=True))
        for handle, label in zip(*panels[0].get_legend_handles_labels(), strict=True):
            once.setdefault(label, handle)
        figure.legend(once.values(), once.keys(), loc="outside right center", frameon=False, fontsize=6)
    save_figure(figure, folder, "scatter", ["png"])


def _coloured(networks: Sequence[Network]) -> list[tuple[Network, str]]:
    names = list(dict.fromkeys(n.name for n in networks))
    palette = colormaps["turbo"]
    return [(n, to_hex(palette(names.index(n.name) / max(1, len(names) - 1)))) for n in networks]


def _span(interval: dict[str, float | None]) -> tuple[float, float, float]:
    """Return a value and how far its bounds lie below and above; no number (NaN) is drawn where there is none."""
    value, low, high = (float("nan") if found is None else found for found in map(interval.get, BOUNDS))
    return value, value - low, high - value


def _cross(
    axes: Axes,
    x: dict[str, float | None],
    y: dict[str, float | None],
    colour: str,
    scale: float,
    label: str | None = None,
) -> None:
    across, along = _span(x), _span(y)
    axes.errorbar(
        across[0],
        scale * along[0],
        xerr=[[across[1]], [across[2]]],
        yerr=[[scale * along[1]], [scale * along[2]]],
        fmt="o",
        markersize=3.5,
        linewidth=0.6,
        color=colour,
        label=label,
    )


def blur_figure(networks: Sequence[Network], folder: Path) -> None:
    """Draw accuracy and f_rev against the strength of the blur."""
    strengths = {"standard": 0.0, "blur1": 1.0, "blur1.5": 1.5, "blur2": 2.0, "blur3": 3.0}
    with figure_style():
        figure, (left, right) = subplots(1, 2, figsize=(FULL_WIDTH, 2.3))
        for seed, style in zip(sorted({n.seed for n in networks}), ("-", "--", ":"), strict=False):
            mine = [n for n in networks if n.name in strengths and n.seed == seed]
            if len(mine) < 2:
                continue
            x = [strengths[n.name] for n in mine]
            groups = [
                {g["name"]: g["accuracy"]["value"] for g in n.evaluation.results["corruption_groups"]} for n in mine
            ]
            for group, (colour, words) in GROUPS.items():
                left.plot(x, [100 * g[group] for g in groups], "o" + style, markersize=3, color=colour, label=words)
            left.plot(x, [100 * g["all"] for g in groups], "o" + style, markersize=3, color=BLACK, label="all 15")
            clean = [100 * n.evaluation.results["accuracy"]["value"] for n in mine]
            left.plot(x, clean, "o" + style, markersize=3, color=GRAY, label="clean")
            spans = [_span(n.hybrid.results["f_rev"]["nyquist"]) for n in mine]
            right.errorbar(
                x,
                [value for value, _, _ in spans],
                yerr=[[down for _, down, _ in spans], [up for _, _, up in spans]],
                fmt="o" + style,
                markersize=3,
                color=BLACK,
                label=f"seed {seed}",
            )
        right.plot([1.0, 1.5, 3.0], [0.345, 0.257, 0.136], "x", color=GRAY, label="published")
        left.set(xlabel="sigma of the blur (pixels)", ylabel="accuracy (%)")
        right.set(xlabel="sigma of the blur (pixels)", ylabel="f_rev (Nyquist)", ylim=(0, None))
        once = dict(zip(*reversed(left.get_legend_handles_labels()), strict=True))
        left.legend(once.values(), once.keys(), frameon=False, loc="lower left", fontsize=6)
        right.legend(frameon=False)
    save_figure(figure, folder, "blur_sweep", ["png"])


def prediction_figure(comparisons: Sequence[Comparison], standard: dict[int, Network], folder: Path) -> None:
    """Draw what each training costs beyond standard under each corruption, measured against predicted; and how well."""
    with figure_style():
        columns = 4
        rows = -(-len(comparisons) // columns)
        figure, panels = subplots(rows, columns, figsize=(FULL_WIDTH, 0.4 + 1.6 * rows), squeeze=False)
        for axes in panels.flat[len(comparisons) :]:
            axes.set_axis_off()
        for axes, c in zip(panels.flat, comparisons, strict=False):
            extra = extra_loss(c.network, standard[c.network.seed])
            for group, (colour, words) in GROUPS.items():
                mine = extra[extra["group"] == group]
                axes.plot(
                    100 * mine["spectra"],
                    100 * mine["measured"],
                    ".",
                    markersize=3.5,
                    color=colour,
                    label=f"corruption: {words}",
                )
            axes.axhline(0, color=GRAY, linewidth=0.5, zorder=0)
            axes.axvline(0, color=GRAY, linewidth=0.5, zorder=0)
            seed = f", seed {c.network.seed}" if c.network.seed else ""
            axes.set_title(f"{c.network.label}{seed}: {c.spectra.value:.2f}", fontsize=7)
        for axes in panels.flat[max(0, len(comparisons) - columns) : len(comparisons)]:
            axes.set_xlabel("predicted from spectra")
        for axes in panels[:, 0]:
            axes.set_ylabel("measured")
        figure.suptitle("Points lost beyond the standard network, and their rank correlation", fontsize=8)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    save_figure(figure, folder, "prediction", ["png"])
