"""Networks that were asked everything, as a table: one line a headline number, and one row a network to read.

usage: panel.py OUT DOCS
"""

import sys
from pathlib import Path

import pandas as pd

from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.evaluate_summary import markdown_table
from fsens_cli.runs.selection import FinishedRun, read_run

# Verb, group and key of what people read, under the column's name.
COLUMNS = {
    "accuracy (%)": ("measure", "", "accuracy"),
    "low": ("measure", "", "share-low"),
    "mid": ("measure", "", "share-mid"),
    "high": ("measure", "", "share-high"),
    "centroid (c/image)": ("measure", "", "centroid"),
    "f_rev (Nyquist)": ("hybrid-probe", "", "f_rev"),
    "critical band (octaves)": ("critical-band", "", "width"),
    "its centre (c/image)": ("critical-band", "", "centre"),
    "corrupted (%)": ("evaluate", "", "corruptions-all"),
    "mCE": ("evaluate", "", "mce"),
}
VERBS = ("measure", "layers", "hybrid-probe", "critical-band", "evaluate")
SEVERITY_OF_BLUR = 3


def main(out: Path, docs: Path) -> None:
    """Write panel.csv, panel_blur.csv and panel.md of all networks below ``out``."""
    lines, rows, blurred = [], [], []
    for folder in sorted(path for path in out.iterdir() if path.is_dir() and path != docs):
        runs = {verb: run for verb in VERBS if (run := latest(folder / verb)) is not None}
        if not runs:
            continue
        for verb, run in runs.items():
            lines += [line_of(folder.name, verb, run, q, out) for q in run.findings.quantities]
        rows.append({"network": folder.name, "peak (c/image)": peak(runs), **cells(runs)})
        blurred += blur_rows(folder, runs, out)
    if not rows:
        raise SystemExit(f"error: {out} holds no finished run: run scripts/imagenet_panel.sh first.")
    docs.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(lines).to_csv(docs / "panel.csv", index=False, float_format="%.6g")
    pd.DataFrame(blurred).to_csv(docs / "panel_blur.csv", index=False, float_format="%.6g")
    text = [markdown(rows), ""]
    if blurred:
        text += [markdown(shown(blurred)), ""]
    (docs / "panel.md").write_text("\n".join(text), encoding="utf-8")
    print(docs / "panel.md")


def latest(folder: Path) -> FinishedRun | None:
    """Return the finished run below a verb's folder, None where there is none yet."""
    try:
        return read_run(next(folder.glob("*/latest")).resolve())
    except (OutputError, StopIteration):
        return None


def line_of(network: str, verb: str, run: FinishedRun, q: Quantity, out: Path) -> dict[str, object]:
    """Return one headline number with its interval, and where it comes from."""
    return {
        "network": network, "verb": verb, "group": q.group, "key": q.key, "label": q.label, "unit": q.unit,
        "value": q.value, "ci_low": q.low, "ci_high": q.high, "n": q.n, "note": q.note,
        "run": run.folder.relative_to(out.resolve()).as_posix(),
        "weights_sha256": run.record.text("weights_sha256", ""),
    }  # fmt: skip


def cells(runs: dict[str, FinishedRun]) -> dict[str, str]:
    """Return what people read of one network; empty where it was not asked."""
    found = {(v, q.group, q.key): q for v, run in runs.items() for q in run.findings.quantities}
    return {name: found[key].text() if key in found else "" for name, key in COLUMNS.items()}


def peak(runs: dict[str, FinishedRun]) -> str:
    """Return the radius with most of the sensitivity."""
    if "measure" not in runs:
        return ""
    return f"{runs['measure'].results.fields('peak').number('cycles_per_image'):g}"


def blur_rows(folder: Path, runs: dict[str, FinishedRun], out: Path) -> list[dict[str, object]]:
    """Return accuracy, clean and corrupted, for each strength of a blur at test time; 0 is none."""
    found: list[dict[str, object]] = []
    asked = {0.0: runs.get("evaluate")} | {
        float(path.name.removeprefix("blur")): latest(path / "evaluate") for path in folder.glob("blur*")
    }
    for sigma, run in sorted(asked.items()):
        if run is None:
            continue
        table = pd.read_csv(run.folder / "accuracy.csv")
        at = table[(table["kind"] == "corruption") & (table["severity"] == SEVERITY_OF_BLUR)]
        clean = next(q for q in run.findings.quantities if q.key == "accuracy")
        found.append(
            {
                "network": folder.name, "sigma": sigma, "clean": clean.value, "clean_ci_low": clean.low,
                "clean_ci_high": clean.high, "corrupted": at["accuracy"].mean(), "n": clean.n,
                "run": run.folder.relative_to(out.resolve()).as_posix(),
            }
        )  # fmt: skip
    return found


def shown(blurred: list[dict[str, object]]) -> list[dict[str, str]]:
    """Return the blurred accuracies as people read them."""
    return [
        {
            "network": str(row["network"]),
            "blur at test time, sigma (pixels)": f"{row['sigma']:g}",
            "clean (%)": f"{100 * float(str(row['clean'])):.1f}",
            "corrupted, severity 3 (%)": f"{100 * float(str(row['corrupted'])):.1f}",
        }
        for row in blurred
    ]


def markdown(rows: list[dict[str, str]]) -> str:
    """Return a table."""
    return markdown_table(list(rows[0]), [list(row.values()) for row in rows])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
