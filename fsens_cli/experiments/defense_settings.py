"""Settings of a defence by a filter, and of the checks of its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from fsens_cli.errors import require, require_one_of
from fsens_cli.experiments.evaluate_settings import AttackEffort, EvaluateConfig, SuiteConfig
from fsens_cli.models.settings import FrontEndConfig
from fsens_cli.typed import require_types

# With fewer images that the model gets right, a check that tolerates one of them tells nothing.
LEAST_RIGHT = 5


@dataclass(kw_only=True)
class CheckConfig:
    """How the numbers are checked.

    Attributes:
        images: at most this many, of those that the model gets right.
        steps: of the short attack; the long one takes four times as many.
        queries: of the black-box attack.
        starts: random starts that are compared.
        tolerance: share of the images by which a check may fail to hold; at least one image.
    """

    images: int = 25
    steps: int = 10
    queries: int = 200
    starts: int = 3
    tolerance: float = 0.04

    def __post_init__(self) -> None:
        """Check the ranges."""
        require_types(self, "checks.")
        require(self.images >= LEAST_RIGHT, f"checks.images={self.images} must be at least {LEAST_RIGHT}.")
        for option in ("steps", "queries"):
            require(getattr(self, option) >= 1, f"checks.{option}={getattr(self, option)} must be at least 1.")
        require(self.starts >= 2, f"checks.starts={self.starts} must be at least 2, to be compared.")
        require(0 <= self.tolerance < 1, f"checks.tolerance={self.tolerance} must lie in [0, 1).")


MODES = ("auto", "test_time", "trained")
# Strengths where none are given: a network that never saw a filter is at chance behind much more than the first ones.
AT_TEST_TIME, IN_TRAINING = (0.0, 0.4, 0.5), (0.0, 1.0, 1.5, 2.0, 3.0)


DEFENSES = ("blur", "high-pass", "random-blur", "pca")


def _suite() -> SuiteConfig:
    """Return what is asked of a defence: the second paper's corruptions, budgets and smallest perturbations."""
    return SuiteConfig(
        name="defense",
        severities=[3],
        prediction=False,
        filters=[],
        shuffles=[],
        noises=[],
        eps_l2=[0.5],
        attack_images=40,
        heat_map=False,
    )


@dataclass(kw_only=True)
class DefenseConfig(EvaluateConfig):
    """Which filters, and what is asked about each.

    Attributes:
        mode: ``auto`` takes the packaged networks without and with a blur, and a control, where the data have them
            and nothing else is asked for; elsewhere it is ``test_time``. ``test_time`` puts the filter in front of one
            network that never saw it, a control; ``trained`` takes one network each strength, trained through it.
        defense: ``blur``, ``high-pass``, ``random-blur`` or ``pca``.
        sigmas: strengths in pixels; 0 is no filter. Empty: 0, .4 and .5 at test time, 0, 1, 1.5, 2 and 3 in training.
        controls: for ``trained``: strengths that are put at test time in front of the network without a filter.
        components: strengths of ``pca``; 0 is no filter.
        runs: for ``trained``: one finished training, checkpoint or ``packaged:NAME`` a strength, in any order.
        pairings: of the hybrid probe.
        suite, attack: as an evaluation has them, with less to ask.
        checks: of the numbers themselves.
    """

    mode: str = "auto"
    defense: str = "blur"
    sigmas: list[float] = field(default_factory=list)
    controls: list[float] = field(default_factory=list)
    components: list[int] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    pairings: int = 2
    suite: SuiteConfig = field(default_factory=_suite)
    attack: AttackEffort = field(default_factory=lambda: AttackEffort(steps=10, minimal_steps=20))
    checks: CheckConfig = field(default_factory=CheckConfig)

    def __post_init__(self) -> None:
        """Check names and ranges."""
        EvaluateConfig.__post_init__(self)
        require_one_of("mode", self.mode, MODES)
        require_one_of("defense", self.defense, DEFENSES)
        require(
            all(0 <= s < math.inf for s in self.sigmas), f"sigmas={self.sigmas} must not be negative (pixels; 0: none)."
        )
        require(
            all(0 < s < math.inf for s in self.controls) and len(set(self.controls)) == len(self.controls),
            f"controls={self.controls} must be positive (pixels), each once.",
        )
        require(
            not self.controls or (self.mode == "trained" and self.defense != "pca"),
            "controls=[...] belong to mode=trained, beside a blur or high-pass; mode=test_time is all control.",
        )
        require(all(k >= 0 for k in self.components), f"components={self.components} must not be negative (0: none).")
        require(self.pairings >= 1, f"pairings={self.pairings} must be at least 1.")
        if self.defense == "pca":
            require(bool(self.components), "defense=pca needs its strengths: components=[0,512].")
        require(
            self.mode != "test_time" or not self.runs,
            "runs=[...] belong to mode=trained; mode=test_time takes one network by --model and --weights.",
        )
        require(
            self.suite.minimal and set(self.suite.norms) == {"linf", "l2"},
            "a defence is judged by minimal perturbations in both norms: suite.minimal=true suite.norms=[linf,l2].",
        )
        strengths = self.strengths()
        require(len(set(strengths)) == len(strengths), f"{strengths}: every strength once.")

    def strengths(self) -> list[float]:
        """Return the strengths, weakest filter first."""
        if self.defense == "pca":
            return sorted(float(k) for k in self.components)
        usual = IN_TRAINING if self.mode == "trained" else AT_TEST_TIME
        return sorted(float(k) for k in (self.sigmas or usual))

    def front_end(self, strength: float) -> FrontEndConfig:
        """Return the filter of one strength."""
        if strength == 0:
            return FrontEndConfig()
        if self.defense == "pca":
            return FrontEndConfig(name="pca", components=int(strength))
        return FrontEndConfig(name=self.defense, sigma=strength)
