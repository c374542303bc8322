"""``fsens compare`` as a user types it: differences, files, and what it refuses or skips."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

from fsens_cli.runs.comparison_files import tex

Type = Callable[..., Result]

pytestmark = pytest.mark.xdist_group("family")


def lines_of(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("verb", "numbers"),
    [
        ("measure", {"accuracy", "sensitivity, low band", "sensitivity, high band", "sensitivity, centroid"}),
        ("hybrid-probe", {"accuracy, unmixed images", "f_rev"}),
        ("evaluate", {"accuracy", "corruptions, all", "pgd, L-inf 8/255", "median size, L-inf"}),
        ("blur-defense", {"none: accuracy", "none: median size, L-inf", "blur 1.5: accuracy"}),
    ],
)
def test_differences_are_those_of_the_numbers(fsens: Type, family: Path, verb: str, numbers: set[str]) -> None:
    shown = lines_of(fsens("compare", f"sweep:{verb}"))
    assert max(map(len, shown.splitlines())) <= 110
    folder = family / "compare" / "v001"
    assert {p.name for p in folder.iterdir()} == {"comparison.csv", "comparison.md", "comparison.tex", "overlay.png"}
    table = pd.read_csv(folder / "comparison.csv")
    assert table["value"].between(table["ci_low"], table["ci_high"])[table["ci_low"].notna()].all()
    paired = table[table["difference"].notna()]
    assert numbers <= set(paired["quantity"])
    first = table[table["run"] == table["run"].iloc[0]].set_index("quantity")["value"]
    for row in paired.itertuples():
        assert row.difference == pytest.approx(row.value - first[row.quantity], abs=1e-6)
        assert row.difference_ci_low <= row.difference <= row.difference_ci_high
    # Behind that blur one of the networks guesses: what is no number has no difference.
    assert "blur 1.5: median size, L-inf" not in set(paired["quantity"])


def test_the_known_truth(fsens: Type, family: Path) -> None:
    lines_of(fsens("compare", "sweep:measure"))
    table = pd.read_csv(family / "compare" / "v001" / "comparison.csv")
    low = table[(table["quantity"] == "sensitivity, low band") & table["difference"].notna()].iloc[0]
    assert low["difference_from"] == "standard training"
    assert low["difference_ci_low"] > 0.8


@pytest.mark.parametrize(
    "names",
    [
        ["outputs/measure/resnet8-dualband/v001", "outputs/measure/resnet8-lsf-dualband/v001"],
        ["outputs/measure/*/v*"],
        ["measure/*/v*"],
        ["sweep:measure"],
        ["sweep:outputs/sweeps/measure/v001"],
        ["sweep:measure/v001", "outputs/measure/resnet8-lsf-dualband/latest"],
    ],
)
def test_ways_to_name_runs(fsens: Type, family: Path, names: list[str]) -> None:
    rows = json.loads(lines_of(fsens("compare", "--json", *names)))["rows"]
    found = {Path(row["folder"]).resolve().parent.name for row in rows}
    assert found == {"resnet8-dualband", "resnet8-lsf-dualband"}
    assert len(rows) == 10


def test_a_sweep_that_was_moved(fsens: Type, family: Path) -> None:
    family.rename("elsewhere")
    lines_of(fsens("compare", "sweep:elsewhere/sweeps/measure/v001", "--quiet"))


def test_latex_and_markdown(fsens: Type, family: Path) -> None:
    lines_of(fsens("compare", "sweep:evaluate"))
    latex = (family / "compare" / "v001" / "comparison.tex").read_text()
    body = [line for line in latex.splitlines() if line.endswith(r"\\")]
    columns = {len(line.replace(r"\&", "").split("&")) for line in body}
    assert columns == {4, 3}  # numbers, then differences
    assert r"accuracy & \%" in latex
    assert not any(sign in latex.replace(r"\%", "").split("\n", 1)[1] for sign in "%#~^")
    markdown = (family / "compare" / "v001" / "comparison.md").read_text()
    assert "| accuracy | % | 100.0 [" in markdown


def test_tex_signs() -> None:
    assert tex(r"a\b_c{d}~^&#$%") == r"a\textbackslash{}b\_c\{d\}\textasciitilde{}\textasciicircum{}\&\#\$\%"


def test_other_verbs_and_images_need_permission(fsens: Type, family: Path) -> None:
    asked = ["compare", "sweep:measure", "sweep:hybrid-probe"]
    refused = fsens(*asked)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: these runs do not answer one question: verbs (measure, hybrid-probe)")
    assert "--allow-different" in refused.stderr
    assert not (family / "compare").exists()
    allowed = fsens(*asked, "--allow-different")
    assert "warning: the runs differ in verbs (measure, hybrid-probe)" in allowed.stderr
    table = pd.read_csv(family / "compare" / "v001" / "comparison.csv")
    # Within a verb everything is the same, so differences are still paired.
    assert set(table[table["difference"].notna()]["verb"]) == {"measure", "hybrid-probe"}


def test_a_verb_is_a_word_and_no_path(fsens: Type, family: Path, tmp_path: Path) -> None:
    record = family / "measure" / "resnet8-lsf-dualband" / "v001" / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"verb": f"{tmp_path}/evil\x1b[31m"}))
    result = fsens(
        "compare",
        "outputs/measure/resnet8-dualband/v001",
        "outputs/measure/resnet8-lsf-dualband/v001",
        "--allow-different",
    )
    assert result.exit_code == 0, result.output
    assert not list(tmp_path.rglob("evil*"))
    assert "\x1b" not in (family / "compare" / "v001" / "comparison.md").read_text()
    assert len(list((family / "compare" / "v001").rglob("overlay.png"))) == 2


def test_other_images_are_never_paired(fsens: Type, family: Path) -> None:
    other = fsens("measure", "--weights", "packaged:lsf", "num_images=30", "data.test_size=60")
    assert other.exit_code == 0, other.output
    names = ["outputs/measure/resnet8-dualband/v001", "outputs/measure/resnet8-lsf-dualband/v002"]
    refused = fsens("compare", *names)
    assert refused.exit_code == 2
    assert "images (40, 30 of them)" in refused.stderr
    rows = json.loads(lines_of(fsens("compare", "--json", "--allow-different", *names)))["rows"]
    assert len(rows) == 10
    assert all(row["difference"] is None for row in rows)


def test_other_settings_are_named(fsens: Type, family: Path) -> None:
    path = family / "measure" / "resnet8-lsf-dualband" / "v001" / "results.json"
    results = json.loads(path.read_text())
    path.write_text(json.dumps(results | {"asked": results["asked"] | {"channels": "power"}}))
    refused = fsens("compare", "sweep:measure")
    assert refused.exit_code == 2
    assert "channels (mean, power)" in refused.stderr


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no results": (lambda f: (f / "results.json").unlink(), "it has no results.json"),
    "half of the results": (lambda f: (f / "results.json").write_text('{"verb": '), "results.json cannot be read"),
    "half of a table": (
        lambda f: (f / "quantities.csv").write_text((f / "quantities.csv").read_text()[:-20]),
        "its quantities.csv is half-written",
    ),
    "a column is missing": (
        lambda f: (f / "quantities.csv").write_text((f / "quantities.csv").read_text().replace("sample_kind", "x")),
        "is damaged: quantities.csv has no column sample_kind",
    ),
    "a word for a number": (
        lambda f: (f / "quantities.csv").write_text((f / "quantities.csv").read_text().replace(",100.0,1,", ",x,1,")),
        "is damaged: quantities.csv or samples.npz, 'accuracy': could not convert string to float",
    ),
    "no answers": (lambda f: (f / "samples.npz").unlink(), "it has no samples.npz"),
    "half of the answers": (
        lambda f: (f / "samples.npz").write_bytes((f / "samples.npz").read_bytes()[:-99]),
        "its samples.npz cannot be read",
    ),
    "a newer version": (
        lambda f: (f / "run.json").write_text((f / "run.json").read_text().replace('"schema": 2', '"schema": 3')),
        "was written by a newer version of fsens",
    ),
    "no record": (lambda f: (f / "run.json").unlink(), "is not a run folder: it has no run.json"),
    "unfinished": (
        lambda f: (f / "run.json").write_text((f / "run.json").read_text().replace('"done"', '"interrupted"')),
        "is interrupted, not done",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_run_is_named_and_skipped(fsens: Type, family: Path, kind: str) -> None:
    runs = family / "measure" / "resnet8-dualband"
    shutil.copytree(runs / "v001", runs / "v003")
    damage, message = DAMAGE[kind]
    damage(runs / "v003")
    names = [f"outputs/measure/resnet8-{i}" for i in ("dualband/v001", "lsf-dualband/v001", "dualband/v003")]
    result = fsens("compare", "--json", *names)
    assert result.exit_code == 0, result.output
    assert message in result.stderr
    assert "outputs/measure/resnet8-dualband/v003" in result.stderr
    found = json.loads(result.stdout)
    assert len(found["skipped"]) == 1
    assert {Path(row["folder"]).parent.name for row in found["rows"]} == {"resnet8-dualband", "resnet8-lsf-dualband"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nowhere"], "there is no run at nowhere"),
        (["outputs/measure/*/w*"], "no folder matches outputs/measure/*/w*"),
        (["sweep:nowhere"], "there is no sweep at nowhere: give a folder such as outputs/sweeps/measure/v001."),
        (["outputs/measure/resnet8-dualband/v001"], "a comparison needs two finished runs or more."),
        (["sweep:measure", "--formats", "bmp"], "plot.formats=bmp"),
    ],
)
def test_refused(fsens: Type, family: Path, names: list[str], message: str) -> None:
    result = fsens("compare", *names)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stdout == ""
    assert not (family / "compare").exists()


def test_a_measurement_of_schema_1_has_the_same_numbers(fsens: Type, family: Path) -> None:
    runs = [family / "measure" / name / "v001" for name in ("resnet8-dualband", "resnet8-lsf-dualband")]
    before = json.loads(lines_of(fsens("compare", "--json", "sweep:measure")))["rows"]
    for run in runs:
        record = run / "run.json"
        record.write_text(record.read_text().replace('"schema": 2', '"schema": 1'))
        for name in ("quantities.csv", "samples.npz", "lines.csv", "figures.json", "summary.txt"):
            (run / name).unlink()
    after = json.loads(lines_of(fsens("compare", "--json", "sweep:measure")))["rows"]
    assert [row["quantity"] for row in after] == [row["quantity"] for row in before]
    for name in ("value", "ci_low", "ci_high", "difference", "difference_ci_low", "difference_ci_high"):
        known = [row[name] for row in before]
        assert [row[name] for row in after] == [v if v is None else pytest.approx(v, rel=1e-6) for v in known]
    other = family / "hybrid-probe" / "resnet8-dualband" / "v001"
    (other / "run.json").write_text((other / "run.json").read_text().replace('"schema": 2', '"schema": 1'))
    refused = fsens("show", str(other))
    assert refused.exit_code == 2
    assert "was written by an older version of fsens: run `fsens hybrid-probe` again." in refused.stderr
