"""Shapley importance of frequency bands: what a model's answer owes to each band of its images.

A coalition of bands is an image that keeps them; the other bands are taken out, or come from another image. Every image
is asked about in all coalitions, so class profiles and intervals cost nothing more. After Lin et al., *I-ASIDE*
(arXiv 2408.01139), without their rescaling, which loses that the values add up.

Shape letters: N images, B bands, S coalitions, V values (`VALUES`), C channels, H, W pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.data.images import to_unit
from fsens_cli.errors import ModelError
from fsens_cli.experiments.evaluate_shared import Setting
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.right_answers import right_answers
from fsens_cli.experiments.suite import Part
from fsens_cli.fourier.octaves import BandSet, bands_of, split_into_bands
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.intervals import Interval, mean_intervals
from fsens_cli.statistics.shapley import (
    MOST_EXACT,
    CoalitionPlan,
    exact_plan,
    first_and_last,
    low_frequency_score,
    sampled_plan,
    shifted_shares,
)

VALUES = ("logprob", "accuracy", "margin")
# Values of single-precision networks that differ by less, of 1 or of their size, differ by rounding.
ROUNDING = 1e-5
NUM_PAIRS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRow:
    """What one band adds to one value, mean over images.

    Attributes:
        band, centre: its radii, and its frequency in cycles/image.
        shapley: over all orders in which bands may be added.
        first: to an image without any band; last: to one that has all others. First above last: others tell the same.
        per_cell: Shapley value over the band's number of cells.
        psi: the published share of I-ASIDE.
        drawn_error: standard error from drawing orders, 0 for exact values.
    """

    value: str
    band: str
    centre: float
    shapley: Interval
    first: Interval
    last: Interval
    per_cell: float
    psi: float
    drawn_error: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BandImportance(ShortRepr):
    """What the bands add to one value.

    Attributes:
        rows: one a band.
        none, full: the value without any band and with all.
        score: the published score of I-ASIDE, on these bands; meant for log-probabilities.
        phi_NB: Shapley values of every image.
        share_B: of the bands, where no value is negative.
    """

    value: str
    rows: tuple[BandRow, ...]
    none: Interval
    full: Interval
    score: float
    phi_NB: Tensor

    @property
    def share_B(self) -> Tensor | None:
        """Shares of the bands; None where one takes away from the value."""
        mean_B = self.phi_NB.mean(dim=0)
        # What rounding leaves of a band that adds nothing may be below 0.
        if bool((mean_B < -1e-9 * mean_B.abs().max()).any()) or float(mean_B.sum()) <= 0:
            return None
        kept_B = mean_B.clamp_min(0)
        return kept_B / kept_B.sum()


def plan_for(bands: BandSet, seed: int) -> CoalitionPlan:
    """Return all coalitions of up to ten bands, else those along 200 pairs of random orders."""
    count = len(bands.bands)
    return exact_plan(count) if count <= MOST_EXACT else sampled_plan(count, num_pairs=NUM_PAIRS, seed=seed)


def band_values(part: Part, setting: Setting) -> PartResult:
    """Ask about every coalition of bands of every image: log-probability, accuracy and margin of the label."""
    images = setting.chosen(part)
    height, width = images.images_NCHW.shape[-2:]
    bands = bands_of((height, width))
    plan = plan_for(bands, setting.seed)
    partner_N = _partners(len(images), setting.seed)
    found, start = [], 0
    with torch.no_grad():
        for batch, labels, _ in setting.batches(images):
            rows = slice(start, start + len(labels))
            start += len(labels)
            kept = split_into_bands(batch, bands)
            filled = torch.zeros_like(kept)
            if setting.band_fill == "shuffle":
                others = to_unit(images.images_NCHW[partner_N[rows]].to(batch.device))
                filled = split_into_bands(others, bands)
            found.append(_ask(setting, batch, labels, kept, filled, plan))
    return PartResult(
        part=part, index_N=images.index_N, label_N=images.label_N, value_NSV=torch.cat(found), seed=setting.seed
    )


def _partners(num_images: int, seed: int) -> Tensor:
    """Return another image for each, the next one in a random round."""
    order = torch.randperm(num_images, generator=torch.Generator().manual_seed(seed))
    partner = torch.empty_like(order)
    partner[order] = order.roll(-1)
    return partner


def _ask(
    setting: Setting, batch: Tensor, labels: Tensor, kept_NBCHW: Tensor, filled_NBCHW: Tensor, plan: CoalitionPlan
) -> Tensor:
    """Return the values of all coalitions of a batch, shape (N, S, V), float64, on the CPU."""
    # The constant and all that fills; bands then change from filled to kept.
    base = batch.mean(dim=(-2, -1), keepdim=True) + filled_NBCHW.sum(dim=1)
    change = kept_NBCHW - filled_NBCHW
    columns = []
    for members_SB in _blocks(plan, len(batch), setting.batch_size):
        mixed = torch.matmul(members_SB.to(batch), change.flatten(2)).unflatten(2, batch.shape[1:])
        shown = mixed.add_(base[:, None])
        columns.append(_values(setting, shown.flatten(0, 1), labels.repeat_interleave(len(members_SB)), len(batch)))
    return torch.cat(columns, dim=1)


def _blocks(plan: CoalitionPlan, num_images: int, batch_size: int) -> Iterator[Tensor]:
    """Yield coalitions so that images times coalitions are about one batch."""
    yield from plan.members().split(max(1, batch_size // num_images))


def _values(setting: Setting, shown: Tensor, labels: Tensor, num_images: int) -> Tensor:
    logits = setting.classifier(shown).double()
    right = right_answers(logits, labels, shown="images of few bands").double()
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], float("-inf")).amax(dim=1)
    values = torch.stack([own - logits.logsumexp(dim=1), right, own - others], dim=1)
    if not bool(values.isfinite().all()):
        raise ModelError("the model masks out an image's own class, or every other one: its logit there is -inf.")
    return values.reshape(num_images, -1, len(VALUES)).cpu()


def importance(result: PartResult, image_size: tuple[int, int], value: str = "logprob") -> BandImportance:
    """Return what each band adds to ``value``, with intervals over images."""
    bands = bands_of(image_size)
    plan = plan_for(bands, result.seed)
    value_NS = _without_rounding(result.value_NSV[..., VALUES.index(value)].double())
    # The weights of a band add up to 0: less the value without bands, equal values give exactly that.
    phi_NB = (value_NS - value_NS[:, :1]) @ plan.weight_SM
    first_NB, last_NB = first_and_last(plan, value_NS)
    ends = (0.0, 1.0) if value == "accuracy" else None
    none, full = mean_intervals(value_NS[:, [0, -1]], ends)
    psi = shifted_shares(phi_NB.mean(dim=0)).tolist()
    error = plan.standard_error(value_NS.mean(dim=0)).tolist()
    triples = zip(*(mean_intervals(each, None) for each in (phi_NB, first_NB, last_NB)), strict=True)
    return BandImportance(
        value=value,
        rows=tuple(
            BandRow(
                value=value,
                band=bands.names[b],
                centre=bands.centres[b],
                shapley=shapley,
                first=first,
                last=last,
                per_cell=shapley.value / bands.cells[b],
                psi=psi[b],
                drawn_error=error[b],
            )
            for b, (shapley, first, last) in enumerate(triples)
        ),
        none=none,
        full=full,
        score=low_frequency_score(phi_NB.mean(dim=0)),
        phi_NB=phi_NB,
    )


def _without_rounding(value_NS: Tensor) -> Tensor:
    """Return the values, or those of no band for all, where no subset of the bands changes more than rounding does."""
    none_N1 = value_NS[:, :1]
    change, size = float((value_NS - none_N1).abs().amax()), float(value_NS.abs().amax())
    return none_N1.expand_as(value_NS) if change <= ROUNDING * max(size, 1.0) else value_NS


def by_class(found: BandImportance, label_N: Tensor) -> list[tuple[int, list[Interval]]]:
    """Return the Shapley values of the bands for each class that has images."""
    return [(int(label), mean_intervals(found.phi_NB[label_N == label], None)) for label in label_N.unique(sorted=True)]
