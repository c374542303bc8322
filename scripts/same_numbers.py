"""Every headline number of the packaged networks from two copies of the code, and which of them differ.

``python scripts/same_numbers.py BEFORE AFTER [OUT]``: the folders that the two ``fsens_cli`` lie in, and one for the
runs (by default ``build/same-numbers``). A run that is there is not repeated, so another AFTER takes another OUT.
"""

import csv
import math
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

WEIGHTS = ("standard", "lsf", "hsf", "asf", "blur")
SMALL = {
    "measure": ("num_images=200",),
    "hybrid-probe": ("num_images=100", "pairings=1"),
    "critical-band": ("num_images=32", "num_resamples=100"),
    "layers": ("num_images=64",),
    "evaluate": (
        "num_images=64", "suite.severities=[3]", "suite.attack_images=16", "suite.heat_map_images=8",
        "suite.bands=true", "attack.steps=5", "attack.minimal_steps=8",
    ),
    "blur-defense": (
        "sigmas=[0,1]", "num_images=32", "suite.severities=[3]", "suite.attack_images=8", "attack.minimal_steps=8",
        "checks.images=8", "checks.queries=10", "pairings=1",
    ),
    "train": ("epochs=1", "data.train_size=500", "data.test_size=200", "measure_images=64"),
}  # fmt: skip
TRAININGS = ("none", "lsf", "msf", "hsf", "asf")
# The network that was trained through a filter of its own cannot be put behind others.
ASKED = {"train": TRAININGS, "blur-defense": WEIGHTS[:-1]}


def main() -> None:
    """Run both copies and print one line a verb, then what differs."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    before, after = (Path(folder).resolve() for folder in sys.argv[1:3])
    out = Path(sys.argv[3] if len(sys.argv) > 3 else "build/same-numbers").resolve()
    different = []
    print("verb           equal  of  largest relative difference")
    for verb in SMALL:
        old, new = (numbers(code, verb, out / name) for code, name in ((before, "before"), (after, "after")))
        apart = {key: distance(old[key], new[key]) for key in old if key in new and old[key] != new[key]}
        missing = sorted(old.keys() ^ new.keys())
        largest = f"{max(apart.values()):.1e}" if apart else "-"
        print(f"{verb:14} {len(old) - len(apart):5} {len(old):3}  {largest}", flush=True)
        different += [f"{key}: {old[key]} -> {new[key]}" for key in apart] + [f"{key}: in one alone" for key in missing]
    print("\n".join(different))


def numbers(code: Path, verb: str, out: Path) -> dict[str, str]:
    """Return value, low and high of each headline number of one verb's runs, as they are written."""
    found = {}
    for name in ASKED.get(verb, WEIGHTS):
        folder = out / verb / name
        if not folder.is_dir():
            chosen = f"regularizer={name}" if verb == "train" else f"--weights=packaged:{name}"
            command = [sys.executable, "-m", "fsens_cli", verb, chosen, *SMALL[verb], "--out", str(folder)]
            own = {**os.environ, "PYTHONPATH": str(code)}
            ended = subprocess.run(command, check=False, cwd=code, env=own, capture_output=True, text=True)
            if not list(folder.rglob("quantities.csv")):  # written before the figures
                sys.exit(f"{' '.join(command)} in {code}:\n{ended.stderr[-2000:]}")
        (table,) = folder.rglob("quantities.csv")
        count: dict[str, int] = defaultdict(int)
        for row in csv.DictReader(table.open()):
            key = f"{verb} {name} {row['group']} {row['key']}"
            count[key] += 1
            for column in ("value", "low", "high"):
                found[f"{key} {count[key]} {column}"] = row[column]
    return found


def distance(old: str, new: str) -> float:
    """Return how far two written numbers are apart, relative to the first."""
    a, b = (float(text or "nan") for text in (old, new))
    return abs(b - a) / abs(a) if a and math.isfinite(a - b) else math.inf


if __name__ == "__main__":
    main()
