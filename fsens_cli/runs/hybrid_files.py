"""What does a hybrid probe leave behind: the curve, every answer, numbers with intervals, figures; drawn from files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fsens_cli.data.images import ImageSet, to_unit
from fsens_cli.experiments.hybrid_curve import Curve, HybridResult, Reversal, example_pair
from fsens_cli.experiments.hybrid_findings import hybrid_findings, reversal_note
from fsens_cli.experiments.quantities import Findings
from fsens_cli.fourier.hybrids import low_pass_mask, split_image
from fsens_cli.runs.figures.hybrid import Band, HybridCurves, curve_figure
from fsens_cli.runs.figures.hybrid_examples import Example, examples_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.files import write_arrays, write_table
from fsens_cli.runs.findings_files import FigureFile, write_figures, write_results
from fsens_cli.runs.json_files import Fields, Json
from fsens_cli.runs.json_numbers import interval_or_nulls, number_or_null
from fsens_cli.runs.stored_tables import read_arrays, read_columns
from fsens_cli.runs.subject import Subject, known_as, wrap_title

VERB = "hybrid-probe"
CURVES = ("p_low", "p_high", "neither", "difference", "confidence")
NUM_COLUMNS = 6  # of the example figure


def hybrid_results(result: HybridResult, subject: Subject) -> Json:
    """Return the headline numbers of a probe, as written to ``results.json``."""
    config = result.config
    return {
        **subject.as_json(VERB, result.num_images),
        "num_classes": result.num_classes,
        "image_size": list(result.image_size),
        "num_pairings": config.pairings,
        "num_pairs": result.num_pairs,
        "pairs": config.pairs,
        "mask": config.mask,
        "order": config.order,
        "clip": config.clip,
        "accuracy": interval_or_nulls(result.accuracy),
        "f_rev": reversal_dict(result.f_rev, result),
        "curve": [_curve_row(result, k) for k in range(len(result.frequency_K))],
    }


def _curve_row(result: HybridResult, k: int) -> Json:
    row: Json = {
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


def reversal_dict(f_rev: Reversal, result: HybridResult) -> Json:
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
    return {
        "status": f_rev.status,
        "note": reversal_note(f_rev, float(result.frequency_K[0]), float(result.frequency_K[-1])),
        **units,
    }


def write_hybrid(
    folder: Path,
    result: HybridResult,
    images: ImageSet,
    subject: Subject,
    formats: Sequence[str],
    *,
    summary: Sequence[str],
) -> Findings:
    """Write every file of a probe of ``images`` into ``folder`` and return what it says; ``summary`` says it."""
    found = hybrid_findings(result)
    _write_curve(folder, result)
    _write_per_pair(folder, result)
    _write_example(folder, result, images)
    write_results(folder, hybrid_results(result, subject), found, summary)
    if formats:
        write_figures(folder, draw_hybrid(folder, formats))
    return found


def _write_curve(folder: Path, result: HybridResult) -> None:
    columns: dict[str, Sequence[object]] = {
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
    columns: dict[str, Sequence[object]] = {
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


def draw_hybrid(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw the figures of a probe from its files alone.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = Fields.read(folder / "results.json", f"{folder} is not a finished hybrid probe")
    arrays = read_arrays(
        folder / "examples.npz",
        ("low_image", "high_image", "label", "mixing_frequency_nyquist", "prediction", "class_names"),
    )
    subject = known_as(results)
    save_figure(curve_figure(_curves(folder / "curve.csv", results)), folder, "curve", formats)
    save_figure(examples_figure(_example(arrays, results)), folder, "examples", formats)
    return [
        FigureFile(
            name="curve",
            caption=f"Whom {subject} believes in hybrid images, by the mixing frequency.",
            alt="Share of hybrids with the label of the low image, the high image and neither, and their difference.",
            has_lines=True,
        ),
        FigureFile(
            name="examples",
            caption=f"Hybrids of two images at several mixing frequencies, and what {subject} says of each.",
            alt="Rows of pictures: low-pass part, high-pass part, hybrid with the predicted class.",
        ),
    ]


def _curves(file: Path, results: Fields) -> HybridCurves:
    names = ["p_low", "p_high", "difference"]
    ends = ["", "_ci_low", "_ci_high"]
    frequency, neither, *rest = (
        column.tolist()
        for column in read_columns(
            file, ["mixing_frequency_nyquist", "neither", *(f"{name}{end}" for name in names for end in ends)]
        )
    )
    p_low, p_high, difference = (
        Band(mean=rest[i], low=rest[i + 1], high=rest[i + 2]) for i in range(0, len(rest), len(ends))
    )
    f_rev, low, high = results.fields("f_rev").bounds("nyquist")
    title = f"{known_as(results)} on {results.text('data')}"
    numbers = f"n = {results.whole('num_images'):,} images, {results.whole('num_pairs'):,} pairs"
    return HybridCurves(
        frequency=frequency,
        p_low=p_low,
        p_high=p_high,
        neither=neither,
        difference=difference,
        f_rev=f_rev,
        f_rev_low=low,
        f_rev_high=high,
        f_rev_status=results.fields("f_rev").text("status"),
        cycles_per_nyquist=min(results.numbers("image_size")) / 2,
        title=f"{wrap_title(title)}\n{numbers}",
    )


def _example(arrays: dict[str, np.ndarray], results: Fields) -> Example:
    low, high = (to_unit(torch.from_numpy(arrays[name])) for name in ("low_image", "high_image"))
    frequency, prediction = arrays["mixing_frequency_nyquist"], arrays["prediction"]
    names = [str(name) for name in arrays["class_names"]]
    columns = example_columns(frequency, prediction == arrays["label"][0])
    low_parts, high_parts, hybrids = [], [], []
    for k in columns:
        mask = low_pass_mask(
            results.text("mask"), low.shape[1], low.shape[2], float(frequency[k]), order=results.whole("order")
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
        model=known_as(results),
        cycles_per_nyquist=min(results.numbers("image_size")) / 2,
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
