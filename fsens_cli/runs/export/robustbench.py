"""A run as an entry of RobustBench's ``model_info/DATASET/THREAT/ID.json``: its field names; accuracies are words.

What a run cannot know is left empty for the author: link, authors, venue, additional_data. ``reported`` is the number
of a paper, so it is never filled in.
"""

import json
import re
from collections.abc import Mapping

from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.export.model_card import name_of
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.text import shown

AUTOATTACK = re.compile(r"attack-autoattack-(?P<norm>linf|l2)-(?P<eps>[\d.e-]+)")
# How many images of which data RobustBench's numbers are over.
OVER = {"cifar10": 10_000, "cifar100": 10_000, "imagenet": 5_000}


def robustbench_entry(run: FinishedRun) -> tuple[str, list[str]]:
    """Return the JSON of an entry, and what keeps it from being one of RobustBench's.

    Raises:
        OutputError: the run holds neither AutoAttack within one budget nor the mean over corruptions.
    """
    numbers = {q.name: q for q in run.findings.quantities if q.value is not None}
    attacks = [name for name in numbers if AUTOATTACK.fullmatch(name)]
    corrupted = "mean-error" in numbers
    if len(attacks) > 1:
        raise OutputError(
            f"{run.folder} has AutoAttack within {len(attacks)} budgets, and an entry is of one: export a run of "
            "suite=robustbench-linf or suite=robustbench-l2."
        )
    if "accuracy" not in numbers or not (attacks or corrupted):
        raise OutputError(
            f"{run.folder} has no number of RobustBench's: AutoAttack (suite=robustbench-linf, robustbench-l2) or the "
            "mean over 15 corruptions at 5 severities (suite=robustbench-corruptions)."
        )
    passes = run.findings.asked.get("attack.eot", "1")
    entry: Json = {
        "link": "",
        "name": name_of(run),
        "authors": "",
        "additional_data": None,
        "number_forward_passes": int(passes) if passes.isdecimal() else 1,
        "dataset": shown(run.settings["data"]),
        "venue": "",
        "architecture": shown(run.model),
        "eps": _eps(attacks[0]) if attacks else None,
        "clean_acc": _percent(numbers["accuracy"]),
        "reported": None,
    }
    if attacks:
        entry["autoattack_acc"] = _percent(numbers[attacks[0]])
    if corrupted:
        entry |= _corrupted(numbers)
    return json.dumps(entry, indent=2) + "\n", _doubts(run, [numbers[name] for name in ("accuracy", *attacks)])


def _corrupted(numbers: Mapping[str, Quantity]) -> Json:
    error = numbers["mean-error"]
    found: Json = {"corruptions_acc": f"{100 - error.scale * (error.value or 0.0):.2f}"}
    if "mce" in numbers:
        found["corruptions_mce"] = _percent(numbers["mce"])
    return found


def _percent(quantity: Quantity) -> str:
    assert quantity.value is not None, "those without a value were left out"
    return f"{quantity.scale * quantity.value:.2f}"


def _eps(name: str) -> str:
    """Return a budget as RobustBench writes it.

    >>> _eps("attack-autoattack-linf-0.0313725"), _eps("attack-autoattack-l2-0.5")
    ('8/255', '0.5')
    """
    found = AUTOATTACK.fullmatch(name)
    assert found is not None, "chosen by this pattern"
    eps = float(found["eps"])
    levels = round(255 * eps)
    return f"{levels}/255" if found["norm"] == "linf" and abs(255 * eps - levels) < 1e-3 else f"{eps:g}"


def _doubts(run: FinishedRun, numbers: list[Quantity]) -> list[str]:
    said = ["link, authors, venue and additional_data are left for you to fill in"]
    data = run.settings["data"]
    wanted = OVER.get(data)
    if wanted is None:
        said.append(f"RobustBench has no {shown(data)}: its data are {', '.join(OVER)}")
    elif {q.n for q in numbers} != {wanted}:
        counts = ", ".join(sorted({f"{q.n:,}" for q in numbers}))
        said.append(f"RobustBench's numbers of {data} are over {wanted:,} images, these over {counts}")
    if run.findings.asked.get("suite.name", "").startswith("robustbench-"):
        return said
    return [*said, "RobustBench takes the first images in file order: suite=robustbench-linf and so on do"]
