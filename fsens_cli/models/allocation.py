"""The memory that a network's constructor asks for, refused before it is given.

What a constructor is told may come from anybody's file. Every tensor that it makes is made without memory first, on
the meta device, which tells its size.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor
from torch.overrides import TorchFunctionMode

from fsens_cli.errors import FsensError

# What a tensor takes besides its numbers: its layer and that layer's tables, generously.
TENSOR_ITSELF = 2**14


@contextmanager
def allocation_limit(most: int, refusal: Callable[[int], FsensError]) -> Iterator[None]:
    """Raise ``refusal(bytes)`` as soon as tensors made inside the context would take more than ``most`` bytes in all.

    The random numbers drawn inside are the same as outside. Memory of other libraries is not counted.
    """
    limit = _Limit(most, refusal)
    with limit:
        yield
    limit.check()  # somebody's code may have caught what was raised


class _Limit(TorchFunctionMode):
    """Sums up what constructors make; an operation on tensors may not make more at once."""

    def __init__(self, most: int, refusal: Callable[[int], FsensError]) -> None:
        super().__init__()
        self.most, self.refusal = most, refusal
        self.made = self.largest = 0

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        named = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name != "__get__" and not (name.endswith("_") and not name.endswith("__")):  # neither read nor in place
            self._count(func, args, named)
            self.check()
        return func(*args, **named)

    def _count(self, func: Callable[..., object], args: tuple[object, ...], named: dict[str, object]) -> None:
        is_constructor = not any(map(_holds_tensor, (*args, *named.values())))
        if is_constructor:
            named = {key: value for key, value in named.items() if key != "generator"} | {"device": "meta"}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                size = _bytes_of(func(*map(_on_meta, args), **{key: _on_meta(value) for key, value in named.items()}))
        except Exception:  # noqa: BLE001 it makes no tensor, or none that the meta device knows
            return
        if is_constructor:
            self.made += size + (TENSOR_ITSELF if size else 0)
        else:
            self.largest = max(self.largest, size)

    def check(self) -> None:
        """Raise the refusal where more was asked for than may be."""
        asked = max(self.made, self.largest)
        if asked > self.most:
            raise self.refusal(asked)


def _holds_tensor(value: object) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, tuple | list) and any(map(_holds_tensor, value)))


def _on_meta(value: object) -> object:
    """Return the same with tensors that have shapes alone."""
    if isinstance(value, Tensor):
        return value.detach().to("meta")
    return [_on_meta(entry) for entry in value] if isinstance(value, tuple | list) and _holds_tensor(value) else value


def _bytes_of(made: object) -> int:
    if isinstance(made, Tensor):
        return made.untyped_storage().nbytes()
    return sum(map(_bytes_of, made)) if isinstance(made, tuple | list) else 0
