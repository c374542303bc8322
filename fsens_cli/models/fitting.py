"""A network's own weights found in a checkpoint, whatever they are wrapped in and whatever stands beside them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError
from fsens_cli.models.checkpoint import Group, read_groups, require_fit

COMPILED = "_orig_mod."
# Counters that carry no weights: batch norm's, which older files leave out, and those that tools add.
OWN_COUNTER = "num_batches_tracked"
ADDED_COUNTERS = ("total_ops", "total_params", "n_averaged")
# Averaged weights, and the raw ones beside which their trainers' own loaders take them: timm's train script,
# torchvision's references, and trainers that call them plainly so.
AVERAGED = {"state_dict_ema": "state_dict", "model_ema": "model", "ema": "model"}
MOST_CHANNELS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Tensors of a file that are a network's, by the network's own names.

    Attributes:
        tensors: as many as the network has, counters aside.
        key: the keys in the file that lead to them; empty at its top.
        prefix: what stood before every name.
        beside: names that stood in the same place and are not the network's.
        mean, std: of a layer in front of the network that normalises; empty where there was none.
        instead_of: the raw weights that the averaged ones were taken instead of.
    """

    tensors: dict[str, Tensor]
    key: str
    prefix: str
    beside: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    instead_of: str = ""

    @property
    def place(self) -> str:
        """Key and prefix as one text; what ``model.checkpoint_key`` can be."""
        return ".".join(part for part in (self.key, self.prefix.rstrip(".")) if part)

    def remarks(self) -> list[str]:
        """Return what should be said of how the weights were found; nothing where they stood alone."""
        said = []
        if self.instead_of:
            said.append(
                f"averaged weights: '{self.key}' was taken, not '{self.instead_of}' "
                f"(model.checkpoint_key={self.instead_of} takes these)"
            )
        elif self.key:
            said.append(f"'{self.key}' was taken")
        if self.prefix:
            said.append(f"prefix '{self.prefix}' taken off")
        if self.mean:
            said.append("mean and std of the layer in front taken from the file")
        if self.beside:
            said.append(f"left out {_some(self.beside)}")
        return said


def load_weights(network: nn.Module, path: Path, *, key: str = "", hint: str = "") -> Fit:
    """Copy a checkpoint's weights into the network, and return how they were found.

    Args:
        key: where in the file they stand, or the prefix of their names; found without one, if there is one place only.
        hint: a sentence for the message where nothing fits.

    Raises:
        CheckpointError: nothing fits, several places fit, or tensors are no finite numbers.
    """
    fit = find_fit(network, read_groups(path), path, key=key, hint=hint)
    _require_plain_numbers(network, fit.tensors, path)
    network.load_state_dict(fit.tensors, strict=False)
    return fit


def find_fit(network: nn.Module, groups: list[Group], path: Path, *, key: str = "", hint: str = "") -> Fit:
    """Return the one place among the groups that holds all of the network's tensors."""
    shapes = {name: value.shape for name, value in network.state_dict().items() if isinstance(value, Tensor)}
    needed = [name for name in shapes if not name.endswith(OWN_COUNTER)] or list(shapes)
    tried = [fit for group in groups for fit in _fits(group, needed, shapes)]
    if key:
        named = [fit for fit in tried if key in (fit.key, fit.place, fit.prefix.rstrip("."))]
        if not named:
            places = dict.fromkeys(group.key for group in groups if group.key)
            raise CheckpointError(
                f"model.checkpoint_key={key}: {path} has no such place. Tensors stand under "
                f"{', '.join(list(places)[:12]) or 'no key, at its top'}."
            )
        tried = named
    whole = [fit for fit in tried if all(_has_shape(fit, name, shapes) for name in needed)]
    if whole:
        fit = _chosen(whole, path)
        if not fit.prefix:
            # Without a prefix nothing tells other layers of the same network from strangers.
            require_fit(network, fit.tensors | {name: torch.empty(0) for name in fit.beside}, path, hint)
        return fit
    best = max(tried, key=lambda fit: sum(name in fit.tensors for name in needed))
    strangers = {name: torch.empty(0) for name in best.beside} if not best.prefix else {}
    require_fit(network, best.tensors | strangers, path, _how_to_choose(groups, key) + hint)
    raise AssertionError("a place that is not whole does not fit")


def _fits(group: Group, needed: list[str], shapes: dict[str, torch.Size]) -> list[Fit]:
    """Return the network's tensors in a group for every prefix that some of its names have."""
    tensors = {_plain(name): value for name, value in group.tensors.items()}
    plain = {_plain(name): name for name in shapes}
    prefixes = {""}
    for anchor in dict.fromkeys((_plain(needed[0]), _plain(needed[-1]))):
        prefixes |= {name.removesuffix(anchor) for name in tensors if name.endswith(f".{anchor}")}
    found = []
    for prefix in sorted(prefixes, key=lambda p: (len(p), p)):
        own = {name: tensors[prefix + short] for short, name in plain.items() if prefix + short in tensors}
        rest = {
            name: value
            for name, value in tensors.items()
            if not (name.startswith(prefix) and name.removeprefix(prefix) in plain)
            and name.rpartition(".")[2] not in ADDED_COUNTERS
        }
        front = _layer_in_front(rest)
        mean, std = ((), ()) if front is None else (_numbers(rest[front[0]]), _numbers(rest[front[1]]))
        beside = tuple(name for name in rest if front is None or name not in front)
        found.append(Fit(tensors=own, key=group.key, prefix=prefix, beside=beside, mean=mean, std=std))
    return found


def _plain(name: str) -> str:
    """Return a tensor's name without what torch.compile puts into it, anywhere."""
    return name.replace(COMPILED, "")


def _layer_in_front(rest: dict[str, Tensor]) -> tuple[str, str] | None:
    """Return the names of a mean and a standard deviation, one number a channel, that belong together."""
    for name, value in rest.items():
        parent, dot, last = name.rpartition(".")
        for mean, std in (("mean", "std"), ("mu", "sigma"), ("mean", "sigma")):
            partner = f"{parent}{dot}{std}"
            if last == mean and partner in rest and 1 <= value.numel() == rest[partner].numel() <= MOST_CHANNELS:
                return name, partner
    return None


def _numbers(tensor: Tensor) -> tuple[float, ...]:
    return tuple(float(value) for value in tensor.flatten())


def _has_shape(fit: Fit, name: str, shapes: dict[str, torch.Size]) -> bool:
    return name in fit.tensors and fit.tensors[name].shape == shapes[name]


def _chosen(whole: list[Fit], path: Path) -> Fit:
    """Return the place to take where several hold the network, or refuse to guess."""
    by_key = {fit.key: fit for fit in whole}
    if len(by_key) == len(whole):
        for averaged, raw in AVERAGED.items():
            if averaged in by_key and (len(whole) == 1 or (raw in by_key and len(whole) == 2)):
                taken = by_key[averaged]
                return taken if len(whole) == 1 else replace(taken, instead_of=raw)
    if len(whole) > 1 and not _all_equal(whole):
        places = [f"'{fit.place}'" if fit.place else "its top" for fit in whole]
        raise CheckpointError(
            f"{path} holds the network {len(whole)} times, under {', '.join(places[:6])}: choose with "
            f"model.checkpoint_key={whole[-1].place}."
        )
    return whole[0]


def _all_equal(fits: list[Fit]) -> bool:
    first = fits[0].tensors
    return all(torch.equal(value, fit.tensors[name]) for fit in fits[1:] for name, value in first.items())


def _how_to_choose(groups: list[Group], key: str) -> str:
    """Return a sentence on the other places of a file that has several."""
    keys = [group.key for group in groups if group.key]
    if key or len(keys) < 2:
        return ""
    return f" Tensors stand under {', '.join(keys[:8])}: model.checkpoint_key=KEY chooses."


def _require_plain_numbers(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Refuse tensors that cannot be copied into a network as they are, or are not finite."""
    own, parameters = network.state_dict(), dict(network.named_parameters())
    for name, value in tensors.items():
        kind = _odd_kind(value)
        if kind and kind != _odd_kind(own[name]):
            raise CheckpointError(f"{path} holds a {kind} tensor as {name}: save the network's dense, real weights.")
        if not value.is_floating_point():
            continue
        bad = value.isnan() if name not in parameters else ~value.isfinite()
        if bool(bad.any()):
            raise CheckpointError(
                f"{path}: {name} holds {int(bad.sum())} of {value.numel()} numbers that are not finite; the training "
                "broke down. Take an earlier checkpoint."
            )


def _odd_kind(tensor: Tensor) -> str:
    if tensor.is_meta:
        return "meta (empty)"
    if tensor.is_quantized:
        return "quantised"
    if tensor.layout != torch.strided:
        return "sparse"
    return "complex" if tensor.is_complex() else ""


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
