"""The figures of a blur defence, drawn from its files alone."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fsens_cli.experiments.defense_findings import UNITS
from fsens_cli.experiments.evaluate_findings import GROUP_NAMES
from fsens_cli.runs.figures.defense import Curve, Panel, ScatterPoint, panels_figure, scatter_figure
from fsens_cli.runs.figures.perturbations import Profile, maps_figure, profiles_figure, success_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.findings_files import FigureFile
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.published import published_points
from fsens_cli.runs.stored_tables import read_arrays, read_frame
from fsens_cli.runs.subject import wrap_title

if TYPE_CHECKING:
    import pandas as pd

Bounds = tuple[float | None, float | None, float | None]
PROFILES = ("filter", "norm", "radius_cycles_per_pixel", "cumulative_share")


def draw_defense(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw the panels over the strength, the success curves, the spectra and the scatter plots.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = Fields.read(folder / "results.json", f"{folder} is not a finished blur defence")
    sizes = read_frame(folder / "sizes.csv", ("filter", "norm", "size_pixel_range"))
    profiles = read_frame(folder / "profiles.csv", PROFILES)
    maps = read_arrays(folder / "spectra.npz")
    mode = "at test time only" if results.text("mode") == "test_time" else "in training and test"
    words = f"{results.text('model')}, {results.text('defense')} {mode}, {results.text('data')}"
    counts = f"n = {results.whole('num_images'):,}, {results.whole('num_attacked'):,} attacked"
    title = f"{wrap_title(words)}\n{counts}"
    unit = UNITS.get(results.text("defense"), "sigma (pixels)")
    rows = results.rows("rows")
    names = [row.text("name") for row in rows]
    chance = 100 / results.number("num_classes")
    # What is joined by a line is one kind of network.
    joined = [row for row in rows if not _is_control(row)]
    save_figure(panels_figure(_panels(joined, chance), unit=unit, title=title), folder, "defense", formats)
    save_figure(success_figure(_sizes(sizes, names), title=title), folder, "success", formats)
    drawn = {
        "defense": ("Accuracy, sizes and frequencies against the filter's strength", "Four panels over the strength."),
        "success": ("Images that fall to a perturbation of each size", "Rising steps, one colour a filter."),
    }
    if len(profiles):
        save_figure(profiles_figure(_profiles(profiles, rows), title=title), folder, "profiles", formats)
        linf = {name: maps[f"{name}|linf"][0] for name in names if f"{name}|linf" in maps}
        save_figure(maps_figure(linf, title=title), folder, "spectra", formats)
        drawn["profiles"] = ("Power of smallest perturbations up to each radius", "Rising curves, one a filter.")
        drawn["spectra"] = ("Power of smallest perturbations over the plane of frequencies", "One map a filter.")
    save_figure(
        scatter_figure(_scatter(rows), published_points(results.text("data")), title=title), folder, "scatter", formats
    )
    drawn["scatter"] = ("Robustness against frequency preference, beside published networks", "Two scatter plots.")
    return [FigureFile(name=n, caption=f"{caption}: {words}.", alt=alt) for n, (caption, alt) in drawn.items()]


def _is_control(row: Fields) -> bool:
    return row.flag("control") if "control" in row.content else False


def _linf(row: Fields) -> Fields | None:
    return next((m for m in row.rows("minimal") if m.text("name") == "linf"), None)


def _curve(rows: Sequence[Fields], label: str, intervals: Sequence[Bounds], scale: float = 1.0) -> Curve:
    def scaled(end: int) -> list[float]:
        return [math.nan if (v := bounds[end]) is None else scale * v for bounds in intervals]

    return Curve(
        label=label,
        strength=[row.number("strength") for row in rows],
        value=scaled(0),
        low=scaled(1),
        high=scaled(2),
        reliable=[row.flag("reliable") for row in rows],
    )


def _panels(rows: Sequence[Fields], chance: float) -> list[Panel]:
    """Return four panels: clean and corrupted accuracy, corruption groups, sizes, frequencies."""
    groups: dict[str, list[Bounds]] = {}
    for row in rows:
        for group in row.rows("corruption_groups"):
            groups.setdefault(group.text("name"), []).append(group.bounds("accuracy"))
    clean = _curve(rows, "clean", [r.bounds("accuracy") for r in rows], 100)
    mean = [_curve(rows, "corruptions", groups["all"], 100)] if "all" in groups else []
    each = [_curve(rows, GROUP_NAMES[n].removesuffix(" frequency"), groups[n], 100) for n in groups if n != "all"]
    minimal = [found for row in rows if (found := _linf(row)) is not None]
    frequencies = [_curve(rows, "f_rev", [r.fields("f_rev").bounds("nyquist") for r in rows], 0.5)]
    sizes = []
    if len(minimal) == len(rows):
        sizes.append(_curve(rows, "median, L∞", [m.bounds("median") for m in minimal], 255.0))
        frequencies.append(_curve(rows, "f_0.5", [m.bounds("f_half_cycles_per_pixel") for m in minimal]))
    panels = (
        Panel(words="accuracy (%)", curves=[clean, *mean], chance=chance),
        Panel(words="corrupted (%)", curves=each),
        Panel(words="size (1/255)", curves=sizes),
        Panel(words="cycles/pixel", curves=frequencies),
    )
    return [panel for panel in panels if panel.curves]


def _sizes(sizes: "pd.DataFrame", names: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Return the sizes by norm and filter."""
    return {
        str(norm): {n: part.loc[part["filter"] == n, "size_pixel_range"].to_numpy(float) for n in names}
        for norm, part in sizes.groupby("norm", sort=False)
    }


def _profiles(profiles: "pd.DataFrame", rows: Sequence[Fields]) -> list[Profile]:
    found = []
    for row in rows:
        name, linf = row.text("name"), _linf(row)
        mine = profiles[(profiles["filter"] == name) & (profiles["norm"] == "linf")]
        half = None if linf is None else linf.bounds("f_half_cycles_per_pixel")[0]
        if len(mine) and half is not None:
            found.append(
                Profile(
                    label=name,
                    radius=mine["radius_cycles_per_pixel"].tolist(),
                    share=mine["cumulative_share"].tolist(),
                    half=half,
                )
            )
    return found


def _scatter(rows: Sequence[Fields]) -> list[ScatterPoint]:
    points = []
    for row in rows:
        groups = {g.text("name"): g.bounds("accuracy")[0] for g in row.rows("corruption_groups")}
        corrupted, linf = groups.get("all"), _linf(row)
        size = None if linf is None else linf.number_or_none("mean_of_found")
        median = None if linf is None else linf.bounds("median")[0]
        points.append(
            ScatterPoint(
                label=row.text("name"),
                f_rev=row.fields("f_rev").bounds("nyquist")[0],
                corruption_percent=None if corrupted is None else 100 * corrupted,
                f_half=None if linf is None else linf.bounds("f_half_cycles_per_pixel")[0],
                size_per_255=None if size is None else 255 * size,
                median_per_255=None if median is None else 255 * median,
                reliable=row.flag("reliable"),
                is_control=_is_control(row),
            )
        )
    return points
