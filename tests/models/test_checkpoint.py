"""Checkpoints: whatever they are wrapped in, and never run."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError
from fsens_cli.models.checkpoint import load_into, read_metadata, read_state_dict, serialise, sha256_of


def network() -> nn.Module:
    torch.manual_seed(4)
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in network().state_dict().items()}


@pytest.mark.parametrize(
    "content",
    [
        network().state_dict(),
        {"state_dict": network().state_dict(), "epoch": 3},
        {"model_state_dict": network().state_dict()},
        {"model": network().state_dict(), "optimizer": {"lr": 0.1}},
        {"net": network().state_dict(), "acc": 93.1},
        {"model": {"state_dict": network().state_dict()}},
        {"state_dict": {"model": network().state_dict()}},
        prefixed("module."),
        prefixed("_orig_mod."),
        prefixed("module._orig_mod."),
        prefixed("_orig_mod.module."),
        {"net": prefixed("module.")},
        {**network().state_dict(), "epoch": 3},
        {"state_dict": network().state_dict(), "best_acc1": torch.tensor(93.1)},
        {"model": {"name": "resnet"}, "net": network().state_dict()},
    ],
)
def test_nesting_and_prefixes_come_off(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "c.th")
    assert same(read_state_dict(tmp_path / "c.th"), network().state_dict())


def test_a_prefix_of_some_names_is_kept(tmp_path: Path) -> None:
    torch.save({"module.weight": torch.ones(1), "bias": torch.ones(1)}, tmp_path / "c.pt")
    assert set(read_state_dict(tmp_path / "c.pt")) == {"module.weight", "bias"}


class Evil:
    """Creates a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_code_in_a_checkpoint_is_refused_and_not_run(writer: str, tmp_path: Path) -> None:
    trace, file = tmp_path / "ran", tmp_path / "evil.pt"
    content = {"state_dict": network().state_dict(), "extra": Evil(trace)}
    if writer == "torch":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(Evil(trace)))
    where = r"posix\.mkdir under 'extra'" if writer == "torch" else r"posix\.mkdir"
    with pytest.raises(CheckpointError, match=f"holds a {where}, and loading that would run code from the file"):
        read_state_dict(file)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Evil(trace)))  # the same bytes do run where nobody is careful
    assert trace.exists()


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "whole.pt")
    with pytest.raises(CheckpointError, match=r"Save the weights alone with torch.save\(model.state_dict\(\), PATH\)"):
        read_state_dict(tmp_path / "whole.pt")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pt", b"<html>404 not found</html>"),
        ("a.pt", b""),
        ("a.pt", b"version https://git-lfs.github.com/spec/v1\n"),
        ("a.th", bytes(range(256))),
        ("a.safetensors", b"short"),
        ("a.safetensors", b""),
    ],
)
def test_files_that_are_no_checkpoints(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"is not a readable (torch checkpoint|safetensors file)") as caught:
        read_state_dict(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_half_a_checkpoint(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "a.pt")
    whole = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="is not a readable torch checkpoint"):
        read_state_dict(tmp_path / "a.pt")


@pytest.mark.parametrize("content", [{"epoch": 3}, [torch.ones(2)], torch.ones(3), {"model": {"lr": 0.1}}, {}])
def test_checkpoints_without_weights(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="holds no state dict: expected names mapped to tensors"):
        read_state_dict(tmp_path / "a.pt")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no checkpoint at .*none\.pt"):
        read_state_dict(tmp_path / "none.pt")


def test_misfit_names_the_keys() -> None:
    tensors = dict(network().state_dict())
    tensors["0.weight"] = torch.zeros(2, 1, 3, 3)
    del tensors["1.bias"], tensors["1.num_batches_tracked"]
    tensors["fc.bias"] = torch.zeros(1)
    with pytest.raises(CheckpointError) as caught:
        load_into(network(), tensors, Path("mine.pt"))
    message = str(caught.value)
    assert message.startswith("mine.pt does not fit Sequential: ")
    assert "1 missing (1.bias)" in message
    assert "1 unexpected (fc.bias)" in message
    assert "1 of another shape (0.weight (2, 1, 3, 3) instead of (2, 3, 3, 3))" in message


def test_misfit_of_many_keys_shows_three() -> None:
    with pytest.raises(CheckpointError, match=r"6 missing \(0\.weight, 0\.bias, 1\.weight, \.\.\.\)"):
        load_into(network(), {"x": torch.ones(1)}, Path("mine.pt"))


def test_misfit_changes_nothing() -> None:
    module = network()
    tensors = {name: value + 1 for name, value in module.state_dict().items() if name != "1.bias"}
    with pytest.raises(CheckpointError):
        load_into(module, tensors, Path("mine.pt"))
    assert same(module.state_dict(), network().state_dict())


def test_counters_may_be_missing() -> None:
    tensors = {name: value + 1 for name, value in network().state_dict().items() if "num_batches" not in name}
    module = network()
    load_into(module, tensors, Path("mine.pt"))
    assert torch.equal(module[0].weight, tensors["0.weight"])


def test_safetensors_round_trip_with_description(tmp_path: Path) -> None:
    description = {"model": {"name": "net", "mean": [0.5], "std": [0.2]}, "class_names": ["Käse", "b"], "epochs": 3}
    (tmp_path / "w.safetensors").write_bytes(serialise(network(), description))
    assert same(read_state_dict(tmp_path / "w.safetensors"), network().state_dict())
    assert read_metadata(tmp_path / "w.safetensors") == description


def test_equal_weights_give_equal_bytes() -> None:
    assert serialise(network(), {"a": 1, "b": 2}) == serialise(network(), {"b": 2, "a": 1})


def test_shared_weights_can_be_written(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    (tmp_path / "w.safetensors").write_bytes(serialise(module, {}))
    assert same(read_state_dict(tmp_path / "w.safetensors"), module.state_dict())


def test_weights_of_a_channels_last_network_round_trip(tmp_path: Path) -> None:
    module = network().to(memory_format=torch.channels_last)
    (tmp_path / "w.safetensors").write_bytes(serialise(module, {}))
    assert same(read_state_dict(tmp_path / "w.safetensors"), network().state_dict())


def test_foreign_files_have_no_description(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, str(tmp_path / "w.safetensors"))
    assert read_metadata(tmp_path / "w.safetensors") == {}
    torch.save({"a": torch.ones(1)}, tmp_path / "w.pt")
    assert read_metadata(tmp_path / "w.pt") == {}


@pytest.mark.parametrize("text", ["no json", json.dumps([1, 2])])
def test_a_foreign_entry_of_our_name_is_no_description(text: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, str(tmp_path / "w.safetensors"), metadata={"fsens": text})
    assert read_metadata(tmp_path / "w.safetensors") == {}


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
