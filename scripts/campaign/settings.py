"""The smallest settings of every verb, and what a run is compared by."""

import hashlib
from pathlib import Path

FEW = ["data.test_size=40", "num_images=16", "--quiet"]
SUITE = ["suite.corruptions=[contrast]", "suite.severities=[5]", "suite.attack_images=4", "attack.steps=2",
         "attack.minimal_steps=4"]  # fmt: skip
WEIGHTS = ["--weights", "packaged:standard"]
TRAINING = [
    "data.train_size=160", "data.test_size=32", "data.subset=128", "val_fraction=0.25", "epochs=1", "batch_size=32",
    "probe_size=16", "measure_images=16", "--quiet",
]  # fmt: skip


VERBS: dict[str, list[str]] = {
    "measure": [*WEIGHTS, *FEW],
    "train": ["model=resnet8", *TRAINING],
    "evaluate": [*WEIGHTS, *FEW, *SUITE, "suite.filters=[]", "suite.shuffles=[]", "suite.noises=[]",
                 "suite.norms=[linf]", "suite.eps_linf=[0.03]", "suite.heat_map=false"],
    "hybrid-probe": [*WEIGHTS, *FEW, "pairings=2", "grid=[0,0.3,1]"],
    "blur-defense": [*WEIGHTS, *FEW, *SUITE, "sigmas=[0,1.5]", "suite.eps_l2=[0.5]", "suite.eps_linf=[0.01,0.02]",
                     "checks.images=6", "checks.steps=2", "checks.queries=5", "checks.starts=2", "pairings=1",
                     "data.train_size=300"],
    "critical-band": [*WEIGHTS, "num_images=60", "data.test_size=60", "num_resamples=100", "--quiet"],
    "layers": [*WEIGHTS, "num_images=16", "data.test_size=20", "--quiet"],
}  # fmt: skip
SWEEP = ["measure", "-m", *WEIGHTS, *FEW, "seed=0,1"]
GO_ON = ("train", "evaluate", "blur-defense")


def hidden(folder: Path) -> list[str]:
    """Return the dot-files below a folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob(".*"))


def tables(folder: Path) -> dict[str, str]:
    """Return what must be the same bytes in every run: the tables, by path below the folder."""
    files = [p for ending in ("csv", "safetensors") for p in folder.rglob(f"*.{ending}")]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
