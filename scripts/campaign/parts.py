"""The campaign's command line: which trials, how many, and where the table goes."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from commands import warm_up
from damaged_runs import try_damaged
from disk import try_at_once, try_full
from kills import run_straight, try_kills
from override_lines import try_lines
from settings import VERBS
from table import Clock, Part, as_markdown
from weight_files import try_files

PARTS = ("lines", "kills", "damaged", "files", "at-once", "disk")


def main() -> None:
    """Run the campaign; the exit code is 1 where something was wrong."""
    options = _options()
    warm_up()
    clock = Clock.of(options.minutes)
    parts: list[Part] = []
    with tempfile.TemporaryDirectory(prefix="campaign-") as made:
        folder = Path(made).resolve()
        needed = {"kills": [*VERBS, "sweep"], "damaged": [*VERBS], "at-once": ["measure"]}
        verbs = {verb: None for part in options.parts for verb in needed.get(part, [])}
        straight = run_straight(folder / "straight", list(verbs))
        trials: dict[str, Callable[[], Part]] = {
            "lines": lambda: try_lines(options.lines, options.seed, folder, clock),
            "kills": lambda: try_kills(options.kills, options.seed, folder / "kills", straight, clock),
            "damaged": lambda: try_damaged(options.damaged, options.seed, folder / "damaged", straight, clock),
            "files": lambda: try_files(options.files, options.seed, folder / "files", clock),
            "at-once": lambda: try_at_once(options.at_once, folder / "at-once", straight),
            "disk": lambda: try_full(folder / "full", clock),
        }
        for name in options.parts:
            parts.append(trials[name]())
            print(as_markdown(parts[-1:]), flush=True)
    table = as_markdown(parts)
    print(table)
    options.out.write_text(table)
    raise SystemExit(1 if any(part.wrong for part in parts) else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Faults and hostile files, tried on fsens: tried, right, wrong.")
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="PART", help=f"Of {', '.join(PARTS)}; all without.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="No trial is started after so long.")
    parser.add_argument("--lines", type=int, default=500, help="Override lines.")
    parser.add_argument("--kills", type=int, default=40, help="Killed runs, over all verbs.")
    parser.add_argument("--damaged", type=int, default=200, help="Damaged run folders.")
    parser.add_argument("--files", type=int, default=60, help="Weight files.")
    parser.add_argument("--at-once", type=int, default=8, help="Runs at once in one folder.")
    parser.add_argument("--out", type=Path, default=Path("campaign.md"), help="The table's file.")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return options
