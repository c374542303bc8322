"""The figures of a blur defence, drawn from its files alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fsens_cli.errors import OutputError
from fsens_cli.runs.evaluate_summary import GROUP_NAMES
from fsens_cli.runs.figures.defense import Curve, ScatterPoint, panels_figure, scatter_figure
from fsens_cli.runs.figures.perturbations import Profile, maps_figure, profiles_figure, success_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.folder import read_json
from fsens_cli.runs.measure_files import wrap_title
from fsens_cli.runs.published import published_points

UNITS = {"pca": "principal components", "blur": "blur sigma (pixels)"}


def draw_defense(folder: Path, formats: Sequence[str]) -> None:
    """Draw the panels over the strength, the success curves, the spectra and the scatter plots.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = read_json(folder / "results.json", f"{folder} is not a finished blur defence")
    try:
        sizes = pd.read_csv(folder / "sizes.csv")
        profiles = pd.read_csv(folder / "profiles.csv")
        with np.load(folder / "spectra.npz") as arrays:
            maps = dict(arrays)
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{folder} is incomplete: {error}.") from error
    title = f"{results['model']}, {results['defense']} {_mode(results)}, {results['data']}"
    unit = UNITS.get(results["defense"], "sigma (pixels)")
    save_figure(panels_figure(_panels(results), unit=unit, title=title), folder, "defense", formats)
    names = [row["name"] for row in results["rows"]]
    save_figure(success_figure(_sizes(sizes, names), title=title), folder, "success", formats)
    if len(profiles):
        save_figure(profiles_figure(_profiles(profiles, results), title=wrap_title(title)), folder, "profiles", formats)
        linf = {name: maps[f"{name}|linf"][0] for name in names if f"{name}|linf" in maps}
        save_figure(maps_figure(linf, title=title), folder, "spectra", formats)
    published = published_points(str(results["data"]))
    save_figure(scatter_figure(_scatter(results), published, title=title), folder, "scatter", formats)


def _mode(results: dict[str, Any]) -> str:
    return "at test time only" if results["mode"] == "test_time" else "in training and test"


def _curve(results: dict[str, Any], label: str, intervals: Sequence[dict[str, Any]], scale: float = 1.0) -> Curve:
    def scaled(name: str) -> list[float]:
        return [float("nan") if i[name] is None else scale * i[name] for i in intervals]

    return Curve(
        label=label,
        strength=[row["strength"] for row in results["rows"]],
        value=scaled("value"),
        low=scaled("low"),
        high=scaled("high"),
        reliable=[row["reliable"] for row in results["rows"]],
    )


def _panels(results: dict[str, Any]) -> list[tuple[str, list[Curve]]]:
    """Return four panels: clean and corrupted accuracy, corruption groups, robust accuracy, frequencies."""
    rows = results["rows"]
    groups: dict[str, list[dict[str, Any]]] = {g["name"]: [] for g in rows[0]["corruption_groups"]}
    for row in rows:
        for group in row["corruption_groups"]:
            groups[group["name"]].append(group["accuracy"])
    clean = _curve(results, "clean", [r["accuracy"] for r in rows], 100)
    mean = [_curve(results, "corruptions", groups["all"], 100)] if "all" in groups else []
    each = [_curve(results, GROUP_NAMES[n], groups[n], 100) for n in groups if n != "all"]
    sizes = []
    found = [next((m["median"] for m in r["minimal"] if m["name"] == "linf"), None) for r in rows]
    if all(f is not None for f in found):
        sizes.append(_curve(results, r"median, $L_\infty$", [f for f in found if f is not None], 255.0))
    reversal = _curve(results, r"$f_{\rm rev}$", [r["f_rev"]["nyquist"] for r in rows], 0.5)
    half = [next((m for m in r["minimal"] if m["name"] == "linf"), None) for r in rows]
    frequencies = [reversal]
    if all(h is not None for h in half):
        frequencies.append(_curve(results, r"$f_{0.5}$", [h["f_half_cycles_per_pixel"] for h in half if h is not None]))
    panels = [("accuracy (%)", [clean, *mean]), ("accuracy (%)", each), ("perturbation (1/255)", sizes)]
    panels.append(("frequency (cycles/pixel)", frequencies))
    return [(words, curves) for words, curves in panels if curves]


def _sizes(sizes: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Return the sizes by norm and filter."""
    return {
        str(norm): {n: part.loc[part["filter"] == n, "size_pixel_range"].to_numpy(float) for n in names}
        for norm, part in sizes.groupby("norm", sort=False)
    }


def _profiles(profiles: pd.DataFrame, results: dict[str, Any]) -> list[Profile]:
    found = []
    for row in results["rows"]:
        mine = profiles[(profiles["filter"] == row["name"]) & (profiles["norm"] == "linf")]
        half = next((m["f_half_cycles_per_pixel"]["value"] for m in row["minimal"] if m["name"] == "linf"), None)
        if len(mine) and half is not None:
            found.append(
                Profile(
                    label=row["name"],
                    radius=mine["radius_cycles_per_pixel"].tolist(),
                    share=mine["cumulative_share"].tolist(),
                    half=half,
                )
            )
    return found


def _scatter(results: dict[str, Any]) -> list[ScatterPoint]:
    points = []
    for row in results["rows"]:
        corrupted = next((g["accuracy"]["value"] for g in row["corruption_groups"] if g["name"] == "all"), None)
        linf = next((m for m in row["minimal"] if m["name"] == "linf"), None)
        points.append(
            ScatterPoint(
                label=row["name"],
                f_rev=row["f_rev"]["nyquist"]["value"],
                corruption_percent=None if corrupted is None else 100 * corrupted,
                f_half=None if linf is None else linf["f_half_cycles_per_pixel"]["value"],
                size_per_255=None if linf is None or linf["mean_of_found"] is None else 255 * linf["mean_of_found"],
                reliable=row["reliable"],
            )
        )
    return points
