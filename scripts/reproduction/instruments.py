"""Whether instruments agree, over frequency bands and over networks: the tables of `fsens report` as one.

usage: instruments.py TABLE.csv RUN...

A row over bands is one network's rank correlation of two profiles; over networks, the correlation of two numbers that
say what a network listens to, networks of other families apart, with the interval of `fsens report`.
"""

import sys
from pathlib import Path

import pandas as pd

from fsens_cli.runs.comparison import compare_by_verb
from fsens_cli.runs.report.instruments import band_rows, model_rows
from fsens_cli.runs.selection import select_runs
from fsens_cli.statistics.intervals import Interval


def row(over: str, network: str, first: str, second: str, n: int, found: Interval | None) -> dict[str, object]:
    """Return one row of the table; without numbers where there are too few networks."""
    value, low, high = (found.value, found.low, found.high) if found else (None, None, None)
    return {"over": over, "network": network, "first": first, "second": second, "n": n,
            "correlation": value, "ci_low": low, "ci_high": high}  # fmt: skip


def main(table: Path, names: list[str]) -> None:
    """Write the table, and print the median over networks of each pair of instruments."""
    report = compare_by_verb(select_runs(names, Path("outputs")).runs)
    rows = [row("bands", model, one, two, found.n, found) for model, one, two, found in band_rows(report)]
    rows += [row("networks", "", one.label, two.label, count, found) for one, two, count, found in model_rows(report)]
    if not rows:
        raise SystemExit("error: no network among these was asked by two instruments.")
    found = pd.DataFrame(rows)
    table.parent.mkdir(parents=True, exist_ok=True)
    found.to_csv(table, index=False, float_format="%.4g")
    over_bands = found[found["over"] == "bands"].groupby(["first", "second"])["correlation"]
    print(over_bands.agg(["median", "min", "max", "count"]).round(2).to_string())
    print(found[found["over"] == "networks"].round(2).to_string(index=False))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
