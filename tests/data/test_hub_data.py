"""``--data hf-data:OWNER/NAME``: pictures and labels of parquet files, made here by the library."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from loopback import COMMIT, serving
from PIL import Image
from typer.testing import CliRunner

from fsens_cli.app import app
from fsens_cli.data.hub_data import HubDataConfig
from fsens_cli.data.hub_parquet import _of_split, load_hub_data
from fsens_cli.data.wanted import Wanted
from fsens_cli.errors import ConfigError, DataError

FILES = ["README.md", "data/train-00000-of-00001.parquet", "data/test-00000-of-00002.parquet",
         "data/test-00001-of-00002.parquet"]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "settings", "split", "found"),
    [
        (FILES, {}, "test", FILES[2:]),
        (FILES, {}, "train", FILES[1:2]),
        (["plain_text/validation/0000.parquet"], {}, "test", ["plain_text/validation/0000.parquet"]),
        (["a/test/0.parquet", "b/test/0.parquet"], {"part": "b"}, "test", ["b/test/0.parquet"]),
        (["test.parquet", "contest.parquet"], {}, "test", ["test.parquet"]),
    ],
)
def test_files_of_a_split(names: list[str], settings: dict[str, Any], split: str, found: list[str]) -> None:
    assert _of_split(names, HubDataConfig(repo="a/b", **settings), split) == found


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["README.md"], "holds no parquet files: its revision refs/convert/parquet may"),
        (["data/train-0.parquet"], r"has no parquet file of the test split .*; it has data/train-0.parquet"),
        (["a/test/0.parquet", "b/test/0.parquet"], "has several parts, a, b: give data.part=NAME"),
    ],
)
def test_splits_that_are_not_there(names: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        _of_split(names, HubDataConfig(repo="a/b"), "test")


def test_names_that_are_no_place() -> None:
    with pytest.raises(ConfigError, match="is not of the form OWNER/NAME"):
        HubDataConfig(repo="cifar10")
    result = CliRunner().invoke(app, ["measure", "--data", "hf-data:cifar10"])
    assert result.exit_code == 2
    assert "OWNER/NAME" in result.stderr


def picture(seed: int, size: int = 12) -> tuple[np.ndarray, bytes]:
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    raw = io.BytesIO()
    Image.fromarray(pixels).save(raw, format="PNG")
    return pixels, raw.getvalue()


def parquet(cells: list[Any], labels: list[Any], *, named: bool = True, group: int = 2) -> bytes:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    table = pa.table({"image": cells, "label": labels})
    if named:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    raw = io.BytesIO()
    pq.write_table(table, raw, row_group_size=group)
    return raw.getvalue()


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Hub on this machine with one data set, whose files a test gives."""
    for name in ("FSENS_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FSENS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with serving() as web:
        monkeypatch.setattr(constants, "ENDPOINT", web.address)
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", web.address)
        template = web.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

        def put_(files: dict[str, bytes]) -> Any:
            for name, content in files.items():
                path = f"/datasets/me/pets/resolve/{COMMIT}/{name}"
                web.files[path] = content
                web.headers[path] = {"X-Repo-Commit": COMMIT, "ETag": f'"{abs(hash(content))}"'}
            info = {"id": "me/pets", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
            web.files["/api/datasets/me/pets/revision/main"] = json.dumps(info).encode()
            web.headers["/api/datasets/me/pets/revision/main"] = {"Content-Type": "application/json"}
            return web

        yield put_


def test_pictures_labels_and_names(put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = [picture(i) for i in range(7)]
    cells = [{"bytes": content, "path": None} for _, content in known]
    labels = [0, 1, 1, 0, 1, 0, 1]
    web = put({FILES[2]: parquet(cells[:5], labels[:5]), FILES[3]: parquet(cells[5:], labels[5:]),
               FILES[1]: b"of the other split, never read"})  # fmt: skip
    found = load_hub_data(HubDataConfig(repo="me/pets"), "test")
    assert found.class_names == ("cat", "dog")
    assert found.label_N.tolist() == labels
    expected = torch.from_numpy(np.stack([pixels for pixels, _ in known])).permute(0, 3, 1, 2)
    assert torch.equal(found.images_NCHW, expected)
    assert COMMIT in found.notes[0]
    assert not any("train" in path for _, path, _ in web.requests)
    # Offline the same files are there, and some of the rows are those rows.
    monkeypatch.setenv("FSENS_OFFLINE", "1")
    web.files.clear()
    few = load_hub_data(HubDataConfig(repo="me/pets", size=[6, 8]), "test", Wanted(num_images=3, seed=1))
    assert few.images_NCHW.shape == (3, 3, 6, 8)
    assert few.label_N.tolist() == [labels[i] for i in few.index_N.tolist()]


@pytest.mark.parametrize(
    ("cells", "labels", "said"),
    [
        ([{"bytes": b"no picture"}] * 2, [0, 1], "picture 0 cannot be read as a picture"),
        ([{"bytes": None}] * 2, [0, 1], "row 0 of image holds no picture file"),
        ([{"bytes": picture(0)[1]}] * 2, [0, None], "1 of 2 pictures have no label"),
        ([{"bytes": picture(0)[1]}] * 2, ["a", "b"], "labels are whole numbers"),
        ([{"bytes": picture(0)[1]}] * 2, [0, 2**40], r"holds 1,099,511,627,776, and labels lie in 0\.\.99,999"),
        ([{"bytes": picture(0)[1]}] * 2, [0, -1], r"holds -1, .* usually mean unlabelled"),
        ([{"bytes": picture(0)[1]}] * 2, [0, 7], r"labels must lie in 0..1, got 7"),
        (
            [{"bytes": picture(0)[1]}, {"bytes": picture(1, 9)[1]}],
            [0, 1],
            "picture 1 is 9x9 pixels and the first 12x12",
        ),
    ],
)
def test_what_a_file_may_not_hold(put: Any, cells: list[Any], labels: list[Any], said: str) -> None:
    put({"test.parquet": parquet(cells, labels)})
    with pytest.raises(DataError, match=said):
        load_hub_data(HubDataConfig(repo="me/pets"), "test")


def test_columns_and_damage(put: Any) -> None:
    put({"test.parquet": parquet([{"bytes": picture(0)[1]}] * 3, [0, 1, 2], named=False)})
    found = load_hub_data(HubDataConfig(repo="me/pets"), "test")
    assert found.class_names == ("0", "1", "2")
    with pytest.raises(DataError, match=r"data.labels=kind: data.repo=me/pets has the columns image, label"):
        load_hub_data(HubDataConfig(repo="me/pets", labels="kind"), "test")


def test_damage_and_what_is_not_there(put: Any) -> None:
    pytest.importorskip("pyarrow")
    put({"test.parquet": b"PAR1 no parquet"})
    with pytest.raises(DataError, match="its parquet files cannot be read"):
        load_hub_data(HubDataConfig(repo="me/pets"), "test")
    os.environ["FSENS_OFFLINE"] = "1"
    try:
        with pytest.raises(DataError, match="me/others is not known here and FSENS_OFFLINE forbids downloading"):
            load_hub_data(HubDataConfig(repo="me/others"), "test")
    finally:
        del os.environ["FSENS_OFFLINE"]
