"""How do weights get from a file into a network, safely, and back?"""

import hashlib
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError

NESTED_UNDER = ("state_dict", "model_state_dict", "model", "net", "network")
PREFIXES = ("module.", "_orig_mod.")


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the description stored in a safetensors checkpoint written by fsens; empty for any other file."""
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(str(path), framework="pt") as file:
            text = (file.metadata() or {}).get("fsens")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file ({error}).") from error
    try:
        description = json.loads(text) if text else {}
    except json.JSONDecodeError:
        return {}
    return description if isinstance(description, dict) else {}


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a ``.safetensors`` or torch checkpoint; nesting and wrapper prefixes are taken off.

    Only tensors and plain containers are ever unpickled, so a checkpoint cannot run code.

    Raises:
        CheckpointError: no such file, unreadable, needs full unpickling, or holds no tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint at {path}. Give weights=PATH of an existing file.")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    found = _state_dict_in(content)
    if found is None:
        raise CheckpointError(
            f"{path} holds no state dict: expected names mapped to tensors, at the top or under "
            f"{', '.join(NESTED_UNDER)}. Save it with torch.save(model.state_dict(), PATH)."
        )
    tensors = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    while prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), ""):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _state_dict_in(content: Any) -> dict[Any, Any] | None:
    """Return the innermost of the nested dictionaries that holds tensors."""
    if not isinstance(content, dict):
        return None
    for key in NESTED_UNDER:
        inner = _state_dict_in(content.get(key))
        if inner is not None:
            return inner
    return content if any(isinstance(value, Tensor) for value in content.values()) else None


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    try:
        return load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file ({error}).") from error


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with torch.serialization.safe_globals(_numpy_numbers()):
                return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not _is_pickle(path):
            raise CheckpointError(f"{path} is not a readable torch checkpoint (neither a zip nor a pickle).") from error
        raise CheckpointError(
            f"{path} holds Python objects, and loading these would run code from the file; refused. "
            "Save the weights alone with torch.save(model.state_dict(), PATH) or as safetensors."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        first_line = str(error).split("\n", 1)[0]
        raise CheckpointError(f"{path} is not a readable torch checkpoint ({first_line}).") from error


def _numpy_numbers() -> list[Any]:
    """Return what a numpy number, such as an accuracy kept beside the weights, is unpickled with; it runs no code."""
    import numpy as np

    numbers = (np.float64(0), np.float32(0), np.int64(0), np.int32(0), np.bool_(False))
    return [np.float64(0).__reduce__()[0], np.dtype, *(type(number.dtype) for number in numbers)]


def _is_pickle(path: Path) -> bool:
    """Return whether the file begins like a torch archive (a zip) or a bare pickle."""
    with path.open("rb") as file:
        start = file.read(2)
    return start == b"PK" or start[:1] == b"\x80"


def load_into(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Copy the tensors into the module; every name and shape must fit.

    Raises:
        CheckpointError: names the keys that are missing, unexpected or of another shape.
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
            "Check --model, model.kwargs and the number of classes of the data."
        )
    module.load_state_dict(tensors, strict=False)


def serialise(module: nn.Module, description: dict[str, Any]) -> bytes:
    """Return the module's tensors as safetensors, with a JSON description in the header."""
    from safetensors.torch import save

    # Copies, because safetensors refuses weights that two layers share.
    tensors = {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in module.state_dict().items()
    }
    return save(tensors, metadata={"fsens": json.dumps(description, sort_keys=True)})
