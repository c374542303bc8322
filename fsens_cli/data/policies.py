"""The augmentation policies that can be named: which versions of a batch a step is given, and its loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsens_cli.deferred import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from fsens_cli.data.augment_settings import AugmentConfig

VERSIONS = "fsens_cli.data.policy_versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy: one entry of ``POLICIES``.

    Attributes:
        about: what it does and with which loss, for the help.
        versions: ([0, 1] images, settings, generator on the CPU) to versions of the same shape; accuracy and penalty
            are taken of the first.
        own_jsd: the published weight of its divergence; None where its loss has none.
        adds_up: whether the loss is the sum of the cross-entropies of all versions.
        own_norms: whether the last version has batch norm layers of its own.
        operates: whether AugMix's operations take part whatever the loss.
    """

    about: str
    versions: "Callable[[Tensor, AugmentConfig, torch.Generator], tuple[Tensor, ...]]"
    own_jsd: float | None = None
    adds_up: bool = False
    own_norms: bool = False
    operates: bool = False


def _versions(function: str) -> "Callable[[Tensor, AugmentConfig, torch.Generator], tuple[Tensor, ...]]":
    return deferred(f"{VERSIONS}:{function}")


POLICIES: dict[str, Policy] = {
    "apr-p": Policy(
        about="amplitudes of other images: CE + CE of the mixed", versions=_versions("apr_p"), adds_up=True
    ),
    "apr-s": Policy(
        about="amplitude or phase of another version of the image: CE", versions=_versions("apr_s"), operates=True
    ),
    "apr-sp": Policy(
        about="apr-s, then apr-p: CE + CE of the mixed", versions=_versions("apr_sp"), adds_up=True, operates=True
    ),
    "augmix": Policy(
        about="AugMix: CE + 12 times the divergence", versions=_versions("mixed"), own_jsd=12.0, operates=True
    ),
    "afa": Policy(
        about="plane waves, with batch norm of their own: mean of both CE",
        versions=_versions("waves"),
        own_jsd=0.0,
        own_norms=True,
    ),
    "patch-gaussian": Policy(about="noise in a square: CE", versions=_versions("patch")),
}
