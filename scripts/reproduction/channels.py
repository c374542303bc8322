"""Critical bands and spectra by depth of many networks in one table, beside the published critical bands.

usage: channels.py DOCS OUT...

Below each OUT lies one folder a network with its runs of critical-band and layers, as scripts/channels.sh and
scripts/imagenet_panel.sh leave them.
"""

import sys
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from panel import latest

from fsens_cli.runs.evaluate_summary import markdown_table
from fsens_cli.runs.selection import FinishedRun

# Subramanian et al., NeurIPS 2023, from their public raw data by their procedure: bandwidth in octaves, nominal centre
# in cycles/image at 224 pixels.
PUBLISHED = {
    "14 people, mean": (1.43, 39.1),
    "ResNet-50": (3.99, 39.4),
    "ResNet-18": (4.74, 38.9),
    "ViT-B/16": (3.51, 34.4),
    "ViT-L/16": (3.05, 32.7),
}
# Half of the noise's power lies below: what the procedure finds for its own noise (critical_band_reference.py).
NOMINAL = (1.75, 3.5, 7.0, 14.0, 28.0, 56.0, 112.0)
REAL = (0.5, 1.2, 3.0, 6.0, 12.7, 27.6, 93.7)
NUMBERS = ("accuracy", "width", "centre", "peak")


def real_centre(nominal: float) -> float:
    """Return the real frequency of a nominal one, linearly between the bands on two logarithmic axes.

    >>> round(real_centre(28.0), 2), round(real_centre(39.4), 1)
    (12.7, 18.6)
    """
    return float(2 ** np.interp(np.log2(nominal), np.log2(NOMINAL), np.log2(REAL)))


def main(docs: Path, outs: Sequence[Path]) -> None:
    """Write channels.csv (every number) and channels.md (the table to read) of all networks below ``outs``."""
    rows = [row for out in outs for folder in sorted(out.iterdir()) if (row := row_of(folder, out)) is not None]
    if not rows:
        where = ", ".join(map(str, outs))
        raise SystemExit(f"error: no finished critical-band below {where}: run scripts/channels.sh first.")
    rows += [
        {"network": name, "width": width, "centre": real_centre(nominal), "nominal_centre": nominal, "size": "224x224"}
        for name, (width, nominal) in PUBLISHED.items()
    ]
    docs.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    table.to_csv(docs / "channels.csv", index=False, float_format="%.6g")
    text = markdown(table)
    (docs / "channels.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def row_of(folder: Path, out: Path) -> dict[str, object] | None:
    """Return one network's numbers with intervals; None where its critical band was not asked, or not to the end."""
    band, depth = latest(folder / "critical-band"), latest(folder / "layers")
    if band is None:
        return None
    found = {q.key: q for q in band.findings.quantities if not q.group}
    size = "x".join(f"{side:.0f}" for side in band.results.numbers("image_size"))
    row: dict[str, object] = {"network": folder.name, "size": size, "n": found["accuracy"].n}
    for key in NUMBERS:
        row |= {key: found[key].value, f"{key}_ci_low": found[key].low, f"{key}_ci_high": found[key].high}
    row["width_note"] = found["width"].note
    row["run"] = band.folder.relative_to(out.resolve()).as_posix()
    return row | (depth_of(depth) if depth is not None else {})


def depth_of(run: FinishedRun) -> dict[str, object]:
    """Return high over low (dB) of the image and of the deepest state that has it; where it gains and loses most."""
    ratios = [q for q in run.findings.quantities if q.key == "ratio" and q.value is not None]
    row: dict[str, object] = {}
    for name, q in (("image_db", ratios[0]), ("deepest_db", ratios[-1])):
        row |= {name: q.value, f"{name}_ci_low": q.low, f"{name}_ci_high": q.high}
    row["deepest"] = ratios[-1].group
    states = pd.read_csv(run.folder / "layers.csv", dtype={"layer": str}).dropna(subset=["gain_db"])
    by_gain = states.sort_values("gain_db")
    for word, state in (("gains", by_gain.iloc[-1]), ("loses", by_gain.iloc[0])):
        row |= {f"{word}_most_in": state["layer"], f"{word}_db": float(state["gain_db"])}
    return row


def markdown(table: pd.DataFrame) -> str:
    """Return what people read of the table."""
    head = ("network", "pixels", "accuracy (%)", "width (octaves)", "centre (c/image)", "high over low (dB): image",
            "deepest state", "gains most in", "loses most in")  # fmt: skip
    return markdown_table(head, [cells_of(dict(row)) for _, row in table.iterrows()])


def cells_of(row: dict[Hashable, object]) -> list[str]:
    """Return one network's cells; empty where nothing is known."""
    bound = ">= " if "lower bound" in str(row.get("width_note")) else ""
    return [
        str(row["network"]),
        str(row["size"]).split("x")[0],
        interval(row, "accuracy", 1, scale=100),
        bound + interval(row, "width", 2),
        interval(row, "centre", 1),
        interval(row, "image_db", 1),
        f"{row['deepest']} {interval(row, 'deepest_db', 1)}" if known(row.get("deepest_db")) else "",
        f"{row['gains_most_in']} {row['gains_db']:+.1f}" if known(row.get("gains_db")) else "",
        f"{row['loses_most_in']} {row['loses_db']:+.1f}" if known(row.get("loses_db")) else "",
    ]


def interval(row: dict[Hashable, object], key: str, digits: int, *, scale: float = 1) -> str:
    """Return a number with its interval, where it has one."""
    value, low, high = (row.get(name) for name in (key, f"{key}_ci_low", f"{key}_ci_high"))
    if not known(value):
        return ""
    ends = [f"{scale * float(str(v)):.{digits}f}" for v in (value, low, high) if known(v)]
    return f"{ends[0]} [{ends[1]}, {ends[2]}]" if len(ends) == 3 else ends[0]


def known(value: object) -> bool:
    """Return whether a cell holds a number."""
    return isinstance(value, float | int) and bool(np.isfinite(value))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])
