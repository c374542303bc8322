"""What spectra by depth leave behind: one row a state, one row a state and radius, figures; drawn from files."""

from collections.abc import Sequence
from pathlib import Path

from fsens_cli.experiments.layers_findings import BANDS, layers_findings
from fsens_cli.experiments.layers_result import LayersResult
from fsens_cli.experiments.quantities import Findings
from fsens_cli.runs.figures.layers import DepthPoint, StateSpectrum, depth_figure, spectra_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.files import write_arrays, write_table
from fsens_cli.runs.findings_files import FigureFile, write_figures, write_results
from fsens_cli.runs.json_files import Fields, Json
from fsens_cli.runs.json_numbers import interval_or_nulls
from fsens_cli.runs.stored_tables import Row, read_rows
from fsens_cli.runs.subject import Subject, titles_of
from fsens_cli.statistics.intervals import Interval

VERB = "layers"
DRAWN = ("layer", "depth", "kind", "ratio_db", "ratio_db_ci_low", "ratio_db_ci_high")
SPECTRA_DRAWN = ("layer", "depth", "cycles_per_image", "power_per_cell", "gradient_share")


def write_layers(
    folder: Path, result: LayersResult, subject: Subject, formats: Sequence[str], *, summary: Sequence[str]
) -> Findings:
    """Write every file of spectra by depth into ``folder`` and return what they say."""
    found = layers_findings(result)
    _write_states(folder, result)
    _write_spectra(folder, result)
    _write_published(folder, result)
    arrays = {f"energy_{k}": row.table.energy_NK.numpy() for k, row in enumerate(result.rows)}
    write_arrays(folder / "energies.npz", {"index": result.index_N.numpy(), **arrays})
    results: Json = {
        **subject.as_json(VERB, len(result.label_N)),
        "num_classes": result.num_classes,
        "image_size": list(result.image_size),
        "last_low_mid_cycles_per_image": list(result.edges),
        "accuracy": interval_or_nulls(result.accuracy),
        "layers": [row.table.tap.name for row in result.rows],
    }
    write_results(folder, results, found, summary)
    if formats:
        write_figures(folder, draw_layers(folder, formats))
    return found


def _write_states(folder: Path, result: LayersResult) -> None:
    rows = result.rows
    taps = [row.table.tap for row in rows]
    columns: dict[str, Sequence[object]] = {
        "layer": [tap.name for tap in taps],
        "kind": [tap.kind for tap in taps],
        "depth": [row.depth for row in rows],
        "height": [tap.grid[0] for tap in taps],
        "width": [tap.grid[1] for tap in taps],
        "channels": [tap.channels for tap in taps],
        "dead_channels": [row.table.num_dead for row in rows],
        "constant_images": [row.num_constant for row in rows],
    }
    columns |= _bounds("dc_share", [row.dc_share for row in rows])
    columns |= _bounds("ratio_db", [row.ratio for row in rows])
    columns |= _bounds("gain_db", [row.gain for row in rows])
    for name, shares in (
        ("own", [row.own for row in rows]),
        ("image", [row.image for row in rows]),
        ("gradient_own", [row.gradient_own for row in rows]),
        ("gradient_image", [row.gradient for row in rows]),
    ):
        for b, band in enumerate(BANDS):
            columns |= _bounds(f"{name}_{band}", [None if s is None else s[b] for s in shares])
    write_table(folder / "layers.csv", columns)


def _bounds(name: str, intervals: Sequence[Interval | None]) -> dict[str, Sequence[object]]:
    """Return three columns; a cell without a number is empty."""
    return {
        name: [None if i is None else i.value for i in intervals],
        f"{name}_ci_low": [None if i is None else i.low for i in intervals],
        f"{name}_ci_high": [None if i is None else i.high for i in intervals],
    }


def _write_spectra(folder: Path, result: LayersResult) -> None:
    places = [(row, k) for row in result.rows for k in range(len(row.power_K))]
    shorter = min(result.image_size)
    gradient = [row.table.gradient_NK.mean(dim=0) if len(row.table.gradient_NK) else None for row in result.rows]
    of_row = {id(row): g for row, g in zip(result.rows, gradient, strict=True)}
    write_table(
        folder / "layer_spectra.csv",
        {
            "layer": [row.table.tap.name for row, _ in places],
            "depth": [row.depth for row, _ in places],
            "cycles_per_image": [k for _, k in places],
            "own_nyquist": [2 * k / min(row.table.tap.grid) for row, k in places],
            "image_nyquist": [2 * k / shorter for _, k in places],
            "power_per_cell": [float(row.power_K[k]) for row, k in places],
            "power_ci_low": [float(row.power_low_K[k]) for row, k in places],
            "power_ci_high": [float(row.power_high_K[k]) for row, k in places],
            "log_amplitude_to_dc": [float(row.log_to_dc_K[k]) for row, k in places],
            "log_amplitude_to_r1": [float(row.log_to_one_K[k]) for row, k in places],
            "gradient_share": [None if (g := of_row[id(row)]) is None else float(g[k]) for row, k in places],
        },
    )


def _write_published(folder: Path, result: LayersResult) -> None:
    """Write the log amplitude by the published definition, where it was asked for."""
    places = [(row, k) for row in result.rows for k in range(len(row.table.published_K))]
    if not places:
        return
    write_table(
        folder / "published.csv",
        {
            "layer": [row.table.tap.name for row, _ in places],
            "depth": [row.depth for row, _ in places],
            "own_nyquist": [2 * k / row.table.tap.grid[0] for row, k in places],
            "log_amplitude": [float(row.table.published_K[k]) for row, k in places],
        },
    )


def draw_layers(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw the figures of spectra by depth from their files alone.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = Fields.read(folder / "results.json", f"{folder} is not a finished layers run")
    subject, title = titles_of(results)
    found = []
    points = [
        DepthPoint(
            name=row["layer"],
            depth=row.number("depth"),
            kind=row["kind"],
            ratio=row.number("ratio_db"),
            low=row.number("ratio_db_ci_low"),
            high=row.number("ratio_db_ci_high"),
        )
        for row in read_rows(folder / "layers.csv", DRAWN)
        if row["ratio_db"]
    ]
    if points:
        save_figure(depth_figure(points, title=title), folder, "layers", formats)
        found.append(
            FigureFile(
                name="layers",
                caption=f"High over low frequencies in the states of {subject}, by depth.",
                alt="Points over depth with 95 % intervals; kinds of blocks have their own marks.",
                has_lines=True,
            )
        )
    save_figure(spectra_figure(_states(folder), title=title), folder, "layer_spectra", formats)
    found.append(
        FigureFile(
            name="layer_spectra",
            caption=f"Power of the states of {subject} over frequency, and the gradient's with respect to them.",
            alt="One curve a state, coloured by depth.",
        )
    )
    return found


def _states(folder: Path) -> list[StateSpectrum]:
    groups: dict[str, list[Row]] = {}
    for row in read_rows(folder / "layer_spectra.csv", SPECTRA_DRAWN):
        if row.number("cycles_per_image") > 0:
            groups.setdefault(row["layer"], []).append(row)
    return [
        StateSpectrum(
            name=name,
            depth=rows[0].number("depth"),
            radius=[r.number("cycles_per_image") for r in rows],
            power=[r.number("power_per_cell") for r in rows],
            gradient=[r.number("gradient_share") for r in rows if r["gradient_share"]],
        )
        for name, rows in groups.items()
    ]
