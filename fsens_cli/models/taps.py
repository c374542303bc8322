"""Where a network's features are read: the states between its blocks, or modules by name.

Shape letters: N images, C channels, H, W pixels of the image, h, w of a grid of features, n tokens.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from fsens_cli.errors import ModelError, suggestion
from fsens_cli.models.classifier import Classifier, held_still

INPUT, OUTPUT = "input", "output"
# So many modules are named where none is like the one that was asked for.
NAMED = 8

# Class names of blocks in timm, torchvision and most networks; the module's own name has a number.
_BLOCK = re.compile(r"Block|Bottleneck|Residual|MBConv|SeparableConv|Dense_?Layer|EncoderLayer|Inception|Fire")
# The normalisation in front of the second branch of a block: what it is given is the state after the first branch.
_SECOND_NORMS = ("norm2", "ln_2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """One state of the network.

    Attributes:
        name: shown to people.
        path: of the module.
        side: ``input`` or ``output`` of that module.
        kind: ``image``, ``front end``, ``stem``, ``convolution``, ``attention``, ``token mixing``, ``mlp``, ``block``
            or ``module``.
        grid: (h, w).
        channels: C.
        prefix: leading tokens that belong to no place.
        channels_last: whether the state is (N, h, w, C).
    """

    name: str
    path: str
    side: str
    kind: str
    grid: tuple[int, int]
    channels: int
    prefix: int = 0
    channels_last: bool = False

    def features(self, state: Tensor) -> Tensor:
        """Return the state as a map, shape (N, C, h, w)."""
        if state.ndim == 4:
            return state.permute(0, 3, 1, 2) if self.channels_last else state
        return state[:, self.prefix :].transpose(1, 2).unflatten(2, self.grid)


@dataclass(frozen=True, slots=True)
class _Call:
    """What a module was given and returned in one forward pass: order, shapes, and how often it was called."""

    began: int
    ended: int
    given: torch.Size | None
    returned: torch.Size | None
    times: int


def find_taps(
    classifier: Classifier, image_shape: tuple[int, int, int], layers: str = "auto", *, layout: str = "auto"
) -> list[Tap]:
    """Return the states to read, in the order in which they arise.

    ``auto`` is the image, what a front end makes of it, the input of the first block and the output of every block;
    blocks with attention or token mixing and an MLP give the state between both, too. ``all`` is every module that
    is called once and returns a map; anything else is a pattern of module names such as ``layer*`` or ``blocks.3``.

    Args:
        classifier: run once on one gray image.
        image_shape: (C, H, W).
        layers: as above.
        layout: of states with four axes, where sizes alone do not tell (N, C, h, w) from (N, h, w, C).

    Raises:
        ModelError: nothing matches, or what matches is no map of the image.
    """
    calls = _trace(classifier, image_shape)
    size = image_shape[1:]
    reader = _Reader(classifier, calls, size, layout)
    if layers == "auto":
        return _automatic(classifier, reader, image_shape)
    names = [name for name, _ in classifier.module.named_modules() if name]
    chosen = names if layers == "all" else [name for name in names if fnmatchcase(name, layers)]
    if not chosen:
        some = ", ".join([*names[:NAMED], *(["..."] if len(names) > NAMED else [])])
        known = suggestion(layers.strip("*?"), names) or f" It has {some}."
        raise ModelError(f"layers={layers} matches no module of {classifier.name}.{known}")
    taps, refused = [], ""
    for name in chosen:
        tap, reason = reader.read(name, f"module.{name}", OUTPUT, "module")
        if tap is not None:
            taps.append(tap)
        refused = refused or f"{name} {reason}"
    if not taps:
        raise ModelError(f"layers={layers}: {refused}: give layers=auto, or a module whose output is a map.")
    return sorted(taps, key=lambda t: calls[t.path].ended)


@contextmanager
def reading(classifier: Classifier, taps: Sequence[Tap], visit: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Call ``visit`` with the number of each tap and its state, as it arises, in every forward pass inside."""
    modules = dict(classifier.named_modules())

    def on_input(number: int) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda module, given: visit(number, given[0])

    def on_output(number: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda module, given, returned: visit(number, returned)

    with ExitStack() as stack:
        for number, tap in enumerate(taps):
            module = modules[tap.path]
            handle = (
                module.register_forward_pre_hook(on_input(number))
                if tap.side == INPUT
                else module.register_forward_hook(on_output(number))
            )
            stack.callback(handle.remove)
        yield


def _trace(classifier: Classifier, image_shape: tuple[int, int, int]) -> dict[str, _Call]:
    """Run one gray image and write down what every module was given and returned."""
    clock = 0
    began: dict[str, int] = {}
    calls: dict[str, _Call] = {}

    def shape(value: object) -> torch.Size | None:
        return value.shape if isinstance(value, Tensor) else None

    def starts(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: tuple[object, ...]) -> None:
            nonlocal clock
            clock += 1
            began[name] = clock

        return hook

    def ends(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: tuple[object, ...], returned: object) -> None:
            nonlocal clock
            clock += 1
            times = calls[name].times + 1 if name in calls else 1
            calls[name] = _Call(began[name], clock, shape(given[0]) if given else None, shape(returned), times)

        return hook

    parameter = next((p for p in classifier.parameters()), None)
    device = parameter.device if parameter is not None else torch.device("cpu")
    with ExitStack() as stack:
        for name, module in classifier.named_modules():
            stack.callback(module.register_forward_pre_hook(starts(name)).remove)
            stack.callback(module.register_forward_hook(ends(name)).remove)
        with held_still(classifier), torch.no_grad():
            classifier(torch.full((1, *image_shape), 0.5, device=device))
    return calls


class _Reader:
    """Decides whether a state is a map of the image, and how it is laid out."""

    def __init__(self, classifier: Classifier, calls: dict[str, _Call], size: tuple[int, int], layout: str) -> None:
        self.calls = calls
        self._modules = dict(classifier.named_modules())
        self._size = size
        self._layout = layout
        prefix = getattr(classifier.module, "num_prefix_tokens", None)
        self._prefix = prefix if isinstance(prefix, int) else None

    def read(self, name: str, path: str, side: str, kind: str, *, near: Tap | None = None) -> tuple[Tap | None, str]:
        """Return the tap, or why there is none; ``near`` is a state of the same grid."""
        call = self.calls.get(path)
        if call is None:
            return None, "is not called for an image"
        if call.times > 1:
            return None, f"is called {call.times} times an image"
        shape = call.given if side == INPUT else call.returned
        if shape is None or len(shape) not in (3, 4):
            return None, "gives no map of the image" + (f" but shape {tuple(shape)}" if shape is not None else "")
        if shape[0] != 1:
            return None, f"has {shape[0]} entries an image on its first axis, as windows have"
        if len(shape) == 4:
            return self._map(name, path, side, kind, shape)
        found = self._grid(shape[1], near)
        if found is None:
            return None, f"gives {shape[1]} tokens, which are no grid of a {self._size[0]}x{self._size[1]} image"
        prefix, grid = found
        return Tap(name=name, path=path, side=side, kind=kind, grid=grid, channels=shape[2], prefix=prefix), ""

    def _map(self, name: str, path: str, side: str, kind: str, shape: torch.Size) -> tuple[Tap | None, str]:
        first = self._layout != "channels-last" and self._fits(shape[2], shape[3])
        last = self._layout != "channels-first" and self._fits(shape[1], shape[2])
        if first and last:
            # As many channels as places a side: what works on the map tells.
            first, last = _works_on(self._modules[path])
        if first and last:
            return None, f"has shape {tuple(shape[1:])}, which may be (C, h, w) or (h, w, C): give layout="
        if not first and not last:
            return None, f"gives shape {tuple(shape[1:])}, which is no map of a {self._size[0]}x{self._size[1]} image"
        grid = (shape[2], shape[3]) if first else (shape[1], shape[2])
        channels = shape[1] if first else shape[3]
        tap = Tap(name=name, path=path, side=side, kind=kind, grid=grid, channels=channels, channels_last=last)
        return tap, ""

    def _fits(self, h: int, w: int) -> bool:
        """Return whether (h, w) has the aspect of the image, up to rounding, and spans at least 2 places a side."""
        height, width = self._size
        same = h == w if height == width else abs(h * width - w * height) < max(height, width)
        return same and min(h, w) >= 2 and h <= height and w <= width

    def _grid(self, tokens: int, near: Tap | None) -> tuple[int, tuple[int, int]] | None:
        """Return (leading tokens, grid) of a sequence."""
        if near is not None and tokens == near.prefix + near.grid[0] * near.grid[1]:
            return near.prefix, near.grid
        height, width = self._size
        # A class token, or that and one for distillation, where the network does not say.
        for prefix in (self._prefix,) if self._prefix is not None else (0, 1, 2):
            h = round(((tokens - prefix) * height / width) ** 0.5)
            if h >= 2 and (tokens - prefix) % h == 0 and self._fits(h, (tokens - prefix) // h):
                return prefix, (h, (tokens - prefix) // h)
        return None


def _automatic(classifier: Classifier, reader: _Reader, image_shape: tuple[int, int, int]) -> list[Tap]:
    blocks = _blocks(classifier.module)
    size = (image_shape[1], image_shape[2])
    taps = [Tap(name="image", path="", side=INPUT, kind="image", grid=size, channels=image_shape[0])]
    if not isinstance(classifier.front_end, nn.Identity):
        tap, _ = reader.read("front end", "front_end", OUTPUT, "front end")
        taps += [tap] if tap is not None else []
    if not blocks:
        convolutions = [n for n, m in classifier.module.named_modules() if isinstance(m, nn.Conv2d) and n]
        return taps + _conv_taps(classifier, reader, convolutions)
    first = min(blocks, key=lambda b: reader.calls[f"module.{b}"].began if f"module.{b}" in reader.calls else 1 << 60)
    stem, _ = reader.read("stem", f"module.{first}", INPUT, "stem")
    found = [stem] if stem is not None else []
    for name, block in blocks.items():
        whole, _ = reader.read(name, f"module.{name}", OUTPUT, "block")
        if whole is not None:
            found += _split(name, block, whole, reader)
    if not found:
        raise ModelError(f"no block of {classifier.name} gives a map of the image: name modules with layers=PATTERN.")
    return taps + sorted(found, key=lambda t: _moment(t, reader))


def _conv_taps(classifier: Classifier, reader: _Reader, names: Sequence[str]) -> list[Tap]:
    """Return the outputs of all convolutions of a network that has no blocks."""
    read = [reader.read(name, f"module.{name}", OUTPUT, "convolution")[0] for name in names]
    found = [tap for tap in read if tap is not None]
    if not found:
        raise ModelError(
            f"{classifier.name} has no blocks and no convolution that gives a map: name modules with layers=PATTERN."
        )
    return sorted(found, key=lambda t: _moment(t, reader))


def _works_on(module: nn.Module) -> tuple[bool, bool]:
    """Return whether a module's parts take (N, C, h, w), and whether they take (N, h, w, C); both where unknown."""
    if any(isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.GroupNorm) for m in module.modules()):
        return True, False
    # Subclasses of LayerNorm may take channels first.
    if any(type(m) in (nn.LayerNorm, nn.Linear) for m in module.modules()):
        return False, True
    return True, True


def _moment(tap: Tap, reader: _Reader) -> int:
    call = reader.calls[tap.path]
    return call.began if tap.side == INPUT else call.ended


def _blocks(network: nn.Module) -> dict[str, nn.Module]:
    """Return the outermost blocks that hold no other blocks."""
    found = {
        name: module
        for name, module in network.named_modules()
        if re.search(r"\d", name.rpartition(".")[2])
        and _BLOCK.search(type(module).__name__)
        and sum(1 for part in module.modules() if not list(part.children())) >= 3
    }
    holders = {n for n in found if any(other.startswith(f"{n}.") for other in found)}
    return {n: m for n, m in found.items() if n not in holders}


def _split(name: str, block: nn.Module, whole: Tap, reader: _Reader) -> list[Tap]:
    """Return the state between the two branches of a block, where it has such, and the state after it."""
    children = dict(block.named_children())
    attends = any("Attention" in type(m).__name__ for m in block.modules())
    mixes = any(n.endswith("tokens") for n in children)
    second = next((n for n in _SECOND_NORMS if n in children), None)
    mlp = next((n for n in children if n.startswith("mlp") and n != "mlp_tokens"), None)
    if not attends and not mixes:
        convolves = any(isinstance(m, nn.Conv2d) for m in block.modules())
        return [replace(whole, kind="convolution" if convolves else "block")]
    if second is None or mlp is None or not _before(f"module.{name}.{second}", f"module.{name}.{mlp}", reader):
        return [whole]
    kind = "attention" if attends else "token mixing"
    between, _ = reader.read(f"{name}.{kind.replace(' ', '-')}", f"module.{name}.{second}", INPUT, kind, near=whole)
    return [*([between] if between is not None else []), replace(whole, kind="mlp")]


def _before(first: str, second: str, reader: _Reader) -> bool:
    calls = reader.calls
    return first in calls and second in calls and calls[first].began < calls[second].began
