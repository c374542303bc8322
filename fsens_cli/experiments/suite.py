"""What does an evaluation ask a model? The suite's settings, and the parts and conditions that they amount to.

A condition is one way of changing the images; a part is a group of conditions that are computed and stored together.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fsens_cli.errors import require, require_one_of
from fsens_cli.perturb.attacks.config import ATTACKS, FIXED_BUDGET_ATTACKS, AttackConfig
from fsens_cli.perturb.corruptions import CORRUPTIONS, TABLES
from fsens_cli.perturb.corruptions.catalog import SMALLEST_SIDE
from fsens_cli.perturb.filters import FILTERS
from fsens_cli.perturb.noise import NOISES
from fsens_cli.typed import require_types

NORMS = ("linf", "l2")
BAND_FILLS = ("zero", "shuffle")

# What the two collective names of corruptions stand for.
STANDARD = tuple(name for name, c in CORRUPTIONS.items() if not c.extra)
COLLECTIVE = {"standard": STANDARD, "all": tuple(CORRUPTIONS)}


@dataclass(kw_only=True)
class SuiteConfig:
    """What is asked; an empty list leaves that question out.

    Attributes:
        name: of the suite.
        corruptions: names, ``standard`` for the 15 of Hendrycks and Dietterich, or ``all`` for these and the 4 extra.
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
    attack_images: int = 100
    heat_map: bool = True
    heat_map_images: int = 100
    heat_map_cycles: int = 0
    heat_map_l2: float = 0.0
    bands: bool = False
    band_images: int = 100
    band_fill: str = "zero"

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_types(self, "suite.")
        for name in self.corruptions:
            require_one_of("suite.corruptions", name, (*COLLECTIVE, *CORRUPTIONS))
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
        for name in self.attacks:
            require_one_of("suite.attacks", name, FIXED_BUDGET_ATTACKS)
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

    def corruption_names(self) -> list[str]:
        """Return the corruptions one by one, each once, in the usual order."""
        asked = {name for given in self.corruptions for name in COLLECTIVE.get(given, (given,))}
        return [name for name in CORRUPTIONS if name in asked]

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

    steps: int = 0
    minimal_steps: int = 0
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
        record = ATTACKS[name]
        if record.protocol:
            return AttackConfig(name=name, norm=norm, eps=eps)
        restarts = self.restarts if record.is_random else 1
        steps = 1 if name == "fgsm" else self.steps
        return AttackConfig(name=name, norm=norm, eps=eps, steps=steps, restarts=restarts, eot=self.eot)

    def minimal(self, norm: str) -> AttackConfig:
        """Return the settings of a search for minimal perturbations."""
        return AttackConfig(name="minimal", norm=norm, steps=self.minimal_steps, restarts=self.restarts, eot=self.eot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One way of changing the images.

    Attributes:
        kind: ``clean``, ``corruption``, ``filter``, ``shuffle``, ``noise`` or ``attack``.
        probe: the corruption, filter, noise or attack.
        group: ``low``, ``medium`` or ``high`` for corruptions, the norm for attacks.
        parameter: cutoff, lower edge of a band, patches a side, level or budget; NaN where there is none.
        upper: upper edge of a band; NaN elsewhere.
        unit: of both.
        severity: of a corruption, else 0.
    """

    kind: str
    probe: str
    group: str = ""
    parameter: float = float("nan")
    upper: float = float("nan")
    unit: str = ""
    severity: int = 0

    @property
    def label(self) -> str:
        """A short name, different for every condition of a suite."""
        if self.severity:
            return f"{self.probe}-{self.severity}"
        numbers = [f"{n:.6g}" for n in (self.parameter, self.upper) if n == n]
        return "-".join([self.probe, *([self.group] if self.kind == "attack" else []), *numbers])


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Conditions that are computed and stored together.

    Attributes:
        name: of the stored part.
        kind: decides how it is computed.
        conditions: empty for parts that yield something other than right or wrong answers.
        num_images: how many images it uses.
        norm: of a search for minimal perturbations.
    """

    name: str
    kind: str
    conditions: tuple[Condition, ...] = ()
    num_images: int
    norm: str = ""


def require_fit(suite: SuiteConfig, image_shape: tuple[int, int, int]) -> None:
    """Refuse questions that images of this shape (C, H, W) do not allow, before anything is computed.

    Raises:
        ConfigError: which setting, and what is allowed.
    """
    channels, height, width = image_shape
    shorter = min(height, width)
    for k in suite.shuffles:
        require(
            k <= shorter,
            f"suite.shuffles={suite.shuffles}: {height}x{width} images have at most {shorter} patches a side.",
        )
    require(
        not suite.corruption_names() or (channels in (1, 3) and shorter >= SMALLEST_SIDE),
        f"corruptions need gray or RGB images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, got {channels} "
        f"channels of {height}x{width}: give suite.corruptions=[].",
    )
    corner = shorter / math.sqrt(2)
    require(
        all(cutoff <= math.ceil(corner) for cutoff in suite.cutoffs),
        f"suite.cutoffs={suite.cutoffs}: {height}x{width} images have no frequency beyond {corner:.4g} cycles/image.",
    )
    require(
        suite.heat_map_cycles <= shorter // 2,
        f"suite.heat_map_cycles={suite.heat_map_cycles}: {height}x{width} images have {shorter // 2} at most.",
    )
    widest = math.sqrt(channels * height * width)
    if "l2" in suite.norms and suite.attacks:
        require(
            all(eps <= widest for eps in suite.eps_l2),
            f"suite.eps_l2={suite.eps_l2}: two {height}x{width} images in [0, 1] are at most {widest:.4g} apart.",
        )


def default_cutoffs(shorter_side: int) -> list[float]:
    """Return cutoffs from 2 cycles/image to Nyquist, about three an octave.

    >>> default_cutoffs(32)
    [2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0]
    """
    nyquist = shorter_side / 2
    grid = {round(nyquist * 2 ** (-k / 3)) for k in range(40)}
    return sorted(float(c) for c in grid if c >= 2)


def plan(suite: SuiteConfig, *, num_images: int, image_size: tuple[int, int]) -> list[Part]:
    """Return the parts of an evaluation of ``num_images`` images, the cheap ones first."""
    attacked = min(suite.attack_images, num_images)
    heat = min(suite.heat_map_images, num_images)
    parts = [
        Part(name="clean", kind="clean", conditions=(Condition(kind="clean", probe="clean"),), num_images=num_images)
    ]
    for kind, probe, conditions in _grouped(suite, min(image_size)):
        parts.append(Part(name=f"{kind}-{probe}", kind=kind, conditions=tuple(conditions), num_images=num_images))
    corruptions = tuple(c for part in parts for c in part.conditions if c.kind == "corruption")
    if suite.prediction and corruptions:
        parts.append(Part(name="prediction", kind="prediction", conditions=corruptions, num_images=num_images))
    for norm in suite.norms:
        for name in suite.attacks:
            for eps in suite.eps_of(norm):
                condition = Condition(kind="attack", probe=name, group=norm, parameter=eps, unit="pixel range")
                parts.append(
                    Part(name=f"attack-{condition.label}", kind="attack", conditions=(condition,), num_images=attacked)
                )
    if suite.minimal:
        parts += [Part(name=f"minimal-{norm}", kind="minimal", num_images=attacked, norm=norm) for norm in suite.norms]
    if suite.bands:
        parts.append(Part(name="bands", kind="bands", num_images=min(suite.band_images, num_images)))
    if suite.heat_map:
        parts += [Part(name=name, kind=name, num_images=heat) for name in ("gradient", "heat-map")]
    return parts


def _grouped(suite: SuiteConfig, shorter_side: int) -> Iterator[tuple[str, str, Sequence[Condition]]]:
    for name in suite.corruption_names():
        group = CORRUPTIONS[name].group
        yield (
            "corruption",
            name,
            [Condition(kind="corruption", probe=name, group=group, severity=s) for s in sorted(set(suite.severities))],
        )
    cutoffs = sorted(set(suite.cutoffs)) or default_cutoffs(shorter_side)
    for name in suite.filters:
        edges = zip([0.0, *cutoffs[:-1]], cutoffs, strict=True)
        pairs = edges if FILTERS[name].is_band else ((cutoff, float("nan")) for cutoff in cutoffs)
        yield (
            "filter",
            name,
            [Condition(kind="filter", probe=name, parameter=a, upper=b, unit="cycles/image") for a, b in pairs],
        )
    if suite.shuffles:
        yield (
            "shuffle",
            "patches",
            [
                Condition(kind="shuffle", probe="patches", parameter=float(k), unit="patches a side")
                for k in sorted(set(suite.shuffles))
            ],
        )
    for name in suite.noises:
        yield (
            "noise",
            name,
            [
                Condition(kind="noise", probe=name, parameter=level, unit="pixel range")
                for level in sorted(set(suite.noise_levels))
            ],
        )
