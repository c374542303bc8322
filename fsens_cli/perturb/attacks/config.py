"""Which attack, how large, how long? The settings of an attack and what they may be."""

import math
from dataclasses import dataclass

from fsens_cli.errors import ConfigError, require, require_one_of
from fsens_cli.perturb.ball import NORMS

# Steps of each attack where the user gives none. For `standard` they are those of each APGD run; its PGD takes 10.
DEFAULT_STEPS = {
    "none": 0,
    "fgsm": 1,
    "pgd": 50,
    "apgd-ce": 100,
    "apgd-dlr": 100,
    "apgd-t": 100,
    "square": 5000,
    "deepfool": 50,
    "ddn": 100,
    "fmn": 100,
    "standard": 100,
    "minimal": 100,
}
ATTACKS = tuple(DEFAULT_STEPS)
MINIMAL_ATTACKS = ("deepfool", "ddn", "fmn", "minimal")
TARGETS = ("none", "least-likely", "runner-up", "random")
# These choose their own rivals, or are made of attacks that do.
UNTARGETED = ("none", "apgd-t", "standard")
DETERMINISTIC = ("none", "fgsm", "deepfool")


@dataclass(kw_only=True, slots=True)
class AttackConfig:
    """Settings of an attack.

    Attributes:
        name: one of ATTACKS.
        norm: ``linf`` or ``l2``.
        eps: radius of the ball, in units of the [0, 1] pixel scale (``linf``: a pixel's change, ``l2``: a length).
            The search of the minimal-norm attacks does not use it; it only decides what `attack` calls found.
        steps: gradient evaluations of one start (queries, for ``square``); 0 takes DEFAULT_STEPS.
        step_size: of ``pgd``, in units of ``eps``'s scale; 0 takes 2.5 eps / steps (Madry et al., ICLR 2018).
        restarts: number of starts; an image that falls takes no further one.
        eot: forward and gradient passes averaged at each point, for models that are random; 1 is off.
        target: ``none``, or to which class an image shall be moved: the ``least-likely`` or the ``runner-up`` of the
            clean image, or a ``random`` other one. A tensor of classes can be given to `attack` instead.
        num_targets: how many rivals ``apgd-t`` (also inside ``standard``) tries, best first.
        refine: halvings of the way back to the image after ``minimal``.
    """

    name: str = "standard"
    norm: str = "linf"
    eps: float = 8 / 255
    steps: int = 0
    step_size: float = 0.0
    restarts: int = 1
    eot: int = 1
    target: str = "none"
    num_targets: int = 9
    refine: int = 10

    def __post_init__(self) -> None:
        """Check the ranges, and what does not go together."""
        require_one_of("attack", self.name, ATTACKS)
        require_one_of("attack.norm", self.norm, NORMS)
        require_one_of("attack.target", self.target, TARGETS)
        self._check_eps()
        for option, least in (("steps", 0), ("restarts", 1), ("eot", 1), ("num_targets", 1), ("refine", 0)):
            value = getattr(self, option)
            require(value >= least, f"attack.{option}={value} must be at least {least}.")
        require(
            0 <= self.step_size < math.inf, f"attack.step_size={self.step_size} must be positive, or 0 for the default."
        )
        require(self.name != "ddn" or self.norm == "l2", "attack=ddn is defined for attack.norm=l2 only: take fmn.")
        require(
            self.target == "none" or self.name not in UNTARGETED,
            f"attack={self.name} is untargeted: leave attack.target=none, or take apgd-ce or apgd-dlr.",
        )
        require(
            self.restarts == 1 or self.name not in DETERMINISTIC,
            f"attack={self.name} has no random start: attack.restarts={self.restarts} must be 1.",
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
        return self.steps or DEFAULT_STEPS[self.name]
