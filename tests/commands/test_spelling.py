"""Values as people write them reach the job as they are meant; near misses are answered with the exact text to type."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.config.spelling import as_written

Type = Callable[..., Result]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (("data=folder", "data.root=~/pictures"), "root: ~/pictures"),
        (("data=folder", "data.root=my pictures"), "root: my pictures"),
        (("data=folder", "data.root=Bilder/Größe"), "root: Bilder/Größe"),
        (("weights=epoch=3.ckpt",), "weights: epoch=3.ckpt"),
        (("num_images=1e3",), "num_images: 1000"),
        (("--weights", "${a}.pt"), "weights: ${a}.pt"),
        (("--weights", "1e3"), "weights: '1e3'"),
    ],
)
def test_values_as_people_write_them(fsens: Type, typed: tuple[str, ...], shown: str) -> None:
    result = fsens("measure", *typed, "--print-config")
    assert result.exit_code == 0, result.output
    assert shown in result.stdout or shown.replace("${a}", "\\${a}") in result.stdout


def test_fractions_are_sizes_where_a_size_is_meant(fsens: Type) -> None:
    result = fsens("evaluate", "suite.eps_linf=[8/255, 1/255]", "--print-config")
    assert result.exit_code == 0, result.output
    assert "- 0.03137254901960784" in result.stdout
    assert as_written("data.root=8/255") == "data.root=8/255"


def test_a_file_that_exists_wins_over_the_grammar(fsens: Type) -> None:
    Path("a,b[1].pt").touch()
    result = fsens("measure", "weights=./a,b[1].pt", "--print-config")
    assert result.exit_code == 0, result.output
    assert "weights: ./a,b[1].pt" in result.stdout


def test_a_folder_as_data_means_its_pictures(fsens: Type) -> None:
    Path("pics/cat").mkdir(parents=True)
    result = fsens("measure", "--data", "./pics", "--print-config")
    assert result.exit_code == 0, result.output
    assert "name: folder" in result.stdout
    assert "root: ./pics" in result.stdout


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("measure", "--num-images", "5"), "write num_images=5"),
        (("measure", "--data-root", "my x"), "write 'data.root=my x'"),
        (("train", "--epochs=3"), "write epochs=3"),
        (("train", "lr=0.1"), "Write optim.lr=0.1"),
        (("measure", "num_images=abc"), "num_images must be a whole number, got 'abc'."),
        (("measure", "model.mean=.5,.5,.5"), "'model.mean=[.5,.5,.5]'"),
    ],
)
def test_near_misses_are_answered_with_what_to_type(fsens: Type, typed: tuple[str, ...], said: str) -> None:
    result = fsens(*typed)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "omegaconf" not in result.output.lower()
    assert "hydra" not in result.output.lower()
