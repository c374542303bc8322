"""The table, the figure and the verdict of all interventions beside the standard training, from their run folders.

usage: interventions.py OUT DOCS

Writes interventions.csv (the table), interventions_seeds.csv (each seed's own differences), claims_interventions.csv
(the claim about brain-like representations), interventions.png and interventions.md.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from claims import write_claims
from cost import cost_ratios
from intervention_rows import CLEAN, PANELS, Row, pairs_of, row_of, seed_rows
from intervention_verdicts import STANDARD, brain_like, shown, verdicts
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from networks import load_networks, same_images

from fsens_cli.runs.evaluate_summary import markdown_table
from fsens_cli.runs.figures.style import COLUMN_WIDTH, CYCLE, GRAY, INTERVAL, figure_style, save_figure, subplots


def table_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the table as text; differences in points, those of frequencies in their units."""
    return pd.DataFrame([
        {
            "training": row.name,
            "seeds": len(row.seeds),
            "epochs": row.epochs,
            "cost of a step": f"{row.cost:.1f}" if np.isfinite(row.cost) else "-",
            "accuracy": f"{100 * row.accuracy:.1f}" + ("" if row.is_told else " (not told from chance)"),
            "clean": shown(row.gains.get(CLEAN)),
            "low share": shown(row.low),
            "f_rev (Nyquist)": shown(row.f_rev, scale=1, digits=3),
            "band centre (c/image)": shown(row.centre, scale=1),
            **{panel: shown(row.gains.get(panel)) for panel in PANELS},
        }
        for row in (_without_itself(r) for r in rows)
    ])  # fmt: skip


def _without_itself(row: Row) -> Row:
    """Return the standard training without its differences to itself."""
    if row.name != STANDARD:
        return row
    return replace(row, low=None, f_rev=None, centre=None, gains={})


def figure_of(rows: Sequence[Row], folder: Path) -> None:
    """Draw robustness gained against low share moved, one panel a group, one point an intervention.

    Most interventions move little and one or two move nearly all, so the axis is linear up to ten points and
    logarithmic beyond.
    """
    drawn = [row for row in rows if row.low is not None and row.name != STANDARD]
    panels = [p for p in PANELS if any(p in row.gains for row in drawn)]
    if not panels:
        return
    with figure_style():
        high = (len(panels) + 2) // 2  # one more panel, for the key
        figure, grid = subplots(high, 2, figsize=(2 * COLUMN_WIDTH, 2.1 * high), squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            for number, row in enumerate(drawn):
                _point(axes, row, panel, number)
            axes.axhline(0, color=GRAY, linewidth=0.6, zorder=0)
            axes.axvline(0, color=GRAY, linewidth=0.6, zorder=0)
            axes.set_xscale("symlog", linthresh=10, linscale=1.5)
            axes.set_xlim(min(-1.0, *(100 * row.low.low for row in drawn if row.low)), 140)
            axes.set_xticks([0, 5, 10, 50, 100], ["0", "5", "10", "50", "100"])
            axes.minorticks_off()
            axes.set(title=panel, ylabel="gain (points)", xlabel="low share moved (points)")
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        key = [_named(row, number) for number, row in enumerate(drawn)]
        about = f"beside standard, {max(len(row.seeds) for row in drawn)} seeds, bars: {INTERVAL}"
        grid.flat[len(panels)].legend(handles=key, title=about, loc="center", ncols=2)
    save_figure(figure, folder, "interventions", ["png"])


def _looks(number: int) -> tuple[str, str]:
    """Return colour and marker of an intervention; no two of 28 share both."""
    return CYCLE[number % len(CYCLE)], "osD^"[number // len(CYCLE) % 4]


def _named(row: Row, number: int) -> Line2D:
    colour, marker = _looks(number)
    return Line2D([], [], linestyle="", markersize=4, label=row.name, color=colour, marker=marker)


def _point(axes: Axes, row: Row, panel: str, number: int) -> None:
    gain = row.gains.get(panel)
    if gain is None or row.low is None:
        return
    colour, marker = _looks(number)
    x, y = 100 * row.low.value, 100 * gain.value
    across = [[x - 100 * row.low.low], [100 * row.low.high - x]]
    up = [[y - 100 * gain.low], [100 * gain.high - y]]
    axes.errorbar([x], [y], xerr=across, yerr=up, color=colour, marker=marker, markersize=4, linewidth=0.7)


def main(out: Path, docs: Path) -> None:
    """Write table, figure and verdicts of everything finished below ``out`` into ``docs``."""
    networks = load_networks(out)
    pairs = pairs_of(networks)
    names = [name for name in dict.fromkeys(n.name for n in networks) if pairs(STANDARD, name)]
    if STANDARD not in names:
        raise SystemExit(f"error: {out} holds no finished standard network: run scripts/interventions.sh first.")
    if not same_images(networks):
        raise SystemExit(f"error: the networks below {out} saw different images: they cannot be compared.")
    costs = cost_ratios({name: pairs(STANDARD, name)[0][1].train.folder for name in names})
    rows = [row_of(name, pairs(STANDARD, name), costs[name]) for name in names]
    seeds = [line for name in names if name != STANDARD for line in seed_rows(name, pairs(STANDARD, name))]
    docs.mkdir(parents=True, exist_ok=True)
    table = table_of(rows)
    table.to_csv(docs / "interventions.csv", index=False)
    pd.DataFrame(seeds).to_csv(docs / "interventions_seeds.csv", index=False, float_format="%.6g")
    claim = brain_like(pairs)
    if claim is not None:
        write_claims([claim], docs / "claims_interventions.csv")
    figure_of(rows, docs)
    page = page_of(table, verdicts(rows, pairs), has_figure=(docs / "interventions.png").is_file())
    (docs / "interventions.md").write_text(page, encoding="utf-8")
    print(page)


def page_of(table: pd.DataFrame, said: Sequence[str], *, has_figure: bool) -> str:
    """Return the page."""
    return "\n".join([
        "# Interventions beside the standard training",
        "",
        markdown_table(list(table.columns), table.astype(str).to_numpy().tolist()),
        "",
        "Differences to the standard network of the same seed, in points where nothing else is said, paired by image",
        "and averaged over seeds; intervals cover images, not the choice of seeds",
        "([each seed](interventions_seeds.csv)); those of f_rev and of the band's centre are averaged over seeds,",
        "which is wider. Cost: processor time of a step beside a standard one.",
        "",
        *[f"- {sentence}" for sentence in said],
        *(["", "![robustness gained against low share moved](interventions.png)"] if has_figure else []),
        "",
    ])  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
