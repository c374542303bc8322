"""The spectrum of one training's network after every few epochs, as a table.

usage: epochs.py OUT CSV
"""

import re
import sys
from pathlib import Path

import pandas as pd

from fsens_cli.errors import OutputError
from fsens_cli.runs.selection import FinishedRun, read_run

NUMBERS = ("accuracy", "share-low", "share-mid", "share-high", "centroid")


def row_of(run: FinishedRun) -> dict[str, float | str]:
    """Return the headline numbers of a measurement with their intervals, its peak, and the weights it is about."""
    found = {q.key: q for q in run.findings.quantities}
    row: dict[str, float | str] = {"data": run.data}
    for key in NUMBERS:
        for suffix, value in (("", found[key].value), ("_ci_low", found[key].low), ("_ci_high", found[key].high)):
            row[f"{key.replace('-', '_')}{suffix}"] = float("nan") if value is None else value
    row["peak_cycles_per_image"] = run.results.fields("peak").number("cycles_per_image")
    row["n"] = run.results.whole("num_images")
    row["weights_sha256"] = run.record.text("weights_sha256", "")
    return row


def main(out: Path, csv: Path) -> None:
    """Write one row a kept epoch."""
    rows = []
    for folder in out.iterdir():
        match = re.fullmatch(r"(?:epoch-|e)(\d+)", folder.name)
        if match is None:
            continue
        try:
            run = read_run(next(folder.glob("measure/*/latest")).resolve())
        except (OutputError, StopIteration):
            continue  # not measured yet
        rows.append({"epoch": int(match[1]), **row_of(run)})
    if not rows:
        raise SystemExit(f"error: {out} holds no measured epoch: run scripts/spectra_over_epochs.sh first.")
    csv.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).sort_values("epoch").to_csv(csv, index=False, float_format="%.6g")
    print(csv)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
