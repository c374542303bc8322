"""Runs as `model-index` of a model card: YAML at the head of a README of the Hugging Face Hub.

The form: ``modelcard.md`` of ``huggingface/hub-docs``; task, dataset and metrics with ``type``, ``name``, ``value``.
"""

from collections.abc import Sequence

import yaml

import fsens_cli
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.comparison import Report
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.text import shown

TASK = {"type": "image-classification", "name": "Image classification"}


def model_card(report: Report) -> str:
    """Return the front matter of a model card: one entry a network, one result a run, one metric a number."""
    by_network: dict[str, list[FinishedRun]] = {}
    for comparison in report.comparisons:
        for compared in comparison.runs:
            by_network.setdefault(compared.run.network, []).append(compared.run)
    index = [{"name": name_of(runs[0]), "results": [_result(run) for run in runs]} for runs in by_network.values()]
    text = yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=True, width=10_000)
    return f"---\n{text}---\n"


def name_of(run: FinishedRun) -> str:
    """Return what a network is called: its architecture and its weights."""
    return shown(f"{run.model} ({run.weights})" if run.weights else run.model)


def _result(run: FinishedRun) -> Json:
    made = run.made
    return {
        "task": dict(TASK),
        "dataset": {
            "type": shown(run.settings["data"]),
            "name": shown(run.data),
            "args": {"num_images": run.num_images, "sha256": made.data_fingerprint},
        },
        "metrics": _metrics(run.findings.quantities, shown(run.verb)),
        # Without an address of the run there is no `source`, which would need one.
        "args": {
            "fsens": fsens_cli.__version__,
            "verb": shown(run.verb),
            "seed": shown(made.seed),
            "weights_sha256": made.weights_sha256,
            "asked": {shown(name): shown(value) for name, value in run.findings.asked.items()},
        },
    }


def _metrics(quantities: Sequence[Quantity], verb: str) -> list[Json]:
    return [
        {
            "type": "accuracy" if q.key == "accuracy" and not q.group else f"fsens-{verb}-{shown(q.name)}",
            "name": shown(q.title),
            "value": round(q.scale * q.value, 6),
            "args": {
                "unit": q.unit,
                "interval_95": [None if v is None else round(q.scale * v, 6) for v in (q.low, q.high)],
                "n": q.n,
                **({"doubtful": shown(q.note)} if q.is_doubtful else {}),
            },
        }
        for q in quantities
        if q.value is not None
    ]
