"""From what was typed to a checked job: values arrive as typed, mistakes are named."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import pytest
import yaml
from omegaconf import OmegaConf

from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.commands.verbs.verb import Verb
from fsens_cli.config import compose as compose_module
from fsens_cli.config import launch as launch_module
from fsens_cli.config.compose import Request, compose_job, configs_folder, job_yaml, load_job
from fsens_cli.config.jobs import DefenseJob, EvaluateJob, HybridJob, JobFields, MeasureJob, TrainJob
from fsens_cli.config.launch import compose_sweep, launch_sweep
from fsens_cli.config.launchers.crew import Crew
from fsens_cli.config.parsing import parse
from fsens_cli.config.spelling import flag_override
from fsens_cli.data.catalog import CATALOG
from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.folder import FolderConfig
from fsens_cli.errors import ConfigError, FsensError
from fsens_cli.experiments.evaluate_settings import SuiteConfig
from fsens_cli.experiments.hybrid_settings import PUBLISHED_GRID, HybridConfig
from fsens_cli.experiments.measure_settings import CONVENTIONS
from fsens_cli.experiments.train_settings import OptimConfig
from fsens_cli.models.catalog import PACKAGED
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.objectives.regularizers import RegularizerConfig

BASIC = Crew(name="basic")


def measure_job(*overrides: str, config_dir: Path | None = None) -> MeasureJob:
    job, _ = compose_job(Request(verb="measure", job=MeasureJob, overrides=overrides, config_dir=config_dir))
    assert isinstance(job, MeasureJob)
    return job


@pytest.mark.parametrize(
    ("suite", "norms", "eps", "num_images"),
    [
        ("robustbench-linf", ["linf"], 8 / 255, 10_000),
        ("robustbench-l2", ["l2"], 0.5, 10_000),
        ("robustbench-imagenet-linf", ["linf"], 4 / 255, 5_000),
    ],
)
def test_threat_models_of_robustbench(suite: str, norms: list[str], eps: float, num_images: int) -> None:
    pictures = ("data=imagenet", "data.root=somewhere", "data.list=ids.txt") if "imagenet" in suite else ()
    job, _ = compose_job(Request(verb="evaluate", job=EvaluateJob, overrides=(f"suite={suite}", *pictures)))
    assert isinstance(job, EvaluateJob)
    assert (job.suite.attacks, job.suite.norms, job.suite.eps_of(norms[0])) == (["autoattack"], norms, [eps])
    assert (job.num_images, job.suite.attack_images, job.data.choice) == (num_images, num_images, "first")


def test_the_fixed_pictures_have_to_be_named() -> None:
    with pytest.raises(ConfigError, match=r"give data.list=FILE"):
        compose_job(Request(verb="evaluate", job=EvaluateJob, overrides=("suite=robustbench-imagenet-linf",)))


def train_job(*overrides: str) -> TrainJob:
    job, _ = compose_job(Request(verb="train", job=TrainJob, overrides=overrides))
    assert isinstance(job, TrainJob)
    return job


def test_defaults_of_measure() -> None:
    job = measure_job()
    assert job == MeasureJob(model=ModelConfig(name="resnet8"), data=DualbandConfig())
    assert (job.num_images, job.split, job.weights, job.convention) == (1000, "test", "auto", "pixel")


def test_defaults_of_train() -> None:
    job = train_job()
    assert job == TrainJob(model=ModelConfig(name="resnet8"), data=DualbandConfig(), optim=OptimConfig())
    assert (job.epochs, job.batch_size, job.weights) == (10, 128, "random")


@pytest.mark.parametrize(
    ("group", "kind"),
    [("model", ModelConfig), ("frontend", FrontEndConfig), ("optim", OptimConfig), ("regularizer", RegularizerConfig)],
)
def test_files_set_what_exists_and_name_themselves(group: str, kind: type) -> None:
    known = {field.name for field in dataclasses.fields(kind)}
    files = sorted((configs_folder() / group).glob("*.yaml"))
    assert files
    for file in files:
        content = yaml.safe_load(file.read_text())
        assert content.get("name", file.stem) == file.stem
        assert set(content) - {"defaults"} <= known


@pytest.mark.parametrize("name", sorted(path.stem for path in (configs_folder() / "data").glob("*.yaml")))
def test_data_files_repeat_the_defaults_of_their_class(name: str) -> None:
    content = yaml.safe_load((configs_folder() / "data" / f"{name}.yaml").read_text())
    content.pop("defaults")
    config = CATALOG[name].config()
    assert {key: getattr(config, key) for key in content} == content


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_top_level_files_repeat_the_defaults_of_their_class(verb: Verb) -> None:
    content = yaml.safe_load((configs_folder() / f"{verb.config}.yaml").read_text())
    content.pop("defaults")
    defaults = {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(verb.job_type())
    }
    plain = {k: dataclasses.asdict(v) if dataclasses.is_dataclass(v) else v for k, v in defaults.items()}
    for key, value in content.items():
        # Of nested settings, files may leave out what a group of options sets.
        expected = {name: plain[key][name] for name in value} if isinstance(value, dict) else plain[key]
        assert expected == value, key


def test_published_settings_of_a_probe_and_a_defence_have_names() -> None:
    probe, _ = compose_job(Request(verb="hybrid_probe", job=HybridJob, overrides=("probe=published",)))
    assert isinstance(probe, HybridJob)
    assert (probe.num_images, probe.pairings, tuple(probe.grid)) == (1000, 6, PUBLISHED_GRID)
    defense, _ = compose_job(Request(verb="blur_defense", job=DefenseJob, overrides=("suite=defense-full",)))
    assert isinstance(defense, DefenseJob)
    assert (defense.num_images, defense.suite.severities, defense.suite.attack_images) == (500, [1, 3, 5], 100)
    assert (defense.checks.images, defense.checks.queries) == (50, 300)


def test_a_first_look_is_less() -> None:
    probe, _ = compose_job(Request(verb="hybrid_probe", job=HybridJob, overrides=()))
    assert isinstance(probe, HybridJob)
    assert (probe.num_images, probe.pairings) == (HybridJob(data=None).num_images, HybridConfig().pairings) == (500, 2)


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_conventions_are_those_of_the_code(name: str) -> None:
    assert yaml.safe_load((configs_folder() / "convention" / f"{name}.yaml").read_text()) == CONVENTIONS[name]
    job = measure_job(f"convention={name}")
    assert {key: getattr(job, key) for key in CONVENTIONS[name]} == CONVENTIONS[name]
    assert job.convention == name


def test_every_convention_has_a_file() -> None:
    assert {path.stem for path in (configs_folder() / "convention").glob("*.yaml")} == set(CONVENTIONS)


@pytest.mark.parametrize(
    "given",
    [
        {
            "num_images=500": ("num_images", 500),
            "bands=[3,7]": ("bands", [3, 7]),
            "target=margin": ("target", "margin"),
            "data.test_size=50": ("data.test_size", 50),
            "data.low_cue=0": ("data.low_cue", 0.0),
            "data.seed=7": ("data.seed", 7),
            "model=resnet20": ("model.name", "resnet20"),
            "model.mean=[.1,.2,.3]": ("model.mean", [0.1, 0.2, 0.3]),
            "model.std=[1,1,1]": ("model.std", [1.0, 1.0, 1.0]),
            "model.kwargs.width=8": ("model.kwargs", {"width": 8}),
            "plot.formats=[png,pdf]": ("plot.formats", ["png", "pdf"]),
            "tag='a,b=c'": ("tag", "a,b=c"),
            "out='it\\'s here'": ("out", "it's here"),
            "seed=1": ("seed", 2),
            "seed=2": ("seed", 2),
        },
        {
            "model=vit_b_16": ("model.name", "vit_b_16"),
            "model.kwargs={width:8,depth:2}": ("model.kwargs", {"width": 8, "depth": 2}),
            "data=folder": ("data.name", "folder"),
            "data.root=/x y": ("data.root", "/x y"),
            "data.size=[32,40]": ("data.size", [32, 40]),
            "frontend=blur": ("frontend", FrontEndConfig(name="blur", sigma=2.0)),
            "frontend.sigma=2": ("frontend.sigma", 2.0),
            "tag=": ("tag", ""),
        },
        {"model=timm/resnet18": ("model.name", "timm/resnet18"), "data=cifar10": ("data.name", "cifar10")},
        {"frontend=blur": ("frontend", FrontEndConfig(name="blur", sigma=1.5))},
    ],
)
def test_overrides_arrive(given: dict[str, tuple[str, object]]) -> None:
    job = measure_job(*given)
    for key, expected in given.values():
        value: object = job
        for part in key.split("."):
            value = getattr(value, part)
        assert value == expected, key


def test_settings_below_groups_of_a_training() -> None:
    job = train_job(
        "optim=adamw",
        "regularizer=lsf",
        "regularizer.weight=2",
        "measure.space=normalized",
    )
    assert (job.optim.name, job.optim.lr, job.optim.weight_decay) == ("adamw", 0.001, 0.05)
    assert (job.regularizer.name, job.regularizer.weight) == ("lsf", 2.0)
    assert job.measure.convention == "reference"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+typo=1", "'+typo=1': settings are neither added nor removed; write typo=1 without the sign."),
        ("++seed=1", "'++seed=1': settings are neither added nor removed; write seed=1"),
        ("~seed", "'~seed': settings are neither added nor removed; write seed without the sign."),
        ("seed", "'seed' is not a setting: write key=value"),
        ("=3", "'=3' is not a setting: write key=value"),
        pytest.param("=" + "9" * 5000, f"'={'9' * 199}...' is not a setting: write key=value", id="digits alone"),
        pytest.param(f"batch_size={'9' * 400}", "whole number of 1329 bits is beyond", id="beyond whole numbers"),
        pytest.param(f"frontend.sigma={'9' * 400}", "a number among the settings has hundreds of", id="beyond floats"),
        pytest.param(f"model.mean=[{'9' * 400}]", "is not one finite number a channel", id="beyond every float"),
        ("tag=[a", "'tag=[a' cannot be read as key=value"),
        ("num_image=5", "unknown setting 'num_image'. Closest: num_images"),
        ("data.rot=x", "unknown setting 'data.rot'."),
        ("data.root=x", "unknown setting 'data.root'."),
        ("zzz=1", "unknown setting 'zzz'. `--print-config` shows them all."),
        ("model.nme=x", "unknown setting 'model.nme'. Closest: model.name"),
        ("/etc=1", "'/etc=1' cannot be read as key=value"),
        pytest.param(f"seed={'9' * 5000}", "99...' cannot be read as key=value (Exceeds the limit", id="digits"),
        pytest.param(f"seed={'[' * 2_000}", "[[...' cannot be read as key=value.", id="brackets"),
        ("model=resnt20", "unknown model 'resnt20'. Closest: resnet20"),
        (
            "model=timm/vit_tiny_patch16_22",
            "unknown model 'timm/vit_tiny_patch16_22'. Closest: timm/vit_tiny_patch16_224",
        ),
        ("model=none.py:make", "model=none.py:make: there is no file none.py."),
        ("data=cifar", "unknown data 'cifar'. Closest: cifar10, cifar100. data can be arrays, cifar10, cifar100,"),
        ("convention=published", "unknown convention 'published'. convention can be pixel, reference."),
        (
            "frontend=blurr",
            "unknown frontend 'blurr'. Closest: blur. frontend can be blur, high-pass, none, pca, random-blur.",
        ),
        ("model=resnet8,resnet20", "model=resnet8,resnet20 gives several values: add -m"),
        ("seed=range(3)", "seed=range(3) gives several values: add -m"),
        ("num_images=0", "num_images=0 must be at least 1."),
        ("num_images=abc", "num_images must be a whole number, got 'abc'."),
        ("num_images=1.5", "num_images must be a whole number, got '1.5'."),
        ("num_images=", "num_images must be a whole number, got ''."),
        ("seed=null", "seed must be a whole number, got null."),
        ("seed=-1", "seed=-1 must lie in 0..2147483647."),
        ("target=lss", "target=lss is not known; target can be loss, logit, margin."),
        ("split=val", "split=val is not known; split can be train, test."),
        ("bands=[5]", "bands=[5]: give [LAST_LOW,LAST_MID] in cycles/image."),
        ("bands=[a,b]", "bands[0] must be a whole number, got 'a'."),
        ("data.test_size=3", "data.test_size=3: dualband has 10 classes"),
        ("data=folder", "data=folder needs data.root=FOLDER"),
        ("frontend.sigma=-1", "frontend.sigma=-1.0 must be positive"),
        ("model.std=[0.1]", "model.mean=[] and model.std=[0.1] differ in length"),
        ("plot.formats=[gif]", "plot.formats=gif is not known"),
        ("model=null", "unknown model 'null'"),
        ("data=null", "unknown data 'null'"),
        ("model=", "unknown model ''"),
        ("tag=../x/..", None),
        ("hydra.run.dir=/tmp/x", "unknown setting 'hydra.run.dir'"),
        ("hydra/launcher=nosuch", "hydra/launcher"),
    ],
)
def test_mistakes_are_told_in_one_line(override: str, message: str | None) -> None:
    if message is None:
        assert measure_job(override).tag == override.removeprefix("tag=")
        return
    with pytest.raises(FsensError) as caught:
        measure_job(override)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("setting", ["optim.weight_decay=inf", "optim.warmup_epochs=inf", "adversary.eps=nan"])
def test_every_number_is_finite(setting: str) -> None:
    with pytest.raises(ConfigError, match=setting):
        train_job(setting)


def test_a_data_set_is_not_renamed() -> None:
    with pytest.raises(ConfigError, match=r"data.name=x is not known: choose data with data=NAME"):
        train_job("data.name=x")


def test_an_evaluation_has_a_severity() -> None:
    with pytest.raises(ConfigError, match=r"suite.severities=\[\]: give one of 1 to 5"):
        SuiteConfig(severities=[])


def test_messages_keep_their_dots() -> None:
    with pytest.raises(ConfigError, match=r"num_images must be a whole number, got '\.\./up'\.$"):
        measure_job("num_images=../up")


@pytest.mark.parametrize(
    "text",
    [
        "runs/best.pt",
        "my runs/best net.pt",
        "it's.pt",
        'say "hi".pt',
        "a=b.pt",
        "a,b.pt",
        "back\\slash",
        "ends with \\",
        "\\'",
        "[x].pt",
        "{x}",
        "(x)",
        "Käse/größe.pt",
        "~/nets/x.pt",
        "~",
        "100%.pt",
        "x@y:z+w",
        "#1.pt",
        "true",
        "null",
        "nan",
        "007",
        "1e3",
        "1_000",
        "12",
        "-5",
        "3.10",
        "*",
        "a?b",
        "a|b",
        "$x",
        " padded ",
        "",
        "hub:me/repo",
        "..",
    ],
)
def test_flags_arrive_as_typed(text: str) -> None:
    (setting,) = parse([flag_override("weights", text, multirun=False)])
    assert not setting.is_sweep
    assert setting.values == (text,)


def test_flags_arrive_as_typed_in_the_job() -> None:
    texts = {"weights": "it's a, [b] = \"c\" \\'d\\", "out": "1e3", "tag": "true"}
    job = measure_job(*(flag_override(key, text, multirun=False) for key, text in texts.items()))
    assert {key: getattr(job, key) for key in texts} == texts


def test_a_flag_for_a_network_in_a_folder_with_a_strange_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's, a = b [c]"
    folder.mkdir()
    (folder / "my net.py").write_text("")
    name = f"{folder}/my net.py:make"
    assert measure_job(flag_override("model", name, multirun=False)).model.name == name


@pytest.mark.parametrize("folder", ["mine", "with space", "it's mine", "a,b=c"])
def test_configuration_files_of_one_s_own(folder: str, tmp_path: Path) -> None:
    own = tmp_path / folder
    (own / "model").mkdir(parents=True)
    (own / "data").mkdir()
    (own / "model" / "mine.yaml").write_text(
        "defaults:\n  - /schema/model@_here_\n  - _self_\n\nname: resnet20\nmean: [0.5]\nstd: [0.25]\n"
    )
    (own / "data" / "pets.yaml").write_text(
        "defaults:\n  - /schema/data/folder@_here_\n  - _self_\n\nroot: /pets\nsize: [64, 64]\n"
    )
    job = measure_job("model=mine", "data=pets", "data.channels=1", config_dir=own)
    assert job.model == ModelConfig(name="resnet20", mean=[0.5], std=[0.25])
    assert job.data == FolderConfig(root="/pets", size=[64, 64], channels=1)
    with pytest.raises(FsensError, match=r"unknown data 'pet'\. Closest: pets\."):
        measure_job("data=pet", config_dir=own)
    with pytest.raises(FsensError, match="unknown data 'pets'"):
        measure_job("data=pets")


def test_configuration_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--config-dir .*nowhere is not a folder"):
        measure_job(config_dir=tmp_path / "nowhere")


def test_a_file_of_one_s_own_with_a_typo(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("defaults:\n  - /schema/model@_here_\n  - _self_\nnam: x\n")
    with pytest.raises(ConfigError, match="nam") as caught:
        measure_job("model=mine", config_dir=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["name: [", "- a\n- b\n", "\tname: x"])
def test_a_file_of_one_s_own_that_is_no_yaml(text: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text(text)
    with pytest.raises(FsensError) as caught:
        measure_job("model=mine", config_dir=tmp_path)
    assert "\n" not in str(caught.value)
    assert "mine" in str(caught.value)


def told(job: JobFields, text: str, number: int) -> tuple[object, ...]:
    del number
    assert isinstance(job, MeasureJob)
    assert yaml.safe_load(text)["model"]["name"] == job.model.name
    return job.model.name, job.seed


def sweep(tmp_path: Path, *overrides: str) -> list[tuple[object, ...]]:
    request = Request(verb="measure", job=MeasureJob, overrides=overrides, multirun=True)
    composed = compose_sweep(request)
    jobs = [(job.model.name, job.seed) for job, _ in composed.jobs]  # type: ignore[attr-defined]
    crew = composed.crew(range(len(jobs)), tmp_path / "it's a sweep")
    ran = launch_sweep(composed, told, crew=crew, numbers=range(len(jobs)))
    assert ran == jobs
    return ran


def test_a_sweep_runs_every_combination(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("")
    own = f"{tmp_path}/net.py:make"
    ran = sweep(tmp_path, f"model=resnet8,{own},timm/resnet18", "seed=0,4")
    assert ran == list(itertools.product(["resnet8", own, "timm/resnet18"], [0, 4]))


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("seed=range(2,4)",), [("resnet8", 2), ("resnet8", 3)]),
        (("model=glob(resnet1*)",), [("resnet18", 0)]),
        (("model=choice(resnet8,vit_b_16)", "seed=1"), [("resnet8", 1), ("vit_b_16", 1)]),
        (("seed=3",), [("resnet8", 3)]),
    ],
)
def test_other_ways_to_write_a_sweep(overrides: tuple[str, ...], expected: list[object], tmp_path: Path) -> None:
    assert sweep(tmp_path, *overrides) == expected


def test_some_jobs_of_a_sweep_keep_their_numbers(tmp_path: Path) -> None:
    request = Request(verb="measure", job=MeasureJob, overrides=("seed=5,6,7,8",), multirun=True)

    def numbered(job: JobFields, text: str, number: int) -> tuple[int, object]:
        return number, job.seed  # type: ignore[attr-defined]

    composed = compose_sweep(request)
    assert launch_sweep(composed, numbered, crew=BASIC, numbers=[1, 3]) == [(1, 6), (3, 8)]
    assert launch_sweep(composed, numbered, crew=BASIC, numbers=[]) == []


def test_a_sweeper_of_hydra_s_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'hydra/sweeper'"):
        compose_sweep(Request(verb="measure", job=MeasureJob, overrides=("hydra/sweeper=basic",), multirun=True))


def test_flags_in_a_sweep_split_at_commas(tmp_path: Path) -> None:
    (tmp_path / "my net.py").write_text("")
    own = f"{tmp_path}/my net.py:make"
    ran = sweep(tmp_path, flag_override("model", f"resnet8,{own}", multirun=True))
    assert [name for name, _ in ran] == ["resnet8", own]


def test_files_whose_names_differ_in_signs_alone_are_different_networks(tmp_path: Path) -> None:
    for name in ("a-b.py", "a_b.py"):
        (tmp_path / name).write_text("")
    names = [f"{tmp_path}/a-b.py:make", f"{tmp_path}/a_b.py:make"]
    assert [name for name, _ in sweep(tmp_path, f"model={','.join(names)}")] == names


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("num_images=10,0", "num_images=0 must be at least 1"),
        ("num_images=10,abc", "num_images must be a whole number, got 'abc'"),
        ("model=resnet8,resnt20", "unknown model 'resnt20'"),
        ("model=glob(zz*)", "model=glob(zz*) matches none of"),
        ("seed=interval(0,1)", "'seed=interval(0,1)' has no list of values"),
    ],
)
def test_a_sweep_with_a_mistake_is_refused_whole(override: str, message: str) -> None:
    request = Request(verb="measure", job=MeasureJob, overrides=(override,), multirun=True)
    with pytest.raises(FsensError) as caught:
        compose_sweep(request)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_composing_leaves_no_files_and_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    compose_job(Request(verb="measure", job=MeasureJob, overrides=("seed=3",)))
    assert Path.cwd() == tmp_path
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_sweep_starts_hydra_once_and_composes_each_job_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"initialize_config_dir": 0, "compose": 0}

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **named)

        return call

    for name in counts:
        wrapped = counted(name, getattr(hydra, name))
        for module in (compose_module, launch_module):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, wrapped)
    several = ("seed=range(5)", "model=resnet8,resnet20")
    request = Request(verb="measure", job=MeasureJob, overrides=several, multirun=True)
    sweep = compose_sweep(request)
    launch_sweep(sweep, told, crew=sweep.crew(range(10), Path()), numbers=range(10))
    assert counts == {"initialize_config_dir": 1, "compose": 10}


@pytest.mark.parametrize(
    "overrides", [(), ("data=folder", "data.root=x y", "optim=adamw", "regularizer=asf", "tag='a,b'")]
)
def test_a_stored_configuration_is_read_back(overrides: tuple[str, ...], tmp_path: Path) -> None:
    job, text = compose_job(Request(verb="train", job=TrainJob, overrides=overrides))
    (tmp_path / "config.yaml").write_text(text)
    again, text_again = load_job(TrainJob, tmp_path / "config.yaml")
    assert again == job
    assert OmegaConf.create(text_again) == OmegaConf.create(text)


def test_a_stored_configuration_of_an_unknown_data_set(tmp_path: Path) -> None:
    for text in ("data: {name: nowhere}", "data: null", "seed: 1"):
        (tmp_path / "config.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"config\.yaml is of no data set that is known here"):
            load_job(TrainJob, tmp_path / "config.yaml")


def test_secrets_of_addresses_are_kept_by_the_job_alone(tmp_path: Path) -> None:
    given = (
        "data=cifar10",
        "data.mirror='https://me:S3CRET@host/x?k=S3CRET'",
        "tracker=mlflow",
        "tracker.uri='http://u:S3CRET@h'",
    )
    job, text = compose_job(Request(verb="train", job=TrainJob, overrides=given))
    assert job.data.mirror == "https://me:S3CRET@host/x?k=S3CRET"
    assert "S3CRET" not in text + job_yaml(job)
    (tmp_path / "config.yaml").write_text(text)
    stored, _ = load_job(TrainJob, tmp_path / "config.yaml")
    assert stored.data.mirror == "https://***@host/x?***"


@pytest.mark.parametrize("recipe", sorted(p.stem for p in (configs_folder() / "experiment").glob("*.yaml")))
def test_every_recipe_composes_without_further_settings(recipe: str) -> None:
    job, _ = compose_job(Request(verb="train", job=TrainJob, overrides=(f"experiment={recipe}",)))
    assert isinstance(job, TrainJob)
    assert job.model.name in PACKAGED
