"""What Python shows: a dozen lines at most, one line a text, nothing that a notebook or a terminal would obey."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import nn

import fsens_cli as fsens
from fsens_cli.data.images import ImageSet

HOSTILE = "<script>alert(1)</script>\x1b[31m\n\n\u202eevil & https://me:secret@host/?token=S"
X = torch.randint(256, (12, 3, 16, 16), generator=torch.Generator().manual_seed(0)).byte()
Y = torch.arange(12) % 4
MODEL = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 4)).eval()


def records_in(value: object, seen: set[int]) -> list[object]:
    """A record and all that can be reached from it."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, list | tuple):
        return [found for each in value[:3] for found in records_in(each, seen)]
    if isinstance(value, dict):
        return [found for each in value.values() for found in records_in(each, seen)]
    if not dataclasses.is_dataclass(value):
        return []
    inside = [getattr(value, field.name) for field in dataclasses.fields(value)]
    return [value, *(found for each in inside for found in records_in(each, seen))]


@pytest.mark.parametrize("verb", ["measure", "hybrid_probe", "evaluate", "layers"])
def test_whatever_a_result_holds_is_shown_in_a_dozen_lines(verb: str) -> None:
    settings: dict[str, object] = {"hybrid_probe": {"pairings": 1, "num": 3}}.get(verb, {})
    if verb == "evaluate":
        suite = {"corruptions": ["contrast"], "severities": [3], "attacks": ["pgd"], "heat_map": False}
        settings = {"suite": suite, "attack": {"steps": 2, "minimal_steps": 2}}
    result = getattr(fsens, verb)(MODEL, (X, Y), **settings)
    found = records_in(result, set())
    assert len(found) > 10
    for each in found:
        said = repr(each)
        assert len(said.splitlines()) <= 12, said
        assert "tensor(" not in said, said
        assert len(said) < 1600, said


def test_images_are_shown_by_type_and_shape() -> None:
    images = ImageSet(
        images_NCHW=X, label_N=Y, index_N=torch.arange(12), class_names=tuple("abcd"), title="pictures", split="test"
    )
    assert "images_NCHW  uint8 (12, 3, 16, 16)" in repr(images)
    assert "class_names  ('a', 'b', 'c', 'd')" in repr(images)


def test_names_from_files_are_text_on_a_terminal_and_in_a_notebook(tmp_path: Path) -> None:
    images = ImageSet(
        images_NCHW=X, label_N=Y, index_N=torch.arange(12), class_names=tuple("abcd"), title=HOSTILE, split="test"
    )
    result = fsens.measure(MODEL, images)
    folder = result.save(tmp_path / "run")
    for name in ("results.json", "run.json"):
        record = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(record | {"model": HOSTILE}))
    loaded = fsens.load(folder)
    for shown in (result, loaded, fsens.compare(result, loaded)):
        said, page = repr(shown), shown._repr_html_()
        assert len(said.splitlines()) <= 12
        for text in (said, page):
            assert not set(text) & {"\x1b", "\u202e"}
            assert "secret" not in text
            assert "token=S" not in text
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert "&amp;" in page


def test_n_is_shown_once_and_beside_numbers_of_fewer_images() -> None:
    result = fsens.measure(MODEL, (X, Y))
    first, *rest = repr(result).splitlines()
    assert first == "measure  Sequential on given images, n = 12"
    assert not any("n = " in line for line in rest)
    suite = {"corruptions": [], "attacks": ["pgd"], "attack_images": 3, "minimal": False, "heat_map": False}
    attacked = fsens.evaluate(MODEL, (X, Y), suite=suite, attack={"steps": 1})
    first, *rest = repr(attacked).splitlines()
    assert first.endswith("n = 12")
    assert all(line.endswith("n = 3") for line in rest if line.startswith(" pgd"))
    assert any(line.startswith(" pgd") for line in rest)
    assert result.plot().get_title() == "Sequential on given images, n = 12"
    assert repr(fsens.compare(result, result)).splitlines()[0] == "first: Sequential on given images, n = 12"


def test_settings_that_make_a_difference_are_shown() -> None:
    assert repr(fsens.GradientNormPenalty("l1", weight=1.5, eps=4 / 255)) == (
        "GradientNormPenalty('l1', weight=1.5, eps=0.0156863)"
    )
    assert repr(fsens.GradientNormPenalty("l2", weight=1)) == "GradientNormPenalty('l2', weight=1)"
    assert repr(fsens.GaussianBlur(1.5)) == "GaussianBlur(sigma=1.5)"


def test_differences_are_a_table_in_a_notebook_too() -> None:
    first, second = fsens.measure(MODEL, (X, Y)), fsens.measure(nn.Sequential(fsens.GaussianBlur(1), MODEL), (X, Y))
    differences = fsens.compare(first, second)
    assert "accuracy (%)" in repr(differences)
    assert differences._repr_html_().count("<tr>") == len(repr(differences).splitlines()) - 2
    with pytest.raises(KeyError, match="no number is called 'acuracy'"):
        differences["acuracy"]
