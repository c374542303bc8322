"""What does a comparison leave behind: one table in three spellings, and an overlay figure a verb."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fsens_cli.experiments.quantities import Quantity
from fsens_cli.home import expanded
from fsens_cli.runs.comparison import Compared, Comparison, Report
from fsens_cli.runs.evaluate_summary import markdown_table
from fsens_cli.runs.files import write_table, write_text
from fsens_cli.runs.folder import claim_version, slug
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.overlays import draw_overlay
from fsens_cli.text import shown

_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    sign: f"\\{sign}" for sign in "&%$#_{}"
}


def write_comparison(out: Path, report: Report, formats: Sequence[str] = ("png",)) -> Path:
    """Write ``comparison.csv``, ``.md``, ``.tex`` and the overlays into a new folder ``out/compare/vNNN``."""
    folder = claim_version(expanded(out) / "compare")
    write_table(folder / "comparison.csv", tidy_columns(report))
    write_text(folder / "comparison.md", comparison_markdown(report))
    write_text(folder / "comparison.tex", comparison_latex(report))
    for comparison in report.comparisons:
        inside = folder if len(report.comparisons) == 1 else folder / slug(comparison.verb)  # a record's word, not ours
        inside.mkdir(exist_ok=True)
        draw_overlay(inside, [c.run for c in comparison.runs], [c.label for c in comparison.runs], formats)
    return folder


def tidy_columns(report: Report) -> dict[str, list[object]]:
    """Return one row a run and number, in the unit of the row; blank where there is no number or no pairing."""
    rows: list[Json] = []
    for comparison in report.comparisons:
        for key in comparison.number_keys():
            for compared in comparison.runs:
                quantity = compared.quantities.get(key)
                if quantity is not None:
                    rows.append(_tidy(comparison, compared, quantity))
    names = list(rows[0]) if rows else []
    return {name: [row[name] for row in rows] for name in names}


def _tidy(comparison: Comparison, compared: Compared, quantity: Quantity) -> Json:
    difference = compared.differences.get(quantity.name)

    def scaled(value: float | None) -> float | None:
        return None if value is None or not np.isfinite(value) else quantity.scale * value

    return {
        "verb": comparison.verb,
        "quantity": quantity.title,
        "unit": quantity.unit,
        "run": compared.label,
        "value": scaled(quantity.value),
        "ci_low": scaled(quantity.low),
        "ci_high": scaled(quantity.high),
        "n": quantity.n,
        "difference_from": comparison.runs[0].label if difference is not None else "",
        "difference": scaled(difference.value) if difference else None,
        "difference_ci_low": scaled(difference.low) if difference else None,
        "difference_ci_high": scaled(difference.high) if difference else None,
        "note": quantity.note,
        "folder": str(compared.run.folder),
    }


def _cells(comparison: Comparison, *, differences: bool) -> tuple[list[str], list[list[str]]]:
    """Return head and rows: one row a number, one column a run."""
    shown = comparison.runs[1:] if differences else comparison.runs
    head = ["", "unit", *(f"{c.label} - {comparison.runs[0].label}" if differences else c.label for c in shown)]
    rows = []
    for key in comparison.number_keys():
        named = comparison.named(key)
        cells = []
        for compared in shown:
            quantity, difference = compared.quantities.get(key), compared.differences.get(key)
            if differences:
                cells.append("" if difference is None else named.difference_text(difference))
            elif quantity is None:
                cells.append("")
            else:
                cells.append(quantity.text())
        if any(cells):
            rows.append([named.title, named.unit, *cells])
    return head, rows


def comparison_markdown(report: Report) -> str:
    """Return the comparison in Markdown."""
    blocks = [
        "# Comparison",
        "Numbers with 95 % intervals. Differences are paired: both models were asked about the same images.",
        *(f"**Skipped:** {shown(line)}" for line in report.skipped),
        *(f"**The runs differ in:** {shown(line)}" for line in report.differing),
    ]
    for comparison in report.comparisons:
        head, rows = _cells(comparison, differences=False)
        blocks += [f"## {shown(comparison.verb)}", markdown_table(_safe(head), [_safe(row) for row in rows])]
        head, rows = _cells(comparison, differences=True)
        if rows:
            blocks += ["Differences", markdown_table(_safe(head), [_safe(row) for row in rows])]
    return "\n\n".join(blocks) + "\n"


def _safe(cells: Sequence[str]) -> list[str]:
    """A bar would begin a new cell."""
    return [shown(cell).replace("|", r"\|") for cell in cells]


def comparison_latex(report: Report) -> str:
    """Return the comparison as LaTeX tables for the package booktabs."""
    blocks = ["% needs \\usepackage{booktabs}; numbers with 95 % intervals"]
    for comparison in report.comparisons:
        for differences in (False, True):
            head, rows = _cells(comparison, differences=differences)
            if rows:
                blocks.append(_tabular(head, rows))
    return "\n\n".join(blocks) + "\n"


def _tabular(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" & ".join(tex(cell) for cell in line) + r" \\" for line in (head, *rows)]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{ll{'r' * (len(head) - 2)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def tex(text: str) -> str:
    r"""Return text as LaTeX shows it.

    >>> tex("f_rev 5 %")
    'f\\_rev 5 \\%'
    """
    return "".join(_TEX.get(sign, sign) for sign in shown(text))
