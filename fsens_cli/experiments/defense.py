"""A filter in front of a network: every number of the second paper for one strength of the filter.

Method: Li et al., PLoS Comput Biol 19(3) e1010932 (2023), with the checks of section "honest evaluation".
Shape letters: N images, C channels, H, W pixels.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from fsens_cli.data.images import ImageSet, sampled_rows, to_unit
from fsens_cli.experiments.defense_checks import Check, Subject, not_run, run_checks
from fsens_cli.experiments.defense_settings import DefenseConfig
from fsens_cli.experiments.evaluate import evaluate
from fsens_cli.experiments.evaluate_settings import EvaluateConfig
from fsens_cli.experiments.evaluate_shared import PartRecorder
from fsens_cli.experiments.evaluation import EvaluateResult
from fsens_cli.experiments.hybrid_probe import hybrid_probe
from fsens_cli.experiments.hybrid_settings import HybridConfig
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.models.classifier import Classifier, device_of, held_still
from fsens_cli.models.front_end import GaussianBlur
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.chance import NOT_TOLD
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.medians import median

Piece = TypeVar("Piece")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Which frequencies a model listens to, by both measures.

    ``f_rev`` is in Nyquist units, infinite where the curve does not cross, NaN where the accuracy cannot be told from
    chance; shares are of the input gradient.
    """

    f_rev: float
    f_rev_low: float
    f_rev_high: float
    f_rev_status: str
    band_names: tuple[str, ...]
    band_shares: tuple[Interval, ...]
    centroid: Interval


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DefenseRow(ShortRepr):
    """Everything about one strength of the filter; a control is one at test time beside trained ones."""

    strength: float
    label: str
    evaluation: EvaluateResult
    preference: Preference
    checks: tuple[Check, ...]
    is_control: bool = False

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that do not hold."""
        return tuple(c.name for c in self.checks if c.passed is False)

    @property
    def is_reliable(self) -> bool:
        """Whether every check was run and holds: one that could not be run vouches for nothing."""
        return all(c.passed for c in self.checks)

    @property
    def not_run(self) -> tuple[str, ...]:
        """Names of the checks that could not be run."""
        return tuple(c.name for c in self.checks if c.passed is None)


class RowRecorder(Protocol):
    """Keeps the pieces of one row."""

    @property
    def parts(self) -> PartRecorder:
        """For the parts of the evaluation."""

    def load_piece(self, name: str) -> object:
        """Return a kept piece, or None."""

    def save_piece(self, name: str, content: object) -> None:
        """Keep a piece of plain numbers and words."""


Progress = Callable[[str, int, int], None]


def with_front_end(classifier: Classifier, front_end: nn.Module | None) -> Classifier:
    """Return a classifier of the same network and normalisation behind another filter; nothing is copied."""
    other = Classifier(
        classifier.module,
        name=classifier.name,
        num_classes=classifier.num_classes,
        mean=classifier.mean.flatten().tolist(),
        std=classifier.std.flatten().tolist(),
        front_end=front_end,
    )
    return other.to(device_of(classifier))


def defend(
    classifier: Classifier,
    images: ImageSet,
    config: DefenseConfig,
    recorder: RowRecorder,
    *,
    strength: float,
    undefended: Classifier | None,
    is_control: bool = False,
    on_progress: Progress = lambda name, done, total: None,
) -> DefenseRow:
    """Ask everything about one classifier with its filter.

    Args:
        classifier: the network behind its filter.
        images: the same ones for every strength.
        config: settings.
        recorder: keeps finished pieces.
        strength: of the filter; 0 is none.
        is_control: whether the filter is put at test time before a network that was trained without it, beside others.
        undefended: the classifier without a filter, to make images that may transfer; None for that one itself.
        on_progress: as for `evaluate`.
    """
    asked = EvaluateConfig(
        suite=config.suite,
        corruption=config.corruption,
        attack=config.attack,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    evaluation = evaluate(classifier, images, asked, recorder=recorder.parts, on_progress=on_progress)
    on_progress("preference", 0, 0)
    preference = _kept(
        recorder, "preference", _preference_from, lambda: asdict(_preference(classifier, images, config))
    )
    on_progress("checks", 0, 0)
    checks = _kept(
        recorder,
        "checks",
        _checks_from,
        lambda: [asdict(c) for c in _checks(classifier, images, config, evaluation, strength, undefended)],
    )
    return DefenseRow(
        strength=strength,
        label=row_label(config, strength, is_control=is_control),
        is_control=is_control,
        evaluation=evaluation,
        preference=preference,
        checks=checks,
    )


def row_label(config: DefenseConfig, strength: float, *, is_control: bool) -> str:
    """Return the name of a row, different for every row of one defence."""
    return config.front_end(strength).label + (" at test time" if is_control else "")


def _kept(recorder: RowRecorder, name: str, read: Callable[[Any], Piece], compute: Callable[[], object]) -> Piece:
    """Return a kept piece; what is missing, or is none, is computed and kept."""
    with suppress(TypeError, ValueError, LookupError):
        return read(recorder.load_piece(name))
    content = compute()
    recorder.save_piece(name, content)
    return read(content)


def _preference(classifier: Classifier, images: ImageSet, config: DefenseConfig) -> Preference:
    hybrid = hybrid_probe(
        classifier,
        images,
        config=HybridConfig(
            pairings=config.pairings,
            batch_size=config.batch_size,
            seed=config.seed,
        ),
    )
    measured = measure(
        classifier,
        images.batches(config.batch_size, device_of(classifier)),
        MeasureConfig(batch_size=config.batch_size, seed=config.seed),
        index_N=images.index_N,
    )
    return Preference(
        f_rev=hybrid.f_rev.nyquist,
        f_rev_low=hybrid.f_rev.low,
        f_rev_high=hybrid.f_rev.high,
        f_rev_status=hybrid.f_rev.status,
        band_names=tuple(b.band.name for b in measured.bands),
        band_shares=tuple(b.share for b in measured.bands),
        centroid=measured.centroid,
    )


def _checks_from(content: object) -> tuple[Check, ...]:
    if not isinstance(content, list):
        raise TypeError("checks are a list")
    return tuple(Check(**check) for check in content)


def _preference_from(content: dict[str, Any]) -> Preference:
    shares = tuple(Interval(**share) for share in content["band_shares"])
    return Preference(
        **content
        | {
            "band_names": tuple(content["band_names"]),
            "band_shares": shares,
            "centroid": Interval(**content["centroid"]),
        }
    )


def _checks(
    classifier: Classifier,
    images: ImageSet,
    config: DefenseConfig,
    evaluation: EvaluateResult,
    strength: float,
    undefended: Classifier | None,
) -> Sequence[Check]:
    blurs = config.defense in ("blur", "random-blur") and strength > 0
    if not evaluation.told_from_chance:
        return not_run(f"not run: accuracy {NOT_TOLD}", transfer=undefended is not None, low_pass=blurs)
    sizes = {p.part.norm: p for p in evaluation.of_kind("minimal")}
    # Both searches have seen the same images in the same order.
    right = torch.nonzero(sizes["linf"].size_N > 0).flatten()
    right = right[sampled_rows(len(right), config.checks.images, config.seed)]
    place = {index: row for row, index in enumerate(images.index_N.tolist())}
    chosen = images.select(torch.tensor([place[i] for i in sizes["linf"].index_N[right].tolist()], dtype=torch.long))
    device = device_of(classifier)
    white, eps = {}, {}
    for norm, part in sizes.items():
        size_N = part.size_N[right]
        found_N = size_N[size_N.isfinite()]
        # Where no perturbation was found, a budget of the same norm: another attack may find some.
        eps[norm] = median(found_N) if len(found_N) else max(config.suite.eps_of(norm), default=math.nan)
        white[norm] = (size_N > eps[norm]).to(device)
    subject = Subject(
        model=classifier,
        images_NCHW=to_unit(chosen.images_NCHW.to(device)),
        label_N=chosen.label_N.to(device),
        eps_linf=min(eps["linf"], 1.0),
        eps_l2=eps["l2"],
        white_linf=white["linf"],
        white_l2=white["l2"],
        eot=config.attack.eot,
    )
    low_pass = GaussianBlur(strength).to(device) if blurs else None
    with held_still(classifier):
        if undefended is None:
            return run_checks(subject, config.checks, seed=config.seed, undefended=None, low_pass=low_pass)
        with held_still(undefended):
            return run_checks(subject, config.checks, seed=config.seed, undefended=undefended, low_pass=low_pass)


def as_trained(config: DefenseConfig, strengths: Sequence[float]) -> DefenseConfig:
    """Return the configuration with the strengths that given trainings have."""
    if config.defense == "pca":
        return replace(config, components=[int(s) for s in strengths])
    return replace(config, sigmas=list(strengths))
