"""Where networks come from: one record for each form of a name, in the order in which they are tried."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fsens_cli.deferred import deferred
from fsens_cli.errors import ModelError, suggestion
from fsens_cli.guest.names import functions_of, split_name
from fsens_cli.models import hub_network, onnx_network, program_names, robustbench, transformers_network
from fsens_cli.models.catalog import PACKAGED, ImageShape
from fsens_cli.models.clip_names import CLIP_PREFIX, split_clip
from fsens_cli.models.library_names import timm_names, torchvision_names
from fsens_cli.models.settings import ModelConfig
from fsens_cli.models.user_file import is_factory, network_file

if TYPE_CHECKING:
    from torch import nn

TIMM = "timm/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A network as it is asked for.

    Attributes:
        config: its name and the arguments of its constructor.
        num_classes, shape: of the images.
        data: name of the data set, for zoos that have another network for each.
        timm_file: weights that timm itself converts and loads, where it is timm's network.
        class_names: of the images, for networks that know classes by their names.
    """

    config: ModelConfig
    num_classes: int
    shape: ImageShape
    data: str = ""
    timm_file: str = ""
    class_names: tuple[str, ...] = ()


Size = tuple[int, int] | None


def _any_size(name: str) -> Size:
    del name
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Networks whose names have one form.

    Attributes:
        owns: whether a name has it.
        check: raises ModelError, with the closest names, unless such a name can be built.
        build: returns the network without weights.
        native_size: height and width that a network was made for; None where it takes any or nobody says.
    """

    owns: Callable[[str], bool]
    check: Callable[[str], object]
    build: Callable[[Asked], "nn.Module"]
    native_size: Callable[[str], Size] = _any_size


def _check_own_code(name: str) -> None:
    if is_factory(name):
        split_name("model", name)
        return
    functions = functions_of("model", Path(name))
    listed = ", ".join(f"{name}:{function}" for function in functions) or "it has none at its top"
    raise ModelError(f"model={name}: name the function or class that makes the network: {listed}.")


def _check_timm(name: str) -> None:
    if name not in timm_names() and not _is_tagged(name):
        raise _unknown(name, timm_names())


def _check_torchvision(name: str) -> None:
    if name not in torchvision_names():
        raise _unknown(name, (*PACKAGED, *torchvision_names(), *timm_names()))


def _is_tagged(name: str) -> bool:
    """Return whether ``timm/NAME.TAG`` names one of timm's trainings of a network."""
    if "." not in name:
        return False
    import timm

    return name.removeprefix(TIMM) in timm.list_models(pretrained=True)


def _unknown(name: str, near: tuple[str, ...]) -> ModelError:
    return ModelError(
        f"unknown model '{name}'.{suggestion(name, near)} `fsens models` lists them all; your own network is "
        "FILE.py:FUNCTION."
    )


def _size_of_timm(name: str) -> Size:
    import timm

    name = name.removeprefix(TIMM)
    config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    size = config.input_size if config is not None else None
    return (size[1], size[2]) if size else None


def _size_of_torchvision(name: str) -> Size:
    return (224, 224) if name in torchvision_names() else None


SOURCES: dict[str, Source] = {
    "packaged": Source(
        owns=lambda name: name in PACKAGED,
        check=lambda name: None,
        build=deferred("fsens_cli.models.construct:packaged"),
    ),
    "hub": Source(
        owns=lambda name: name.startswith(hub_network.PREFIX),
        check=hub_network.split_hub,
        build=deferred("fsens_cli.models.construct:of_the_hub"),
    ),
    "robustbench": Source(
        owns=lambda name: name.startswith(robustbench.PREFIX),
        check=robustbench.split_robustbench,
        build=deferred("fsens_cli.models.construct:of_robustbench"),
    ),
    "transformers": Source(
        owns=lambda name: name.startswith(transformers_network.PREFIX),
        check=transformers_network.split_name,
        build=deferred("fsens_cli.models.construct:of_transformers"),
    ),
    "open_clip": Source(
        owns=lambda name: name.startswith(CLIP_PREFIX),
        check=split_clip,
        build=deferred("fsens_cli.models.clip_network:build"),
    ),
    "onnx": Source(
        owns=onnx_network.is_onnx,
        check=network_file,
        build=deferred("fsens_cli.models.construct:of_onnx"),
    ),
    "program": Source(
        owns=program_names.is_program,
        check=network_file,
        build=deferred("fsens_cli.models.construct:of_program"),
    ),
    "own code": Source(
        owns=lambda name: is_factory(name) or name.endswith(".py"),
        check=_check_own_code,
        build=deferred("fsens_cli.models.construct:of_own_code"),
    ),
    "timm": Source(
        owns=lambda name: name.startswith(TIMM),
        check=_check_timm,
        build=deferred("fsens_cli.models.construct:of_timm"),
        native_size=_size_of_timm,
    ),
    # Every other name is taken for one of torchvision's, and checked.
    "torchvision": Source(
        owns=lambda name: True,
        check=_check_torchvision,
        build=deferred("fsens_cli.models.construct:of_torchvision"),
        native_size=_size_of_torchvision,
    ),
}


def source_of(name: str) -> Source:
    """Return where a network of this name comes from."""
    return next(source for source in SOURCES.values() if source.owns(name))
