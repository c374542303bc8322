"""The settings of an attack and what they may be."""

import math
from dataclasses import dataclass

from fsens_cli.errors import ConfigError, require, require_one_of
from fsens_cli.guest.hooks import require_known
from fsens_cli.typed import require_types

NORMS = ("linf", "l2")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackRecord:
    """What is to be known of an attack before it runs.

    Attributes:
        steps: of one start, where the user gives none (queries, for ``square``); of a cascade, those of each APGD run.
        classes: so many logits are compared.
        takes_target: whether it can be sent to a class; others choose their own rivals.
        is_random: whether a start is random, so that restarts make sense.
        is_minimal: whether it searches the smallest change whatever the ball.
        has_budget: whether `evaluate` offers it within a budget.
        is_cascade: whether it is several attacks, each on the images that those before it have left.
        protocol: whether steps, restarts and passes are given by a published protocol.
    """

    steps: int
    classes: int = 2
    takes_target: bool = True
    is_random: bool = True
    is_minimal: bool = False
    has_budget: bool = True
    is_cascade: bool = False
    protocol: bool = False


# The place in this table is part of an attack's randomness: new ones come last.
ATTACKS: dict[str, AttackRecord] = {
    "none": AttackRecord(steps=0, takes_target=False, is_random=False, has_budget=False),
    "fgsm": AttackRecord(steps=1, is_random=False),
    "pgd": AttackRecord(steps=50),
    "apgd-ce": AttackRecord(steps=100),
    "apgd-dlr": AttackRecord(steps=100, classes=3),
    "apgd-t": AttackRecord(steps=100, classes=4, takes_target=False),
    "square": AttackRecord(steps=5000),
    "deepfool": AttackRecord(steps=50, is_random=False, is_minimal=True, has_budget=False),
    "ddn": AttackRecord(steps=100, is_minimal=True, has_budget=False),
    "fmn": AttackRecord(steps=100, is_minimal=True, has_budget=False),
    "cascade": AttackRecord(steps=100, takes_target=False, is_cascade=True),
    "minimal": AttackRecord(steps=100, is_minimal=True, has_budget=False),
    "fab-t": AttackRecord(steps=100, is_random=False, is_minimal=True),
    "autoattack": AttackRecord(steps=100, takes_target=False, is_cascade=True, protocol=True),
    "autoattack-rand": AttackRecord(steps=100, takes_target=False, is_cascade=True, protocol=True),
}
FIXED_BUDGET_ATTACKS = tuple(name for name, record in ATTACKS.items() if record.has_budget)
# Of the user's own attack.
OWN = AttackRecord(steps=0, takes_target=False, is_random=False)


def record_of(name: str) -> AttackRecord:
    """Return what is to be known of an attack, the user's own too."""
    return ATTACKS.get(name, OWN)


# How many rivals apgd-t and fab-t try, best first (also in cascades); AutoAttack's number.
NUM_RIVALS = 9
# Passes that AutoAttack's version for random models averages at each point.
RANDOM_EOT = 20


@dataclass(kw_only=True, slots=True)
class AttackConfig:
    """Settings of an attack.

    Attributes:
        name: one of ATTACKS.
        norm: ``linf`` or ``l2``.
        eps: radius of the ball, in units of the [0, 1] pixel scale (``linf``: a pixel's change, ``l2``: a length).
            The search of the minimal-norm attacks does not use it; it only decides what `attack` calls found.
        steps: gradient evaluations of one start (queries, for ``square``); 0 takes the attack's own.
        restarts: number of starts; an image that falls takes no further one.
        eot: forward and gradient passes averaged at each point, for models that are random; 1 is off.
    """

    name: str = "cascade"
    norm: str = "linf"
    eps: float = 8 / 255
    steps: int = 0
    restarts: int = 1
    eot: int = 1

    def __post_init__(self) -> None:
        """Check the ranges, and what does not go together."""
        require_types(self, "attack.")
        require_known("attack", self.name, ATTACKS, "attacks")
        require_one_of("attack.norm", self.norm, NORMS)
        self._check_eps()
        for option, least in (("steps", 0), ("restarts", 1), ("eot", 1)):
            value = getattr(self, option)
            require(value >= least, f"attack.{option}={value} must be at least {least}.")
        require(self.name != "ddn" or self.norm == "l2", "attack=ddn is defined for attack.norm=l2 only: take fmn.")
        record = record_of(self.name)
        require(
            self.restarts == 1 or record.is_random,
            f"attack={self.name} has no random start: attack.restarts={self.restarts} must be 1.",
        )
        require(
            not record.protocol or (self.steps, self.restarts, self.eot) == (0, 1, 1),
            f"attack={self.name} is a protocol: attack.steps, restarts and eot are its own; the cascade takes them.",
        )

    def _check_eps(self) -> None:
        # NaN fails every comparison, so the conditions say what is allowed.
        if not 0 < self.eps < math.inf:
            raise ConfigError(f"attack.eps={self.eps} must be positive, on the [0, 1] pixel scale.")
        if self.norm == "linf" and self.eps > 1:
            raise ConfigError(
                f"attack.eps={self.eps}: images lie in [0, 1], so an linf radius is at most 1; "
                f"{self.eps:g}/255 is {self.eps / 255:.4f}."
            )

    @property
    def num_steps(self) -> int:
        """The number of steps that is taken: ``steps``, or the attack's own default."""
        return self.steps or record_of(self.name).steps
