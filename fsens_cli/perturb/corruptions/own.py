"""A corruption of the user's own.

Shape letters: N images, C channels, H, W pixels.
"""

import hashlib

import torch
from torch import Tensor

from fsens_cli.guest.hook import Hook

# How far rounding may put a value outside [0, 1].
ROUNDING = 1e-6


@torch.no_grad()
def corrupt_by(hook: Hook, images_NCHW: Tensor, severity: int, *, index_N: Tensor, seed: int) -> Tensor:
    """Return images changed one by one, so that neither batch size nor sample changes a result.

    Args:
        hook: see `SIGNATURES`; the generator that it is given depends on (seed, name, severity, index) alone.
        images_NCHW: [0, 1].
        severity: 1 to 5.
        index_N: what names each image in its data set, int64.
        seed: of everything random.

    Raises:
        ModelError: it fails, or returns no image of this shape in [0, 1]; says which image.
    """
    changed = [
        _checked(
            hook, hook(image.clone(), severity, _generator(seed, hook.name, severity, index)), image, severity, index
        )
        for image, index in zip(images_NCHW, index_N.tolist(), strict=True)
    ]
    return torch.stack(changed) if changed else images_NCHW.clone()


def _generator(seed: int, name: str, severity: int, index: int) -> torch.Generator:
    digest = hashlib.sha256(f"{seed}/{name}/{severity}/{index}".encode()).digest()
    # The CPU generator keeps the low 32 bits of a seed.
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))


def _checked(hook: Hook, found: object, image_CHW: Tensor, severity: int, index: int) -> Tensor:
    where = f"for image {index} at severity {severity}"
    if not isinstance(found, Tensor):
        raise hook.refuse(f"returned {type(found).__name__} {where}")
    if found.shape != image_CHW.shape or not found.is_floating_point():
        raise hook.refuse(
            f"returned {str(found.dtype).removeprefix('torch.')} of shape {tuple(found.shape)} for one of "
            f"{tuple(image_CHW.shape)} {where}"
        )
    low, high = (float(v) for v in found.aminmax())
    # NaN fails both comparisons.
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        said = f"values from {low:.3g} to {high:.3g}" if low == low else "NaN"
        raise hook.refuse(f"returned {said} {where}")
    return found.to(image_CHW).clamp(0, 1)
