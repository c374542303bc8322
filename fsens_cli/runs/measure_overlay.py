"""The spectra of a sweep in one figure, drawn from the runs' files."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fsens_cli.runs.figures.spectra import NamedSpectrum, spectra_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.published import published_curve
from fsens_cli.runs.sweep_files import JobOutcome
from fsens_cli.runs.sweep_labels import overlay_labels


def draw_spectra(folder: Path, outcomes: Sequence[JobOutcome], formats: Sequence[str] = ("png",)) -> None:
    """Draw the mean spectra of a sweep's finished measurements, each beside its published curve where it has one."""
    done = [o for o in outcomes if o.status == "done" and o.folder is not None]
    if not done:
        return
    labels = overlay_labels([o.settings for o in done], [o.results.get("training", "") for o in done])
    spectra = []
    for outcome, label in zip(done, labels, strict=True):
        assert outcome.folder is not None, "filtered above"
        table = pd.read_csv(outcome.folder / "spectrum.csv")
        table = table[table["cycles_per_image"] > 0]
        published = outcome.results.get("published", "none")
        spectra.append(
            NamedSpectrum(
                label=label,
                radius=table["cycles_per_image"].tolist(),
                mean=table["share_mean"].tolist(),
                low=table["share_ci_low"].tolist(),
                high=table["share_ci_high"].tolist(),
                published=None if published == "none" else published_curve(published),
            )
        )
    save_figure(spectra_figure(spectra), folder, "overlay", formats)
