"""How do a network, its weights and its normalisation become a classifier that fits the data?"""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from fsens_cli.errors import CheckpointError, FsensError, ModelError
from fsens_cli.models.catalog import ImageShape, ModelConfig, build_network, native_size, same_network
from fsens_cli.models.checkpoint import load_into, read_state_dict
from fsens_cli.models.classifier import Classifier, held_still
from fsens_cli.models.front_end import FrontEndConfig, build_front_end
from fsens_cli.models.weights import Weights


def build_classifier(
    config: ModelConfig,
    weights: Weights,
    *,
    num_classes: int,
    shape: ImageShape,
    seed: int,
    front_end: FrontEndConfig,
    data: str = "",
) -> Classifier:
    """Build the network, load its weights and put its normalisation inside.

    Normalisation is ``config.mean``/``std`` where given, else what the weights' description says, else none.
    The front end is the configured one, else the one that the weights were trained behind.

    Raises:
        ModelError, CheckpointError: the parts do not fit together or do not fit the data.
    """
    check_classes(weights, num_classes)
    stored = weights.description.get("model", {})
    if stored and not same_network(stored.get("name", ""), config.name):
        raise CheckpointError(
            f"{weights.label} holds a {stored['name']}, not a {config.name}: give --model {stored['name']}."
        )
    behind = weights.description.get("frontend", {})
    named = dataclasses.replace(config, kwargs=config.kwargs or stored.get("kwargs", {}))
    timm_file = str(weights.path) if weights.through_timm else ""
    if timm_file and weights.path is not None:
        read_state_dict(weights.path)  # refuses what timm would unpickle less carefully, or not at all
    made_for = _made_for(weights, shape)
    network = build_network(named, num_classes=num_classes, shape=made_for, seed=seed, data=data, timm_file=timm_file)
    if weights.path is not None and not timm_file:
        load_into(network, read_state_dict(weights.path), weights.path)
    classifier = Classifier(
        network,
        name=config.name,
        num_classes=num_classes,
        mean=config.mean or stored.get("mean", []),
        std=config.std or stored.get("std", []),
    )
    check_fit(classifier, shape)
    # A filter keeps the images' shape, and principal components have yet to be found: so it comes after the check.
    in_front = build_front_end(front_end if front_end.name != "none" else FrontEndConfig(**behind))
    if in_front is not None:
        classifier.front_end = in_front
    return classifier


def _made_for(weights: Weights, shape: ImageShape) -> ImageShape:
    """Return the images that the weights were trained on, as far as is known: they, not the data, decide the stem."""
    stored, geometry = weights.description.get("image_shape"), weights.description.get("geometry")
    if stored:
        return ImageShape(*stored)
    return ImageShape(shape.channels, geometry["height"], geometry["width"]) if geometry else shape


def check_classes(weights: Weights, num_classes: int) -> None:
    """Raise CheckpointError unless the weights were trained on as many classes as the data has."""
    described = weights.description.get("num_classes", num_classes)
    if described != num_classes:
        fitting = (
            "--data imagenet or folders named by WordNet id" if weights.is_imagenet else "the data it was trained on"
        )
        raise CheckpointError(
            f"{weights.label} was trained on {described} classes and the data has {num_classes}: give {fitting}, "
            "or other weights."
        )


def check_fit(classifier: Classifier, shape: ImageShape) -> None:
    """Run two gray images through the classifier and check the logits' shape.

    Raises:
        ModelError: the network does not take such images or has another number of classes.
    """
    probe = torch.full((2, shape.channels, shape.height, shape.width), 0.5)
    channels = classifier.mean.shape[1]
    if channels not in (1, shape.channels):
        raise ModelError(
            f"model.mean has {channels} entries and the images have {shape.channels} channels: give "
            f"data.channels={channels} where the data allow it, or other model.mean and model.std."
        )
    try:
        with held_still(classifier), torch.no_grad():
            logits: Any = classifier(probe)
    except FsensError:
        raise
    except Exception as error:  # the network may be the user's, whose code may raise anything
        first_line = str(error).split("\n", 1)[0].rstrip(".")
        raise ModelError(
            f"{classifier.name} cannot take {shape} images ({first_line}). {_ways_to_fit(classifier.name, shape)}"
        ) from error
    if not isinstance(logits, Tensor) or logits.shape != (2, classifier.num_classes):
        got = f"shape {tuple(logits.shape[1:])}" if isinstance(logits, Tensor) else type(logits).__name__
        raise ModelError(
            f"{classifier.name} returns {got} for an image, and the data has {classifier.num_classes} classes: "
            "give the data it was trained on, or a network with that many outputs."
        )


def _ways_to_fit(name: str, shape: ImageShape) -> str:
    """Return the options that make images and network fit, as far as they can be known."""
    native = native_size(name)
    if native is not None and native != (shape.height, shape.width):
        resize = f"data.size=[{native[0]},{native[1]}] resizes the images to what it was made for"
        key = "img_size" if name.startswith("timm/") else "image_size"
        side = min(shape.height, shape.width)
        # Only networks that cut the image into patches have such an argument.
        own = f"; model.kwargs.{key}={side} builds it for the images" if "vit" in name or "mixer" in name else ""
        return f"{resize}{own}."
    return "data.size=[HEIGHT,WIDTH] resizes the images; data.channels=1 or 3 sets the channels of pictures."
