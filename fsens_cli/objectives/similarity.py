"""Representational similarity of pairs of images, inside a network and in a target, and the penalty between the two.

Method: Attias et al. (2024, arXiv 2410.03952), after Li et al. (2019, arXiv 1911.05072).
Shape letters: P pairs, K taps, C channels, H, W positions.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from fsens_cli.errors import ModelError, require, require_one_of, suggestion
from fsens_cli.objectives.similarity_settings import PASSES, TRANSFORMS

# artanh of 1 is infinite; the target has ones.
LARGEST = 1 - 1e-5
DECAY = 0.9


def transformed(similarity: Tensor, transform: str) -> Tensor:
    """Return similarities on the scale on which they are compared.

    ``artanh`` is the published one, with magnitudes at most 1 - 1e-5; ``code`` is ``ln(1 + x + e) - ln(1 - x + e)``,
    e = 1e-5, of the released code, which is twice that: four times the penalty at equal weight; ``none`` compares as
    it is.

    >>> transformed(torch.tensor([0.5, 1.0]), "artanh"), transformed(torch.tensor([0.5, 1.0]), "code")
    (tensor([0.5493, 6.1024]), tensor([ 1.0986, 12.2061]))
    """
    require_one_of("regularizer.transform", transform, TRANSFORMS)
    if transform == "artanh":
        return torch.atanh(similarity.clamp(-LARGEST, LARGEST))
    if transform == "code":
        return torch.log(1 + similarity + 1e-5) - torch.log(1 - similarity + 1e-5)
    return similarity


def similarity_penalty(network_P: Tensor, target_P: Tensor, transform: str = "artanh") -> Tensor:
    """Return the mean over pairs of ``(T(S_network) - T(S_target))^2``, shape ()."""
    return (transformed(network_P, transform) - transformed(target_P, transform)).square().mean()


class TapSimilarity(nn.Module):
    """Cosine similarity of two images' representations, weighted over the taps of a network.

    Each tap's map is taken less a running mean of each channel (decay 0.9, over both sides and all positions, moved
    before it is used, without a gradient; the first batch sets it), flattened, and compared by its cosine. Taps are
    summed with the weights softmax(gamma); gamma is trained with the network and starts at 0.

    Args:
        network: that has the taps; looked at once.
        taps: names of modules, as ``network.named_modules()`` has them.
        image_1CHW: one image, to see what the taps put out.
        passes: ``separate`` gives left and right images a pass each, so that batch norm normalises each alone
            (published); ``joint`` one pass of both.
        inside: name of the module of ``network`` in which the taps are, such as that of a wrapped network.

    Raises:
        ModelError: a tap is no module of the network, is not called, or gives no map.
    """

    def __init__(
        self, network: nn.Module, taps: Sequence[str], image_1CHW: Tensor, *, passes: str = "separate", inside: str = ""
    ) -> None:
        super().__init__()
        require(len(taps) > 0, "regularizer.taps needs at least one module's name.")
        require(len(set(taps)) == len(taps), f"regularizer.taps={list(taps)} names a module twice.")
        require_one_of("regularizer.passes", passes, PASSES)
        self.taps = tuple(taps)
        self.passes = passes
        self.inside = inside
        self.gamma = nn.Parameter(torch.zeros(len(taps)))
        self.register_buffer("num_batches", torch.zeros(()))
        self.num_batches: Tensor
        with _resting(network), _recording(network, self.taps, self.inside) as maps, torch.no_grad():
            network(image_1CHW)
        for number, name in enumerate(self.taps):
            if len(maps[name]) != 1:
                raise ModelError(
                    f"regularizer.taps: '{name}' is called {len(maps[name])} times an image: take another."
                )
            channels = maps[name][0].shape[1]
            self.register_buffer(f"mean_{number}", torch.zeros(channels, device=image_1CHW.device))
        self.to(image_1CHW.device)

    @property
    def weights_K(self) -> Tensor:
        """How much each tap counts; they sum to 1."""
        return self.gamma.softmax(dim=0)

    def forward(self, network: nn.Module, left_PCHW: Tensor, right_PCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted similarity of each pair, shape (P,), and that of each tap, shape (K, P)."""
        with _recording(network, self.taps, self.inside) as maps:
            if self.passes == "joint":
                network(torch.cat([left_PCHW, right_PCHW]))
                halves = [each.chunk(2) for each in (maps[name][0] for name in self.taps)]
            else:
                network(left_PCHW)
                network(right_PCHW)
                halves = [(maps[name][0], maps[name][1]) for name in self.taps]
        by_tap_KP = torch.stack([self._cosine(number, left, right) for number, (left, right) in enumerate(halves)])
        self.num_batches += 1
        return self.weights_K.to(by_tap_KP) @ by_tap_KP, by_tap_KP

    def features(self, network: nn.Module, images_NCHW: Tensor) -> list[Tensor]:
        """Return every tap's representation of each image less its channel means, unit length, (N, features)."""
        with _recording(network, self.taps, self.inside) as maps:
            network(images_NCHW)
        found = [_wide(maps[name][0]) - self._mean(number, maps[name][0]) for number, name in enumerate(self.taps)]
        return [nn.functional.normalize(each.flatten(1), dim=1) for each in found]

    def _cosine(self, number: int, left: Tensor, right: Tensor) -> Tensor:
        self._move_mean(number, left, right)
        mean = self._mean(number, left)
        one, other = ((_wide(each) - mean).flatten(1) for each in (left, right))
        return nn.functional.cosine_similarity(one, other, dim=1)

    def _mean(self, number: int, like: Tensor) -> Tensor:
        """Return the running mean of each channel, shaped to be taken from a map."""
        mean_C: Tensor = getattr(self, f"mean_{number}")
        return mean_C.clone().to(_wide(like).dtype).reshape(1, -1, *[1] * (like.ndim - 2))

    def _move_mean(self, number: int, left: Tensor, right: Tensor) -> None:
        both = _wide(torch.cat([left.detach(), right.detach()]))
        now_C = both.mean(dim=[d for d in range(both.ndim) if d != 1])
        mean_C: Tensor = getattr(self, f"mean_{number}")
        kept = torch.where(self.num_batches > 0, DECAY, 0.0)
        mean_C.copy_(kept * mean_C + (1 - kept) * now_C)


def _wide(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()


@contextmanager
def _resting(network: nn.Module) -> Iterator[None]:
    """Put the network in evaluation mode, and every part back afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _recording(network: nn.Module, taps: Sequence[str], inside: str) -> Iterator[Mapping[str, list[Tensor]]]:
    """Collect what each tap puts out in every pass, channels second; hooks are removed again."""
    modules = dict((network.get_submodule(inside) if inside else network).named_modules())
    require_taps(taps, modules)
    found: dict[str, list[Tensor]] = {name: [] for name in taps}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if not isinstance(output, Tensor) or output.ndim < 2:
                raise ModelError(f"regularizer.taps: '{name}' gives no map of features.")
            # Tokens stand before channels.
            found[name].append(output.transpose(1, 2) if output.ndim == 3 else output)

        return hook

    handles = [modules[name].register_forward_hook(keep(name)) for name in taps]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def require_taps(taps: Sequence[str], modules: Mapping[str, nn.Module]) -> None:
    """Raise ModelError, with the closest names, unless every tap is one of the modules."""
    for name in taps:
        if name not in modules or not name:
            raise ModelError(f"regularizer.taps: the network has no module '{name}'.{suggestion(name, modules)}")


def default_taps(network: nn.Module) -> tuple[str, ...]:
    """Return the names of a network's stem and stages.

    Raises:
        ModelError: they are not known.
    """
    children = dict(network.named_children())
    stages = [name for name in children if re.fullmatch(r"(layer|block)\d", name)]
    if stages:
        # A wide ResNet's own ReLU comes after its stages.
        before = ("relu", "act1", "conv1") if "layer1" in children else ("conv1",)
        stem = [name for name in before if name in children][:1]
        return (*stem, *stages)
    described = getattr(network, "feature_info", None)
    if isinstance(described, list) and all(isinstance(each, dict) and each.get("module") for each in described):
        return tuple(dict.fromkeys(str(each["module"]) for each in described))
    raise ModelError("the network's stages are not known: name modules to compare with regularizer.taps=[NAME,NAME].")
