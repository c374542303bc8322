"""What the manual shows of the terminal is what is printed, and its pictures are what is drawn.

`python scripts/manual/captures.py` types every sample again. A sample is a block of code whose first line is
`$ fsens ...`; the rest is what that prints. All are typed in one empty folder, on the embedded data; comparisons come
last, because they need the runs of the others.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = re.compile(r"^```\n\$ (?P<command>fsens [^\n]*)\n.*?^```$", re.DOTALL | re.MULTILINE)

# Picture: the command whose run has it, and the figure there.
PICTURES = {
    "spectrum.png": ("fsens measure", "spectrum.png"),
    "map.png": ("fsens measure", "map.png"),
    "spectra-family.png": ("fsens measure -m .*", "overlay.png"),
    "f-rev.png": ("fsens hybrid-probe", "curve.png"),
    "hybrid-examples.png": ("fsens hybrid-probe", "examples.png"),
    "hybrid-family.png": ("fsens hybrid-probe -m .*", "overlay.png"),
    "heat-map.png": ("fsens evaluate", "heat_map.png"),
    "f-half.png": ("fsens blur-defense", "profiles.png"),
    "critical-band.png": ("fsens critical-band", "critical_band.png"),
    "layers.png": ("fsens layers", "layers.png"),
}


def pages() -> list[Path]:
    """Return the pages with samples, README first."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if SAMPLE.search(page.read_text())]


def commands() -> list[str]:
    """Return the commands of all samples in the order in which they can be typed."""
    found = [sample["command"] for page in pages() for sample in SAMPLE.finditer(page.read_text())]
    return sorted(dict.fromkeys(found), key=lambda command: command.startswith("fsens compare"))


def typed(folder: Path) -> dict[str, str]:
    """Return what each command prints, typed in ``folder``.

    Raises:
        RuntimeError: one of them failed.
    """
    printed = {}
    for command in commands():
        arguments = [sys.executable, "-m", "fsens_cli", *command.split()[1:]]
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr}")
        printed[command] = done.stdout
    return printed


def retyped(page: str, printed: Mapping[str, str]) -> str:
    """Return a page whose samples show what their commands print."""
    return SAMPLE.sub(lambda s: f"```\n$ {s['command']}\n{printed[s['command']]}```", page)


def figures(folder: Path, printed: Mapping[str, str]) -> Iterator[tuple[Path, Path]]:
    """Give each picture of the manual and the figure that was drawn for it; a command's last line names its folder."""
    for name, (beginning, figure) in PICTURES.items():
        command = next(c for c in printed if re.fullmatch(beginning, c))
        yield ROOT / "docs" / "images" / name, folder / printed[command].splitlines()[-1] / figure


def main() -> None:
    """Write what is printed and drawn now into every page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        printed = typed(folder)
        for page in pages():
            before = page.read_text()
            after = retyped(before, printed)
            if after != before:
                page.write_text(after)
                print(f"changed: {page.relative_to(ROOT)}")
        for picture, figure in figures(folder, printed):
            shutil.copyfile(figure, picture)


if __name__ == "__main__":
    main()
