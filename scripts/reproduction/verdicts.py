"""Write the verdict tables of a page from the claims of one or more reproductions.

usage: verdicts.py PAGE.md TITLE=FOLDER [TITLE=FOLDER...]

Each FOLDER holds what page.py wrote, claims_PAPER.csv. Of the first one the numbers are shown, of all the verdicts. The
tables go between the lines <!-- PAPER --> and <!-- end of PAPER -->.
"""

import sys
from pathlib import Path

import pandas as pd

from fsens_cli.runs.evaluate_summary import markdown_table

PAPERS = ("tmlr2022", "ploscb2023")


def verdict_table(folders: dict[str, Path], paper: str) -> str:
    """Return the claims of a paper in Markdown: numbers of the first reproduction, verdicts of all."""
    tables = {title: _claims(folder / f"claims_{paper}.csv") for title, folder in folders.items()}
    first, *others = tables
    head = ["claim", "published", first, "verdict", *others]
    rows = [
        [
            claim.text, claim.published, claim.found, f"**{claim.verdict}**",
            *(tables[title].set_index("text")["verdict"].get(claim.text, "not run") for title in others),
        ]
        for claim in tables[first].itertuples()
    ]  # fmt: skip
    return markdown_table(head, rows)


def _claims(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, keep_default_na=False)


def main(page: Path, folders: dict[str, Path]) -> None:
    """Put the tables of both papers into the page."""
    text = page.read_text(encoding="utf-8")
    for paper in PAPERS:
        marks = f"<!-- {paper} -->", f"<!-- end of {paper} -->"
        before, found, rest = text.partition(marks[0])
        _, also_found, after = rest.partition(marks[1])
        if not found or not also_found:
            raise SystemExit(f"error: {page} lacks the lines {marks[0]} and {marks[1]}.")
        text = f"{before}{marks[0]}\n{verdict_table(folders, paper)}\n{marks[1]}{after}"
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 3 or not all("=" in argument for argument in sys.argv[2:]):
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), {title: Path(folder) for title, _, folder in (a.partition("=") for a in sys.argv[2:])})
