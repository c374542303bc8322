"""Signs that an attack failed where the defence did not.

The list follows Athalye, Carlini & Wagner (ICML 2018) and Carlini et al. (arXiv 1902.06705): an unbounded attack must
always succeed, a longer one must not do worse, an attack with the gradient must not do worse than one without it or
than images made for another model, and other starts must not change the answer.

Shape letters: N images, C channels, H, W pixels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.experiments.defense_settings import LEAST_RIGHT, CheckConfig
from fsens_cli.perturb.attacks.attack import attack
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.watch import undecided

Model = Callable[[Tensor], Tensor]
Filter = Callable[[Tensor], Tensor]


# Names of the checks.
UNBOUNDED, STEPS, STARTS, BLACK_BOX = "unbounded budget", "more steps", "random starts", "black-box attack"
TRANSFER, LOW_PASS = "transfer", "attack in the low-pass basis"
AT_LINF = (STEPS, STARTS, BLACK_BOX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One item of the list: whether it holds, and the accuracies that say so.

    ``passed`` is None where the check could not be run: it neither holds nor fails, and ``found`` says why.
    """

    name: str
    passed: bool | None
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is checked.

    Attributes:
        model: the network with its defence.
        images_NCHW, label_N: images that it gets right; on the model's device.
        eps_linf, eps_l2: budgets at which about half of the images fall: there a failure shows most. NaN where none is
            known.
        white_linf, white_l2: whether an image stands against everything that was reported at these budgets.
        eot: passes averaged at each point.
    """

    model: Model
    images_NCHW: Tensor
    label_N: Tensor
    eps_linf: float
    eps_l2: float
    white_linf: Tensor
    white_l2: Tensor
    eot: int = 1


def run_checks(
    subject: Subject, config: CheckConfig, *, seed: int, undefended: Model | None, low_pass: Filter | None
) -> list[Check]:
    """Go through the list.

    Args:
        subject: what is checked.
        config: how.
        seed: of the random starts.
        undefended: the model without the defence, for images made for it; None for that model itself.
        low_pass: what the defence lets through, for the attack in that basis; None where it lets everything through.
    """
    num_right = len(subject.label_N)
    if num_right < LEAST_RIGHT:
        few = f"not run: {num_right} of the images are right, {LEAST_RIGHT} are needed"
        return not_run(few, transfer=undefended is not None, low_pass=low_pass is not None)
    allowed = max(1 / num_right, config.tolerance)
    checks = [_unbounded(subject, config, seed)]
    if math.isnan(subject.eps_linf):
        checks += _without_budget([*AT_LINF, *([TRANSFER] if undefended is not None else [])], "L-inf")
    else:
        checks += _steps(subject, config, seed, allowed)
        square = _standing(subject, "square", "linf", subject.eps_linf, config.queries, seed)
        checks.append(_not_weaker(BLACK_BOX, "square", subject.white_linf, square, allowed))
        if undefended is not None:
            checks.append(_transfer(subject, config, seed, undefended, allowed))
    if low_pass is not None and math.isnan(subject.eps_l2):
        checks += _without_budget([LOW_PASS], "L2")
    elif low_pass is not None:
        filtered = _standing(subject, "pgd", "l2", subject.eps_l2, 4 * config.steps, seed, gradient_filter=low_pass)
        checks.append(_not_weaker(LOW_PASS, "pgd, low-pass", subject.white_l2, filtered, allowed))
    return checks


def not_run(why: str, *, transfer: bool, low_pass: bool) -> list[Check]:
    """Return the whole list, none of it run."""
    names = [UNBOUNDED, *AT_LINF, *([TRANSFER] if transfer else []), *([LOW_PASS] if low_pass else [])]
    return [Check(name=name, passed=None, found=why) for name in names]


def _without_budget(names: list[str], norm: str) -> list[Check]:
    why = f"not run: no {norm} perturbation was found, and the suite has no {norm} budget"
    return [Check(name=name, passed=None, found=why) for name in names]


def _standing(
    subject: Subject,
    name: str,
    norm: str,
    eps: float,
    steps: int,
    seed: int,
    *,
    gradient_filter: Filter | None = None,
) -> Tensor:
    """Return which images stand after an attack, shape (N,)."""
    config = AttackConfig(name=name, norm=norm, eps=eps, steps=steps, eot=1 if name == "square" else subject.eot)
    result = attack(
        subject.model, subject.images_NCHW, subject.label_N, config, generator=seed, gradient_filter=gradient_filter
    )
    return ~result.found_N


def _share(standing_N: Tensor) -> float:
    return float(standing_N.double().mean())


def _percent(standing_N: Tensor) -> str:
    return f"{100 * _share(standing_N):.0f} %"


def _unbounded(subject: Subject, config: CheckConfig, seed: int) -> Check:
    # A change of 1 reaches every image there is.
    standing = _standing(subject, "pgd", "linf", 1.0, 4 * config.steps, seed)
    return Check(
        name=UNBOUNDED,
        passed=not bool(standing.any()),
        found=f"{_percent(standing)} stand when every image is within reach",
    )


def _steps(subject: Subject, config: CheckConfig, seed: int, allowed: float) -> list[Check]:
    short, long = (_standing(subject, "pgd", "linf", subject.eps_linf, k * config.steps, seed) for k in (1, 4))
    others = [
        _standing(subject, "pgd", "linf", subject.eps_linf, config.steps, seed + start)
        for start in range(1, config.starts)
    ]
    shares = [_share(s) for s in (short, *others)]
    spread = max(shares) - min(shares)
    return [
        Check(
            name=STEPS,
            passed=_share(long) <= _share(short) + allowed,
            found=f"{_percent(short)} stand after {config.steps} steps, {_percent(long)} after {4 * config.steps}",
        ),
        Check(
            name=STARTS,
            passed=spread <= 2 * allowed,
            found=f"{100 * min(shares):.0f} to {100 * max(shares):.0f} % stand over {config.starts} starts",
        ),
    ]


def _not_weaker(name: str, attack_name: str, white_N: Tensor, other_N: Tensor, allowed: float) -> Check:
    return Check(
        name=name,
        passed=_share(white_N) <= _share(other_N) + allowed,
        found=f"{_percent(white_N)} stand against the white-box attacks, {_percent(other_N)} against {attack_name}",
    )


def _transfer(subject: Subject, config: CheckConfig, seed: int, undefended: Model, allowed: float) -> Check:
    made_for = AttackConfig(name="pgd", norm="linf", eps=subject.eps_linf, steps=4 * config.steps)
    result = attack(undefended, subject.images_NCHW, subject.label_N, made_for, generator=seed)
    with torch.no_grad():
        logits = subject.model(result.adversarial_NCHW)
        standing = (logits.argmax(dim=1) == subject.label_N) & ~undecided(logits)
    return _not_weaker(TRANSFER, "images made for the undefended model", subject.white_linf, standing, allowed)
