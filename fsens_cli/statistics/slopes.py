"""How one number goes with another across models, and within families of models.

Shape letters: M models. The models are the sample here: intervals say how far the number would move with others of the
same kind, and are wide for a handful of them.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fsens_cli.statistics.intervals import Interval, Z, student

LEAST_NETWORKS = 5


def correlation(x: Sequence[float], y: Sequence[float], network: Sequence[str] = ()) -> Interval | None:
    """Return Pearson's correlation with Fisher's interval; None for fewer than five networks or a constant number.

    Args:
        x, y: one number a model.
        network: what tells networks apart, such as the hash of their weights; models of one network, behind other
            filters for example, count as one in the interval. Without it each model is a network.

    >>> i = correlation([0, 1, 2, 3, 4], [0, 1, 2, 3, 5])
    >>> round(i.value, 3), round(i.low, 3)
    (0.986, 0.803)
    """
    num_networks = len(set(network)) if network else len(x)
    if num_networks < LEAST_NETWORKS:
        return None
    a, b = _centred(x, ["all"] * len(x)), _centred(y, ["all"] * len(y))
    size = float(a.norm() * b.norm())
    if size <= 1e-12:
        return None
    value = max(-1.0, min(1.0, float(a @ b) / size))
    # Fisher's z is infinite at 1.
    z, error = math.atanh(max(-1 + 1e-9, min(1 - 1e-9, value))), Z / math.sqrt(num_networks - 3)
    return Interval(value, min(value, math.tanh(z - error)), max(value, math.tanh(z + error)), num_networks)


def within_slope(x: Sequence[float], y: Sequence[float], family: Sequence[str]) -> Interval | None:
    """Return the common slope of y against x within families, each with a level of its own, with Student's interval.

    What merely distinguishes one family from another does not count. A family of one says nothing and is left out. None
    where fewer than one degree of freedom is left, or x does not vary within any family.

    >>> within_slope([0, 1, 2, 10, 11, 12], [0, 2, 4, 0, 2, 4], ["a"] * 3 + ["b"] * 3).value
    2.0
    """
    kept = [i for i, name in enumerate(family) if sum(other == name for other in family) > 1]
    names = [family[i] for i in kept]
    freedom = len(kept) - len(set(names)) - 1
    if freedom < 1:
        return None
    a, b = _centred([x[i] for i in kept], names), _centred([y[i] for i in kept], names)
    spread = float(a @ a)
    if spread <= 1e-18:
        return None
    slope = float(a @ b) / spread
    residual = b - slope * a
    half = student(freedom) * math.sqrt(float(residual @ residual) / freedom / spread)
    return Interval(slope, slope - half, slope + half, len(kept))


def _centred(values: Sequence[float], family: Sequence[str]) -> Tensor:
    """Return the values less the mean of their family."""
    value = torch.tensor(list(values), dtype=torch.float64)
    for name in set(family):
        mine = torch.tensor([other == name for other in family])
        value[mine] -= value[mine].mean()
    return value
