"""The numbers of a reproduction as tables: one row a network, CSV for programs and Markdown for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from networks import Network

from fsens_cli.runs.evaluate_summary import markdown_table
from fsens_cli.statistics.intervals import Interval

CORRUPTION_GROUPS = ("all", "low", "medium", "high")


def interval_columns(name: str, value: Interval | dict[str, Any] | None, scale: float = 1.0) -> dict[str, float]:
    """Return value and bounds as three columns."""
    if value is None:
        return {}
    numbers = (
        [value.value, value.low, value.high]
        if isinstance(value, Interval)
        else [value[k] for k in ("value", "low", "high")]
    )
    return {
        f"{name}{suffix}": float("nan") if number is None else scale * number
        for suffix, number in zip(("", "_ci_low", "_ci_high"), numbers, strict=True)
    }


def row_of(network: Network) -> dict[str, Any]:
    """Return every number of a network that a table or figure shows."""
    train, evaluation = network.train.results, network.evaluation.results
    row: dict[str, Any] = {
        "training": network.name,
        "seed": network.seed,
        "model": train["model"],
        "epochs": train["epochs"],
        **{
            f"{name}_run": Path(*run.folder.parts[-4:]).as_posix()
            for name, run in (("train", network.train), ("probe", network.hybrid), ("evaluate", network.evaluation))
        },
        "train_seconds": network.train.record["duration_seconds"],
        "probe_seconds": network.hybrid.record["duration_seconds"],
        "evaluate_seconds": network.evaluation.record["duration_seconds"],
    }
    row |= interval_columns("test_accuracy", train["test_accuracy"])
    for band in train["measure"]["bands"]:
        row |= interval_columns(f"{band['name']}_share", band["share"])
    row |= interval_columns("centroid_cycles_per_image", train["measure"]["centroid_cycles_per_image"])
    row["peak_cycles_per_image"] = train["measure"]["peak"]["cycles_per_image"]
    row |= interval_columns("f_rev_nyquist", network.hybrid.results["f_rev"]["nyquist"])
    minimal = network.minimal
    row |= interval_columns("f_half_cycles_per_pixel", minimal["f_half_cycles_per_pixel"])
    row["mean_linf_size_per_255"] = 255 * minimal["mean_of_found"]
    row |= interval_columns("median_linf_size_per_255", minimal["median"], 255)
    row["num_images"] = evaluation["num_images"]
    row |= interval_columns("clean_accuracy", evaluation["accuracy"])
    for group in evaluation["corruption_groups"]:
        row |= interval_columns(f"corruptions_{group['name']}_accuracy", group["accuracy"])
        row |= interval_columns(f"corruptions_{group['name']}_lost", group["drop"])
    for condition in evaluation["conditions"]:
        if condition["kind"] not in ("clean", "corruption"):
            row |= interval_columns(condition["name"], condition["accuracy"])
    prediction = evaluation["corruption_prediction"]
    row |= interval_columns("prediction_spearman", prediction["spearman"])
    row |= interval_columns("prediction_spearman_flat", prediction["spearman_flat"])
    return row


def write_networks(networks: Sequence[Network], path: Path) -> None:
    """Write one row a network."""
    pd.DataFrame([row_of(n) for n in networks]).to_csv(path, index=False, float_format="%.6g")


def write_spectra(networks: Sequence[Network], path: Path) -> None:
    """Write one row a radius of each network's spectrum."""
    columns = ["cycles_per_image", "share_mean", "share_sd", "share_ci_low", "share_ci_high"]
    tables = [n.spectrum.loc[n.spectrum["radius"] > 0, columns].assign(training=n.name, seed=n.seed) for n in networks]
    pd.concat(tables)[["training", "seed", *columns]].to_csv(path, index=False, float_format="%.6g")


def shown(value: Interval | dict[str, Any] | None, *, scale: float = 1.0, digits: int = 1, sign: bool = False) -> str:
    """Return a number with its interval as text."""
    columns = interval_columns("x", value, scale)
    if not columns or columns["x"] != columns["x"]:
        return "none"
    plus = "+" if sign else ""
    numbers = [f"{number:{plus}.{digits}f}" for number in columns.values()]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def sensitivity_table(networks: Sequence[Network]) -> str:
    """Return the band shares of each network in Markdown."""
    rows = []
    for n in networks:
        train = n.train.results
        shares = [shown(b["share"], digits=3) for b in train["measure"]["bands"]]
        peak = train["measure"]["peak"]
        rows.append(
            [
                n.label,
                str(n.seed),
                str(train["epochs"]),
                shown(train["test_accuracy"], scale=100),
                *shares,
                f"r = {peak['cycles_per_image']:.0f}, {peak['share']:.3f}",
            ]
        )
    return markdown_table(
        ["training", "seed", "epochs", "test accuracy (%)", "low, r 1-5", "mid, 6-10", "high, 11-23", "peak"], rows
    )


def robustness_table(networks: Sequence[Network]) -> str:
    """Return accuracy and points lost of each network in Markdown."""
    rows = []
    for n in networks:
        groups = {g["name"]: g for g in n.evaluation.results["corruption_groups"]}
        lost = [
            n.lost_interval(columns)
            for columns in (
                n.columns(kind="shuffle", probe="patches")[:1],
                n.columns(kind="noise", probe="gaussian"),
                n.columns(kind="attack")[:1],
            )
        ]
        rows.append(
            [
                f"{n.label}, {n.seed}",
                shown(n.evaluation.results["accuracy"], scale=100),
                shown(groups["all"]["accuracy"], scale=100),
                *(shown(groups[name]["drop"], scale=100) for name in CORRUPTION_GROUPS),
                *(shown(interval, scale=100) for interval in lost),
            ]
        )
    return markdown_table(
        [
            "training, seed",
            "clean (%)",
            "corrupted (%)",
            *(f"lost, {name}" for name in CORRUPTION_GROUPS),
            "lost, 2 x 2 shuffled",
            "lost, noise",
            "lost, PGD 2/255",
        ],
        rows,
    )


def bands_table(networks: Sequence[Network]) -> str:
    """Return the accuracy on band-limited images in Markdown."""
    rows = []
    for n in networks:
        bands = [c for c in n.evaluation.results["conditions"] if c["kind"] == "filter"]
        rows.append([n.label, str(n.seed), *(shown(c["accuracy"], scale=100) for c in bands)])
    return markdown_table(["training", "seed", "low band only (%)", "mid band only (%)", "high band only (%)"], rows)


def preference_table(networks: Sequence[Network]) -> str:
    """Return frequency preference and sizes of each network in Markdown."""
    rows = []
    for n in networks:
        minimal = n.minimal
        groups = {g["name"]: g for g in n.evaluation.results["corruption_groups"]}
        rows.append(
            [
                n.label,
                str(n.seed),
                shown(n.hybrid.results["f_rev"]["nyquist"], digits=3),
                shown(minimal["f_half_cycles_per_pixel"], digits=3),
                f"{255 * minimal['mean_of_found']:.2f}",
                shown(minimal["median"], scale=255, digits=2),
                shown(groups["all"]["accuracy"], scale=100),
            ]
        )
    return markdown_table(
        [
            "training",
            "seed",
            "f_rev (Nyquist)",
            "f_0.5 (c/px)",
            "mean size (/255)",
            "median size (/255)",
            "corrupted (%)",
        ],
        rows,
    )


def times_table(networks: Sequence[Network]) -> str:
    """Return the wall-clock minutes of each network's runs in Markdown."""
    rows = []
    for n in networks:
        minutes = [run.record["duration_seconds"] / 60 for run in (n.train, n.hybrid, n.evaluation)]
        rows.append([n.label, str(n.seed), str(n.train.results["epochs"]), *(f"{m:.1f}" for m in minutes)])
    return markdown_table(["training", "seed", "epochs", "train (min)", "hybrid-probe (min)", "evaluate (min)"], rows)
