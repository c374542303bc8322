"""How strong an intervention is: chosen on validation images alone, and a control that pulls as hard as its target."""

from pathlib import Path

import matched
import pandas as pd
import pytest
import strengths
import torch

from fsens_cli.config.jobs import TrainJob
from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.experiments.pair_set import NO_OTHER_IMAGES, prepare_pairs
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.weights import Weights


def test_the_best_strength_is_taken_and_none_is_asked_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {"0.5": 0.6, "0.167": 0.7, "1.5": 0.7}
    asked: list[str] = []

    def answers(run: Path, most: int | None) -> dict[str, float]:
        assert most == 9
        asked.append(run.parts[-4])
        return {"clean": 0.9, "score": scores[run.parts[-4]]}

    monkeypatch.setattr(strengths, "answers", answers)
    for value in ("0.5", "0.167"):
        (tmp_path / "lsf" / value / "train" / "net" / "latest").mkdir(parents=True)
    assert strengths.main(tmp_path, "lsf", "0.5", 9) == "0.167"
    (tmp_path / "lsf" / "1.5" / "train" / "net" / "latest").mkdir(parents=True)
    # Of two that are equal the published one counts.
    assert strengths.main(tmp_path, "lsf", "1.5", 9) == "1.5"
    assert asked == ["0.167", "0.5", "1.5"]
    kept = pd.read_csv(tmp_path / "strengths.csv", dtype=str)
    assert kept["strength"].tolist() == asked
    assert kept["score"].tolist() == ["0.7", "0.6", "0.7"]
    with pytest.raises(SystemExit, match="holds no finished training"):
        strengths.main(tmp_path, "asf", "0.5", 9)


def test_the_pull_of_a_target_is_the_gradient_of_its_mean_penalty() -> None:
    images = load_dualband(DualbandConfig(train_size=60), "train")
    job = TrainJob(data=DualbandConfig(), weights="random")
    job.model.name, job.model.kwargs = "resnet8", {"width": 8}
    job.regularizer.name, job.regularizer.towards, job.regularizer.num_images = "similarity", "pixel-raw", 40
    found = matched.gradient_norm(job, images, 3)
    shape = ImageShape(*images.images_NCHW.shape[1:])
    network = build_classifier(
        job.model, Weights(label="random"), num_classes=10, shape=shape, seed=job.seed, front_end=job.frontend
    ).train()
    job.augment = job.augment.resolved(mirror_keeps_class=False, title="dualband")
    pairs = prepare_pairs(network, images, job, NO_OTHER_IMAGES)
    torch.stack([pairs.batch(step).penalty(network).value for step in range(3)]).mean().backward()
    gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
    assert found == pytest.approx(float(gradient.norm()), rel=1e-5)
