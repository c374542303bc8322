"""What an attack climbs: scalars of each image's logits that grow as the image comes nearer to falling.

Shape letters: N images, L classes.
"""

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.goal import Goal

# Keeps the ratio of two equal numbers finite where several logits tie.
TINY = 1e-12


def _own(logits_NL: Tensor, class_N: Tensor) -> Tensor:
    return logits_NL.gather(1, class_N[:, None]).squeeze(1)


def _others(logits_NL: Tensor, class_N: Tensor) -> Tensor:
    return logits_NL.scatter(1, class_N[:, None], float("-inf"))


def _wide(logits_NL: Tensor) -> Tensor:
    return logits_NL.float() if logits_NL.dtype in (torch.float16, torch.bfloat16) else logits_NL


def log_odds(logits_NL: Tensor, goal: Goal) -> Tensor:
    """Return log((1 - p) / p) of the label's probability p; with a target log(p / (1 - p)) of the target's.

    The cross-entropy is softplus of this, so both have the same gradient up to a positive factor for each image and
    the same order of points. Attacks that normalise their steps walk the same path on either, but cross-entropy
    underflows at a confident image and this does not.

    >>> bool(log_odds(torch.tensor([[200.0, 0.0]]), Goal(torch.tensor([0]))) == -200)
    True
    """
    logits = _wide(logits_NL)
    if goal.target_N is None:
        return _others(logits, goal.label_N).logsumexp(dim=1) - _own(logits, goal.label_N)
    return _own(logits, goal.target_N) - _others(logits, goal.target_N).logsumexp(dim=1)


def margin(logits_NL: Tensor, goal: Goal) -> Tensor:
    """Return the largest other logit minus the label's; with a target, the target's minus the largest other one."""
    logits = _wide(logits_NL)
    if goal.target_N is None:
        return _others(logits, goal.label_N).amax(dim=1) - _own(logits, goal.label_N)
    return _own(logits, goal.target_N) - _others(logits, goal.target_N).amax(dim=1)


def dlr(logits_NL: Tensor, goal: Goal) -> Tensor:
    """Return the difference of logits ratio of Croce & Hein (ICML 2020), eq. 6; needs three classes.

    -(z_y - max_{i != y} z_i) / (z_1st - z_3rd): free of shift and scale of the logits. With a target it is
    eq. 7 with the largest logit beside the target's in the place of z_y, which needs four classes.
    """
    logits = _wide(logits_NL)
    if goal.target_N is not None:
        return margin(logits, goal) / _spread_of_four(logits)
    top = logits.topk(3, dim=1).values
    return margin(logits, goal) / (top[:, 0] - top[:, 2] + TINY)


def targeted_dlr(logits_NL: Tensor, goal: Goal) -> Tensor:
    """Return -(z_y - z_rival) / (z_1st - (z_3rd + z_4th) / 2), eq. 7 of Croce & Hein; needs four classes."""
    assert goal.rival_N is not None
    return rival_margin(logits_NL, goal) / _spread_of_four(_wide(logits_NL))


def rival_margin(logits_NL: Tensor, goal: Goal) -> Tensor:
    """Return the rival's logit minus the label's: 0 on the boundary between the two."""
    assert goal.rival_N is not None
    logits = _wide(logits_NL)
    return _own(logits, goal.rival_N) - _own(logits, goal.label_N)


def _spread_of_four(logits_NL: Tensor) -> Tensor:
    top = logits_NL.topk(4, dim=1).values
    return top[:, 0] - (top[:, 2] + top[:, 3]) / 2 + TINY
