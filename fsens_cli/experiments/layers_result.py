"""Settings and result of spectra by depth: for each state of a network its power over radii, and what follows.

Shape letters: N images, K radial bins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.experiments.layers_settings import LayersConfig
from fsens_cli.fourier.bands import frequency_bands
from fsens_cli.fourier.bins import RadialBins, fourier_bins
from fsens_cli.fourier.features import band_energy
from fsens_cli.models.taps import Tap
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.intervals import Interval, mean_bounds, mean_intervals

SMALLEST_GRID = 8  # below it a ratio of bands says little


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LayerTable(ShortRepr):
    """What was measured of one state, image by image.

    Attributes:
        tap: which state.
        energy_NK: power in each radial bin of the map, mean over channels, float64; bin 0 is the constant.
        gradient_NK: share of the gradient's power in each bin, rows sum to 1; empty where it was not asked for.
        num_dead: channels that are constant on every image.
        published_K: log amplitude by the published definition, relative to its first entry; empty likewise.
    """

    tap: Tap
    energy_NK: Tensor
    gradient_NK: Tensor
    num_dead: int
    published_K: Tensor

    @property
    def bins(self) -> RadialBins:
        """The radial bins of the map."""
        return fourier_bins(*self.tap.grid)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LayerRow(ShortRepr):
    """The numbers of one state; None where there is none.

    Attributes:
        depth: 0 for the first state, 1 for the last one.
        dc_share: of all power.
        own: shares of low, mid and high without the constant, edges N/6 and N/3 of the map.
        image: the same with the edges of the image, where the map reaches beyond them.
        ratio: mean power per cell in the map's high band over that in its low one, dB, mean over images.
        gain: the ratio less that of the state before.
        gradient: shares of the gradient's power in the bands of the image; gradient_own in those of the map.
        num_constant: images on which the map is constant: they count in no share.
        power_K: mean power per cell at each radius, with its interval.
        log_to_dc_K, log_to_one_K: ln of the root mean square amplitude relative to the constant, and to r = 1.
    """

    table: LayerTable
    depth: float
    dc_share: Interval
    own: tuple[Interval, ...] | None
    image: tuple[Interval, ...] | None
    ratio: Interval | None
    gain: Interval | None
    gradient: tuple[Interval, ...] | None
    gradient_own: tuple[Interval, ...] | None
    num_constant: int
    power_K: Tensor
    power_low_K: Tensor
    power_high_K: Tensor
    log_to_dc_K: Tensor
    log_to_one_K: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LayersResult(ShortRepr):
    """Spectra of a network's states over depth.

    Attributes:
        rows: one a state, in order of depth.
        edges: last radii of the image's low and mid band, cycles/image.
        accuracy: on the same images.
    """

    config: LayersConfig
    rows: tuple[LayerRow, ...]
    image_size: tuple[int, int]
    edges: tuple[int, int]
    index_N: Tensor
    label_N: Tensor
    correct_N: Tensor
    num_classes: int
    accuracy: Interval
    warnings: tuple[str, ...]


def image_edges(size: tuple[int, int]) -> tuple[int, int]:
    """Return the last radii of the image's low and mid band.

    >>> image_edges((32, 32))
    (5, 10)
    """
    low, mid, _ = frequency_bands(fourier_bins(*size))
    return low.last, mid.last


def ratio_db(energy_NK: Tensor, bins: RadialBins) -> Tensor | None:
    """Return high over low of the map's own bands in power per cell, dB, shape (N,); NaN where a map is constant.

    None for maps under 8 places a side.
    """
    if bins.shorter_side < SMALLEST_GRID:
        return None
    energy = band_energy(energy_NK, bins)
    cells = band_energy(bins.cells_K[None].double(), bins)
    assert energy is not None, "8 places have three bands"
    assert cells is not None, "as above"
    density = energy / cells
    db: Tensor = 10 * torch.log10(density[:, 2] / density[:, 0])
    return torch.where((density[:, 0] > 0) & (density[:, 2] > 0), db, torch.nan)


def layer_rows(tables: Sequence[LayerTable], edges: tuple[int, int]) -> tuple[LayerRow, ...]:
    """Return the numbers of every state, with intervals over images."""
    rows = []
    before: Tensor | None = None
    for place, table in enumerate(tables):
        ratio_N = ratio_db(table.energy_NK, table.bins)
        gain_N = None if ratio_N is None or before is None else ratio_N - before
        rows.append(_row(table, place / max(1, len(tables) - 1), ratio_N, gain_N, edges))
        before = ratio_N
    return tuple(rows)


def _row(
    table: LayerTable,
    depth: float,
    ratio_N: Tensor | None,
    gain_N: Tensor | None,
    edges: tuple[int, int],
) -> LayerRow:
    energy_NK, bins = table.energy_NK, table.bins
    total_N = energy_NK.sum(dim=1)
    # What rounding leaves of a constant map is no spectrum.
    varies_N = energy_NK[:, 1:].sum(dim=1) > 1e-12 * total_N
    power_NK = energy_NK / bins.cells_K.clamp_min(1)
    low_K, high_K = mean_bounds(power_NK, None)
    log_K = 0.5 * power_NK.mean(dim=0).clamp_min(1e-300).log()
    dc_N = torch.where(total_N > 0, energy_NK[:, 0] / total_N.clamp_min(1e-300), 1.0)
    (dc_share,) = mean_intervals(dc_N[:, None])
    return LayerRow(
        table=table,
        depth=depth,
        dc_share=dc_share,
        own=_shares(energy_NK[varies_N], bins, None),
        image=_shares(energy_NK[varies_N], bins, edges),
        ratio=_finite_mean(ratio_N),
        gain=_finite_mean(gain_N),
        gradient=_shares(table.gradient_NK, bins, edges),
        gradient_own=_shares(table.gradient_NK, bins, None),
        num_constant=int((~varies_N).sum()),
        power_K=power_NK.mean(dim=0),
        power_low_K=low_K.clamp_min(0),
        power_high_K=high_K,
        log_to_dc_K=log_K - log_K[0],
        log_to_one_K=log_K - log_K[min(1, len(log_K) - 1)],
    )


def _shares(energy_NK: Tensor, bins: RadialBins, edges: tuple[int, int] | None) -> tuple[Interval, ...] | None:
    energy = band_energy(energy_NK, bins, edges) if len(energy_NK) else None
    if energy is None:
        return None
    kept = energy[energy.sum(dim=1) > 0]
    if not len(kept):
        return None
    return tuple(mean_intervals(kept / kept.sum(dim=1, keepdim=True)))


def _finite_mean(value_N: Tensor | None) -> Interval | None:
    if value_N is None:
        return None
    kept = value_N[value_N.isfinite()]
    return mean_intervals(kept[:, None], None)[0] if len(kept) else None


def layer_warnings(rows: Sequence[LayerRow]) -> tuple[str, ...]:
    """Return what a reader should know of these states."""
    found = []
    for row in rows:
        name, tap = row.table.tap.name, row.table.tap
        if row.num_constant:
            found.append(f"{name} is constant on {row.num_constant} images: they count in no share.")
        if row.table.num_dead:
            found.append(f"{row.table.num_dead} of {tap.channels} channels of {name} are constant on every image.")
    small = [r.table.tap.name for r in rows if min(r.table.tap.grid) < SMALLEST_GRID]
    if small:
        names = ", ".join(small) if len(small) <= 3 else f"{small[0]} to {small[-1]}"
        found.append(f"maps under {SMALLEST_GRID}x{SMALLEST_GRID} have shares but no ratio: {names}.")
    return tuple(found)
