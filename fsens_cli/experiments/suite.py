"""The suite's settings, and the parts and conditions that they amount to.

A condition is one way of changing the images; a part is a group of conditions that are computed and stored together.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fsens_cli.errors import require
from fsens_cli.experiments.evaluate_settings import SuiteConfig
from fsens_cli.guest.hooks import short_name
from fsens_cli.perturb.catalog import FILTERS
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS, SMALLEST_SIDE

# The group of corruptions that no publication has put into one.
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One way of changing the images.

    Attributes:
        kind: ``clean``, ``corruption``, ``filter``, ``shuffle``, ``noise`` or ``attack``.
        probe: the corruption, filter, noise or attack.
        group: ``low``, ``medium``, ``high`` or ``other`` for corruptions, the norm for attacks.
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
                condition = Condition(
                    kind="attack", probe=short_name(name), group=norm, parameter=eps, unit="pixel range"
                )
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
        group = CORRUPTIONS[name].group if name in CORRUPTIONS else OTHER
        probe = short_name(name)
        yield (
            "corruption",
            probe,
            [Condition(kind="corruption", probe=probe, group=group, severity=s) for s in sorted(set(suite.severities))],
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
