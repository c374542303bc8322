"""What holds for files of the project: versions of tools and the citation agree, modules say what they hold."""

import re
from pathlib import Path

import yaml
from typer.testing import CliRunner

import fsens_cli
from fsens_cli.app import app

ROOT = Path(__file__).resolve().parents[1]


def test_pre_commit_uses_the_versions_of_the_continuous_integration() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {repo["repo"].rpartition("/")[2]: repo.get("rev", "").removeprefix("v") for repo in hooks["repos"]}
    pinned = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE))
    assert revisions["ruff-pre-commit"] == pinned["ruff"]


def entries() -> dict[str, dict[str, str]]:
    """The BibTeX entries that `fsens cite` prints, by the last word of their kind and key."""
    said = CliRunner().invoke(app, ["cite"]).output
    found = {}
    for kind, key, body in re.findall(r"@(\w+)\{(\w+),\n(.*?)\n\}", said, flags=re.DOTALL):
        fields = dict(re.findall(r"^  (\w+) = \{(.*?)\},$", body, flags=re.MULTILINE | re.DOTALL))
        found[key] = {"kind": kind} | {name: " ".join(value.split()) for name, value in fields.items()}
    return found


def test_citation_file_and_command_say_the_same() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    software, *papers = entries().values()
    assert citation["version"] == fsens_cli.__version__
    assert software["title"] == citation["title"]
    assert software["author"] == "{" + citation["authors"][0]["name"] + "}"
    assert software["note"] == f"Software, version {citation['version']}"
    assert [paper["year"] for paper in papers] == ["2022", "2023"]
    for paper, reference in zip(papers, citation["references"], strict=True):
        authors = " and ".join(f"{a['family-names']}, {a['given-names']}" for a in reference["authors"])
        same = {"kind": "type", "title": "title", "journal": "journal", "year": "year", "doi": "doi", "url": "url",
                "volume": "volume", "number": "issue", "pages": "start"}  # fmt: skip
        expected = {name: str(reference[there]) for name, there in same.items() if there in reference}
        assert paper == expected | {"author": authors}


def test_a_module_begins_with_what_it_holds() -> None:
    folders = ("fsens_cli", "scripts", "benchmarks", "tests", "docs/examples")
    modules = [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]
    first = {p.relative_to(ROOT).as_posix(): p.read_text().partition("\n")[0] for p in modules}
    wrong = [name for name, line in first.items() if not line.startswith('"""') or "?" in line]
    assert wrong == [], "state what is there, not a question"
