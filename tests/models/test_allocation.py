"""What a file asks for is refused before it takes memory: networks that it describes, and what its index would make."""

import io
import pickle
import resource
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fsens_cli.errors import CheckpointError, ModelError
from fsens_cli.models.allocation import allocation_limit
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.checkpoint import read_groups, serialise
from fsens_cli.models.construct import build_network
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights, find_weights

NET = """
from torch import nn
def make(num_classes=10, width=4):
    try:
        layer = nn.Linear(48, width, bias=False)
        return nn.Sequential(nn.Flatten(), layer, nn.Linear(width, width), nn.Linear(width, num_classes))
    except ValueError:
        return nn.Sequential(nn.Flatten(), nn.Linear(48, num_classes))
"""


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """What a test asks for is far above this, in megabytes of the process's largest size."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 400


def build(name: str, weights: Weights, kwargs: dict[str, object] | None = None) -> nn.Module:
    return build_classifier(
        ModelConfig(name=name, kwargs=kwargs or {}),
        weights,
        num_classes=10,
        shape=ImageShape(3, 32, 32),
        seed=0,
        front_end=FrontEndConfig(),
    )


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("resnet8", {"width": 100_000}),
        ("resnet8", {"width": 2_000}),
        ("wide_resnet", {"depth": 99_994, "width": 1}),
        ("timm/vit_tiny_patch16_224", {"embed_dim": 99_999}),
        ("timm/vit_tiny_patch16_224", {"img_size": 16_000, "patch_size": 1}),
        ("timm/swin_tiny_patch4_window7_224", {"window_size": 99_999}),
        ("vit_b_16", {"image_size": 99_840}),
    ],
)
def test_a_file_s_network_is_no_larger_than_the_file(
    name: str, kwargs: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsens_cli.models.build.SMALL_NETWORK", 2**24)  # refused sooner
    (tmp_path / "w.safetensors").write_bytes(serialise(nn.Linear(4, 2), {"model": {"name": name, "kwargs": kwargs}}))
    weights = find_weights(str(tmp_path / "w.safetensors"), model=name, data="dualband")
    with pytest.raises(ModelError, match=r" takes [\d.,]+ [MG]B or more, and .*w\.safetensors holds 0\.0 MB") as caught:
        build(name, weights)
    assert "\n" not in str(caught.value)


def test_nor_is_one_of_the_user_s_that_catches_the_refusal(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    name = f"{tmp_path / 'net.py'}:make"
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 10))
    (tmp_path / "w.safetensors").write_bytes(serialise(network, {"model": {"name": name, "kwargs": {"width": 99_999}}}))
    with pytest.raises(ModelError, match=r"takes 40\.0 GB or more"):
        build(name, find_weights(str(tmp_path / "w.safetensors"), model=name, data="dualband"))


def test_no_network_is_larger_than_the_machine() -> None:
    with pytest.raises(
        ModelError, match=r"'width': 100000\} takes [\d.,]+ GB or more, and this machine has [\d.,]+ GB"
    ):
        build("resnet8", Weights(label="random"), {"width": 100_000})


@pytest.mark.parametrize("name", ["resnet20", "timm/vit_tiny_patch16_224"])
def test_networks_are_the_same_as_without_a_limit(name: str) -> None:
    shape = ImageShape(3, 224, 224)
    free = build_network(ModelConfig(name=name), num_classes=3, shape=shape, seed=5).state_dict()
    size = sum(value.nbytes for value in free.values())
    with allocation_limit(round(1.2 * size) + 2**23, lambda asked: ModelError(f"{asked} of {size} bytes")):
        held = build_network(ModelConfig(name=name), num_classes=3, shape=shape, seed=5).state_dict()
    assert free.keys() == held.keys()
    assert all(torch.equal(value, held[key]) for key, value in free.items())


def test_operations_on_small_tensors_are_held_to_it_too() -> None:
    with (
        pytest.raises(ModelError, match=str(8 * 10**10)),
        allocation_limit(10**9, lambda asked: ModelError(str(asked))),
    ):
        torch.arange(10**5)[:, None].expand(10**5, 10**5).contiguous()


class Called:
    """Pickles as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def nested(levels: int) -> list[object]:
    """Two to the power of so many entries, if somebody walks them all."""
    row: list[object] = [0]
    for _ in range(levels):
        row = [row, row]
    return row


def in_a_zip(path: Path, index: bytes, numbers: bytes = b"", compression: int = zipfile.ZIP_STORED) -> Path:
    """Write a torch file with an index of our own."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in (("data.pkl", index), ("version", b"3\n"), ("byteorder", b"little"), ("data/0", numbers)):
            archive.writestr(f"archive/{name}", content)
    return path


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (Called(bytearray, 4 * 10**9), "it asks for a builtins.bytearray of its own size"),
        (Called(torch.Tensor, 10**9), "it asks for a torch.Tensor of its own size"),
        (Called(torch.FloatTensor, nested(30)), "it asks for a torch.FloatTensor of its own size"),
        ((row := [("x", 0)] * 2_000, [Called(OrderedDict, row) for _ in range(2_000)]), "it copies 4,000,000 entries"),
    ],
)
def test_what_an_index_asks_for_without_reason_is_refused(content: object, why: str, tmp_path: Path) -> None:
    path = in_a_zip(tmp_path / "w.pt", pickle.dumps({"a": content}, protocol=2))
    with pytest.raises(CheckpointError, match=rf"w\.pt is not a readable torch checkpoint \({why}"):
        read_groups(path)


@pytest.mark.parametrize("stop", [b"N.", b"cos\nsystem\n."])
def test_an_index_that_numbers_what_it_does_not_have(stop: bytes, tmp_path: Path) -> None:
    """Python's own unpickler makes 16 bytes for every number below the highest."""
    index = b"\x80\x02Nr" + (2 * 10**9).to_bytes(4, "little") + b"0" + stop
    (tmp_path / "bare.pt").write_bytes(index)
    for path in (tmp_path / "bare.pt", in_a_zip(tmp_path / "w.pt", index)):
        with pytest.raises(CheckpointError, match="its index numbers more objects than it has"):
            read_groups(path)


@pytest.mark.parametrize(
    "beside",
    [
        Called(list, range(10**9)),
        Called(str, nested(40)),
        Called(bytes, 10**10),
        Called(Fraction, "1e999999999"),
        Called(np.ndarray, (10**9,), "O"),
        {(1, 2): Fraction(1, 3), "array": np.arange(4), "rows": np.float32(2)},
    ],
)
def test_plain_data_beside_the_weights_are_not_built(beside: object, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"state_dict": {"a": torch.arange(3.0)}}, buffer)
    whole = zipfile.ZipFile(buffer)
    (index,) = (whole.read(name) for name in whole.namelist() if name.endswith("data.pkl"))
    (numbers,) = (whole.read(name) for name in whole.namelist() if name.endswith("data/0"))
    # The weights' own dictionary, then one more entry in it.
    entry = b"X\x06\x00\x00\x00beside" + pickle.dumps(beside, protocol=2)[2:-1] + b"s."
    (group,) = read_groups(in_a_zip(tmp_path / "w.pt", index[:-1] + entry, numbers))
    assert (group.key, group.tensors["a"].tolist()) == ("state_dict", [0.0, 1.0, 2.0])


def test_a_file_that_unpacks_to_more_than_it_is(tmp_path: Path) -> None:
    zeros = bytes(65 * 2**20)
    path = in_a_zip(tmp_path / "w.pt", pickle.dumps({}, protocol=2), zeros, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match=r"it says that it unpacks to 0\.1 GB, and torch does not compress"):
        read_groups(path)


def test_a_safetensors_file_of_another_size_than_it_says_is_not_read(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(4)}, tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(content.replace(b'"shape":[4]', b'"shape":[4000000000]'))
    with pytest.raises(CheckpointError, match="is not a readable safetensors file"):
        read_groups(tmp_path / "w.safetensors")
