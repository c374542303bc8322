"""Processor seconds of four verbs at their default settings, each as its own command.

`python benchmarks/defaults.py [FOLDER]`; another version of the package is timed with PYTHONPATH in front.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

VERBS = ("measure", "evaluate", "hybrid-probe", "blur-defense")


def seconds(verb: str, out: Path) -> float:
    """Return the processor seconds, user and system, of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "fsens_cli", verb, "--quiet", "--out", str(out)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Time each verb once; outputs go to a folder that is removed, or to the one given."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        for verb in VERBS:
            print(f"{verb:<14}{seconds(verb, out):>8.1f} s", flush=True)


if __name__ == "__main__":
    main()
