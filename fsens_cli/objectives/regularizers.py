"""The regularizers that can be named, and the settings of the one that is chosen."""

from dataclasses import dataclass
from functools import partial

from fsens_cli.deferred import deferred
from fsens_cli.errors import require
from fsens_cli.guest.hooks import require_known
from fsens_cli.objectives.regularizer import GradientRegularizer, PairRegularizer, Regularizer, RegularizerSettings
from fsens_cli.typed import require_types

SPECTRAL = "fsens_cli.objectives.spectral_regularizers"


def _keep(name: str, band: str, keeps: str) -> Regularizer:
    outside = partial(deferred(f"{SPECTRAL}:cells_outside"), band)
    return Regularizer(name=name, keeps=keeps, counted=outside, penalty=deferred(f"{SPECTRAL}:share_outside"))


_ALL = (
    _keep("lsf", "low", "the low band: R is the share above N/6"),
    _keep("msf", "mid", "the mid band: R is the share up to N/6 and above N/3"),
    _keep("hsf", "high", "the high band: R is the share up to N/3"),
    Regularizer(
        name="asf",
        keeps="all radii alike: R is minus the entropy",
        counted=deferred(f"{SPECTRAL}:radii_to_nyquist"),
        penalty=deferred(f"{SPECTRAL}:minus_entropy"),
    ),
    Regularizer(
        name="target",
        keeps="a given spectrum: R is the Kullback-Leibler divergence from it",
        counted=deferred(f"{SPECTRAL}:target_spectrum"),
        penalty=deferred(f"{SPECTRAL}:divergence_from"),
        needs_target=True,
    ),
)
GRADIENT = "fsens_cli.objectives.gradient_regularizers"
_OF_GRADIENTS = (
    GradientRegularizer(
        name="gradient-norm",
        keeps="small gradients: R is the mean of eps |g|_1, or of |g|_2^2 / 2",
        penalty=deferred(f"{GRADIENT}:mean_size"),
        needs_smooth=True,
    ),
    GradientRegularizer(
        name="jafr",
        keeps="low frequencies of the gradient: R is minus its bias to them",
        penalty=deferred(f"{GRADIENT}:frequency_bias"),
    ),
)
SIMILARITY = PairRegularizer(
    name="similarity", keeps="representations of pairs of images as similar as in a target: R is the mean squared gap"
)
REGULARIZERS: dict[str, Regularizer | GradientRegularizer | PairRegularizer] = {
    entry.name: entry for entry in (*_ALL, *_OF_GRADIENTS, SIMILARITY)
}


def regularizer_of(name: str) -> Regularizer | GradientRegularizer | PairRegularizer:
    """Return the regularizer of that name, the user's own too."""
    return REGULARIZERS[name] if name in REGULARIZERS else _own(name)


def _own(name: str) -> Regularizer:
    own = "fsens_cli.objectives.own_regularizer"
    return Regularizer(
        name=name, keeps="your own", counted=deferred(f"{own}:radii"), penalty=deferred(f"{own}:penalty_of")
    )


@dataclass(kw_only=True)
class RegularizerConfig(RegularizerSettings):
    """Which spectrum is asked for, and how strongly: a name of the registry, or ``none``."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_types(self, "regularizer.")
        require_known("regularizer", self.name, ("none", *REGULARIZERS), "regularizers")
        super().__post_init__()
        has_target = bool(self.file) or bool(self.target)
        from_file = self.compares_pairs and self.towards == "file"
        require(not from_file or bool(self.file), "regularizer.towards=file needs regularizer.file=RECORDINGS.npz.")
        needs_target = from_file or (self.name != "none" and regularizer_of(self.name).needs_target)
        require(not needs_target or has_target, f"regularizer={self.name} needs regularizer.file=SPECTRUM.csv.")
        takers = ", ".join(name for name, entry in REGULARIZERS.items() if entry.needs_target)
        require(
            needs_target or not has_target,
            f"regularizer.file belongs to regularizer={takers} and to regularizer.towards=file alone.",
        )

    @property
    def needs_smooth(self) -> bool:
        """Whether it trains networks with a smooth activation alone."""
        entry = REGULARIZERS.get(self.name)
        return self.is_on and isinstance(entry, GradientRegularizer) and entry.needs_smooth
