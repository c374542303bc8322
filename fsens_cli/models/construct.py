"""How a named network is built without weights."""

import torch
from torch import nn

from fsens_cli.errors import CheckpointError, FsensError, ModelError
from fsens_cli.models import hub_network, onnx_network, robustbench, transformers_network
from fsens_cli.models.activation import with_activation
from fsens_cli.models.catalog import PACKAGED, ImageShape
from fsens_cli.models.description import LOADS, kwargs_from_file
from fsens_cli.models.factory import call_factory
from fsens_cli.models.library_names import torchvision_names
from fsens_cli.models.names import check_model_name
from fsens_cli.models.settings import ModelConfig
from fsens_cli.models.torchvision_network import torchvision_network
from fsens_cli.models.user_file import is_factory


def build_network(
    config: ModelConfig, *, num_classes: int, shape: ImageShape, seed: int, data: str = "", timm_file: str = ""
) -> nn.Module:
    """Build the named network with random weights drawn from ``seed``; the global generator is left as it was.

    Args:
        data: name of the data set, for zoos that have another network for each.
        timm_file: weights that timm itself converts and loads, where it is timm's network.

    Raises:
        ModelError: unknown name, or arguments the constructor does not take.
    """
    check_model_name(config.name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if config.name.startswith(robustbench.PREFIX):
            return robustbench.load_robustbench(config.name, data)[0]
        if is_factory(config.name):
            return call_factory(config.name, config.kwargs, num_classes=num_classes)
        try:
            return _build_named(config, num_classes=num_classes, shape=shape, timm_file=timm_file)
        except FsensError:
            raise
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            if timm_file and isinstance(error, RuntimeError):
                lines = [line.strip().rstrip(".:") for line in str(error).splitlines()]
                complaints = "; ".join(lines[1:4] or lines)
                raise CheckpointError(
                    f"{timm_file} does not fit {config.name}: {complaints}. Check --model, model.kwargs and the number "
                    "of classes of the data."
                ) from error
            first_line = str(error).split("\n", 1)[0].rstrip(".")
            raise ModelError(
                f"model={config.name} cannot be built for {shape} images with model.kwargs={config.kwargs}: "
                f"{first_line}."
            ) from error


def _build_named(config: ModelConfig, *, num_classes: int, shape: ImageShape, timm_file: str) -> nn.Module:
    kwargs = dict(config.kwargs)
    if config.name in PACKAGED:
        activation = str(kwargs.pop("activation", "relu"))
        return with_activation(PACKAGED[config.name].build(num_classes=num_classes, shape=shape, **kwargs), activation)
    loading = next((name for name in kwargs if LOADS.search(name)), "")
    if loading:
        raise ModelError(f"model.kwargs.{loading}: weights are named by --weights, where they are read safely.")
    if config.name.startswith(transformers_network.PREFIX):
        if kwargs:
            raise ModelError(f"model={config.name} is built as its config.json says and takes no model.kwargs.")
        return transformers_network.build(config.name)
    if onnx_network.is_onnx(config.name):
        if kwargs:
            raise ModelError(f"model={config.name} is what its file holds and takes no model.kwargs.")
        return onnx_network.build(config.name, shape)
    if config.name.startswith(hub_network.PREFIX):
        described = hub_network.hub_network(config.name)
        name, kwargs = (
            described.architecture,
            kwargs_from_file(described.kwargs, kwargs, f"config.json of {config.name}"),
        )
    elif config.name.startswith("timm/"):
        name = config.name.removeprefix("timm/")
    else:
        return torchvision_network(config.name, num_classes=num_classes, shape=shape, **kwargs)
    import timm

    if timm_file:
        # Said to be for these classes and channels, the file is loaded whole or refused; timm would otherwise give a
        # file of other classes a random last layer.
        size = native_size(f"timm/{name}") or (shape.height, shape.width)
        overlay = {
            "file": timm_file,
            "custom_load": False,
            "num_classes": num_classes,
            "input_size": (shape.channels, *size),
        }
        kwargs |= {"pretrained": True, "pretrained_cfg_overlay": overlay}
    built: nn.Module = timm.create_model(name, num_classes=num_classes, in_chans=shape.channels, **kwargs)
    return built


def native_size(name: str) -> tuple[int, int] | None:
    """Return the height and width that a library's network was made for; None where it takes any or nobody says."""
    if name.startswith("timm/"):
        import timm

        config = (
            timm.get_pretrained_cfg(name.removeprefix("timm/")) if timm.is_model(name.removeprefix("timm/")) else None
        )
        size = config.input_size if config is not None else None
        return (size[1], size[2]) if size else None
    return (224, 224) if name in torchvision_names() else None
