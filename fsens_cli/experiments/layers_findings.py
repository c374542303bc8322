"""Headline numbers, warnings and plot lines of spectra by depth."""

from collections.abc import Sequence

from fsens_cli.experiments.layers_result import LayerRow, LayersResult, ratio_db
from fsens_cli.experiments.layers_settings import LayersConfig
from fsens_cli.experiments.quantities import Findings, Line, Quantity, quantity, sample
from fsens_cli.statistics.chance import chance_warnings

MUST_AGREE = ("layers", "procedure", "gradient", "target", "layout")
BANDS = ("low", "mid", "high")


def layers_findings(result: LayersResult) -> Findings:
    """Return what spectra by depth say."""
    right = sample("proportion", result.index_N, result.correct_N)
    found = [quantity(result.accuracy, "accuracy", "accuracy", sample=right)]
    for row in result.rows:
        found += _quantities(row, result, leading=row is last_with_ratio(result.rows))
    return Findings(
        verdict=verdict_on_gains(result.rows),
        quantities=tuple(found),
        warnings=(*chance_warnings(result.accuracy, result.num_classes), *result.warnings),
        lines=tuple(_lines(result.rows)),
        asked=asked_of(result.config),
    )


def verdict_on_gains(rows: Sequence[LayerRow]) -> str:
    """Say where high frequencies gain most against low ones, and where they lose most."""
    sure = [(row, row.gain) for row in rows if row.gain is not None and (row.gain.low > 0 or row.gain.high < 0)]
    if not sure:
        return "no step between two states changes high against low frequencies by more than chance"
    said: list[str] = []
    for word, (row, gain) in (
        ("gain", max(sure, key=lambda pair: pair[1].value)),
        ("lose", min(sure, key=lambda pair: pair[1].value)),
    ):
        if (gain.value > 0) == (word == "gain"):
            whom = "" if said else " against low ones"
            said.append(
                f"{word} most{whom} in {row.table.tap.name}, {gain.value:+.1f} dB [{gain.low:+.1f}, {gain.high:+.1f}]"
            )
    return f"high frequencies {', and '.join(said)}"


def asked_of(config: LayersConfig) -> dict[str, str]:
    """Return the settings that must agree before two results answer one question."""
    return {name: str(getattr(config, name)) for name in MUST_AGREE}


def last_with_ratio(rows: Sequence[LayerRow]) -> LayerRow | None:
    """Return the deepest state that has a ratio of its bands."""
    return next((row for row in reversed(rows) if row.ratio is not None), None)


def _quantities(row: LayerRow, result: LayersResult, *, leading: bool) -> list[Quantity]:
    name = row.table.tap.name
    found = []
    if row.ratio is not None:
        ratio_N = ratio_db(row.table.energy_NK, row.table.bins)
        kept_N = ratio_N.isfinite() if ratio_N is not None else None
        answers = (
            sample("mean", result.index_N[kept_N], ratio_N[kept_N])
            if ratio_N is not None and kept_N is not None
            else None
        )
        found.append(
            quantity(
                row.ratio, "ratio", "high over low", group=name, unit="dB", scale=1, leading=leading, sample=answers
            )
        )
    if row.gradient is not None:
        found.append(
            quantity(row.gradient[0], "gradient-low", "gradient, low band", group=name, unit="share", scale=1, digits=3)
        )
    return found


def _lines(rows: Sequence[LayerRow]) -> list[Line]:
    known = [(row, row.ratio) for row in rows if row.ratio is not None]
    if not known:
        return []
    return [
        Line(
            plot="layers",
            title="High over low frequencies by depth",
            x_label="depth (0 the first state, 1 the last)",
            y_label="high over low, dB per cell",
            x=[row.depth for row, _ in known],
            y=[ratio.value for _, ratio in known],
            low=[ratio.low for _, ratio in known],
            high=[ratio.high for _, ratio in known],
            n=known[0][1].n,
        )
    ]
