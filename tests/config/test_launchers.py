"""Where a sweep's jobs run: the right launcher or one clear line, and a fair share of the machine for each job."""

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from fsens_cli.config.compose import Request, compose_job
from fsens_cli.config.jobs import JobFields, MeasureJob
from fsens_cli.config.launch import compose_sweep, launch_sweep
from fsens_cli.config.launchers import choice, on_submitit
from fsens_cli.config.launchers.call import Call
from fsens_cli.config.launchers.crew import Machine, crew_for
from fsens_cli.config.spelling import flag_override
from fsens_cli.errors import ConfigError
from fsens_cli.models.device import device_in_turn, num_cores

JOBLIB = {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher", "n_jobs": -1}
SLURM = {"_target_": "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher", "cpus_per_task": None}
LOCAL = {"_target_": "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher", "cpus_per_task": None}
RAY = {"_target_": "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher", "ray": {"remote": {"num_cpus": 2}}}
NEEDS_JOBLIB = pytest.mark.skipif(
    not choice.is_installed("hydra_joblib_launcher"), reason='needs pip install "fsens[joblib]"'
)
NEEDS_SLURM = pytest.mark.skipif(
    not choice.is_installed("hydra_submitit_launcher"), reason='needs pip install "fsens[slurm]"'
)
NEEDS_RAY = pytest.mark.skipif(not choice.is_installed("hydra_ray_launcher"), reason='needs pip install "fsens[ray]"')


def request_of(*overrides: str, multirun: bool = True, config_dir: Path | None = None) -> Request:
    return Request(verb="measure", job=MeasureJob, overrides=overrides, multirun=multirun, config_dir=config_dir)


@pytest.mark.parametrize(
    ("settings", "num_jobs", "machine", "workers", "threads"),
    [
        (JOBLIB, 10, Machine(cores=8, threads=8, gpus=0), 8, 1),
        (JOBLIB, 3, Machine(cores=8, threads=8, gpus=0), 3, 2),
        (JOBLIB | {"n_jobs": 2}, 10, Machine(cores=8, threads=8, gpus=0), 2, 4),
        (JOBLIB | {"n_jobs": 2}, 10, Machine(cores=8, threads=1, gpus=0), 2, 1),
        (JOBLIB | {"n_jobs": -2}, 10, Machine(cores=8, threads=8, gpus=0), 7, 1),
        (JOBLIB | {"n_jobs": -20}, 10, Machine(cores=8, threads=8, gpus=0), 1, None),
        (JOBLIB, 10, Machine(cores=64, threads=32, gpus=4), 4, 8),
        (JOBLIB | {"n_jobs": 8}, 10, Machine(cores=64, threads=32, gpus=4), 8, 4),
        (LOCAL, 10, Machine(cores=8, threads=8, gpus=0), 8, 1),
        (LOCAL | {"cpus_per_task": 4}, 10, Machine(cores=8, threads=8, gpus=0), 2, 4),
        (LOCAL | {"cpus_per_task": 40}, 10, Machine(cores=8, threads=8, gpus=0), 1, 40),
        (SLURM, 10, Machine(cores=8, threads=8, gpus=0), None, None),
        (SLURM | {"cpus_per_task": 6}, 10, Machine(cores=8, threads=8, gpus=0), None, 6),
        (RAY, 10, Machine(cores=8, threads=8, gpus=0), None, 2),
    ],
)
def test_each_job_gets_its_share(
    settings: dict[str, Any], num_jobs: int, machine: Machine, workers: int | None, threads: int | None
) -> None:
    crew = crew_for("x", settings, num_jobs=num_jobs, machine=machine)
    assert (crew.workers, crew.threads) == (workers, threads)
    # One job at a time of this machine is what happens without a launcher.
    assert crew.elsewhere is (threads is not None or workers is None)


def test_a_machine_is_not_shared_out_twice() -> None:
    for cores in range(1, 9):
        for num_jobs in range(1, 9):
            crew = crew_for("joblib", JOBLIB, num_jobs=num_jobs, machine=Machine(cores=cores, threads=cores, gpus=0))
            assert (crew.workers or 0) * (crew.threads or 1) <= cores


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (JOBLIB | {"n_jobs": 0}, "hydra.launcher.n_jobs=0: give how many jobs run at a time"),
        ({"_target_": "theirs.TheirLauncher"}, "hydra/launcher=x is none that fsens can send jobs to"),
        (SLURM | {"timeout_min": 0}, "hydra.launcher.timeout_min=0 must be at least 1"),
        (LOCAL | {"nodes": 2}, "hydra.launcher.nodes=2: each job is one process"),
        (RAY | {"ray": {"remote": {"num_cpus": 0}}}, "hydra.launcher.ray.remote.num_cpus=0 must be larger than 0"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        crew_for("x", settings, num_jobs=2, machine=Machine(cores=2, threads=2, gpus=0))


@pytest.mark.parametrize(
    ("name", "gpus", "expected"),
    [
        ("auto", 0, ["auto"] * 4),
        ("auto", 1, ["auto"] * 4),
        ("auto", 3, ["cuda:0", "cuda:1", "cuda:2", "cuda:0"]),
        ("cuda", 2, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]),
        ("cuda:1", 3, ["cuda:1"] * 4),
        ("cpu", 3, ["cpu"] * 4),
    ],
)
def test_gpus_are_dealt_out_in_turn(name: str, gpus: int, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert [device_in_turn(name, turn) for turn in range(4)] == expected


def test_a_call_sets_up_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("FSENS_CACHE", "here")

    def seen(job: JobFields, text: str, number: int) -> tuple[object, ...]:
        return job.device, text, number, torch.get_num_threads(), Path.cwd(), os.environ["FSENS_CACHE"]

    monkeypatch.chdir(tmp_path)
    job, _ = compose_job(request_of(multirun=False))
    call = Call(task=seen, job=job, config_yaml="text", number=7, turn=1, threads=2)
    # As if in another process.
    monkeypatch.chdir("/")
    monkeypatch.setenv("FSENS_CACHE", "there")
    before = torch.get_num_threads()
    try:
        assert call() == ("cuda:1", "text", 7, 2, tmp_path, "here")
    finally:
        torch.set_num_threads(before)


def test_a_call_where_the_folder_is_not_shared(tmp_path: Path) -> None:
    job, text = compose_job(request_of(multirun=False))
    nowhere = tmp_path / "not here"
    call = Call(task=lambda *_: None, job=job, config_yaml=text, number=0, turn=0, threads=None, folder=nowhere)
    with pytest.raises(ConfigError, match="not here is not on this machine"):
        call()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("hydra/launcher=jobli",), "unknown launcher 'jobli'. Closest: joblib. hydra/launcher can be basic, joblib,"),
        (("hydra/launcher=",), "unknown launcher ''. hydra/launcher can be basic, joblib, ray,"),
        (("hydra/launcher=joblib,ray",), "hydra/launcher=joblib,ray: a sweep has one launcher; give a single value."),
        (("hydra.launcher.n_jobs=2",), "unknown setting 'hydra.launcher.n_jobs' of the launcher. Name one that has it"),
        (("hydra/sweeper=basic",), "unknown setting 'hydra/sweeper'"),
        (("hydra=x",), "unknown setting 'hydra'"),
    ],
)
def test_mistakes_are_told_in_one_line(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_sweep(request_of(*overrides))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("override", ["hydra/launcher=joblib", "hydra/launcher=basic", "hydra.launcher.n_jobs=2"])
def test_a_launcher_without_a_sweep_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"says where the jobs of a sweep run: add -m, or leave it out\.$"):
        compose_job(request_of(override, multirun=False))


@pytest.mark.parametrize(("name", "extra"), [(name, extra) for name, (_, extra) in choice.NEEDS.items()])
def test_a_missing_extra_is_named(name: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "is_installed", lambda plugin: False)
    with pytest.raises(ConfigError) as caught:
        compose_sweep(request_of(flag_override("hydra/launcher", name, multirun=True), "seed=0,1"))
    assert str(caught.value) == f'hydra/launcher={name} needs fsens[{extra}]: pip install "fsens[{extra}]"'


def test_is_installed() -> None:
    assert not choice.is_installed("hydra_no_such_launcher")


@NEEDS_SLURM
@pytest.mark.parametrize("name", ["slurm", "submitit_slurm"])
def test_slurm_where_there_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice.shutil, "which", lambda command: None)
    with pytest.raises(ConfigError, match=rf"hydra/launcher={name} needs Slurm's sbatch, which is not here: "):
        compose_sweep(request_of(f"hydra/launcher={name}"))


@NEEDS_JOBLIB
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("hydra.launcher.n_jobs=0", "hydra.launcher.n_jobs=0: give how many"),
        ("hydra.launcher.n_jobs=two", "n_jobs must be a whole number, got 'two'."),
        ("hydra.launcher.n_job=2", "unknown setting 'hydra.launcher.n_job' of the launcher. Closest: "),
        ("hydra.launcher.n_jobs=1,2", "hydra.launcher.n_jobs=1,2: a sweep has one launcher"),
        ("hydra.launcher._target_=os.system", "unknown setting 'hydra.launcher._target_'"),
    ],
)
def test_mistakes_in_settings_of_joblib(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_sweep(request_of("hydra/launcher=joblib", override, "seed=0,1"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def settings_of(*overrides: str, config_dir: Path | None = None) -> dict[str, Any]:
    request = request_of(*overrides, config_dir=config_dir)
    with warnings.catch_warnings():
        # Hydra would warn where a file of ours has the name of a plugin's configuration.
        warnings.simplefilter("error")
        sweep = compose_sweep(request)
        crew = sweep.crew(range(len(sweep.jobs)), Path("a sweep"))
    return dict(crew.settings)


@NEEDS_JOBLIB
def test_settings_of_joblib() -> None:
    settings = settings_of("hydra/launcher=joblib", "hydra.launcher.n_jobs=3", "seed=range(4)")
    assert settings["n_jobs"] == 3
    assert settings["batch_size"] == "1"


@NEEDS_SLURM
@pytest.mark.parametrize("name", ["slurm", "submitit_slurm"])
def test_settings_of_slurm(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice.shutil, "which", lambda command: "/usr/bin/sbatch")
    given = ["partition=gpu", "timeout_min=30", "gpus_per_node=1", "additional_parameters.mail-user=me@example.org"]
    settings = settings_of(f"hydra/launcher={name}", *(f"hydra.launcher.{text}" for text in given), "seed=0,1")
    expected = {"partition": "gpu", "timeout_min": 30, "gpus_per_node": 1, "submitit_folder": "a sweep/submitit"}
    assert expected.items() <= settings.items()
    assert settings["additional_parameters"] == {"mail-user": "me@example.org"}


@NEEDS_SLURM
def test_settings_that_all_clusters_share_are_those_of_this_machine_s() -> None:
    settings = settings_of("hydra/launcher=slurm-local", "seed=0,1")
    shared = settings.keys() - {"_target_", "submitit_folder"}
    assert shared == on_submitit.SHARED, "the plugin has other settings: see SHARED of on_submitit.py"


@NEEDS_SLURM
def test_a_cluster_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "hydra" / "launcher").mkdir(parents=True)
    (tmp_path / "hydra" / "launcher" / "mine.yaml").write_text("defaults:\n  - slurm-local\n\ncpus_per_task: 3\n")
    settings = settings_of("hydra/launcher=mine", "seed=0,1", config_dir=tmp_path)
    assert settings["cpus_per_task"] == 3
    with pytest.raises(ConfigError, match=r"unknown launcher 'min'\. Closest: mine"):
        compose_sweep(request_of("hydra/launcher=min", config_dir=tmp_path))


@NEEDS_RAY
def test_settings_of_ray() -> None:
    given = ["init.address=auto", "init.namespace=mine", "remote.num_gpus=0.5"]
    ray = settings_of("hydra/launcher=ray", *(f"hydra.launcher.ray.{text}" for text in given))["ray"]
    assert (ray["init"]["address"], ray["init"]["namespace"], ray["init"]["include_dashboard"]) == (
        "auto",
        "mine",
        False,
    )
    assert (ray["remote"]["num_gpus"], ray["remote"]["max_retries"]) == (0.5, 0)


def test_launchers_stay_out_of_the_job() -> None:
    ((job, _),) = compose_sweep(request_of("hydra/launcher=basic")).jobs
    assert isinstance(job, MeasureJob)
    _, text = compose_job(request_of(multirun=False))
    assert "launcher" not in text


def test_arguments_of_a_network_sweep_too(tmp_path: Path) -> None:
    def width(job: JobFields, text: str, number: int) -> object:
        return number, job.model.kwargs["width"]

    request = request_of("model.kwargs.width=8,12")
    sweep = compose_sweep(request)
    assert launch_sweep(sweep, width, crew=sweep.crew([0, 1], tmp_path), numbers=[0, 1]) == [(0, 8), (1, 12)]


def test_num_cores() -> None:
    assert 1 <= num_cores() <= (os.cpu_count() or 1)


@NEEDS_SLURM
def test_submitit_starts_processes_where_it_did() -> None:
    from submitit.local import local

    from fsens_cli.config.launchers.terminal import out_of_the_terminal

    before = getattr(local, "subprocess", None)
    assert before is not None, "submitit starts processes in another way: Ctrl-C reaches jobs of slurm-local"
    with out_of_the_terminal():
        assert local.subprocess.Popen.keywords["start_new_session"]
    assert local.subprocess is before


@NEEDS_SLURM
def test_where_submitit_has_changed_jobs_start_as_it_starts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from submitit.local import local

    from fsens_cli.config.launchers.terminal import out_of_the_terminal

    monkeypatch.delattr(local, "subprocess")
    with out_of_the_terminal():
        assert not hasattr(local, "subprocess")
