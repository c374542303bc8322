"""What the spectra predicted of each corruption, beside what it did: two tables and the headline numbers."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from fsens_cli.experiments.evaluation import Prediction
from fsens_cli.fourier.bins import fourier_bins
from fsens_cli.runs.files import write_table
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.json_numbers import interval_or_nulls


def prediction_dict(prediction: Prediction | None) -> Json | None:
    """Return the prediction's numbers as they stand in ``results.json``; None where nothing was predicted."""
    if prediction is None:
        return None
    measured = [interval.value for interval in prediction.measured]
    errors = [p - m for p, m in zip(prediction.predicted, measured, strict=True)]
    return {
        "num_conditions": len(measured),
        "mean_accuracy": sum(measured) / len(measured),
        "mean_predicted_accuracy": sum(prediction.predicted) / len(measured),
        "mean_absolute_error": sum(map(abs, errors)) / len(measured),
        "spearman": None if prediction.correlation is None else interval_or_nulls(prediction.correlation),
        "spearman_flat": None
        if prediction.flat_correlation is None
        else interval_or_nulls(prediction.flat_correlation),
    }


def write_prediction(folder: Path, prediction: Prediction | None, image_size: tuple[int, int]) -> None:
    """Write ``prediction.csv``, one row a corruption, and ``corruption_spectra.csv``, one row a radius of each."""
    if prediction is None:
        return
    bins = fourier_bins(*image_size)
    columns: dict[str, Sequence[object]] = {
        "probe": [c.probe for c in prediction.conditions],
        "group": [c.group for c in prediction.conditions],
        "severity": [c.severity for c in prediction.conditions],
        "accuracy": [i.value for i in prediction.measured],
        "accuracy_ci_low": [i.low for i in prediction.measured],
        "accuracy_ci_high": [i.high for i in prediction.measured],
        "n": [i.n for i in prediction.measured],
        "predicted_accuracy": prediction.predicted,
        "predicted_accuracy_flat": prediction.flat,
        "change_l2_pixel_range": prediction.mean_l2,
    }
    share_KR = prediction.energy_KR / prediction.energy_KR.sum(dim=1, keepdim=True).clamp_min(1e-300)
    columns["change_constant_share"] = share_KR[:, 0].tolist()
    # The centre of the change without the constant, as measure gives it for a gradient.
    columns["change_centroid_cycles_per_image"] = (
        (share_KR @ bins.cycles_per_image_K) / share_KR[:, 1:].sum(dim=1).clamp_min(1e-300)
    ).tolist()
    write_table(folder / "prediction.csv", columns)
    _write_spectra(folder, prediction, share_KR, bins.cycles_per_image_K)


def _write_spectra(folder: Path, prediction: Prediction, share_KR: Tensor, cycles_R: Tensor) -> None:
    radii = cycles_R.int().tolist()
    write_table(
        folder / "corruption_spectra.csv",
        {
            "probe": [c.probe for c in prediction.conditions for _ in radii],
            "severity": [c.severity for c in prediction.conditions for _ in radii],
            "radius_cycles_per_image": [r for _ in prediction.conditions for r in radii],
            "energy_pixel_range_squared": prediction.energy_KR.flatten().tolist(),
            "share": share_KR.flatten().tolist(),
        },
    )
