"""A model as a Python user has it: any module, with the normalisation that it expects."""

from collections.abc import Sequence

from torch import Tensor, nn

from fsens_cli.errors import ModelError
from fsens_cli.models.classifier import Classifier, as_classifier, device_of
from fsens_cli.typed import row_of_numbers

Numbers = Sequence[float] | Tensor | None


def as_given(model: nn.Module, mean: Numbers = None, std: Numbers = None) -> Classifier:
    """Return a model as a Classifier on the model's own device, its normalisation inside.

    Args:
        model: any module from images (N, C, H, W) to logits (N, L).
        mean, std: of [0, 1] images, one number a channel or one for all, where the model expects normalised ones.

    Raises:
        ModelError: it is no module, or mean and std are not both given, or given twice.
        ConfigError: mean or std hold something else than numbers.
    """
    if not isinstance(model, nn.Module):
        raise ModelError(f"model must be a torch.nn.Module from images to logits, got {type(model).__name__}.")
    if mean is None and std is None:
        return as_classifier(model)
    if isinstance(model, Classifier):
        raise ModelError("a Classifier has its normalisation inside: leave out mean= and std=.")
    if mean is None or std is None:
        raise ModelError("give both mean= and std=, one number a channel, or neither.")
    rows = row_of_numbers(mean, "mean"), row_of_numbers(std, "std")
    classifier = Classifier(model, name=type(model).__name__, num_classes=0, mean=rows[0], std=rows[1])
    return classifier.to(device_of(model))


def name_of(model: nn.Module) -> str:
    """Return what a model is called in titles."""
    return model.name if isinstance(model, Classifier) else type(model).__name__
