"""Common corruptions of Hendrycks & Dietterich (ICLR 2019): fifteen, and four extra, at five severities."""

from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS, GROUPS, SEVERITIES, Corruption, check_corruption, corrupt
from fsens_cli.perturb.corruptions.constants import TABLES, table_for

__all__ = [
    "CORRUPTIONS",
    "GROUPS",
    "SEVERITIES",
    "TABLES",
    "Corruption",
    "check_corruption",
    "corrupt",
    "table_for",
]
