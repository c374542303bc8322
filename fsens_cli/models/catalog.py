"""The networks that can be named, and how each is built without weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fsens_cli.errors import CheckpointError, ModelError, require, suggestion
from fsens_cli.models import hub_network, robustbench
from fsens_cli.models.description import LOADS, kwargs_from_file
from fsens_cli.models.factory import call_factory, functions_of, is_factory, split_factory


@dataclass(kw_only=True)
class ModelConfig:
    """A network by name, with the arguments of its constructor and its normalisation.

    Attributes:
        name: a packaged network, a torchvision name, ``timm/NAME``, ``hub:OWNER/NAME``, ``robustbench/NAME``,
            ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION``.
        kwargs: passed to the constructor or factory.
        mean, std: per channel of [0, 1] images; empty takes what is known of the weights, and ``none`` for the mean
            leaves it to the network.
        checkpoint_key: where in a checkpoint the weights stand, if it holds several; empty finds the only ones.
    """

    name: str = "resnet8"
    kwargs: dict[str, Any] = field(default_factory=dict)
    mean: Any = field(default_factory=list)  # list[float]; a configuration can also say none
    std: Any = field(default_factory=list)
    checkpoint_key: str = ""

    def __post_init__(self) -> None:
        """Check that mean and std are numbers and come in pairs."""
        if isinstance(self.mean, str) and self.mean.lower() == "none":
            require(not self.std or self.std == [1.0], f"model.std={self.std} has no meaning with model.mean=none.")
            self.mean, self.std = [0.0], [1.0]
        self.mean, self.std = _numbers("mean", self.mean), _numbers("std", self.std)
        if len(self.mean) != len(self.std):
            raise ModelError(f"model.mean={self.mean} and model.std={self.std} differ in length: give both alike.")
        if not all(s > 0 for s in self.std):  # NaN fails too
            raise ModelError(f"model.std={self.std}: every entry must be positive.")


def _numbers(name: str, given: object) -> list[float]:
    row = list(given) if isinstance(given, list | tuple) else [given]
    numbers = [float(v) for v in row if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    if len(numbers) != len(row):
        ways = "; none leaves it to the network" if name == "mean" else ""
        raise ModelError(f"model.{name}={given} is not one finite number a channel, as in [0.5,0.5,0.5]{ways}.")
    return numbers


@dataclass(frozen=True, slots=True)
class ImageShape:
    """What a network will be given: channels, height and width in pixels."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        """Return for example ``3x32x32``."""
        return f"{self.channels}x{self.height}x{self.width}"


Builder = Callable[..., nn.Module]

# Below this many pixels a side the ImageNet stem (stride 4) would leave almost nothing to look at.
SMALL_STEM_BELOW = 96


def _cifar_resnet(blocks_per_stage: int) -> Builder:
    def build(*, num_classes: int, shape: ImageShape, **kwargs: Any) -> nn.Module:
        from fsens_cli.models.cifar_resnet import CifarResNet

        return CifarResNet(blocks_per_stage, num_classes=num_classes, channels=shape.channels, **kwargs)

    return build


def _resnet(name: str) -> Builder:
    def build(*, num_classes: int, shape: ImageShape, **kwargs: Any) -> nn.Module:
        """Build torchvision's ResNet; small images get the 3x3 stride-1 stem and no max-pool."""
        network = _torchvision(name, num_classes=num_classes, shape=shape, **kwargs)
        if min(shape.height, shape.width) < SMALL_STEM_BELOW:
            network.conv1 = nn.Conv2d(shape.channels, 64, 3, 1, padding=1, bias=False)
            nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
            network.maxpool = nn.Identity()
        return network

    return build


def _wide_resnet(*, num_classes: int, shape: ImageShape, **kwargs: Any) -> nn.Module:
    from fsens_cli.models.wide_resnet import WideResNet

    return WideResNet(num_classes=num_classes, channels=shape.channels, **kwargs)


def _torchvision(name: str, *, num_classes: int, shape: ImageShape, **kwargs: Any) -> nn.Module:
    """Build torchvision's network; its first convolution takes as many channels as the images have."""
    import torchvision

    if name in ("googlenet", "inception_v3"):
        kwargs.setdefault("init_weights", True)  # its default, asked for by name, is without a warning
    network: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **kwargs)
    stem = next(((n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d)), None)
    if stem is not None and stem[1].in_channels == 3 and shape.channels != 3:
        path, _, last = stem[0].rpartition(".")
        setattr(network.get_submodule(path), last, _with_channels(stem[1], shape.channels))
    return network


def _with_channels(stem: nn.Conv2d, channels: int) -> nn.Conv2d:
    assert stem.padding_mode == "zeros", "no stem of torchvision's pads otherwise"
    own = nn.Conv2d(
        channels,
        stem.out_channels,
        stem.kernel_size,  # type: ignore[arg-type]
        stem.stride,  # type: ignore[arg-type]
        stem.padding,  # type: ignore[arg-type]
        bias=stem.bias is not None,
    )
    nn.init.kaiming_normal_(own.weight, mode="fan_out", nonlinearity="relu")
    return own


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A network of our own: one entry of ``PACKAGED``.

    Attributes:
        build: takes ``num_classes``, ``shape`` and the constructor's arguments.
        about: what it is, for the list of networks.
    """

    build: Builder
    about: str


def _small(depth: int) -> Record:
    return Record(build=_cifar_resnet((depth - 2) // 6), about="residual network for small images, He et al. 2016")


def _large(name: str) -> Record:
    return Record(build=_resnet(name), about=f"ResNet; below {SMALL_STEM_BELOW} pixels with a 3x3 stem and no pooling")


PACKAGED: dict[str, Record] = {
    **{f"resnet{depth}": _small(depth) for depth in (8, 20, 32, 44, 56)},
    **{name: _large(name) for name in ("resnet18", "resnet34", "resnet50")},
    "wide_resnet": Record(build=_wide_resnet, about="WRN-28-10; model.kwargs.depth and model.kwargs.width for others"),
}


@lru_cache(maxsize=1)
def torchvision_names() -> tuple[str, ...]:
    """Return torchvision's classification models."""
    import torchvision

    return tuple(torchvision.models.list_models(module=torchvision.models))


@lru_cache(maxsize=1)
def timm_names() -> tuple[str, ...]:
    """Return timm's models as the user types them, ``timm/NAME``."""
    import timm

    return tuple(f"timm/{name}" for name in timm.list_models())


def check_model_name(name: str) -> None:
    """Raise ModelError, with the closest names, unless ``name`` can be built."""
    if name in PACKAGED:
        return
    if name.startswith(hub_network.PREFIX):
        hub_network.split_hub(name)
        return
    if name.startswith(robustbench.PREFIX):
        robustbench.split_robustbench(name)
        return
    if is_factory(name):
        split_factory(name)
        return
    if name.endswith(".py"):
        functions = functions_of(Path(name))
        listed = ", ".join(f"{name}:{function}" for function in functions) or "it has none at its top"
        raise ModelError(f"model={name}: name the function or class that makes the network: {listed}.")
    known = timm_names() if name.startswith("timm/") else (*PACKAGED, *torchvision_names())
    if name in known or _is_tagged(name):
        return
    near = known if name.startswith("timm/") else (*known, *timm_names())
    raise ModelError(
        f"unknown model '{name}'.{suggestion(name, near)} `fsens models` lists them all; your own network is "
        "FILE.py:FUNCTION."
    )


def _is_tagged(name: str) -> bool:
    """Return whether ``timm/NAME.TAG`` names one of timm's trainings of a network."""
    if not name.startswith("timm/") or "." not in name:
        return False
    import timm

    return name.removeprefix("timm/") in timm.list_models(pretrained=True)


def same_network(name: str, other: str) -> bool:
    """Return whether two names mean one network: a file may be typed from another folder.

    >>> same_network("net.py:make", "/home/me/net.py:make"), same_network("resnet8", "resnet20")
    (True, False)
    """
    if is_factory(name) and is_factory(other):
        return name.rpartition("/")[2] == other.rpartition("/")[2]
    return name == other


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
        except ModelError:
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
    if config.name in PACKAGED:
        return PACKAGED[config.name].build(num_classes=num_classes, shape=shape, **config.kwargs)
    kwargs = dict(config.kwargs)
    loading = next((name for name in kwargs if LOADS.search(name)), "")
    if loading:
        raise ModelError(f"model.kwargs.{loading}: weights are named by --weights, where they are read safely.")
    if config.name.startswith(hub_network.PREFIX):
        described = hub_network.hub_network(config.name)
        name, kwargs = (
            described.architecture,
            kwargs_from_file(described.kwargs, kwargs, f"config.json of {config.name}"),
        )
    elif config.name.startswith("timm/"):
        name = config.name.removeprefix("timm/")
    else:
        return _torchvision(config.name, num_classes=num_classes, shape=shape, **kwargs)
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
