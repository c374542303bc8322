"""A run as an entry of ``.eval_results/*.yaml`` of the Hugging Face Hub, for a benchmark that the user names."""

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from fsens_cli.errors import OutputError
from fsens_cli.runs.selection import FinishedRun


def eval_results(run: FinishedRun, *, benchmark: str, task: str, number: str) -> str:
    """Return the YAML of one number.

    Args:
        run: that measured it.
        benchmark, task: ids of the Hub's benchmark and of its task; nobody but the user knows whether they fit.
        number: the number's name.

    Raises:
        OutputError: the run has no number of that name.
    """
    numbers = {q.name: q for q in run.findings.quantities if q.value is not None}
    if number not in numbers:
        raise OutputError(f"{run.folder} has no number {number}; it has {', '.join(numbers)}.")
    found = numbers[number]
    assert found.value is not None, "those without a value were left out"
    entry = EvalResultEntry(
        dataset_id=benchmark,
        task_id=task,
        value=round(found.scale * found.value, 6),
        date=run.made.started[:10] or None,
        notes=f"{found.title}, {found.text_with_unit()}, n = {found.n}, {run.made.command}",
    )
    return str(yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False))
