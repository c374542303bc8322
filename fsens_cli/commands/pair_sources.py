"""What a training towards a similarity needs beside its images: recordings, another data set, an untrained network."""

import dataclasses

import torch

from fsens_cli.commands.console import meter, note
from fsens_cli.commands.options import Flags
from fsens_cli.config.jobs import TrainJob
from fsens_cli.data.catalog import CATALOG, DataConfig, load_images
from fsens_cli.data.images import ImageSet
from fsens_cli.data.recordings import Recordings, read_recordings
from fsens_cli.data.trained_on import TrainedImages
from fsens_cli.data.wanted import Wanted
from fsens_cli.errors import ConfigError, DataError, require_one_of
from fsens_cli.experiments.pair_set import NO_OTHER_IMAGES, PairSource
from fsens_cli.home import expanded
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.weights import Weights


def check_pairs(job: TrainJob) -> Recordings | None:
    """Refuse what can be told to be wrong before any image is loaded; return the recordings, where such are named.

    Raises:
        FsensError: no such data set, or a file that is no recordings.
    """
    settings = job.regularizer
    if not settings.compares_pairs:
        return None
    if settings.data:
        require_one_of("regularizer.data", settings.data, CATALOG)
        _other_data(job, [])
        if settings.root and not expanded(settings.root).exists():
            raise DataError(f"regularizer.root={settings.root}: there is no such file or folder.")
    return read_recordings(expanded(settings.file)) if settings.towards == "file" else None


def pair_source_of(
    job: TrainJob, recordings: Recordings | None, classifier: Classifier, images: ImageSet, test: ImageSet, flags: Flags
) -> PairSource:
    """Return what the pairs are made of beside the training images, and say what was done to them.

    Raises:
        DataError: images of recordings are test images.
    """
    settings = job.regularizer
    if not settings.compares_pairs:
        return NO_OTHER_IMAGES
    size = list(images.images_NCHW.shape[-2:])
    if recordings is not None:
        shown = _as_set(recordings)
        _refuse_test_images(shown, test, settings.file)
        own = list(shown.images_NCHW.shape[-2:])
        scaled = f", scaled from {own[0]}x{own[1]}" if own != size else ""
        agree = "" if recordings.agreement is None else f"; odd and even repeats agree by {recordings.agreement:.2f}"
        note(f"similarity: {len(shown):,} images of {settings.file}{scaled}{agree}", flags)
        return PairSource(images=shown, similarity_NN=recordings.similarity_NN)
    what = "a control" if settings.towards in ("zero", "class", "untrained") else "a stand-in, no recordings"
    note(f"similarity: towards={settings.towards} is {what}", flags)
    others = None
    if settings.data:
        wanted = Wanted(num_images=settings.num_images, seed=job.seed, meter=meter(flags))
        others = load_images(_other_data(job, size), "train", wanted)
    untrained = _untrained(job, classifier, images) if settings.towards == "untrained" else None
    return PairSource(images=others, untrained=untrained)


def _other_data(job: TrainJob, size: list[int]) -> DataConfig:
    settings = job.regularizer
    kind: type[DataConfig] = CATALOG[settings.data].config
    own: dict[str, object] = {"root": settings.root} if settings.root else {}
    if own and "root" not in {field.name for field in dataclasses.fields(kind)}:
        raise ConfigError(f"regularizer.root={settings.root}: {settings.data} has no files; leave it out.")
    made: DataConfig = kind(size=size, **own)  # type: ignore[arg-type]  # a root, where there is one
    return made


def _as_set(recordings: Recordings) -> ImageSet:
    count = len(recordings.images_NCHW)
    return ImageSet(
        images_NCHW=recordings.images_NCHW,
        label_N=torch.zeros(count, dtype=torch.int64),
        index_N=torch.arange(count),
        class_names=("shown", "not shown"),
        title="recordings",
        split="all",
    )


def _refuse_test_images(shown: ImageSet, test: ImageSet, file: str) -> None:
    seen = TrainedImages.of(shown).seen(dataclasses.replace(test, files=()))
    if seen:
        raise DataError(f"{file}: {seen} of its images are test images: leave them out, or test on others.")


def _untrained(job: TrainJob, classifier: Classifier, images: ImageSet) -> Classifier:
    """Return the same network with other random weights."""
    taken = classifier.normalization
    return build_classifier(
        dataclasses.replace(job.model, mean=list(taken.mean), std=list(taken.std)),
        Weights(label="random"),
        num_classes=images.num_classes,
        shape=ImageShape(*images.images_NCHW.shape[1:]),
        seed=job.seed + 1,
        front_end=job.frontend,
        data=job.data.name,
    )
