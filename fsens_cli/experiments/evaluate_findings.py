"""Headline numbers, warnings and plot lines of an evaluation."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import torch

from fsens_cli.experiments.band_importance import importance
from fsens_cli.experiments.evaluate_settings import EvaluateConfig
from fsens_cli.experiments.evaluation import EvaluateResult, MinimalRow
from fsens_cli.experiments.quantities import Findings, Line, Quantity, Sample, profile, quantity, sample
from fsens_cli.fourier.octaves import bands_of, radius_in_cycles
from fsens_cli.statistics.chance import NOT_TOLD, chance_sentence, chance_warnings

GROUP_NAMES = {"low": "low frequency", "medium": "medium", "high": "high frequency", "other": "other", "all": "all"}
NORM_NAMES = {"linf": "L-inf", "l2": "L2"}
NOT_FOUND = "not found"


def eps_text(eps: float, norm: str) -> str:
    """Return a budget as people write it.

    >>> eps_text(8 / 255, "linf"), eps_text(0.5, "l2")
    ('8/255', '0.5')
    """
    return f"{255 * eps:.3g}/255" if norm == "linf" else f"{eps:.3g}"


def evaluate_findings(result: EvaluateResult, config: EvaluateConfig, *, source: str) -> Findings:
    """Return what an evaluation says; ``source`` tells where corrupted images come from."""
    return Findings(
        verdict=verdict_on_harm(result),
        quantities=tuple(evaluation_quantities(result)),
        warnings=(*chance_warnings(result.accuracy, result.num_classes), *result.warnings),
        lines=(_groups(result), *_miscalibration(result), *_standing(result), *_profiles(result)),
        asked=asked_of(config, source) | {f"own {name}": sha256[:12] for name, sha256 in result.own_code.items()},
    )


def verdict_on_harm(result: EvaluateResult) -> str:
    """Say what harms most, and which change is enough."""
    doubt = chance_sentence(result.accuracy, result.num_classes)
    if doubt:
        return f"no verdict: {doubt}"
    clean = f"{100 * result.accuracy.value:.1f} %"
    said = [*_harm(result, clean), *_enough(result)]
    return "; ".join(said) or f"right on {result.accuracy.text(1, scale=100, unit=' %')} of unchanged images"


def _harm(result: EvaluateResult, clean: str) -> Iterator[str]:
    rows = {row.group: row for row in result.groups()}
    groups = [row for group, row in rows.items() if group != "all"]
    worst = min(groups, key=lambda row: row.accuracy.value, default=None)
    if worst is None:
        return
    others = [row.accuracy.low for row in groups if row is not worst]
    whole = rows.get("all", worst)
    if others and worst.drop.low > 0 and worst.accuracy.high < min(others):
        yield (
            f"hurt most by {worst.group}-frequency corruptions: {100 * worst.accuracy.value:.1f} % right, "
            f"{clean} without"
        )
    elif whole.drop.low > 0:
        yield f"hurt by corruptions: {100 * whole.accuracy.value:.1f} % right, {clean} without"
    else:
        yield f"no harm by corruptions that {whole.accuracy.n:,} images show: {100 * whole.accuracy.value:.1f} % right"


def _enough(result: EvaluateResult) -> Iterator[str]:
    """Yield the change that fools half of the images, or how many stand the largest attack."""
    found = [row for row in result.minimal() if math.isfinite(row.median.value)]
    attacks = [row for row in result.rows() if row.condition.kind == "attack"]
    if found:
        row = found[0]
        yield f"a change of {eps_text(row.median.value, row.norm)} ({NORM_NAMES[row.norm]}) fools half of the images"
    elif attacks:
        row_of = min(attacks, key=lambda row: row.accuracy.value)
        budget = eps_text(row_of.condition.parameter, row_of.condition.group)
        yield f"{row_of.accuracy.text(1, scale=100, unit=' %')} withstand {row_of.condition.probe} within {budget}"


def _profiles(result: EvaluateResult) -> Iterator[Line]:
    """Yield the reliance on each band by heat map, Shapley value and band-pass filters."""
    heat, part = result.parts.get("heat-map"), result.parts.get("bands")
    if heat is not None:
        bands = bands_of(result.image_size)
        radius_M = radius_in_cycles(heat.frequency_M2, result.image_size)
        error_M = 1 - heat.correct_NK.double().mean(dim=0)
        inside = [(b.first <= radius_M) & (radius_M <= b.last) for b in bands.bands]
        seen = [(c, float(error_M[rows].mean())) for c, rows in zip(bands.centres, inside, strict=True) if rows.any()]
        yield profile("heat map", [c for c, _ in seen], [e for _, e in seen])
    if part is not None:
        rows = importance(part, result.image_size).rows
        yield profile("Shapley value", [row.centre for row in rows], [row.shapley.value for row in rows])
    passed = [row for row in result.rows() if row.condition.probe == "band-pass" and row.condition.parameter > 0]
    if passed:
        middle = [math.sqrt(row.condition.parameter * row.condition.upper) for row in passed]
        yield profile("band-pass accuracy", middle, [row.accuracy.value for row in passed])


def asked_of(config: EvaluateConfig, source: str) -> dict[str, str]:
    """Return the settings that must agree before two evaluations answer one question."""
    suite = asdict(config.suite)
    if not config.suite.metrics:
        del suite["metrics"]  # which older runs were not asked for
    return {"corruption_source": source} | flat({"suite": suite, "attack": asdict(config.attack)})


def flat(settings: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Return nested settings as dotted keys and words.

    >>> flat({"suite": {"name": "quick"}})
    {'suite.name': 'quick'}
    """
    found: dict[str, str] = {}
    for key, value in settings.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
    return found


def evaluation_quantities(result: EvaluateResult, *, group: str = "", doubt: str = "") -> Iterator[Quantity]:
    """Yield the numbers of one evaluation; ``group`` and ``doubt`` where it is one of several, such as a filter's."""
    clean = result.clean
    right = sample("proportion", clean.index_N, clean.correct_NK[:, 0])
    yield quantity(result.accuracy, "accuracy", "accuracy", group=group, leading=True, sample=right)
    corrupted = {p.part.conditions[0].probe: p for p in result.of_kind("corruption")}
    for row in result.groups():
        mean_N = torch.cat([corrupted[name].correct_NK for name in row.corruptions], dim=1).double().mean(dim=1)
        yield quantity(
            row.accuracy,
            f"corruptions-{row.group}",
            f"corruptions, {GROUP_NAMES[row.group]}",
            group=group,
            role="stands",
            leading=row.group == "all",
            sample=sample("mean", clean.index_N, mean_N),
        )
    if not group:
        yield from _corruption_error(result)
        yield from _calibration(result)
        yield from _metrics(result)
        yield from _attacks(result)
        yield from _agreement(result)
        yield from _bands(result)
    minimal = {p.part.norm: p for p in result.of_kind("minimal")}
    for found in result.minimal():
        sizes = minimal[found.norm]
        yield from _perturbations(found, sample("median", sizes.index_N, sizes.size_N), group=group, doubt=doubt)


def _corruption_error(result: EvaluateResult) -> Iterator[Quantity]:
    found = result.corruption_error
    if found is None:
        return
    numbers = (
        ("mce", f"mCE ({found.reference}: 100)", found.mce, found.mce_N),
        ("relative-mce", f"relative mCE ({found.reference}: 100)", found.relative_mce, found.relative_mce_N),
        ("mean-error", "mean error, 15 corruptions at 5 severities", found.mean_error, found.mean_error_N),
    )
    for key, label, interval, of_each_N in numbers:
        if interval is not None and of_each_N is not None:
            yield quantity(interval, key, label, sample=sample("mean", result.clean.index_N, of_each_N))


def _calibration(result: EvaluateResult) -> Iterator[Quantity]:
    """Yield the three scores of the clean images, then of each severity."""
    for row in result.calibration:
        suffix, words = (f"-{row.severity}", f", {row.name}") if row.severity else ("", "")
        index_N = result.clean.index_N
        loss_N, brier_N = row.found.loss_N, row.found.brier_N
        yield quantity(row.found.error, f"ece{suffix}", f"expected calibration error{words}")
        for interval, key, label, unit, of_each_N in (
            (row.found.log_likelihood_loss, "nll", "negative log-likelihood", "nats", loss_N),
            (row.found.brier, "brier", "Brier score", "0..2", brier_N),
        ):
            kept = sample("mean", index_N, of_each_N)
            yield quantity(interval, f"{key}{suffix}", f"{label}{words}", unit=unit, scale=1, digits=3, sample=kept)


def _metrics(result: EvaluateResult) -> Iterator[Quantity]:
    for row in result.metrics:
        suffix, words = (f"-{row.severity}", f", severity {row.severity}") if row.severity else ("", "")
        yield quantity(
            row.mean,
            f"metric-{row.metric}{suffix}",
            f"{row.metric}{words}",
            unit="",
            scale=1,
            digits=4,
            sample=sample("mean", result.clean.index_N, row.value_N),
        )


def _agreement(result: EvaluateResult) -> Iterator[Quantity]:
    found = result.agreement()
    if found is not None:
        yield quantity(found.correlation, "agreement", "heat map and gradient", unit="rank corr.", scale=1, digits=2)


def _bands(result: EvaluateResult) -> Iterator[Quantity]:
    part = result.parts.get("bands")
    if part is None:
        return
    found = importance(part, result.image_size)
    for b, row in enumerate(found.rows):
        yield quantity(
            row.shapley,
            "shapley",
            "Shapley value of log-probability",
            group=f"band {row.band}",
            unit="nats",
            scale=1,
            digits=3,
            sample=sample("mean", part.index_N, found.phi_NB[:, b]),
        )


def _attacks(result: EvaluateResult) -> Iterator[Quantity]:
    accuracy = {row.condition.label: row.accuracy for row in result.rows()}
    for part in result.of_kind("attack"):
        (condition,) = part.part.conditions
        yield quantity(
            accuracy[condition.label],
            f"attack-{condition.label}",
            f"{condition.probe}, {NORM_NAMES[condition.group]} {eps_text(condition.parameter, condition.group)}",
            sample=sample("proportion", part.index_N, part.correct_NK[:, 0]),
        )


def _perturbations(row: MinimalRow, sizes: Sample, *, group: str, doubt: str) -> Iterator[Quantity]:
    """Yield the median size of smallest perturbations and their f_0.5."""
    linf = row.norm == "linf"
    for interval, key, label, unit, scale, digits, kept in (
        (
            row.median,
            "median",
            "median size",
            "1/255" if linf else "pixel range",
            255.0 if linf else 1.0,
            2 if linf else 3,
            sizes,
        ),
        (row.half_power, "f_half", "f_0.5", "c/px", 1.0, 3, None),
    ):
        found = math.isfinite(interval.value)
        yield quantity(
            interval,
            f"{key}-{row.norm}",
            f"{label}, {NORM_NAMES[row.norm]}",
            group=group,
            unit=unit,
            scale=scale,
            digits=digits,
            note=(doubt if found else row.note or NOT_FOUND),
            role=("stands" if key == "median" else "listens") if linf else "",
            leading=linf,
            # What is no number has no difference either.
            sample=None if row.note == NOT_TOLD else kept,
        )


def _groups(result: EvaluateResult) -> Line:
    bars = [("clean", result.accuracy), *((GROUP_NAMES[row.group], row.accuracy) for row in result.groups())]
    return Line(
        plot="groups",
        title="Accuracy under groups of corruptions",
        x_label="",
        y_label="accuracy (%)",
        style="points",
        x=[name for name, _ in bars],
        y=[100 * interval.value for _, interval in bars],
        low=[100 * interval.low for _, interval in bars],
        high=[100 * interval.high for _, interval in bars],
        n=result.accuracy.n,
    )


def _miscalibration(result: EvaluateResult) -> Iterator[Line]:
    rows = result.calibration
    if rows:
        yield Line(
            plot="calibration",
            title="Calibration under corruptions",
            x_label="severity (0: clean)",
            y_label="expected calibration error (%)",
            x=[float(row.severity) for row in rows],
            y=[100 * row.found.error.value for row in rows],
            low=[100 * row.found.error.low for row in rows],
            high=[100 * row.found.error.high for row in rows],
            n=result.accuracy.n,
        )


def _standing(result: EvaluateResult) -> Iterator[Line]:
    """Yield the share of images that stand a perturbation of each size, L-inf, where that was asked."""
    for part in result.of_kind("minimal"):
        if part.part.norm == "linf":
            found_K = part.size_N[part.size_N.isfinite()].sort().values
            size_K = torch.cat([torch.zeros(1, dtype=found_K.dtype), found_K])
            yield Line(
                plot="standing",
                title="Images that stand a perturbation of that size (upper bounds)",
                x_label="size of the perturbation, L-inf (1/255)",
                y_label="accuracy (%)",
                style="steps",
                x=(255 * size_K).tolist(),
                y=(100 * (part.size_N > size_K[:, None]).double().mean(dim=1)).tolist(),
                n=len(part.size_N),
            )
