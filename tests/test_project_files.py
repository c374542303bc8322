"""Files that say the same thing twice agree: versions of tools, and how fsens is cited."""

import re
from pathlib import Path

import yaml

import fsens_cli

ROOT = Path(__file__).resolve().parents[1]


def test_pre_commit_uses_the_versions_of_the_continuous_integration() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {repo["repo"].rpartition("/")[2]: repo.get("rev", "").removeprefix("v") for repo in hooks["repos"]}
    pinned = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE))
    assert revisions["ruff-pre-commit"] == pinned["ruff"]


def test_the_citation_names_this_version_and_both_papers() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == fsens_cli.__version__
    assert [reference["year"] for reference in citation["references"]] == [2022, 2023]
