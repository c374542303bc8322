"""Which network with which weights does a job get?"""

from pathlib import Path

from torch import nn

from fsens_cli.commands.console import meter, note
from fsens_cli.commands.inputs import also_missing, load_for
from fsens_cli.commands.options import Flags
from fsens_cli.config.jobs import JobFields
from fsens_cli.data.catalog import imagenet_hint, may_be_imagenet
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import CheckpointError, FetchError
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.front_end import PrincipalComponents
from fsens_cli.models.weights import Weights, find_weights
from fsens_cli.runs.index import best_weights, find_run


def named_weights(job: JobFields, flags: Flags | None = None) -> Weights:
    """Return the weights that the job names, fetched where needed; ``run:RUN`` is looked up among the run folders."""
    flags = flags or Flags(quiet=True)
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


def build_for(job: JobFields, weights: Weights, images: ImageSet, flags: Flags | None = None) -> Classifier:
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
        hint=imagenet_hint(job.data),
    )
    fit_front_end(classifier.front_end, job, weights, images)
    for remark in classifier.remarks:
        note(remark, flags or Flags(quiet=True))
    return classifier


def fit_front_end(front_end: nn.Module | None, job: JobFields, weights: Weights, images: ImageSet) -> None:
    """Find the principal components of the training images, where the filter in front is made of these."""
    if isinstance(front_end, PrincipalComponents):
        train = images if images.split == "train" else load_for(job, weights, "train", Flags(quiet=True))
        front_end.fit(train.images_NCHW)
