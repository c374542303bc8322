"""The filters and noises that can be named, and how band noise is scaled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fsens_cli.deferred import deferred

if TYPE_CHECKING:
    from torch import Tensor

# How strong band noise is: in expectation, or in every field.
RMS = ("expected", "exact")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRecord:
    """One way to leave frequencies out.

    Attributes:
        keep: (images, edge) or, for a band, (images, lower edge, upper edge) to images; edges in cycles per image.
        is_band: whether it has two edges.
    """

    keep: "Callable[..., Tensor]"
    is_band: bool = False


FILTERS: dict[str, FilterRecord] = {
    "low-pass": FilterRecord(keep=deferred("fsens_cli.perturb.filters:low_pass")),
    "high-pass": FilterRecord(keep=deferred("fsens_cli.perturb.filters:high_pass")),
    "band-pass": FilterRecord(keep=deferred("fsens_cli.perturb.filters:band_pass"), is_band=True),
}


class AddNoise(Protocol):
    """(N, C, H, W) images and a strength to noisy images."""

    def __call__(self, images_NCHW: "Tensor", strength: float, /, *, index_N: "Tensor", seed: int) -> "Tensor":
        """Return images in [0, 1]."""
        ...


NOISES: dict[str, AddNoise] = {
    "gaussian": deferred("fsens_cli.perturb.noise:gaussian_noise"),
    "uniform": deferred("fsens_cli.perturb.noise:uniform_noise"),
    "salt-and-pepper": deferred("fsens_cli.perturb.noise:salt_and_pepper"),
}
