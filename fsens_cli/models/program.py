"""A network as a program of torch: an exported ``.pt2``, or TorchScript. Loading either can run anything in the file.

``torch.export.load`` unpickles constants and example inputs, and TorchScript is code: so neither is opened unless the
user says that the file is trusted.
"""

import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch
from torch import nn

from fsens_cli.errors import ModelError, in_one_line
from fsens_cli.models.user_file import network_file

if TYPE_CHECKING:
    from fsens_cli.models.catalog import ImageShape

DEPRECATED = (
    "TorchScript, which PyTorch has deprecated; torch.export.save(torch.export.export(net.eval(), ...), 'net.pt2') is "
    "its successor"
)
EXPORT_AGAIN = "export net.eval() again with dynamic_shapes=({0: torch.export.Dim('batch')},), for images of this size"
# The places of "training" among the arguments of operators that behave otherwise in training.
MODES = {"aten.batch_norm.default": 5, "aten.dropout.default": 2, "aten._native_batch_norm_legit.default": 5}


class Program(nn.Module):
    """A loaded program, whose mode was fixed when it was made.

    Attributes:
        remarks: what should be said of it.
    """

    def __init__(self, module: nn.Module, remarks: list[str]) -> None:
        super().__init__()
        self.module = module
        self.remarks = remarks

    def forward(self, images_NCHW: torch.Tensor) -> object:
        """Return what the program answers."""
        return self.module(images_NCHW)

    def train(self, mode: bool = True) -> Self:
        """Set the flag of this module alone: an exported program refuses both modes, and a traced one keeps its own."""
        self.training = mode
        return self


def build(name: str, shape: "ImageShape") -> nn.Module:
    """Return the network in a trusted file.

    Raises:
        ModelError: no such file, it holds no program, it was made in training mode, or for one size of batch only.
    """
    path = network_file(name)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"model={name} is damaged or no program of torch ({in_one_line(error)}).") from error
    if any(entry.endswith("/constants.pkl") for entry in names):
        return _scripted(name, path)
    if any(entry.endswith(("archive_format", "serialized_exported_program.json")) for entry in names):
        return _exported(name, path, shape)
    raise ModelError(f"model={name} holds no program: weights alone are given as --model NETWORK --weights {name}.")


def _scripted(name: str, path: Path) -> nn.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"model={name} cannot be loaded as TorchScript ({in_one_line(error)}).") from error
    module.eval()
    return Program(module, [f"{path.name}: {DEPRECATED}"])


def _exported(name: str, path: Path, shape: "ImageShape") -> nn.Module:
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            program = torch.export.load(file)
            module = program.module()
    except Exception as error:  # the file may hold anything, and says so in many ways
        raise ModelError(f"model={name} cannot be loaded by torch.export ({in_one_line(error)}).") from error
    for node in program.graph.nodes:
        place = MODES.get(str(node.target))
        if place is not None and len(node.args) > place and node.args[place] is True:
            raise ModelError(
                f"model={name} was exported in training mode ({node.target}), where the images of a batch mix or are "
                f"drawn at random: {EXPORT_AGAIN}."
            )
    found = Program(module, [])
    for count in (1, 3):
        try:
            with torch.no_grad():
                found(torch.full((count, shape.channels, shape.height, shape.width), 0.5))
        except Exception as error:  # the program's own guards
            raise ModelError(
                f"model={name} takes no {count} images of {shape} ({in_one_line(error)}): {EXPORT_AGAIN}."
            ) from error
    return found
