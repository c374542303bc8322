"""How a named network is built without weights: one function for each source."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from fsens_cli.errors import CheckpointError, FsensError, ModelError
from fsens_cli.models import hub_network, onnx_network, program, robustbench, transformers_network
from fsens_cli.models.activation import with_activation
from fsens_cli.models.catalog import PACKAGED, ImageShape
from fsens_cli.models.description import LOADS, kwargs_from_file
from fsens_cli.models.factory import call_factory
from fsens_cli.models.settings import ModelConfig
from fsens_cli.models.sources import TIMM, Asked, source_of
from fsens_cli.models.torchvision_network import torchvision_network


def build_network(
    config: ModelConfig,
    *,
    num_classes: int,
    shape: ImageShape,
    seed: int,
    data: str = "",
    timm_file: str = "",
    class_names: Sequence[str] = (),
) -> nn.Module:
    """Build the named network with random weights drawn from ``seed``; the global generator is left as it was.

    Args:
        data: name of the data set, for zoos that have another network for each.
        timm_file: weights that timm itself converts and loads, where it is timm's network.
        class_names: for networks that know classes by their names.

    Raises:
        ModelError: unknown name, or arguments the constructor does not take.
    """
    source = source_of(config.name)
    source.check(config.name)
    asked = Asked(
        config=config,
        num_classes=num_classes,
        shape=shape,
        data=data,
        timm_file=timm_file,
        class_names=tuple(class_names),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return source.build(asked)


def packaged(asked: Asked) -> nn.Module:
    """Build one of our own."""
    kwargs = dict(asked.config.kwargs)
    activation = str(kwargs.pop("activation", "relu"))
    with _complaints_told(asked):
        built = PACKAGED[asked.config.name].build(num_classes=asked.num_classes, shape=asked.shape, **kwargs)
        return with_activation(built, activation)


def of_robustbench(asked: Asked) -> nn.Module:
    """Take a network of the zoo, with its weights."""
    return robustbench.load_robustbench(asked.config.name, asked.data)[0]


def of_transformers(asked: Asked) -> nn.Module:
    """Build the network of transformers that a repository describes."""
    if _without_loading(asked.config):
        raise ModelError(f"model={asked.config.name} is built as its config.json says and takes no model.kwargs.")
    with _complaints_told(asked):
        return transformers_network.build(asked.config.name)


def of_onnx(asked: Asked) -> nn.Module:
    """Make the network that a file holds into one of PyTorch."""
    if _without_loading(asked.config):
        raise ModelError(f"model={asked.config.name} is what its file holds and takes no model.kwargs.")
    with _complaints_told(asked):
        return onnx_network.build(asked.config.name, asked.shape)


def of_program(asked: Asked) -> nn.Module:
    """Load the program that a trusted file holds."""
    if _without_loading(asked.config):
        raise ModelError(f"model={asked.config.name} is what its file holds and takes no model.kwargs.")
    return program.build(asked.config.name, asked.shape)


def of_own_code(asked: Asked) -> nn.Module:
    """Call the user's function."""
    return call_factory(asked.config.name, asked.config.kwargs, num_classes=asked.num_classes)


def of_torchvision(asked: Asked) -> nn.Module:
    """Build one of torchvision's."""
    kwargs = _without_loading(asked.config)
    with _complaints_told(asked):
        return torchvision_network(asked.config.name, num_classes=asked.num_classes, shape=asked.shape, **kwargs)


def of_timm(asked: Asked) -> nn.Module:
    """Build one of timm's."""
    return _timm_network(asked.config.name.removeprefix(TIMM), _without_loading(asked.config), asked)


def of_the_hub(asked: Asked) -> nn.Module:
    """Build the network of timm that a repository describes."""
    name, kwargs = asked.config.name, _without_loading(asked.config)
    described = hub_network.hub_network(name)
    kwargs = kwargs_from_file(described.kwargs, kwargs, f"config.json of {name}")
    return _timm_network(described.architecture, kwargs, asked)


def _without_loading(config: ModelConfig) -> dict[str, object]:
    loading = next((name for name in config.kwargs if LOADS.search(name)), "")
    if loading:
        raise ModelError(f"model.kwargs.{loading}: weights are named by --weights, where they are read safely.")
    return dict(config.kwargs)


def _timm_network(name: str, kwargs: dict[str, object], asked: Asked) -> nn.Module:
    import timm

    if asked.timm_file:
        # Said to be for these classes and channels, the file is loaded whole or refused; timm would otherwise give a
        # file of other classes a random last layer.
        size = native_size(f"{TIMM}{name}") or (asked.shape.height, asked.shape.width)
        overlay = {
            "file": asked.timm_file,
            "custom_load": False,
            "num_classes": asked.num_classes,
            "input_size": (asked.shape.channels, *size),
        }
        kwargs = kwargs | {"pretrained": True, "pretrained_cfg_overlay": overlay}
    with _complaints_told(asked):
        built: nn.Module = timm.create_model(
            name, num_classes=asked.num_classes, in_chans=asked.shape.channels, **kwargs
        )
        return built


@contextmanager
def _complaints_told(asked: Asked) -> Iterator[None]:
    """Tell what a library's constructor says of its arguments, or of a file, in one line."""
    name = asked.config.name
    try:
        yield
    except FsensError:
        raise
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        if asked.timm_file and isinstance(error, RuntimeError):
            lines = [line.strip().rstrip(".:") for line in str(error).splitlines()]
            complaints = "; ".join(lines[1:4] or lines)
            raise CheckpointError(
                f"{asked.timm_file} does not fit {name}: {complaints}. Check --model, model.kwargs and the number "
                "of classes of the data."
            ) from error
        first_line = str(error).split("\n", 1)[0].rstrip(".")
        raise ModelError(
            f"model={name} cannot be built for {asked.shape} images with model.kwargs={asked.config.kwargs}: "
            f"{first_line}."
        ) from error


def native_size(name: str) -> tuple[int, int] | None:
    """Return the height and width that a library's network was made for; None where it takes any or nobody says."""
    return source_of(name).native_size(name)
