"""The weight at which a control's target pulls as hard as that of a training, before the first step.

usage: matched.py RUN TARGET [STEPS]

RUN is a training with regularizer=similarity. The norm of the penalty's gradient with respect to the network's weights,
averaged over the first STEPS (100) batches of pairs, is made equal; at equal weights targets differ in it.
"""

import copy
import sys
from pathlib import Path

import torch
from torch import Tensor

from fsens_cli.config.compose import load_job
from fsens_cli.config.jobs import TrainJob
from fsens_cli.data.catalog import load_images, mirror_keeps_class
from fsens_cli.data.images import ImageSet, split_off
from fsens_cli.experiments.pair_set import NO_OTHER_IMAGES, prepare_pairs
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.weights import Weights


def main(run: Path, target: str, steps: int = 100) -> float:
    """Return the weight of ``target`` that matches the run's own."""
    job, _ = load_job(TrainJob, run / "config.yaml")
    assert isinstance(job, TrainJob), "the verb decides the type"
    images = load_images(job.data, "train")
    kept, _ = split_off(images.label_N, job.val_fraction, job.seed)
    other = copy.deepcopy(job)
    other.regularizer.towards = target
    own, control = (gradient_norm(each, images.select(kept), steps) for each in (job, other))
    return job.regularizer.weight * own / control


def gradient_norm(job: TrainJob, images: ImageSet, steps: int) -> float:
    """Return the norm of the mean gradient of the unweighted penalty over the first batches, nothing trained."""
    network = build_classifier(
        job.model,
        Weights(label="random"),
        num_classes=images.num_classes,
        shape=ImageShape(*images.images_NCHW.shape[1:]),
        seed=job.seed,
        front_end=job.frontend,
    )
    network.train()
    job.augment = job.augment.resolved(mirror_keeps_class=mirror_keeps_class(job.data), title=images.title)
    pairs = prepare_pairs(network, images, job, NO_OTHER_IMAGES)
    parameters = [p for p in network.parameters() if p.requires_grad]
    total: list[Tensor] = [torch.zeros_like(p) for p in parameters]
    for step in range(steps):
        found = torch.autograd.grad(pairs.batch(step).penalty(network).value, parameters, allow_unused=True)
        total = [t if g is None else t + g / steps for t, g in zip(total, found, strict=True)]
    return float(torch.cat([t.flatten() for t in total]).norm())


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    print(f"{main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) == 4 else 100):.4g}")
