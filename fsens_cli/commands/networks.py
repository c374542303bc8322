"""The network and the weights of a job, built and loaded."""

from pathlib import Path

import torch
from torch import nn

from fsens_cli.commands.console import meter, note, warn
from fsens_cli.commands.inputs import also_missing, load_for
from fsens_cli.commands.options import Flags
from fsens_cli.config.jobs import DefenseJob, EvaluateJob, JobFields
from fsens_cli.data.catalog import imagenet_hint, may_be_imagenet, require_there
from fsens_cli.data.images import ImageSet, channel_statistics
from fsens_cli.errors import CheckpointError, FetchError
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import Classifier, device_of, held_still
from fsens_cli.models.device import pick_device
from fsens_cli.models.front_end import PrincipalComponents
from fsens_cli.models.normalization import HALF, IMAGENET, UNCHANGED, better_normalization
from fsens_cli.models.weights import Weights, find_weights, is_of_anybody
from fsens_cli.perturb.attacks.inspection import LIKE_PROBABILITIES, look_like_probabilities
from fsens_cli.runs.index import best_weights, find_run

# Labelled images on which normalisations are compared, and those whose outputs are looked at.
NUM_TRIED, NUM_LOOKED_AT = 256, 8


def named_weights(job: JobFields, flags: Flags | None = None) -> Weights:
    """Return the weights that the job names, fetched where needed; ``run:RUN`` is looked up among the run folders."""
    flags = flags or Flags(quiet=True)
    require_there(job.data)  # what is missing is named before what no weights are known for
    spec = job.weights
    if spec.startswith("run:"):
        spec = str(best_weights(find_run(spec.removeprefix("run:"), Path(job.out), verb="train")))
    try:
        return find_weights(
            spec, model=job.model.name, data=job.data.name, imagenet=may_be_imagenet(job.data), meter=meter(flags)
        )
    except CheckpointError as error:
        if isinstance(error.__cause__, FetchError):
            raise CheckpointError(f"{error}{also_missing(job)}") from error
        raise


def build_for(job: JobFields, weights: Weights, images: ImageSet, flags: Flags) -> Classifier:
    """Build the job's classifier for the images, and say what was decided on the way."""
    shape = ImageShape(*images.images_NCHW.shape[1:])
    seed = int(getattr(job, "seed", 0))
    classifier = build_classifier(
        job.model,
        weights,
        num_classes=images.num_classes,
        shape=shape,
        seed=seed,
        front_end=job.frontend,
        data=job.data.name,
        class_names=images.class_names,
        hint=imagenet_hint(job.data),
    )
    fit_front_end(classifier.front_end, job, weights, images)
    classifier.to(pick_device(job.device))
    doubts = doubts_of(classifier, weights, images, seed, about_output=not isinstance(job, EvaluateJob | DefenseJob))
    classifier.warnings += doubts
    taken, told = classifier.normalization, classifier.normalization.remarks
    decided = "" if told or not taken.mean else f"{images.title}, {shape}: {taken.in_words(weights.label)}"
    if said := "; ".join(filter(None, (decided, *classifier.remarks))):
        note(said, flags)
    for warning in classifier.warnings:
        warn(warning)
    return classifier


def doubts_of(
    classifier: Classifier, weights: Weights, images: ImageSet, seed: int, *, about_output: bool
) -> list[str]:
    """Return what a few labelled images say against the classifier as it is put together, in sentences.

    Args:
        about_output: whether to look for probabilities; verbs that attack do so themselves.
    """
    few = images.sample(NUM_TRIED, seed)
    batch, labels = next(few.batches(NUM_TRIED, device_of(classifier)))
    said = []
    if about_output:
        with held_still(classifier), torch.no_grad():
            logits = classifier(batch[:NUM_LOOKED_AT])
        if look_like_probabilities(logits):
            said.append(LIKE_PROBABILITIES)
    # What fsens or a library wrote beside its own weights is believed; anybody's repository may say anything.
    vouched = classifier.normalization.source == "stored" and not is_of_anybody(weights)
    if (weights.path is not None or weights.is_inside) and not vouched:
        others = {
            "ImageNet's": IMAGENET,
            "0.5 for all": HALF,
            "none (model.mean=none)": UNCHANGED,
            "the data set's own": channel_statistics(images.images_NCHW),
        }
        better = better_normalization(classifier, batch, labels, others)
        said += [better] if better else []
    return said


def fit_front_end(front_end: nn.Module | None, job: JobFields, weights: Weights, images: ImageSet) -> None:
    """Find the principal components of the training images, where the filter in front is made of these."""
    if isinstance(front_end, PrincipalComponents):
        train = images if images.split == "train" else load_for(job, weights, "train", Flags(quiet=True))
        front_end.fit(train.images_NCHW)
