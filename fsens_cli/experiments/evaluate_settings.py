"""Settings of an evaluation: the suite of questions, how images are corrupted, how hard attacks try."""

from __future__ import annotations

from dataclasses import dataclass, field

from fsens_cli.errors import require, require_one_of
from fsens_cli.guest.hooks import require_apart, require_known
from fsens_cli.perturb.attacks.config import ATTACKS, FIXED_BUDGET_ATTACKS, NORMS, AttackConfig, record_of
from fsens_cli.perturb.catalog import FILTERS, NOISES
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS
from fsens_cli.perturb.corruptions.constants import TABLES
from fsens_cli.ranges import require_seed
from fsens_cli.typed import require_types

BAND_FILLS = ("zero", "shuffle")
# What the two collective names of corruptions stand for.
STANDARD = tuple(name for name, c in CORRUPTIONS.items() if not c.extra)
COLLECTIVE = {"standard": STANDARD, "all": tuple(CORRUPTIONS)}
# Corruptions of ImageNet-C-bar (Mintun et al. 2021), which are read and not made.
ONLY_READ = (
    "caustic_refraction", "inverse_sparkles", "sparkles", "perlin_noise", "blue_noise_sample", "plasma_noise",
    "checkerboard_cutout", "cocentric_sine_waves", "single_frequency_greyscale", "brownish_noise",
)  # fmt: skip


@dataclass(kw_only=True)
class SuiteConfig:
    """What is asked; an empty list leaves that question out.

    Attributes:
        name: of the suite.
        corruptions: names, ``standard`` for the 15 of Hendrycks and Dietterich, or ``all`` for these and the 4 extra;
            your own ``FILE.py:FUNCTION``; and those of ImageNet-C-bar, which ``corruption.root`` has to hold.
        severities: 1 (weak) to 5.
        prediction: predict the accuracy under each corruption from the input gradient's spectrum and the corruption's.
        filters: any of ``low-pass``, ``high-pass``, ``band-pass``.
        cutoffs: of the filters in cycles per image; empty is a grid for the images' size.
        shuffles: patches per side of shuffled images.
        noises: any of ``gaussian``, ``uniform``, ``salt-and-pepper``.
        noise_levels: standard deviation (Gaussian), half width (uniform) or share of pixels (salt and pepper).
        attacks: fixed-budget attacks, such as ``pgd`` the short ``cascade`` or ``autoattack``.
        norms: of these, and of ``minimal`` perturbations.
        eps_linf, eps_l2: their budgets, on the [0, 1] pixel scale.
        minimal: find each image's smallest adversarial perturbation.
        attack_images: at most this many images are attacked.
        metrics: your own numbers of each answer, ``FILE.py:FUNCTION``, on clean and corrupted images.
        heat_map: ask with one Fourier frequency after the other, and set that beside the input gradient.
        heat_map_images: at most this many images for it.
        heat_map_cycles: frequencies up to so many cycles/image in each direction; 0 is all of them for sides up to 64
            pixels, else 31 (a map of 63 x 63, as published).
        heat_map_l2: L2 norm of the added frequency in each channel; 0 is 4 for sides up to 64 pixels, else 15.7 (the
            published values of Yin et al. 2019).
        bands: ask about every coalition of frequency bands, which is up to 1,024 passes an image.
        band_images: at most this many images for it.
        band_fill: what takes the place of absent bands: ``zero``, or those of another image (``shuffle``).
    """

    name: str = "quick"
    corruptions: list[str] = field(default_factory=lambda: ["standard"])
    severities: list[int] = field(default_factory=lambda: [1, 3, 5])
    prediction: bool = True
    filters: list[str] = field(default_factory=lambda: list(FILTERS))
    cutoffs: list[float] = field(default_factory=list)
    shuffles: list[int] = field(default_factory=lambda: [2, 4, 8])
    noises: list[str] = field(default_factory=lambda: list(NOISES))
    noise_levels: list[float] = field(default_factory=lambda: [0.05, 0.1, 0.2])
    attacks: list[str] = field(default_factory=lambda: ["pgd"])
    norms: list[str] = field(default_factory=lambda: list(NORMS))
    eps_linf: list[float] = field(default_factory=lambda: [2 / 255, 8 / 255])
    eps_l2: list[float] = field(default_factory=lambda: [0.25, 0.5])
    minimal: bool = True
    attack_images: int = 64
    metrics: list[str] = field(default_factory=list)
    heat_map: bool = True
    heat_map_images: int = 16
    heat_map_cycles: int = 0
    heat_map_l2: float = 0.0
    bands: bool = False
    band_images: int = 32
    band_fill: str = "zero"

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_types(self, "suite.")
        self._check_own()
        require(bool(self.severities), "suite.severities=[]: give one of 1 to 5, or suite.corruptions=[] for none.")
        for severity in self.severities:
            require(severity in range(1, 6), f"suite.severities={self.severities}: a severity is 1, 2, 3, 4 or 5.")
        for name in self.filters:
            require_one_of("suite.filters", name, FILTERS)
        require(all(c > 0 for c in self.cutoffs), f"suite.cutoffs={self.cutoffs} must be positive, in cycles/image.")
        require(all(k >= 2 for k in self.shuffles), f"suite.shuffles={self.shuffles}: at least 2 patches a side.")
        for name in self.noises:
            require_one_of("suite.noises", name, NOISES)
        require(
            all(0 < level <= 1 for level in self.noise_levels),
            f"suite.noise_levels={self.noise_levels} must lie in (0, 1]: images are on the [0, 1] scale.",
        )
        for name in self.norms:
            require_one_of("suite.norms", name, NORMS)
        require(
            all(0 < eps <= 1 for eps in self.eps_linf),
            f"suite.eps_linf={self.eps_linf} must lie in (0, 1]: 8/255 of the pixel range is 0.0314.",
        )
        require(all(eps > 0 for eps in self.eps_l2), f"suite.eps_l2={self.eps_l2} must be positive.")
        require(self.attack_images >= 1, f"suite.attack_images={self.attack_images} must be at least 1.")
        require(self.heat_map_images >= 2, f"suite.heat_map_images={self.heat_map_images} must be at least 2.")
        require(self.heat_map_cycles >= 0, f"suite.heat_map_cycles={self.heat_map_cycles} must not be negative.")
        require(self.band_images >= 2, f"suite.band_images={self.band_images} must be at least 2.")
        require_one_of("suite.band_fill", self.band_fill, BAND_FILLS)
        require(self.heat_map_l2 >= 0, f"suite.heat_map_l2={self.heat_map_l2} must not be negative.")

    def _check_own(self) -> None:
        """Check names that may be the user's own."""
        for name in self.corruptions:
            require_known("suite.corruptions", name, (*COLLECTIVE, *CORRUPTIONS, *ONLY_READ), "corruptions")
        for name in self.attacks:
            require_known("suite.attacks", name, FIXED_BUDGET_ATTACKS, "attacks")
        for name in self.metrics:
            require_known("suite.metrics", name, (), "metrics")
        require_apart("suite.corruptions", self.corruptions, (*COLLECTIVE, *CORRUPTIONS, *ONLY_READ))
        require_apart("suite.attacks", self.attacks, ATTACKS)
        require_apart("suite.metrics", self.metrics, ())

    def corruption_names(self) -> list[str]:
        """Return the corruptions one by one, each once: built-in ones in the usual order, then the others."""
        asked = list(dict.fromkeys(name for given in self.corruptions for name in COLLECTIVE.get(given, (given,))))
        return [*(name for name in CORRUPTIONS if name in asked), *(name for name in asked if name not in CORRUPTIONS)]

    def eps_of(self, norm: str) -> list[float]:
        """Return the budgets in ``norm``."""
        return self.eps_linf if norm == "linf" else self.eps_l2


@dataclass(kw_only=True)
class CorruptionConfig:
    """How corrupted images are made.

    Attributes:
        root: folder in the layout of CIFAR-10-C, CIFAR-100-C or ImageNet-C to read them from; empty makes them here.
        table: constants for ``32`` or ``224`` pixels; ``auto`` goes by the images' size.
        frost_root: folder with the official frost pictures; empty draws ice crystals instead.
    """

    root: str = ""
    table: str = "auto"
    frost_root: str = ""

    def __post_init__(self) -> None:
        """Check the table's name."""
        require_types(self, "corruption.")
        require_one_of("corruption.table", self.table, ("auto", *TABLES))


@dataclass(kw_only=True)
class AttackEffort:
    """How hard attacks try.

    Attributes:
        steps: gradient evaluations of one start (queries, for ``square``); 0 takes each attack's own default.
        minimal_steps: of each search for a minimal perturbation; 0 takes its default.
        restarts: random starts of the attacks that have one.
        eot: forward and gradient passes averaged at each point, for models that are random; 1 is off.
    """

    steps: int = 10
    minimal_steps: int = 30
    restarts: int = 1
    eot: int = 1

    def __post_init__(self) -> None:
        """Check the ranges."""
        require_types(self, "attack.")
        for option, least in (("steps", 0), ("minimal_steps", 0), ("restarts", 1), ("eot", 1)):
            value = getattr(self, option)
            require(value >= least, f"attack.{option}={value} must be at least {least}.")

    def fixed(self, name: str, norm: str, eps: float) -> AttackConfig:
        """Return the settings of one attack within one budget."""
        record = record_of(name)
        if record.protocol:
            return AttackConfig(name=name, norm=norm, eps=eps)
        restarts = self.restarts if record.is_random else 1
        steps = 1 if name == "fgsm" else self.steps
        return AttackConfig(name=name, norm=norm, eps=eps, steps=steps, restarts=restarts, eot=self.eot)

    def minimal(self, norm: str) -> AttackConfig:
        """Return the settings of a search for minimal perturbations."""
        return AttackConfig(name="minimal", norm=norm, steps=self.minimal_steps, restarts=self.restarts, eot=self.eot)


@dataclass(kw_only=True)
class EvaluateConfig:
    """What is asked and how.

    Attributes:
        suite: the questions.
        corruption: how corrupted images are made or where they are read.
        attack: how hard attacks try.
        batch_size: images at a time.
        seed: of everything random.
    """

    suite: SuiteConfig = field(default_factory=SuiteConfig)
    corruption: CorruptionConfig = field(default_factory=CorruptionConfig)
    attack: AttackEffort = field(default_factory=AttackEffort)
    batch_size: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require_types(self)
        unmade = [name for name in self.suite.corruptions if name in ONLY_READ]
        require(
            not unmade or bool(self.corruption.root),
            f"suite.corruptions: {', '.join(unmade)} can only be read: give corruption.root=FOLDER of ImageNet-C-bar.",
        )
        require(self.batch_size >= 1, f"batch_size={self.batch_size} must be at least 1.")
        require_seed(self.seed)
