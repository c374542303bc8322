"""The RobustBench model zoo, where the package ``robustbench`` is installed; fsens never asks for it otherwise.

``robustbench/NAME`` is trained against the L-infinity threat model, ``robustbench/L2/NAME`` and
``robustbench/corruptions/NAME`` against the others. Its networks normalise by themselves.
"""

import contextlib
import importlib
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fsens_cli.cache.places import cache_folder, offline_switch
from fsens_cli.errors import ModelError, suggestion

if TYPE_CHECKING:
    from torch import nn

PREFIX = "robustbench/"
THREATS = ("Linf", "L2", "corruptions")
DATA = ("cifar10", "cifar100", "imagenet")


def split_robustbench(name: str) -> tuple[str, str]:
    """Return (threat model, name in the zoo).

    >>> split_robustbench("robustbench/Standard"), split_robustbench("robustbench/L2/Rice2020Overfitting")
    (('Linf', 'Standard'), ('L2', 'Rice2020Overfitting'))
    """
    threat, _, zoo_name = name.removeprefix(PREFIX).rpartition("/")
    threat = threat or "Linf"
    if threat not in THREATS or not zoo_name:
        raise ModelError(
            f"model={name}: give robustbench/NAME or robustbench/THREAT/NAME, THREAT of {', '.join(THREATS)}."
        )
    return threat, zoo_name


@lru_cache(maxsize=1)
def load_robustbench(name: str, data: str) -> "tuple[nn.Module, Path | None]":
    """Return the trained network and its file; the zoo fetches it into fsens's cache where it is not there.

    Raises:
        ModelError: the package is not installed, the zoo has no such network, or it cannot be had.
    """
    threat, zoo_name = split_robustbench(name)
    if data not in DATA:
        raise ModelError(f"model={name}: RobustBench has networks for {', '.join(DATA)}, not for {data}.")
    try:
        zoo = importlib.import_module("robustbench.utils")
    except ImportError as error:
        raise ModelError(
            f"model={name} needs the package robustbench, which is not installed here ({error}). Its release 1.1.1 "
            "pins timm==1.0.9, older than fsens needs; its repository asks for timm>=1.0.9: "
            "pip install git+https://github.com/RobustBench/robustbench, or give --weights PATH."
        ) from error
    folder = cache_folder("robustbench")
    file = folder / data / threat / f"{zoo_name}.pt"
    switch = offline_switch()
    if switch and not file.is_file():
        raise ModelError(f"model={name}: {file} is not there and {switch} forbids downloading.")
    known = _names(threat, data)
    if known and zoo_name not in known:
        raise ModelError(f"model={name}: RobustBench has no such network for {data}.{suggestion(zoo_name, known)}")
    try:
        # The zoo reports on standard output, which belongs to the command's own result.
        with contextlib.redirect_stdout(sys.stderr):
            network: nn.Module = zoo.load_model(
                model_name=zoo_name, model_dir=str(folder), dataset=data, threat_model=threat
            )
    except Exception as error:  # the zoo may raise anything
        raise ModelError(f"model={name}: RobustBench could not load it ({type(error).__name__}: {error}).") from error
    return network, file if file.is_file() else None


def _names(threat: str, data: str) -> list[str]:
    """Return what the zoo has; empty where this version keeps its list elsewhere."""
    try:
        zoo = importlib.import_module("robustbench.model_zoo.models")
        enums = importlib.import_module("robustbench.model_zoo.enums")
        return list(zoo.model_dicts[enums.BenchmarkDataset(data)][enums.ThreatModel(threat)])
    except (ImportError, AttributeError, KeyError, ValueError):
        return []
