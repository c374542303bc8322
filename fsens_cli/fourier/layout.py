"""How a tensor lies in memory before it is transformed."""

from torch import Tensor


def unrepeated(values: Tensor) -> Tensor:
    """Return the values with a place in memory for each, as they are where they have one.

    A gray image that ``expand`` shows as three channels has one place for the three, which the transforms of PyTorch
    2.7 and 2.8 on a CPU refuse.
    """
    return values.contiguous() if 0 in values.stride() else values
