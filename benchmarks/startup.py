"""What it costs to start: processor seconds of help, of mistakes, of settings and of the default measurement.

    python benchmarks/startup.py [--before FOLDER] [--repeats 3]

Each command runs in a process of its own, as often as ``--repeats`` says, in turn with that of another checkout if one
is named; the smallest time counts, user and system together, because other programs only add to it. A sweep of three
jobs says how often it starts Hydra and composes.
"""

import argparse
import os
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
COMMANDS = {
    "python -c pass": None,
    "fsens --help": ["--help"],
    "an unknown setting": ["measure", "num_imagez=3"],
    "a setting that cannot be read": ["measure", "tag=[a"],
    "an unknown network": ["measure", "--model", "resnt20"],
    "--print-config": ["measure", "--print-config"],
    "fsens measure": ["measure", "--quiet"],
}
SWEEP = ["measure", "-m", "seed=0,1,2", "num_images=20", "--quiet"]
# Hydra's functions that start it and that compose, as they stand in a profile: file and name.
STARTS, COMPOSES = ("initialize.py", "__init__"), ("hydra.py", "compose_config")


def environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "FSENS_OFFLINE": "1"}


def seconds(tree: Path, arguments: list[str] | None, folder: str) -> float:
    """Return the processor seconds of one command, its own and those of the system for it."""
    code = ["-c", "pass"] if arguments is None else ["-m", "fsens_cli", *arguments]
    process = subprocess.Popen(
        [sys.executable, *code], cwd=folder, env=environment(tree), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # it has been waited for
    return used.ru_utime + used.ru_stime


def starts_and_composes(tree: Path, folder: str) -> tuple[int, int]:
    """Return how often a local sweep of three jobs starts Hydra, and how often it composes."""
    profile = Path(folder) / "profile"
    command = [sys.executable, "-m", "cProfile", "-o", str(profile), "-m", "fsens_cli", *SWEEP]
    subprocess.run(command, cwd=folder, env=environment(tree), check=True, stdout=subprocess.DEVNULL)
    calls = {STARTS: 0, COMPOSES: 0}
    for (file, _, name), (_, times, *_) in pstats.Stats(str(profile)).stats.items():  # type: ignore[attr-defined]
        found = (Path(file).name, name)
        if "hydra" in Path(file).parts and found in calls:
            calls[found] += times
    return calls[STARTS], calls[COMPOSES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    trees = {"before": given.before.resolve(), "now": HERE} if given.before else {"now": HERE}
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'processor seconds':32}" + "".join(f"{name:>10}" for name in trees))
        for label, arguments in COMMANDS.items():
            least = dict.fromkeys(trees, float("inf"))
            for _ in range(given.repeats):
                for name, tree in trees.items():
                    least[name] = min(least[name], seconds(tree, arguments, folder))
            print(f"{label:32}" + "".join(f"{value:10.2f}" for value in least.values()), flush=True)
        counts = [starts_and_composes(tree, folder) for tree in trees.values()]
        for row, label in enumerate(("starts of Hydra, sweep of 3", "compositions, sweep of 3")):
            print(f"{label:32}" + "".join(f"{count[row]:10d}" for count in counts))


if __name__ == "__main__":
    main()
