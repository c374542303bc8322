"""Verdicts: each claims no more than its interval carries."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fsens_cli.experiments.defense_findings import verdict_on_sizes
from fsens_cli.experiments.evaluate_findings import verdict_on_harm
from fsens_cli.experiments.hybrid_curve import Reversal
from fsens_cli.experiments.hybrid_findings import verdict_on_reversal
from fsens_cli.experiments.layers_findings import verdict_on_gains
from fsens_cli.experiments.measure_findings import verdict_on_bands
from fsens_cli.experiments.measure_result import BandShare
from fsens_cli.experiments.quantities import Quantity, quantity, sample
from fsens_cli.fourier.bands import Band
from fsens_cli.statistics.intervals import Interval


def bands(high: float, within: float, low: float = 0.0) -> list[BandShare]:
    """Return shares as of 32 pixels a side, where white noise has 0.66 in the high band."""
    shares = (low, 1 - low - high, high)
    edges = (Band("low", 1, 5), Band("mid", 6, 10), Band("high", 11, 23))
    whites = (0.09, 0.25, 0.66)
    return [
        BandShare(e, Interval(s, s - within, s + within, 100), w) for e, s, w in zip(edges, shares, whites, strict=True)
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (bands(0.91, 0.01), "listens to high frequencies: 91 % of its sensitivity lies above 10 c/image"),
        (bands(0.66, 0.02), "does not prefer high frequencies: 66 % [64, 68] of its sensitivity lies above 10 c/image, "
         "no more than of white noise (66 %); against white noise it prefers mid frequencies, 1.4 times their share"),
        (bands(0.60, 0.02), "does not prefer high frequencies: 60 % [58, 62] of its sensitivity lies above 10 c/image, "
         "less than of white noise (66 %); against white noise it prefers mid frequencies, 1.6 times their share"),
        (bands(0.10, 0.05, 0.52), "may listen to low frequencies: 52 % [47, 57] of its sensitivity lies at 5 c/image "
         "and below"),
        (bands(0.91, math.nan), "no verdict on one image: 91 % of its sensitivity lies above 10 c/image"),
        (bands(0.46, 0.01, 0.06), "listens to no band alone: low 6 %, mid 48 %, high 46 %; against white noise it "
         "prefers mid frequencies, 1.9 times their share"),
        (bands(0.40, 0.05, 0.30), "listens to no band alone: low 30 %, mid 30 %, high 40 %; against white noise it "
         "prefers low frequencies, 3.3 times their share"),
        (bands(0.70, 0.10, 0.06), "does not prefer high frequencies: 70 % [60, 80] of its sensitivity lies above 10 "
         "c/image, no more than of white noise (66 %)"),
        (bands(0.10, 0.05, 0.10), "listens to mid frequencies: 80 % of its sensitivity lies between 6 and 10 c/image"),
    ],
)  # fmt: skip
def test_a_band_is_named_where_more_than_half_and_more_than_white_is_certain(found: list[BandShare], said: str) -> None:
    assert verdict_on_bands(found) == said


@pytest.mark.parametrize(
    ("f_rev", "said"),
    [
        ((0.85, 0.83, 0.87), "high frequencies decide: in hybrids what lies above the cut wins, for cuts up "
         "to 13.6 c/image"),
        ((0.85, 0.60, 0.87), "neither end decides alone: low and high frequencies weigh the same at a cut "
         "of 13.6 c/image"),
        ((0.25, 0.20, 0.30), "low frequencies decide: in hybrids what lies below the cut wins, for cuts "
         "from 4.0 c/image"),
        ((0.25, -math.inf, 0.40), "neither end decides alone: low and high frequencies weigh the same at a "
         "cut of 4.0 c/image"),
        ((math.inf, math.inf, math.inf), "high frequencies decide: in hybrids what lies above the cut wins, "
         "at every cut up to 16 c/image"),
        ((math.nan, math.nan, math.nan), "no verdict: accuracy is not told from chance"),
    ],
)  # fmt: skip
def test_an_end_decides_where_the_whole_interval_lies_in_its_band(f_rev: tuple[float, float, float], said: str) -> None:
    found = Reversal(**dict(zip(("nyquist", "low", "high"), f_rev, strict=True)), num_images=9)
    assert verdict_on_reversal(found, [0.0, 0.5, 1.0], 32) == said


def gain(name: str, value: float, within: float) -> Any:
    row = Interval(value, value - within, value + within, 9)
    return SimpleNamespace(gain=row, table=SimpleNamespace(tap=SimpleNamespace(name=name)))


def test_only_gains_whose_interval_leaves_out_zero_are_named() -> None:
    rows = [SimpleNamespace(gain=None), gain("stem", 9.0, 10.0), gain("one", 2.0, 1.0), gain("two", -1.0, 0.5)]
    said = verdict_on_gains(rows)
    assert said == "high frequencies gain most against low ones in one, +2.0 dB [+1.0, +3.0], and lose most in two, " \
        "-1.0 dB [-1.5, -0.5]"  # fmt: skip
    assert verdict_on_gains(rows[:2]).startswith("no step between two states")
    assert verdict_on_gains(rows[3:]).startswith("high frequencies lose most against low ones in two")


def harmed(groups: dict[str, tuple[float, float]], clean: float = 0.99) -> Any:
    rows = [
        SimpleNamespace(group=g, accuracy=Interval(v, v - w, v + w, 99), drop=Interval(clean - v, clean - v - w, 1, 9))
        for g, (v, w) in groups.items()
    ]
    return SimpleNamespace(
        accuracy=Interval(clean, clean - 0.02, 1, 99), num_classes=10, groups=lambda: rows, minimal=list, rows=list
    )


def test_the_worst_corruptions_are_named_where_no_others_may_be_as_bad() -> None:
    apart = harmed({"low": (0.8, 0.05), "high": (0.5, 0.05), "all": (0.65, 0.05)})
    assert verdict_on_harm(apart) == "hurt most by high-frequency corruptions: 50.0 % right, 99.0 % without"
    close = harmed({"low": (0.55, 0.05), "high": (0.5, 0.05), "all": (0.52, 0.05)})
    assert verdict_on_harm(close) == "hurt by corruptions: 52.0 % right, 99.0 % without"
    none = harmed({"low": (0.98, 0.05), "high": (0.98, 0.05), "all": (0.98, 0.05)})
    assert verdict_on_harm(none) == "no harm by corruptions that 99 images show: 98.0 % right"
    assert verdict_on_harm(harmed({}, clean=0.1)).startswith("no verdict: accuracy")
    assert verdict_on_harm(harmed({})) == "right on 99.0 % [97.0, 100.0] of unchanged images"


def behind(strength: float, label: str, *, checked: bool = True) -> Any:
    evaluation = SimpleNamespace(accuracy=Interval(0.9, 0.8, 1.0, 40), num_classes=10)
    return SimpleNamespace(
        strength=strength, label=label, is_control=False, failed=False, is_reliable=checked, evaluation=evaluation
    )


def sizes_of(label: str, size_N: torch.Tensor) -> Quantity:
    median = float(size_N.median())
    return quantity(
        Interval(median, median, median, len(size_N)),
        "median-linf", "median size, L-inf", group=label, unit="1/255", scale=255.0, digits=2,
        sample=sample("median", torch.arange(len(size_N)), size_N),
    )  # fmt: skip


def test_a_filter_defends_where_image_by_image_the_changes_get_larger() -> None:
    base_N = torch.linspace(0.01, 0.03, 41, dtype=torch.float64)
    rows = [behind(0, "none"), behind(1.5, "blur 1.5")]
    mode: Any = SimpleNamespace(mode="trained")

    def said(factor_N: torch.Tensor | float, rows: list[Any] = rows) -> str:
        return verdict_on_sizes(rows, mode, [sizes_of("none", base_N), sizes_of("blur 1.5", base_N * factor_N)])

    assert said(2.0) == (
        "defends: trained through blur 1.5 it withstands changes 2.00 times as large (10.20 instead of 5.10/255), "
        "clean accuracy 90.0 % instead of 90.0 %"
    )
    assert said(0.5).startswith("does not defend: trained through blur 1.5 smaller changes fool it, -2.55")
    assert said(1 + 0.5 * (-1.0) ** torch.arange(41)).startswith("no defence shown")
    unchecked = [rows[0], behind(1.5, "blur 1.5", checked=False)]
    assert said(2.0, unchecked).startswith("no verdict")
    assert said(2.0, rows[:1]).startswith("no verdict")
