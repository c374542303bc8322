"""The strength of an intervention that does best on validation images: a held-out part of the training pictures.

usage: strengths.py TRIALS NAME PUBLISHED [IMAGES]

Below TRIALS/NAME lies one folder a strength with its short training. Each is asked, on the images that its training
held out, how often it is right on clean images, under noise, blur, weather and digital corruptions of severity 3, and
under PGD of 2/255; the mean of the six decides, and where two are equal, PUBLISHED. Rows are kept in
TRIALS/strengths.csv, so that what was asked is not asked again. The last line of the output is the strength.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from intervention_rows import GROUPS

import fsens_cli as fsens
from fsens_cli.config.compose import load_job
from fsens_cli.config.jobs import TrainJob
from fsens_cli.data.catalog import load_images
from fsens_cli.data.images import ImageSet, split_off
from fsens_cli.experiments.evaluation import EvaluateResult
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.weights import find_weights
from fsens_cli.runs.index import best_weights

SUITE = {
    "corruptions": ["standard"], "severities": [3], "prediction": False, "filters": [], "shuffles": [], "noises": [],
    "attacks": ["pgd"], "norms": ["linf"], "eps_linf": [2 / 255], "minimal": False, "heat_map": False,
}  # fmt: skip
ASKED = ("clean", *GROUPS, "attack")


def main(trials: Path, name: str, published: str, most: int | None = None) -> str:
    """Return the best strength of an intervention, after asking those trainings that were not asked yet."""
    table = trials / "strengths.csv"
    kept = pd.read_csv(table, dtype={"strength": str}) if table.is_file() else pd.DataFrame()
    rows: list[dict[str, object]] = [dict(zip(kept.columns, row, strict=True)) for row in kept.itertuples(index=False)]
    asked = {(row["intervention"], row["strength"]) for row in rows}
    for run in sorted((trials / name).glob("*/train/*/latest")):
        strength = run.relative_to(trials / name).parts[0]
        if (name, strength) not in asked:
            found = answers(run.resolve(), most)
            rows.append({"intervention": name, "strength": strength, **found})
            pd.DataFrame(rows).to_csv(table, index=False, float_format="%.6g")
    mine = pd.DataFrame([row for row in rows if row["intervention"] == name])
    if mine.empty:
        raise SystemExit(f"error: {trials / name} holds no finished training.")
    best = mine[mine["score"] >= mine["score"].max()]["strength"].tolist()
    return published if published in best else str(best[0])


def answers(run: Path, most: int | None) -> dict[str, float]:
    """Return the accuracies of a trained network on its validation images, and their mean."""
    classifier, validation = network_of(run)
    if most is not None:
        validation = validation.sample(most, 0)
    attacked = {"attack_images": min(100, len(validation))}
    result = fsens.evaluate(classifier, validation, suite=SUITE | attacked).raw
    assert isinstance(result, EvaluateResult), "the verb decides the type"
    found = {"clean": result.accuracy.value}
    for group, probes in GROUPS.items():
        found[group] = mean_of(result, "corruption", probes)
    found["attack"] = mean_of(result, "attack")
    score = float(np.mean([found[name] for name in ASKED]))
    return {"images": float(len(validation)), **found, "score": score}


def mean_of(result: EvaluateResult, kind: str, probes: tuple[str, ...] = ()) -> float:
    """Return the mean accuracy under the conditions of a kind."""
    rows = [row for row in result.rows() if row.condition.kind == kind]
    return float(np.mean([row.accuracy.value for row in rows if not probes or row.condition.probe in probes]))


def network_of(run: Path) -> tuple[Classifier, ImageSet]:
    """Return a run's best network, and the images that its training held out."""
    job, _ = load_job(TrainJob, run / "config.yaml")
    assert isinstance(job, TrainJob), "the verb decides the type"
    images = load_images(job.data, "train")
    _, held = split_off(images.label_N, job.val_fraction, job.seed)
    weights = find_weights(str(best_weights(run)), model=job.model.name, data=job.data.name)
    shape = ImageShape(*images.images_NCHW.shape[1:])
    classifier = build_classifier(
        job.model, weights, num_classes=images.num_classes, shape=shape, seed=job.seed, front_end=job.frontend
    )
    return classifier, images.select(held)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    print(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) == 5 else None))
