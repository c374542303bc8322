"""The names by which networks are called, and the closest ones to a wrong name."""

from pathlib import Path

from fsens_cli.errors import ModelError, suggestion
from fsens_cli.guest.names import functions_of, split_name
from fsens_cli.models import hub_network, onnx_network, robustbench, transformers_network
from fsens_cli.models.catalog import PACKAGED
from fsens_cli.models.library_names import timm_names, torchvision_names
from fsens_cli.models.user_file import is_factory


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
    if name.startswith(transformers_network.PREFIX):
        transformers_network.split_name(name)
        return
    if onnx_network.is_onnx(name):
        onnx_network.check_file(name)
        return
    if is_factory(name):
        split_name("model", name)
        return
    if name.endswith(".py"):
        functions = functions_of("model", Path(name))
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


def is_of_a_library(name: str) -> bool:
    """Return whether a network is packaged here, torchvision's or timm's, and so is built without anybody's code."""
    return name in PACKAGED or name.startswith("timm/") or name in torchvision_names()


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
