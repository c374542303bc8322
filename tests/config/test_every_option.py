"""Python's defaults are the truth: what each verb composes to is what its dataclass says, and every option composes."""

import dataclasses

import pytest
import yaml

from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.config.compose import Request, compose_job, configs_folder
from fsens_cli.config.jobs import JobFields
from fsens_cli.data.catalog import CATALOG
from fsens_cli.experiments.evaluate_settings import SuiteConfig
from fsens_cli.experiments.train_settings import OptimConfig
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.objectives.regularizers import RegularizerConfig
from fsens_cli.runs.trackers.tracker import TrackerConfig

# What an option cannot be composed without.
NEEDED = {
    ("regularizer", "target"): ("regularizer.file=spectrum.csv",),
    ("data", "folder"): ("data.root=pictures",),
    ("data", "imagenet"): ("data.root=pictures",),
    ("data", "arrays"): ("data.root=arrays.npz",),
    ("data", "hf-data"): ("data.repo=owner/name",),
    **{
        ("suite", f"robustbench-imagenet-{kind}"): ("data=imagenet", "data.root=pictures", "data.list=list.txt")
        for kind in ("corruptions", "linf")
    },
}

# Groups whose options are variants: all but these few settings are the dataclass's own.
GROUPS: dict[str, type] = {
    "model": ModelConfig,
    "frontend": FrontEndConfig,
    "optim": OptimConfig,
    "regularizer": RegularizerConfig,
    "tracker": TrackerConfig,
    "suite": SuiteConfig,
}


def groups_of(verb: str) -> list[str]:
    """Return the groups that a verb's root configuration composes, those that are left out by default too."""
    content = yaml.safe_load((configs_folder() / f"{verb}.yaml").read_text())
    entries = [entry for entry in content["defaults"] if isinstance(entry, dict)]
    return [str(key).removeprefix("optional ").partition("@")[0].lstrip("/") for entry in entries for key in entry]


def options() -> list[tuple[str, str, str]]:
    """Return (verb, group, option) of every file, each group with the first verb that has it."""
    seen: dict[str, str] = {}
    for verb in VERBS.values():
        for group in groups_of(verb.config):
            if verb.name != "blur-defense":
                seen.setdefault(group, verb.name)
    found = [
        ("blur-defense" if file.stem.startswith("defense") else verb, group, file.stem)
        for group, verb in seen.items()
        for file in sorted((configs_folder() / group).glob("*.yaml"))
    ]
    return found + [("measure", "data", name) for name in CATALOG if ("measure", "data", name) not in found]


def composed(verb: str, *overrides: str) -> JobFields:
    record = VERBS[verb]
    return compose_job(Request(verb=record.config, job=record.job_type(), overrides=overrides)).job


@pytest.mark.parametrize("verb", VERBS)
def test_the_command_line_s_defaults_are_python_s(verb: str) -> None:
    expected = VERBS[verb].job_type()(data=CATALOG["dualband"].config())
    assert composed(verb) == expected


@pytest.mark.parametrize(("verb", "group", "option"), options(), ids=lambda value: str(value))
def test_every_option_composes_and_changes_what_its_file_says_alone(verb: str, group: str, option: str) -> None:
    needed = NEEDED.get((group, option), ())
    job = composed(verb, f"{group}={option}", *needed)
    if group == "data":
        assert job.data == CATALOG[option].config(**{n.partition("=")[0][5:]: n.partition("=")[2] for n in needed})
    file = configs_folder() / group / f"{option}.yaml"
    if group not in GROUPS or not file.is_file():
        return
    said = {k: v for k, v in yaml.safe_load(file.read_text()).items() if k != "defaults"}
    said |= {n.partition("=")[0].partition(".")[2]: n.partition("=")[2] for n in needed}
    said = said.get(group, said)  # a file of all settings names the group's own
    names = {field.name for field in dataclasses.fields(GROUPS[group])}
    assert getattr(job, group) == GROUPS[group](**{key: value for key, value in said.items() if key in names})


def test_groups_are_found() -> None:
    assert {group for _, group, _ in options()} == {
        path.name for path in configs_folder().iterdir() if path.is_dir() and path.name != "hydra"
    }
