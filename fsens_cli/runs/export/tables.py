"""Runs as one tidy table: a row a run and number."""

import csv
import io

from fsens_cli.runs.comparison import Report
from fsens_cli.runs.comparison_files import tidy_columns
from fsens_cli.text import shown


def tidy_csv(report: Report) -> str:
    """Return the table as CSV with a head; empty cells where there is no number."""
    columns = tidy_columns(report)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow([shown(value) if isinstance(value, str) else value for value in row])
    return text.getvalue()
