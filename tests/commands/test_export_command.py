"""Runs in other people's formats: read back by these people's own libraries, nothing invented."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results
from typer.testing import Result

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]
OFF = ("suite.filters=[]", "suite.shuffles=[]", "suite.noises=[]", "suite.minimal=false", "suite.heat_map=false",
       "suite.prediction=false", "suite.corruptions=[]", "num_images=6", "data.test_size=20", "plot.formats=[]",
       "suite.attack_images=2", "suite.norms=[linf]")  # fmt: skip


@pytest.fixture
def one(fsens: Type, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An evaluation with AutoAttack, of few queries so that it takes no minute."""
    from fsens_cli.perturb.attacks.config import ATTACKS, AttackRecord

    for name in ("apgd-ce", "apgd-t", "fab-t", "square", "autoattack"):
        record = ATTACKS[name]
        quick = AttackRecord(steps=2, classes=record.classes, takes_target=False, protocol=record.protocol)
        monkeypatch.setitem(ATTACKS, name, quick)
    budget = "suite.eps_linf=[0.03137254901960784]"
    done = fsens("evaluate", *OFF, "suite.attacks=[autoattack]", budget, "tag=a_b%")
    assert done.exit_code == 0, done.output
    (folder,) = Path("outputs/evaluate").glob("*/v001")
    return folder


def exported(fsens: Type, *arguments: str) -> str:
    result = fsens("export", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_format(one: Path, fsens: Type, error_of: ErrorOf) -> None:
    card = exported(fsens, str(one), "--to", "model-card")
    index = yaml.safe_load(card.strip("-\n"))["model-index"]
    name, results = model_index_to_eval_results(index)
    assert name == "resnet8 (packaged:standard)"
    kept = {row["key"]: row for row in csv.DictReader(io.StringIO((one / "quantities.csv").read_text()))}
    by_type = {r.metric_type: r for r in results}
    assert by_type["accuracy"].metric_value == pytest.approx(100 * float(kept["accuracy"]["value"]))
    assert len(results) == sum(1 for row in kept.values() if row["value"])
    # RobustBench: its field names and types, and nothing that a run cannot know.
    result = fsens("export", str(one), "--to", "robustbench")
    entry = json.loads(result.stdout)
    assert list(entry) == ["link", "name", "authors", "additional_data", "number_forward_passes", "dataset", "venue",
                           "architecture", "eps", "clean_acc", "reported", "autoattack_acc"]  # fmt: skip
    assert (entry["eps"], entry["number_forward_passes"]) == ("8/255", 1)
    assert entry["clean_acc"] == f"{100 * float(kept['accuracy']['value']):.2f}"
    assert (entry["reported"], entry["link"], entry["additional_data"]) == (None, "", None)
    assert "RobustBench has no dualband" in " ".join(result.stderr.split())
    # Tables.
    rows = list(csv.DictReader(io.StringIO(exported(fsens, str(one), "--to", "csv"))))
    assert rows[0]["quantity"] == "accuracy"
    assert r"\begin{tabular}" in exported(fsens, str(one), "--to", "latex", "-o", "t.tex") + Path("t.tex").read_text()
    refused = fsens("export", str(one), "--to", "latex", "-o", "t.tex")
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr
    # The Hub's results only for a benchmark that the user names.
    assert "needs --benchmark and --task" in fsens("export", str(one), "--to", "eval-results").stderr
    named = ("--to", "eval-results", "--benchmark", "someone/set", "--task", "robust")
    (parsed,) = parse_eval_result_entries(yaml.safe_load(exported(fsens, str(one), *named)))
    assert (parsed.dataset_id, parsed.task_id) == ("someone/set", "robust")
    assert parsed.value == pytest.approx(100 * float(kept["accuracy"]["value"]))
    assert "no number nothing" in fsens("export", str(one), *named, "--number", "nothing").stderr
    assert "model-card, robustbench" in fsens("export", str(one), "--to", "word").stderr


def test_what_is_no_entry(fsens: Type) -> None:
    done = fsens("measure", "num_images=4", "data.test_size=20", "plot.formats=[]")
    assert done.exit_code == 0, done.output
    refused = fsens("export", "latest", "--to", "robustbench")
    assert refused.exit_code == 2
    assert "has no number of RobustBench's" in refused.stderr
    card = yaml.safe_load(exported(fsens, "latest", "--to", "model-card").strip("-\n"))
    assert card["model-index"][0]["results"][0]["dataset"]["type"] == "dualband"
