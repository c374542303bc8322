"""What does a hybrid probe leave behind: the curve, every answer, numbers with intervals, figures; drawn from files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fsens_cli.data.images import ImageSet, to_unit
from fsens_cli.errors import OutputError
from fsens_cli.experiments.hybrid_curve import ABOVE, BELOW, Curve, HybridResult, Reversal, example_pair
from fsens_cli.fourier.hybrids import low_pass_mask, split_image
from fsens_cli.runs.figures.hybrid import Band, HybridCurves, OverlayCurve, curve_figure, overlay_figure
from fsens_cli.runs.figures.hybrid_examples import Example, examples_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.files import write_arrays, write_json, write_table
from fsens_cli.runs.folder import read_json
from fsens_cli.runs.json_numbers import number_or_null
from fsens_cli.runs.measure_files import Subject, interval_dict, wrap_title
from fsens_cli.runs.sweep_files import JobOutcome
from fsens_cli.runs.sweep_labels import overlay_labels

VERB = "hybrid-probe"
CURVES = ("p_low", "p_high", "neither", "difference", "confidence")
NUM_COLUMNS = 6  # of the example figure


def hybrid_results(result: HybridResult, subject: Subject) -> dict[str, Any]:
    """Return the headline numbers of a probe, as written to ``results.json``."""
    config = result.config
    return {
        "verb": VERB,
        "model": subject.model,
        "weights": subject.weights,
        "training": subject.training,
        "data": subject.data_title,
        "num_images": result.num_images,
        "num_classes": result.num_classes,
        "image_size": list(result.image_size),
        "num_pairings": config.pairings,
        "num_pairs": result.num_pairs,
        "pairs": config.pairs,
        "mask": config.mask,
        "order": config.order,
        "clip": config.clip,
        "accuracy": interval_dict(result.accuracy),
        "f_rev": reversal_dict(result.f_rev, result),
        "curve": [_curve_row(result, k) for k in range(len(result.frequency_K))],
    }


def _curve_row(result: HybridResult, k: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "mixing_nyquist": float(result.frequency_K[k]),
        "mixing_cycles_per_pixel": float(result.cycles_per_pixel_K[k]),
        "mixing_cycles_per_image": float(result.cycles_per_image_K[k]),
    }
    for name in CURVES:
        curve: Curve = getattr(result, name)
        row[name] = {
            "value": float(curve.mean_K[k]),
            "low": float(curve.low_K[k]),
            "high": float(curve.high_K[k]),
            "n": result.num_pairs,
        }
    return row


def subject_text(results: dict[str, Any]) -> str:
    """Return what was probed: the network with its training where that is known, else with its weights."""
    weights, training = results["weights"], results.get("training", "")
    known = f"{training} training" if training and not weights.startswith("packaged:") else weights
    return f"{results['model']} ({known})"


def reversal_dict(f_rev: Reversal, result: HybridResult) -> dict[str, Any]:
    """Return the reversal frequency in all three units; a bound beyond the grid, or no crossing, is null."""
    shorter = min(result.image_size)
    scales = {"nyquist": 1.0, "cycles_per_pixel": 0.5, "cycles_per_image": 0.5 * shorter}
    units = {
        unit: {
            "value": number_or_null(scale * f_rev.nyquist),
            "low": number_or_null(scale * f_rev.low),
            "high": number_or_null(scale * f_rev.high),
            "n": f_rev.num_images,
        }
        for unit, scale in scales.items()
    }
    return {"status": f_rev.status, "note": reversal_note(f_rev, result), **units}


def reversal_note(f_rev: Reversal, result: HybridResult) -> str:
    """Return in words what a missing crossing or an open interval means; empty where both bounds are found."""
    first, last = float(result.frequency_K[0]), float(result.frequency_K[-1])
    if f_rev.status == BELOW:
        return f"the low image wins from the first mixing frequency on: f_rev lies below {first:g} Nyquist"
    if f_rev.status == ABOVE:
        return f"the low image wins at no mixing frequency: f_rev lies above {last:g} Nyquist"
    open_ends = []
    if math.isinf(f_rev.low):
        open_ends.append(f"below {first:g}")
    if math.isinf(f_rev.high):
        open_ends.append(f"above {last:g}")
    return f"the interval reaches {' and '.join(open_ends)} Nyquist" if open_ends else ""


def write_hybrid(
    folder: Path, result: HybridResult, images: ImageSet, subject: Subject, formats: Sequence[str]
) -> dict[str, Any]:
    """Write every file of a probe of ``images`` into ``folder`` and return the headline numbers."""
    results = hybrid_results(result, subject)
    _write_curve(folder, result)
    _write_per_pair(folder, result)
    _write_example(folder, result, images)
    write_json(folder / "results.json", results)
    draw_hybrid(folder, formats)
    return results


def _write_curve(folder: Path, result: HybridResult) -> None:
    columns: dict[str, Sequence[Any]] = {
        "mixing_frequency_nyquist": result.frequency_K.tolist(),
        "mixing_frequency_cycles_per_pixel": result.cycles_per_pixel_K.tolist(),
        "mixing_frequency_cycles_per_image": result.cycles_per_image_K.tolist(),
    }
    for name in CURVES:
        curve = getattr(result, name)
        columns |= {
            name: curve.mean_K.tolist(),
            f"{name}_ci_low": curve.low_K.tolist(),
            f"{name}_ci_high": curve.high_K.tolist(),
        }
    columns["num_pairs"] = [result.num_pairs] * len(result.frequency_K)
    write_table(folder / "curve.csv", columns)


def _write_per_pair(folder: Path, result: HybridResult) -> None:
    answers = result.answers
    num_pairings, num_images = answers.partner_PN.shape
    low_D = torch.arange(num_images).repeat(num_pairings)
    high_D = answers.partner_PN.flatten()
    columns: dict[str, Sequence[Any]] = {
        "pairing_seed": np.repeat(answers.seed_P, num_images).tolist(),
        "low_index": answers.index_N[low_D].tolist(),
        "high_index": answers.index_N[high_D].tolist(),
        "low_label": answers.label_N[low_D].tolist(),
        "high_label": answers.label_N[high_D].tolist(),
        "low_prediction_unmixed": answers.clean_prediction_N[low_D].tolist(),
        "high_prediction_unmixed": answers.clean_prediction_N[high_D].tolist(),
        "counts": answers.counts_PN(result.config.pairs).flatten().int().tolist(),
    }
    prediction_DK = answers.prediction_PNK.flatten(0, 1)
    for k, frequency in enumerate(result.frequency_K.tolist()):
        columns[f"prediction_at_{frequency:.6g}_nyquist"] = prediction_DK[:, k].tolist()
    write_table(folder / "per_pair.csv", columns)


def _write_example(folder: Path, result: HybridResult, images: ImageSet) -> None:
    """Keep two images and the answers to their hybrids: enough to draw the hybrids again."""
    answers = result.answers
    pairing, low = example_pair(result)
    high = int(answers.partner_PN[pairing, low])
    write_arrays(
        folder / "examples.npz",
        {
            "low_image": images.images_NCHW[low].numpy(),
            "high_image": images.images_NCHW[high].numpy(),
            "index": answers.index_N[[low, high]].numpy(),
            "label": answers.label_N[[low, high]].numpy(),
            "prediction_unmixed": answers.clean_prediction_N[[low, high]].numpy(),
            "mixing_frequency_nyquist": result.frequency_K.numpy(),
            "prediction": answers.prediction_PNK[pairing, low].numpy(),
            "class_names": np.array(images.class_names),
        },
    )


def draw_hybrid(folder: Path, formats: Sequence[str]) -> None:
    """Draw the figures of a probe from its files alone.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = read_json(folder / "results.json", f"{folder} is not a finished hybrid probe")
    try:
        table = pd.read_csv(folder / "curve.csv")
        with np.load(folder / "examples.npz") as arrays:
            example = _example(dict(arrays), results)
        curves = _curves(table, results)
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{folder} is incomplete: {error}.") from error
    save_figure(curve_figure(curves), folder, "curve", formats)
    save_figure(examples_figure(example), folder, "examples", formats)


def _band(table: pd.DataFrame, name: str) -> Band:
    return Band(mean=table[name].tolist(), low=table[f"{name}_ci_low"].tolist(), high=table[f"{name}_ci_high"].tolist())


def _curves(table: pd.DataFrame, results: dict[str, Any]) -> HybridCurves:
    f_rev = results["f_rev"]["nyquist"]
    title = f"{subject_text(results)} on {results['data']}"
    numbers = f"n = {results['num_images']:,} images, {results['num_pairs']:,} pairs"
    return HybridCurves(
        frequency=table["mixing_frequency_nyquist"].tolist(),
        p_low=_band(table, "p_low"),
        p_high=_band(table, "p_high"),
        neither=table["neither"].tolist(),
        difference=_band(table, "difference"),
        f_rev=f_rev["value"],
        f_rev_low=f_rev["low"],
        f_rev_high=f_rev["high"],
        f_rev_status=results["f_rev"]["status"],
        cycles_per_nyquist=min(results["image_size"]) / 2,
        title=f"{wrap_title(title)}\n{numbers}",
    )


def _example(arrays: dict[str, np.ndarray], results: dict[str, Any]) -> Example:
    low, high = (to_unit(torch.from_numpy(arrays[name])) for name in ("low_image", "high_image"))
    frequency, prediction = arrays["mixing_frequency_nyquist"], arrays["prediction"]
    names = [str(name) for name in arrays["class_names"]]
    columns = example_columns(frequency, prediction == arrays["label"][0])
    low_parts, high_parts, hybrids = [], [], []
    for k in columns:
        mask = low_pass_mask(
            results["mask"], low.shape[1], low.shape[2], float(frequency[k]), order=int(results["order"])
        )
        (low_part, _), (_, high_part) = split_image(low, mask), split_image(high, mask)
        low_parts.append(_picture(low_part))
        high_parts.append(_picture(high_part + 0.5))
        hybrids.append(_picture(low_part + high_part))
    return Example(
        frequency=[float(frequency[k]) for k in columns],
        low_image=_picture(low),
        high_image=_picture(high),
        low_parts=low_parts,
        high_parts=high_parts,
        hybrids=hybrids,
        low_label=names[int(arrays["label"][0])],
        high_label=names[int(arrays["label"][1])],
        predictions=[names[int(prediction[k])] for k in columns],
        model=subject_text(results),
        cycles_per_nyquist=min(results["image_size"]) / 2,
    )


def example_columns(frequency_K: np.ndarray, says_low_K: np.ndarray) -> list[int]:
    """Return up to six places of the grid to show: its ends, both sides of the change, and the farthest from these.

    >>> example_columns(np.linspace(0, 1, 11), np.arange(11) >= 8)
    [0, 3, 5, 7, 8, 10]
    """
    last = len(frequency_K) - 1
    if last < NUM_COLUMNS:
        return list(range(last + 1))
    change = int(np.argmax(says_low_K))
    wanted = {0, last, change, max(0, change - 1)} if says_low_K.any() else {0, last}
    while len(wanted) < NUM_COLUMNS:
        distance = np.abs(frequency_K[:, None] - frequency_K[sorted(wanted)]).min(axis=1)
        wanted.add(int(distance.argmax()))
    return sorted(wanted)


def _picture(image_CHW: torch.Tensor) -> np.ndarray:
    """Return an image as matplotlib takes it: (H, W, 3) in [0, 1], gray ones repeated."""
    clipped = image_CHW.clamp(0, 1)
    colour = clipped if clipped.shape[0] == 3 else clipped.mean(dim=0, keepdim=True).expand(3, -1, -1)
    return colour.permute(1, 2, 0).double().numpy()


def reversal_order(results: dict[str, Any]) -> float:
    """Return the key that orders probes by f_rev: no crossing below first, no crossing above last."""
    value = results["f_rev"]["nyquist"]["value"]
    if value is None:
        return -math.inf if results["f_rev"]["status"] == BELOW else math.inf
    return float(value)


def draw_overlay(folder: Path, outcomes: Sequence[JobOutcome], formats: Sequence[str] = ("png",)) -> None:
    """Draw the difference curves of a sweep's finished probes into one figure, from their files, in the given order."""
    done = [o for o in outcomes if o.status == "done" and o.folder is not None]
    if not done:
        return
    labels = overlay_labels([o.settings for o in done], [o.results.get("training", "") for o in done])
    curves = []
    for outcome, label in zip(done, labels, strict=True):
        assert outcome.folder is not None, "filtered above"
        table = pd.read_csv(outcome.folder / "curve.csv")
        f_rev = outcome.results["f_rev"]["nyquist"]
        curves.append(
            OverlayCurve(
                label=label,
                frequency=table["mixing_frequency_nyquist"].tolist(),
                difference=_band(table, "difference"),
                f_rev=f_rev["value"],
                f_rev_low=f_rev["low"],
                f_rev_high=f_rev["high"],
                f_rev_status=outcome.results["f_rev"]["status"],
            )
        )
    save_figure(overlay_figure(curves), folder, "overlay", formats)
