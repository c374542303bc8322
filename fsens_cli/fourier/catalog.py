"""What can be chosen by name of a spectrum: bases, masks of hybrids, spacings of bands, reductions of channels."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from fsens_cli.deferred import deferred

if TYPE_CHECKING:
    from torch import Tensor

    from fsens_cli.fourier.bases import Basis

BASES: "dict[str, Callable[[int, int], Basis]]" = {
    name: deferred(f"fsens_cli.fourier.bases:{name}_basis") for name in ("fourier", "dct", "haar")
}
MASKS: "dict[str, Callable[[Tensor, float, int], Tensor]]" = {
    name: deferred(f"fsens_cli.fourier.hybrids:{name}_mask") for name in ("sharp", "gaussian", "butterworth")
}
SPACINGS = {"octave": 1, "half-octave": 2}  # bands an octave
CHANNEL_REDUCTIONS = ("mean", "power")

NYQUIST = 0.5  # cycles per pixel
LARGEST_MIXING = math.sqrt(2.0)  # Nyquist units: nothing lies beyond the corner
