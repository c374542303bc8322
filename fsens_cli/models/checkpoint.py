"""Weights in checkpoints: what is stored beside them, where in a file they stand, and how they are written."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError
from fsens_cli.models.description import Description, checked_description
from fsens_cli.models.stand_ins import key_in_words
from fsens_cli.models.torch_file import is_safetensors, read_file, unreadable

# Names under which weights are usually kept, for the message; whatever holds the network's tensors is found.
NESTED_UNDER = ("state_dict", "model_state_dict", "model", "net", "network")
PREFIXES = ("module.", "_orig_mod.")
DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Group:
    """Named tensors that stand together in a file, and the keys that lead to them (``model.state_dict``)."""

    key: str
    tensors: dict[str, Tensor]


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_metadata(path: Path) -> Description:
    """Return the description stored in a safetensors checkpoint written by fsens; empty for any other file.

    Raises:
        CheckpointError: unreadable, or the description says what none may.
    """
    if not is_safetensors(path):
        return {}
    try:
        with safe_open(str(path), framework="pt") as file:
            text = (file.metadata() or {}).get("fsens")
    except (SafetensorError, OSError) as error:
        raise unreadable(path, error) from error
    try:
        description = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return checked_description(description, str(path)) if isinstance(description, dict) else {}


def read_groups(path: Path) -> list[Group]:
    """Return everything in the file that may be a network's weights, outermost first.

    Raises:
        CheckpointError: no such file, unreadable, needs full unpickling, or holds no named tensors.
    """
    content = read_file(path)
    groups = list(_groups_in(content, (), set()))
    if not groups:
        there = f"; its keys are {shown_keys(content)}" if isinstance(content, Mapping) and content else ""
        raise CheckpointError(
            f"{path} holds no state dict: expected names mapped to tensors, at the top or under "
            f"{', '.join(NESTED_UNDER)}{there}. Save it with torch.save(model.state_dict(), PATH)."
        )
    return groups


def shown_keys(content: Mapping[object, object]) -> str:
    """Return the first few keys as a message shows them."""
    names = [key_in_words(key)[:40] for key in content]
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def _groups_in(content: object, keys: tuple[str, ...], seen: set[int]) -> list[Group]:
    """Return the groups of a container; one that stands in several places, or in itself, is entered once."""
    if not isinstance(content, Mapping) or id(content) in seen or len(keys) > DEEPEST:
        return []
    seen.add(id(content))
    tensors = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}
    found = [Group(".".join(keys), tensors)] if tensors else []
    for name, value in content.items():
        if isinstance(name, str):
            found += _groups_in(value, (*keys, name), seen)
    return found


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the largest group of tensors of a checkpoint; nesting and wrapper prefixes are taken off.

    Only tensors and plain data are ever unpickled, so a checkpoint cannot run code.

    Raises:
        CheckpointError: as ``read_groups``.
    """
    tensors = max(read_groups(path), key=lambda group: len(group.tensors)).tensors
    while prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), ""):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy the tensors into the module; every name and shape must fit.

    Raises:
        CheckpointError: names the keys that are missing, unexpected or of another shape.
    """
    require_fit(module, tensors, path)
    module.load_state_dict(dict(tensors), strict=False)


def require_fit(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, hint: str = "") -> None:
    """Raise CheckpointError unless every name and shape fits.

    Args:
        hint: a sentence on what else can be done.
    """
    own = module.state_dict()
    # Counters of batch norm carry no weights; older files leave them out.
    missing = [name for name in own if name not in tensors and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in tensors if name not in own]
    other_shape = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    complaints = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", other_shape))
        if names
    ]
    if complaints:
        raise CheckpointError(
            f"{path} does not fit {type(module).__name__}: {'; '.join(complaints)}. "
            f"Check --model, model.kwargs and the number of classes of the data.{hint}"
        )


def serialise(module: nn.Module, description: Mapping[str, object]) -> bytes:
    """Return the module's tensors as safetensors, with a JSON description in the header."""
    from safetensors.torch import save

    # Copies, because safetensors refuses weights that two layers share.
    tensors = {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in module.state_dict().items()
    }
    return save(tensors, metadata={"fsens": json.dumps(dict(description), sort_keys=True)})
