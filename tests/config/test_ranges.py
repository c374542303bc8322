"""Every number of every verb's settings has a range: what is beyond it is one line, never a traceback or a run."""

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import fsens_cli as fsens
from fsens_cli.config import jobs
from fsens_cli.config.jobs import JobFields
from fsens_cli.data.catalog import CATALOG
from fsens_cli.errors import ConfigError, FsensError
from fsens_cli.ranges import LARGEST, LARGEST_WHOLE, require_ranges

JOBS = [
    jobs.MeasureJob,
    jobs.TrainJob,
    jobs.EvaluateJob,
    jobs.HybridJob,
    jobs.DefenseJob,
    jobs.CriticalBandJob,
    jobs.LayersJob,
]
BEYOND = [float("nan"), float("inf"), -float("inf"), 1e300, 10**12, -(10**12)]


def numbers_in(kind: type, key: str = "") -> Iterator[tuple[str, bool]]:
    """Give the dotted key of every setting that is a number, or a list of them, by its type."""
    for name, hint in typing.get_type_hints(kind).items():
        inner = [hint, *typing.get_args(hint)]
        if dataclasses.is_dataclass(hint):
            yield from numbers_in(typing.cast("type", hint), f"{key}{name}.")
        elif (int in inner or float in inner) or (key == "model." and name in ("mean", "std")):
            yield f"{key}{name}", typing.get_origin(hint) is list or hint is Any


def changed(settings: Any, key: str, value: object) -> Any:
    """Return settings with one of them replaced; each dataclass on the way checks itself."""
    name, _, rest = key.partition(".")
    return dataclasses.replace(settings, **{name: changed(getattr(settings, name), rest, value) if rest else value})


def cases() -> Iterator[tuple[JobFields, str, bool]]:
    """Every verb's settings with one data set's, and every data set's."""
    for kind in JOBS:
        job: JobFields = kind(data=CATALOG["dualband"].config())
        yield from ((job, key, several) for key, several in numbers_in(kind))
    for entry in CATALOG.values():
        needed = {"root": "x", "repo": "a/b"}
        given = {field.name: needed[field.name] for field in dataclasses.fields(entry.config) if field.name in needed}
        job = jobs.MeasureJob(data=entry.config(**given))
        yield from ((job, f"data.{key}", several) for key, several in numbers_in(entry.config))


def refusal(job: JobFields, key: str, value: object) -> str:
    """Return the line that refuses a setting, empty where it is accepted."""
    try:
        require_ranges(changed(job, key, value))
    except FsensError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("value", BEYOND, ids=lambda value: f"{value!r:.8}")
def test_what_is_no_number_of_this_world_is_refused_in_one_line(value: float) -> None:
    tried = 0
    for job, key, several in cases():
        said = refusal(job, key, [value] if several else value)
        assert said, f"{type(job).__name__}: {key}={value!r:.20} is accepted"
        assert "\n" not in said
        assert len(said) < 1000
        assert key.rpartition(".")[2] in said, said
        tried += 1
    assert tried > 150


def test_below_zero_is_refused_where_it_means_nothing() -> None:
    accepted = {key for job, key, several in cases() if not refusal(job, key, [-1] if several else -1)}
    assert not accepted


def test_the_range_of_a_type() -> None:
    @dataclasses.dataclass
    class Settings:
        count: int = LARGEST_WHOLE
        size: float = -LARGEST
        rows: list[float] = dataclasses.field(default_factory=lambda: [0.0, 1.0])
        on: bool = True

    require_ranges(Settings())
    for given, said in (
        ({"count": LARGEST_WHOLE + 1}, "count=2,147,483,648 is beyond what any setting can be: at most 2,147,483,647"),
        ({"size": 2e9}, r"size=2e\+09 is beyond what any setting can be: at most 1,000,000,000"),
        ({"rows": [0.0, float("nan")]}, "rows=nan is not finite: give a number"),
    ):
        with pytest.raises(ConfigError, match=said):
            require_ranges(Settings(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("inf"), 10**400])
@pytest.mark.parametrize("settings", [{"suite": {"eps_l2": ["VALUE"]}}, {"suite.heat_map_l2": "VALUE"}])
def test_python_has_the_same_ranges(settings: dict[str, Any], value: float) -> None:
    settings = {
        key: {name: [value] for name in given} if isinstance(given, dict) else value for key, given in settings.items()
    }
    with pytest.raises(ConfigError, match=r"suite\.\w+=(inf is not finite|a whole number of 1329 bits is beyond)"):
        fsens.evaluate(torch.nn.Flatten(), (torch.zeros(4, 3, 2, 2), torch.zeros(4)), **settings)
