"""Figures of band importance are drawn from their tables alone, whatever these hold."""

from pathlib import Path

import pytest

from fsens_cli.errors import OutputError
from fsens_cli.runs.band_files import CLASSES, TABLE, draw_band_importance

HEAD = (
    "value,band,shapley,shapley_ci_low,shapley_ci_high,first,first_ci_low,first_ci_high,last,last_ci_low,last_ci_high\n"
)


def folder_with(last: str, tmp_path: Path) -> Path:
    (tmp_path / TABLE).write_text(f"{HEAD}logprob,1,2.2,1.7,2.7,8.2,6.4,10.1,{last}\n")
    (tmp_path / CLASSES).write_text("class,label,band,shapley_logprob,n\nring,0,1,2.2,5\ncross,1,1,1.9,4\n")
    return tmp_path


def test_a_band_that_adds_the_same_to_every_image_is_drawn_without_an_interval(tmp_path: Path) -> None:
    said: list[int] = []
    figures = draw_band_importance(folder_with("0,,", tmp_path), ["png"], title=lambda n: f"n = {said.append(n) or n}")
    # Fewer images are asked about bands than about the rest: the title says how many.
    assert said == [9]
    assert [figure.name for figure in figures] == ["bands", "bands_by_class"]
    assert (tmp_path / "bands.png").is_file()


def test_a_table_with_words_for_numbers_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"is damaged: bands\.csv: could not convert string to float: 'much'\.$"):
        draw_band_importance(folder_with("much,,", tmp_path), ["png"], title=str)
