"""Which weights does a name mean, and how does a classifier get them?"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from fsens_cli.errors import CheckpointError, ModelError, suggestion
from fsens_cli.models.catalog import ImageShape, ModelConfig, build_network
from fsens_cli.models.checkpoint import load_into, read_metadata, read_state_dict, sha256_of
from fsens_cli.models.classifier import Classifier, held_still
from fsens_cli.models.front_end import FrontEndConfig, build_front_end

PACKAGED_FOLDER = Path(__file__).parent / "packaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where a classifier's weights come from.

    Attributes:
        label: short text for tables, such as ``packaged:standard`` or a file name.
        path: the file, or None for random weights.
        sha256: of the file; empty for random weights.
        description: what fsens stored in the file's header; empty for foreign files.
    """

    label: str
    path: Path | None = None
    sha256: str = ""
    description: dict[str, Any] = field(default_factory=dict)


def packaged_names(model: str, data: str) -> list[str]:
    """Return the names of the packaged trainings of a network on a data set, for example ``["standard"]``."""
    prefix = f"{data}-{model}-"
    return sorted(path.stem.removeprefix(prefix) for path in PACKAGED_FOLDER.glob(f"{prefix}*.safetensors"))


def find_weights(spec: str, *, model: str, data: str) -> Weights:
    """Return the weights that ``spec`` names for a model and a data set.

    ``auto`` takes the packaged ``standard`` training where there is one, ``packaged:NAME`` another one, ``random``
    none, and anything else is the path of a checkpoint.

    Raises:
        CheckpointError: nothing fits; the message says what can be given.
    """
    if spec == "random":
        return Weights(label="random")
    trained = packaged_names(model, data)
    if spec == "auto":
        if "standard" not in trained:
            raise CheckpointError(
                f"no weights are packaged for {model} on {data}. Give weights=PATH of a checkpoint, weights=run:RUN of "
                f"a finished `fsens train`, or weights=random for an untrained network."
            )
        spec = "packaged:standard"
    if spec.startswith("packaged:"):
        name = spec.removeprefix("packaged:")
        if name not in trained:
            known = ", ".join(f"packaged:{n}" for n in trained) or "none"
            raise CheckpointError(
                f"weights={spec} does not exist for {model} on {data}; packaged: {known}.{suggestion(name, trained)}"
            )
        return _file(PACKAGED_FOLDER / f"{data}-{model}-{name}.safetensors", label=spec)
    path = Path(spec).expanduser()
    if not path.is_file():
        raise CheckpointError(
            f"weights={spec}: there is no such file. Give auto, random, packaged:NAME, run:RUN or a checkpoint's path."
        )
    weights = _file(path, label=path.name)
    # What fsens trained itself says what it is; the name of its file does not.
    training = weights.description.get("training")
    return weights if training is None else replace(weights, label=f"{training} training")


def _file(path: Path, *, label: str) -> Weights:
    return Weights(label=label, path=path, sha256=sha256_of(path), description=read_metadata(path))


def build_classifier(
    config: ModelConfig,
    weights: Weights,
    *,
    num_classes: int,
    shape: ImageShape,
    seed: int,
    front_end: FrontEndConfig,
) -> Classifier:
    """Build the network, load its weights and put its normalisation inside.

    Normalisation is ``config.mean``/``std`` where given, else what the weights' description says, else none.
    The front end is the configured one, else the one that the weights were trained behind.

    Raises:
        ModelError, CheckpointError: the parts do not fit together or do not fit the data.
    """
    described = weights.description.get("num_classes", num_classes)
    if described != num_classes:
        raise CheckpointError(
            f"{weights.label} was trained on {described} classes and the data has {num_classes}: "
            "give the data it was trained on, or other weights."
        )
    stored = weights.description.get("model", {})
    if stored and stored.get("name") != config.name:
        raise CheckpointError(
            f"{weights.label} holds a {stored['name']}, not a {config.name}: give --model {stored['name']}."
        )
    behind = weights.description.get("frontend", {})
    kwargs = config.kwargs or stored.get("kwargs", {})
    named = ModelConfig(name=config.name, kwargs=kwargs, mean=config.mean, std=config.std)
    network = build_network(named, num_classes=num_classes, shape=shape, seed=seed)
    if weights.path is not None:
        load_into(network, read_state_dict(weights.path), weights.path)
    classifier = Classifier(
        network,
        name=config.name,
        num_classes=num_classes,
        mean=config.mean or stored.get("mean", []),
        std=config.std or stored.get("std", []),
        front_end=build_front_end(front_end if front_end.name != "none" else FrontEndConfig(**behind)),
    )
    check_fit(classifier, shape)
    return classifier


def check_fit(classifier: Classifier, shape: ImageShape) -> None:
    """Run two gray images through the classifier and check the logits' shape.

    Raises:
        ModelError: the network does not take such images or has another number of classes.
    """
    probe = torch.full((2, shape.channels, shape.height, shape.width), 0.5)
    channels = classifier.mean.shape[1]
    if channels not in (1, shape.channels):
        raise ModelError(f"model.mean has {channels} entries and the images have {shape.channels} channels.")
    try:
        with held_still(classifier), torch.no_grad():
            logits = classifier(probe)
    except (RuntimeError, ValueError, AssertionError, IndexError, TypeError) as error:
        first_line = str(error).split("\n", 1)[0]
        raise ModelError(f"{classifier.name} cannot take {shape} images: {first_line}") from error
    if not isinstance(logits, torch.Tensor) or logits.shape != (2, classifier.num_classes):
        got = f"shape {tuple(logits.shape[1:])}" if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise ModelError(
            f"{classifier.name} returns {got} for an image, and the data has {classifier.num_classes} classes: "
            "give the data it was trained on, or a network with that many outputs."
        )
