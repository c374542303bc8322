"""A configuration folder of somebody else's may set what fsens has, and cannot make Hydra run code."""

from pathlib import Path

import pytest

from fsens_cli.config.compose import Request, compose_job
from fsens_cli.config.jobs import EvaluateJob, TrainJob
from fsens_cli.config.own_folder import check_folder
from fsens_cli.errors import ConfigError

REFUSED = {
    "callbacks": ("model/mine.yaml", "# @package _global_\nhydra:\n  callbacks:\n    x: {_target_: os.system}\n"),
    "an object": ("model/mine.yaml", "name: resnet8\nkwargs: {layer: {_target_: os.system, command: id}}\n"),
    "logging": ("experiment/x.yaml", "# @package _global_\nhydra: {job_logging: {version: 1}}\n"),
    "a group of Hydra's": ("measure.yaml", "defaults:\n  - override /hydra/callbacks: mine\n"),
    "a search path": ("measure.yaml", "hydra:\n  searchpath: [pkg://evil]\n"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_reaches_into_hydra_is_refused_by_file_and_key(case: str, tmp_path: Path) -> None:
    name, text = REFUSED[case]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    with pytest.raises(ConfigError, match="can run code") as caught:
        check_folder(tmp_path)
    assert file.name in str(caught.value)


def test_own_settings_and_where_jobs_run_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("defaults: [/schema/model@_here_, _self_]\nname: resnet8\n")
    (tmp_path / "hydra" / "launcher").mkdir(parents=True)
    (tmp_path / "hydra" / "launcher" / "mine.yaml").write_text("_target_: a.launcher\n")
    (tmp_path / "measure.yaml").write_text("hydra: {launcher: {n_jobs: 2}}\nnum_images: 5\n")
    (tmp_path / "broken.yaml").write_text("a: [")
    check_folder(tmp_path)


def test_sizes_are_written_as_fractions_in_files_too(tmp_path: Path) -> None:
    for name, text in {
        "suite/mine.yaml": "defaults: [quick]\nsuite:\n  eps_linf:\n    - 8/255\n    - 1/255 # small\n",
        "experiment/mine.yaml": "adversary: {mode: train, eps: 4/255, step_size: 1/255}\ntag: 4/255\n",
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(f"# @package _global_\n{text}")
    given = Request(verb="evaluate", job=EvaluateJob, overrides=("suite=mine",), config_dir=tmp_path)
    composed = compose_job(given)
    assert composed.job.suite.eps_linf == [8 / 255, 1 / 255]
    assert "- 0.03137254901960784  # 8/255\n" in composed.config_yaml
    given = Request(verb="train", job=TrainJob, overrides=("experiment=mine",), config_dir=tmp_path)
    job = compose_job(given).job
    assert (job.adversary.eps, job.adversary.step_size, job.tag) == (4 / 255, 1 / 255, "4/255")
