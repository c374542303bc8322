"""Tables in the terminal."""

from types import SimpleNamespace

from fsens_cli.commands.wording import sweep_lines


def test_a_sweep_s_table_has_the_settings_in_which_jobs_differ() -> None:
    outcomes = [
        SimpleNamespace(settings={"seed": "0", "num_images": 60, "width": 8}, status="done", results={"share": ".5"}),
        SimpleNamespace(settings={"seed": "1", "num_images": 60}, status="failed", results={}),
    ]
    assert sweep_lines(outcomes, lambda results: results) == [
        "[dim]seed  width  share  accuracy[/]",
        "0     8      .5",
        "1                   failed",
    ]
