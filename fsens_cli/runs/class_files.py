"""Files of the sensitivity of each class: one row a class and radius, one row a class and band, and a map of these."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fsens_cli.experiments.class_spectra import band_shares, class_spectra
from fsens_cli.experiments.measure_result import MeasureResult
from fsens_cli.runs.figures.band_importance import class_band_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.files import write_table
from fsens_cli.runs.findings_files import FigureFile
from fsens_cli.runs.json_numbers import number_or_null
from fsens_cli.runs.stored_tables import read_rows

SPECTRA, BANDS = "per_class.csv", "per_class_bands.csv"


def write_classes(folder: Path, result: MeasureResult, class_names: Sequence[str]) -> None:
    """Write the spectrum of each class, and its shares by band."""
    spectra = class_spectra(result)
    radius = result.bins.cycles_per_image_K
    kept = [k for k in range(len(radius)) if radius[k] > 0]
    rows = [(spectrum, k) for spectrum in spectra for k in kept]

    def name(label: int) -> str:
        return class_names[label] if label < len(class_names) else str(label)

    write_table(
        folder / SPECTRA,
        {
            "label": [s.label for s, _ in rows],
            "class": [name(s.label) for s, _ in rows],
            "cycles_per_image": [float(radius[k]) for _, k in rows],
            "share_mean": [float(s.mean_K[k]) for s, k in rows],
            "share_ci_low": [number_or_null(float(s.low_K[k])) for s, k in rows],
            "share_ci_high": [number_or_null(float(s.high_K[k])) for s, k in rows],
            "n": [s.n for s, _ in rows],
        },
    )
    bands, share = band_shares(result, spectra)
    cells = [(c, b) for c in range(len(spectra)) for b in range(len(bands))]
    write_table(
        folder / BANDS,
        {
            "class": [name(spectra[c].label) for c, _ in cells],
            "label": [spectra[c].label for c, _ in cells],
            "band": [bands[b].name for _, b in cells],
            "share": [float(share[c, b]) for c, b in cells],
        },
    )


def draw_classes(folder: Path, formats: Sequence[str], *, title: str, subject: str) -> list[FigureFile]:
    """Draw the map of classes and bands; none for runs that were made without the table, or of a single class."""
    if not (folder / BANDS).is_file():
        return []
    rows = read_rows(folder / BANDS, ("class", "label", "band", "share"))
    labels = list(dict.fromkeys((row["label"], row["class"]) for row in rows))
    bands = list(dict.fromkeys(row["band"] for row in rows))
    if len(labels) < 2:
        return []
    share = np.array([row.number("share") for row in rows]).reshape(len(labels), len(bands))
    names = [name for _, name in labels]
    figure = class_band_figure(names, bands, share, label="share of sensitivity", title=title, signed=False)
    save_figure(figure, folder, "classes", formats)
    return [
        FigureFile(
            name="classes",
            caption=f"Share of the sensitivity of {subject} in each band, class by class.",
            alt="A map with one row a class and one column a band of frequencies.",
        )
    ]
