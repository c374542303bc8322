"""A network, its weights and its normalisation put together into a classifier that fits the data."""

import dataclasses
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError, FsensError, ModelError
from fsens_cli.guest.code import as_guest, naming_the_place
from fsens_cli.guest.place import in_words
from fsens_cli.memory import in_gigabytes, machine_memory
from fsens_cli.models.allocation import allocation_limit
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.checkpoint import read_state_dict
from fsens_cli.models.classifier import Classifier, Normalization, held_still
from fsens_cli.models.clip_network import ZeroShot
from fsens_cli.models.construct import build_network, native_size
from fsens_cli.models.description import kwargs_from_file
from fsens_cli.models.factory import classes_hint, parameters_of
from fsens_cli.models.fitting import load_weights
from fsens_cli.models.front_end import build_front_end
from fsens_cli.models.names import same_network
from fsens_cli.models.normalization import layer_inside, normalization_for
from fsens_cli.models.program import Program
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.user_file import is_factory
from fsens_cli.models.weights import Weights

# A network may take so much whatever its file holds, and so many times what its file holds: numbers may be stored in
# fewer bits, and tables that the constructor computes are not stored.
SMALL_NETWORK, LARGEST_RATIO = 2**28, 8


def build_classifier(
    config: ModelConfig,
    weights: Weights,
    *,
    num_classes: int,
    shape: ImageShape,
    seed: int,
    front_end: FrontEndConfig,
    data: str = "",
    class_names: Sequence[str] = (),
    hint: str = "",
) -> Classifier:
    """Build the network, load its weights and put its normalisation inside.

    Normalisation is ``config.mean``/``std`` where given, else what the weights' file or source says, else what the
    architecture's library uses, else none.
    The front end is the configured one, else the one that the weights were trained behind.

    Args:
        class_names: for networks that know classes by their names.
        hint: a sentence for the message where the weights do not fit.

    Raises:
        ModelError, CheckpointError: the parts do not fit together or do not fit the data.
    """
    check_classes(weights, num_classes)
    _check_network(weights, config.name)
    behind = weights.description.get("frontend", {})
    named = dataclasses.replace(config, kwargs=kwargs_with_stored(config, weights))
    timm_file = str(weights.path) if weights.through_timm else ""
    if timm_file and weights.path is not None:
        read_state_dict(weights.path)  # refuses what timm would unpickle less carefully, or not at all
    with _held_to_its_file(named, weights):
        network = build_network(
            named,
            num_classes=num_classes,
            shape=_made_for(weights, shape),
            seed=seed,
            data=data,
            timm_file=timm_file,
            class_names=class_names,
        )
    fit = None
    if weights.path is not None and not timm_file:
        fit = load_weights(network, weights.path, key=config.checkpoint_key, hint=hint)
    if isinstance(network, ZeroShot):
        network.set_head()
    in_file = (fit.mean, fit.std) if fit is not None else ((), ())
    given = normalization_for(config, weights, in_file, num_classes=num_classes)
    classifier = Classifier(network, name=config.name, num_classes=num_classes, mean=given.mean, std=given.std)
    classifier.normalization = given
    classifier.remarks = [f"{weights.label}: {'; '.join(fit.remarks())}"] if fit is not None and fit.remarks() else []
    classifier.remarks += [*given.remarks, *(network.remarks if isinstance(network, Program) else ())]
    classifier.warnings = [*given.warnings, *_normalised_twice(network, given)]
    check_fit(classifier, shape)
    # A filter keeps the images' shape, and principal components have yet to be found: so it comes after the check.
    in_front = build_front_end(front_end if front_end.name != "none" else FrontEndConfig(**behind))
    if in_front is not None:
        classifier.front_end = in_front
    return classifier


def _check_network(weights: Weights, name: str) -> None:
    """Raise CheckpointError where the weights say that they are another network's."""
    stored = weights.description.get("model", {}).get("name", "")
    if stored and not same_network(stored, name):
        raise CheckpointError(f"{weights.label} holds a {stored}, not a {name}: give --model {stored}.")


def _normalised_twice(network: nn.Module, given: Normalization) -> list[str]:
    """Return a warning where images are normalised and a layer of the network seems to do so again."""
    inside = layer_inside(network) if given.mean and tuple(given.mean) != (0.0,) else ""
    if not inside:
        return []
    return [f"the network's layer '{inside}' seems to normalise too, after {given.text}: if so, give model.mean=none."]


def kwargs_with_stored(config: ModelConfig, weights: Weights) -> dict[str, object]:
    """Return the constructor's arguments that are given, and of the others those that the weights were trained with.

    Raises:
        CheckpointError: the weights' file names an argument that no file may decide.
    """
    stored = weights.description.get("model", {}).get("kwargs", {})
    source = str(weights.path or weights.label)
    taken = kwargs_from_file(stored, config.kwargs, source)
    if stored and is_factory(config.name):
        unknown = [name for name in stored if name not in config.kwargs and name not in parameters_of(config.name)]
        if unknown:
            raise CheckpointError(
                f"{source} sets model.kwargs.{unknown[0][:60]}, and {config.name} has no such argument."
            )
    return taken


def _held_to_its_file(config: ModelConfig, weights: Weights) -> AbstractContextManager[None]:
    """Return a context in which no network is made that is beyond its file's size, or beyond the machine's memory."""
    kwargs = f" with model.kwargs={config.kwargs}" if config.kwargs else ""
    if weights.path is not None:
        size = weights.path.stat().st_size
        where = f"{weights.path} holds {in_gigabytes(size)} and cannot fill it: check --model and model.kwargs"
        most = SMALL_NETWORK + LARGEST_RATIO * size
    else:
        most = machine_memory() or sys.maxsize
        where = f"this machine has {in_gigabytes(most)}: give a smaller network"
    return allocation_limit(
        most, lambda asked: ModelError(f"{config.name}{kwargs} takes {in_gigabytes(asked)} or more, and {where}.")
    )


def _made_for(weights: Weights, shape: ImageShape) -> ImageShape:
    """Return the images that the weights were trained on, as far as is known: they, not the data, decide the stem."""
    stored, geometry = weights.description.get("image_shape"), weights.description.get("geometry")
    if "assumed" in weights.description:
        geometry = None
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
    """Run two gray images, one alone, and one gradient through the classifier.

    Raises:
        ModelError: the network does not take such images, has another number of classes, or cannot be differentiated.
    """
    channels = classifier.mean.shape[1]
    if channels not in (1, shape.channels):
        raise ModelError(
            f"model.mean has {channels} entries and the images have {shape.channels} channels: give "
            f"data.channels={channels} where the data allow it, or other model.mean and model.std."
        )
    pair = torch.full((2, shape.channels, shape.height, shape.width), 0.5)
    try:
        with held_still(classifier), torch.no_grad(), as_guest():
            logits: object = classifier(pair)
    except (FsensError, KeyboardInterrupt):
        raise
    except BaseException as error:  # the network may be the user's, whose code may do anything
        raise ModelError(
            f"{classifier.name} cannot take {shape} images ({in_words(error)}). {_ways_to_fit(classifier.name, shape)}"
        ) from error
    _require_logits(logits, 2, classifier)
    _check_alone(classifier, pair[:1])
    _check_gradient(classifier, pair)


def _require_logits(logits: object, num_images: int, classifier: Classifier) -> None:
    if isinstance(logits, Tensor) and logits.shape == (num_images, classifier.num_classes):
        return
    got = f"shape {tuple(logits.shape[1:])}" if isinstance(logits, Tensor) else type(logits).__name__
    hint = f", or {classes_hint(classifier.num_classes)} where it takes it" if is_factory(classifier.name) else ""
    raise ModelError(
        f"{classifier.name} returns {got} for an image, and the data has {classifier.num_classes} classes: "
        f"give the data it was trained on, or a network with that many outputs{hint}."
    )


def _check_alone(classifier: Classifier, image: Tensor) -> None:
    """A last batch may hold one image, which ``squeeze`` without an axis takes for none."""
    with (
        held_still(classifier),
        torch.no_grad(),
        as_guest(),
        naming_the_place(f"{classifier.name} on a batch of one image"),
    ):
        logits = classifier(image)
    if not isinstance(logits, Tensor) or logits.shape != (1, classifier.num_classes):
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ModelError(
            f"{classifier.name} returns {got} for a batch of one image, expected (1, {classifier.num_classes}): "
            "a squeeze() without an axis, for example, takes the batch away as well."
        )


def _check_gradient(classifier: Classifier, images: Tensor) -> None:
    """A network without a gradient is left to the verbs, some of which need none; one that breaks is not."""
    inputs = images.clone().requires_grad_()
    with (
        held_still(classifier),
        torch.enable_grad(),
        as_guest(),
        naming_the_place(f"{classifier.name}: its gradient with respect to the image"),
    ):
        logits = classifier(inputs)
        if logits.requires_grad:
            torch.autograd.grad(logits.sum(), inputs, allow_unused=True)


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
