"""Values as people write them reach the job as they are meant; near misses are answered with the exact text to type."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from fsens_cli.config.compose import Request, configs_folder
from fsens_cli.config.jobs import MeasureJob
from fsens_cli.config.launch import compose_sweep
from fsens_cli.config.spelling import as_written, flag_override, in_shell

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
        (("model.mean=0.5,0.5,0.5", "model.std=.2,.2,.2"), "mean:\n  - 0.5\n  - 0.5\n  - 0.5\n  std:\n  - 0.2"),
        (("model.mean=.5", "model.std=.2"), "mean:\n  - 0.5\n  std:\n  - 0.2\n"),
        (("data.size=224",), "size:\n  - 224\n"),
        (("data.size=48,32",), "size:\n  - 48\n  - 32\n"),
        (("plot.formats=png,svg",), "formats:\n  - png\n  - svg\n"),
        (("bands=1,2",), "bands:\n- 1\n- 2\n"),
    ],
)
def test_values_as_people_write_them(fsens: Type, typed: tuple[str, ...], shown: str) -> None:
    result = fsens("measure", *typed, "--print-config")
    assert result.exit_code == 0, result.output
    assert shown in result.stdout or shown.replace("${a}", "\\${a}") in result.stdout


def test_fractions_are_sizes_where_a_size_is_meant(fsens: Type) -> None:
    result = fsens("evaluate", "suite.eps_linf=[8/255, 1/255]", "--print-config")
    assert result.exit_code == 0, result.output
    assert "- 0.03137254901960784  # 8/255\n  - 0.00392156862745098  # 1/255\n" in result.stdout
    assert as_written("data.root=8/255") == "data.root=8/255"


def test_the_suites_sizes_are_the_fractions_that_people_type() -> None:
    """A run with these typed answers the question that the default asks."""
    for name in ("quick", "full", "defense", "defense-full"):
        sizes = yaml.safe_load((configs_folder() / "suite" / f"{name}.yaml").read_text())["suite"]["eps_linf"]
        assert set(sizes) <= {k / 255 for k in (1, 2, 4, 8)}


def test_values_of_a_list_are_a_value_each_in_a_sweep() -> None:
    request = Request(verb="measure", job=MeasureJob, overrides=("plot.formats=png,svg", "bands=[1,2]"), multirun=True)
    jobs = [job for job, _ in compose_sweep(request).jobs]
    assert [(job.plot.formats, job.bands) for job in jobs] == [(["png"], [1, 2]), (["svg"], [1, 2])]


@pytest.mark.parametrize("shell", [["bash", "--norc"], ["zsh", "-f"]], ids=["bash", "zsh"])
def test_what_is_to_be_typed_arrives_as_it_is_meant(shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"there is no {shell[0]} here")
    texts = ["tag='a,b'", "suite.eps_linf=[8/255,1/255]", "data.root=my pictures", "tag=$HOME", "tag=a!b", "tag='a\\b'",
             "tag=`x`", "a=*", "tag='it\\'s'", 'tag="x"', "data.root=~/a", "weights=epoch=3.ckpt"]  # fmt: skip
    typed = " ".join(in_shell(text) for text in texts)
    done = subprocess.run([*shell, "-c", f"printf '%s\\n' {typed}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == texts


def test_paths_in_a_list_may_begin_at_home(fsens: Type) -> None:
    result = fsens("blur-defense", "mode=trained", "sigmas=0,1", "runs=~/a,~/my b", "--print-config")
    assert result.exit_code == 0, result.output
    assert "runs:\n- ~/a\n- ~/my b\n" in result.stdout


@pytest.mark.parametrize("name", ["a,b[1].pt", "x;y&z.pt", "a b, c", "it's.pt", "größe.pt", "${a}.pt", "-dash.pt"])
def test_a_file_that_exists_wins_over_the_grammar(name: str) -> None:
    Path(name).touch()
    written = (as_written(f"weights={name}"), "data=folder", as_written(f"data.root={name}"))
    typed = (*written, flag_override("out", name, multirun=True))
    request = Request(verb="measure", job=MeasureJob, overrides=(*typed, "seed=0,1"), multirun=True)
    jobs = [job for job, _ in compose_sweep(request).jobs]
    assert [(job.weights, job.data.root, job.out, job.seed) for job in jobs] == [(name, name, name, s) for s in (0, 1)]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("multirun", [(), ("-m",)])
def test_the_folder_for_runs_is_one_whatever_its_name(multirun: tuple[str, ...], fsens: Type) -> None:
    result = fsens("measure", *multirun, "num_images=4", "data.test_size=20", "--out", "a,b")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["a,b", "net.py"]
    assert len(result.output.splitlines()) <= 14


@pytest.mark.parametrize("written", ["./pics", "pics", "./cifar10"])
def test_a_folder_as_data_means_its_pictures(written: str, fsens: Type) -> None:
    Path(written, "cat").mkdir(parents=True)
    result = fsens("measure", "--data", written, "--print-config")
    assert result.exit_code == 0, result.output
    assert "name: folder" in result.stdout
    assert f"root: {written}" in result.stdout


def test_a_data_set_that_can_be_named_is_no_folder(fsens: Type) -> None:
    Path("cifar10/cat").mkdir(parents=True)
    assert "name: cifar10" in fsens("measure", "--data", "cifar10", "--print-config").stdout


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("measure", "--num-images", "5"), "write num_images=5"),
        (("measure", "--data-root", "my x"), "write 'data.root=my x'"),
        (("train", "--epochs=3"), "write epochs=3"),
        (("train", "lr=0.1"), "Write optim.lr=0.1"),
        (("measure", "num_images=abc"), "num_images must be a whole number, got 'abc'."),
        (("measure", "data.name=folder"), "choose them with data=folder."),
        (("measure", "num_images=null"), "num_images must be a whole number, got null."),
        (("measure", "num_images=[1,2]"), "num_images must be a whole number, got '[1, 2]'."),
        (("train", "augment.jsd=logit"), "augment.jsd must be a number, got 'logit'."),
        (("measure", "plot=blur"), "plot holds several settings: plot.NAME=VALUE."),
        (("measure", "model.kwargs=3"), "model.kwargs holds several settings: model.kwargs.NAME=VALUE."),
        (("evaluate", "suite.corruptions={a:1}"), "suite.corruptions must be a list, as in suite.corruptions=[A,B]."),
        (("measure", "tag=[a,b]"), "tag must be one text"),
        (("measure", "tag=null"), "tag must have a value, got null."),
        (("measure", "seed=99999999999999999999"), "seed=99999999999999999999 must lie in 0..2147483647."),
        (("layers", "seed=2147483648"), "seed=2147483648 must lie in 0..2147483647."),
        (("measure", "seed=???"), "seed must have a value: ??? stands for one that is missing."),
        (("measure", "tag=${nosuch}"), "tag: what stands in its ${...} is no setting and no variable that is there."),
        (("measure", "--num-images"), "write num_images=VALUE"),
        (("measure", "--data-root", "--quiet"), "write data.root=VALUE"),
        (("train", "--lr", "0.1"), "write optim.lr=0.1"),
        (("train", "--nesterov", "seed=1"), "write optim.nesterov=VALUE"),
        (("evaluate", "--eps-linf", "8/255"), "write suite.eps_linf=8/255"),
        (("evaluate", "--suite", "full"), "write suite=full"),
        (("blur-defense", "--epochs", "3"), "write train.epochs=3"),
        (("measure", "--modle", "resnet8"), "Did you mean --model?"),
        (("measure", "--epochs", "3"), "no such option: --epochs."),
        (("measure", "tag=a,b"), """or write "tag='a,b'" for one text."""),
        (("measure", "num_images=1,2"), "gives several values: add -m to run one job for each."),
        (("measure", "tag=a[b"), """Write "tag='a[b'" if it is meant as it stands."""),
    ],
)
def test_near_misses_are_answered_with_what_to_type(fsens: Type, typed: tuple[str, ...], said: str) -> None:
    result = fsens(*typed)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "omegaconf" not in result.output.lower()
    assert "hydra" not in result.output.lower()
