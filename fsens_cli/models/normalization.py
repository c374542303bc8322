"""Mean and standard deviation that images are normalised by: where they come from, and whether others fit better.

Shape letters: N images, C channels, H, W pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError
from fsens_cli.models.classifier import Classifier, Normalization, held_still
from fsens_cli.models.settings import ModelConfig
from fsens_cli.models.weights import Weights

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
UNCHANGED = ((0.0,), (1.0,))
OTHERWISE = "model.mean and model.std set others, model.mean=none leaves it to the network"
# Another normalisation must be right on this much more of the images before anybody hears of it.
CLEARLY = 0.02
# And on so many more: of five images that two normalisations tell apart, all are for one by luck 3 times in 100.
FEWEST = 5


def normalization_for(
    config: ModelConfig, weights: Weights, in_file: tuple[tuple[float, ...], tuple[float, ...]], *, num_classes: int
) -> Normalization:
    """Return what images are normalised by: what is given, else what the file, its source or the library says.

    Args:
        in_file: mean and standard deviation of a layer that stood in front of the network in the file.
        num_classes: of the network in the file: another number than that of the library's training means that somebody
            trained it again, who may have normalised as they liked.

    Raises:
        CheckpointError: nothing is given, the file says nothing, and the library's trainings disagree or know other
            classes.
    """
    described = weights.description
    stored = described.get("model", {})
    mean, std = in_file if in_file[0] else (tuple(stored.get("mean", ())), tuple(stored.get("std", ())))
    assumed = "" if in_file[0] else described.get("assumed", "")
    known = Normalization(mean=mean, std=std, source="assumed" if assumed else "stored")
    if config.mean:
        given = Normalization(mean=tuple(config.mean), std=tuple(config.std))
        if not mean or (given.mean, given.std) == (mean, std):
            return given
        says = assumed or f"{weights.label} itself"
        return replace(given, remarks=(f"normalised by {given.text} as given; {says} says {known.text}",))
    if assumed and "disagree" in described:
        raise CheckpointError(
            f"{weights.label} does not say how images are normalised, and timm's trainings of this architecture differ "
            f"({described['disagree']}): name the training as --model timm/NAME.TAG, or give model.mean and model.std."
        )
    if assumed and mean and described.get("assumed_classes", num_classes) != num_classes:
        own = f"{assumed} ({described['assumed_classes']:,} classes, {known.text})"
        raise CheckpointError(
            f"{weights.label} does not say how images are normalised; with {num_classes:,} classes it is not {own}: "
            f"give model.mean and model.std as it was trained with, for example {_as_settings(known)}, or "
            "model.mean=none; timm/NAME.TAG names the training that it began with."
        )
    if assumed and mean:
        warning = f"{weights.label} does not say how images are normalised: {known.text} assumed, as {assumed} has it; "
        return replace(known, warnings=(f"{warning}{OTHERWISE}.",))
    if mean or (weights.path is None and not weights.is_inside) or described:
        return known
    warning = (
        f"{weights.label} does not say how images are normalised, and nothing is known of {config.name}: they are "
    )
    return Normalization(source="unknown", warnings=(f"{warning}taken as they are; {OTHERWISE}.",))


def _as_settings(known: Normalization) -> str:
    mean, std = (",".join(f"{value:g}" for value in row) for row in (known.mean, known.std))
    return f"model.mean=[{mean}] model.std=[{std}]"


def layer_inside(network: nn.Module) -> str:
    """Return the name of a layer of the network that normalises by itself; empty where none is seen."""
    for name, layer in network.named_modules():
        mean, std = getattr(layer, "mean", None), getattr(layer, "std", None)
        rows = [len(row) if isinstance(row, list | tuple) else row.numel() for row in (mean, std)
                if isinstance(row, list | tuple | Tensor)]  # fmt: skip
        if name and len(rows) == 2 and rows[0] == rows[1] <= 4:
            return name
    return ""


def better_normalization(
    classifier: Classifier, images_NCHW: Tensor, label_N: Tensor, others: Mapping[str, tuple[Sequence[float], ...]]
) -> str:
    """Return a sentence if another normalisation is right on clearly more of the images; empty otherwise.

    Args:
        images_NCHW: in [0, 1]; a few hundred.
        others: by name, mean and standard deviation, one number a channel or one for all.
    """
    channels = images_NCHW.shape[1]
    fitting = {name: pair for name, pair in others.items() if len(pair[0]) in (1, channels)}
    own = classifier.mean, classifier.std
    stated = _accuracy(classifier, images_NCHW, label_N)
    right = {}
    try:
        for name, (mean, std) in fitting.items():
            classifier.mean, classifier.std = (
                torch.tensor(list(row)).reshape(1, -1, 1, 1).to(own[0]) for row in (mean, std)
            )
            right[name] = _accuracy(classifier, images_NCHW, label_N)
    finally:
        classifier.mean, classifier.std = own
    best = max(right, key=lambda name: right[name], default="")
    gain = right[best] - stated if best else 0.0
    if gain <= CLEARLY or round(gain * len(label_N)) < FEWEST:
        return ""
    return (
        f"on {len(label_N)} images the accuracy is {100 * stated:.1f} % as it is, and {100 * right[best]:.1f} % with "
        f"{best}: check model.mean and model.std."
    )


def _accuracy(classifier: Classifier, images_NCHW: Tensor, label_N: Tensor) -> float:
    with held_still(classifier), torch.no_grad():
        right = [
            classifier(images).argmax(dim=1) == labels
            for images, labels in zip(images_NCHW.split(64), label_N.split(64), strict=True)
        ]
    return float(torch.cat(right).double().mean())
