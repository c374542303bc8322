"""Tables in the terminal."""

from types import SimpleNamespace
from typing import Any

from fsens_cli.commands.tables import laid_out
from fsens_cli.commands.wording import sweep_lines
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.sweep_files import JobRecord


def number(key: str, value: float, **more: Any) -> Quantity:
    return Quantity(key=key, label=key, value=value, low=0.0, high=1.0, n=4, unit="share", scale=1, **more)


def run_of(*quantities: Quantity) -> Any:
    return SimpleNamespace(findings=SimpleNamespace(quantities=quantities))


def test_a_sweep_s_table_has_the_settings_in_which_jobs_differ() -> None:
    done = JobRecord(status="done", settings={"seed": "0", "num_images": "60", "width": "8"})
    failed = JobRecord(status="failed", settings={"seed": "1", "num_images": "60"})
    run = run_of(number("share", 0.5), number("hidden", 0.1))
    assert laid_out(sweep_lines([(done, run), (failed, None)], ["share"]), 100) == [
        "seed  width  share",
        "0     8      0.5 [0.0, 1.0]",
        "1            failed",
    ]


def test_the_numbers_of_a_group_share_a_cell() -> None:
    run = run_of(*(number(key, 0.5, group=group) for group in ("none", "blur 1") for key in ("a", "b")))
    assert laid_out(sweep_lines([(JobRecord(status="done"), run)], ["a", "b"]), 100) == [
        "none                            blur 1",
        "0.5 [0.0, 1.0]; 0.5 [0.0, 1.0]  0.5 [0.0, 1.0]; 0.5 [0.0, 1.0]",
    ]
