"""Bad input: one clear line, exit code 2, no run folder, no traceback."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import Result

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]


def pictures(root: Path, classes: str = "ab", *, size: tuple[int, int] = (12, 12), mode: str = "RGB") -> None:
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(2):
            pixels = np.random.default_rng(10 * number + i).integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).convert(mode).save(root / name / f"{i}.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "resnt20"], "unknown model 'resnt20'. Closest: resnet20"),
        (["--model", "timm/vit_tiny_patch16_22"], "unknown model 'timm/vit_tiny_patch16_22'. Closest: timm/vit_tiny"),
        (["--model", "nowhere.py:make"], "model=nowhere.py:make: there is no file nowhere.py."),
        (["--model", "net.py:mak"], "net.py has no function mak. Closest: make"),
        (["--model", "net.py:make_three"], "returns shape (3,) for an image, and the data has 10 classes"),
        (["--model", "net.py:make_gray"], "cannot take 3x32x32 images"),
        (["--model", "net.py:make_infinite"], "the input gradient of image 0 is not finite"),
        (
            ["--data", "cifar"],
            "unknown data 'cifar'. Closest: cifar10, cifar100. data can be arrays, cifar10, cifar100, dualband",
        ),
        (["num_image=5"], "unknown setting 'num_image'. Closest: num_images"),
        (["+typo=1"], "'+typo=1': settings are neither added nor removed"),
        (["num_images=0"], "num_images=0 must be at least 1."),
        (["bands=[9,3]"], "32x32 images cannot be split into three bands by bands=[9,3]"),
        (["model.mean=[.5,.5]", "model.std=[.5,.5]"], "model.mean has 2 entries and the images have 3 channels"),
        (["plot.published=nothing"], "plot.published=nothing is not known"),
        (["frontend=blur", "frontend.sigma=40"], "frontend.sigma=40: the kernel is 201 pixels wide"),
        (["seed=0,1"], "seed=0,1 gives several values: add -m"),
        (["--data", "./picturez"], "data=./picturez: there is no such folder. Closest: pictures."),
        (["data=./pictures"], "write data.root=./pictures beside data=folder"),
        (["--data", "folder", "data.root=picturez"], "there is no such file or folder. Closest: pictures."),
        (["--config-dir", "nowhere"], "--config-dir nowhere is not a folder."),
        (["--weights", "auto"], "no weights are packaged or known for net.py:make on dualband."),
        (["--weights", "none.pt"], "weights=none.pt: there is no such file."),
        (["--weights", "run:latest"], "there is no finished train below outputs"),
        (["--device", "gpu"], "device=gpu is not a device"),
        (["--print-config", "-m", "seed=0,1"], "--print-config shows one job"),
        (["-m", "num_images=5,0"], "num_images=0 must be at least 1."),
        (["-m", "--model", "net.py:make,resnt20"], "unknown model 'resnt20'"),
    ],
)
def test_one_line(arguments: list[str], message: str, measure: Type, error_of: ErrorOf) -> None:
    Path("pictures").mkdir()
    error = error_of(measure(*arguments))
    assert message in error
    assert "\n" not in error
    assert not Path("outputs").exists() or not any(Path("outputs").iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda(measure: Type, error_of: ErrorOf) -> None:
    assert "device=cuda, and this machine has no usable CUDA device" in error_of(measure("device=cuda"))


@pytest.mark.parametrize("inside", ["", "/runs"])
def test_unwritable_output_folder(inside: str, measure: Type, error_of: ErrorOf) -> None:
    Path("taken").write_text("a file")
    assert "cannot write to taken" in error_of(measure("--out", f"taken{inside}"))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_forbidden_output_folder(measure: Type, error_of: ErrorOf) -> None:
    Path("locked").mkdir(mode=0o500)
    assert "cannot write to locked" in error_of(measure("--out", "locked"))


def test_cifar10_without_files_or_network_says_how_to_supply_them(measure: Type, error_of: ErrorOf) -> None:
    error = error_of(measure("--data", "cifar10", "data.root=here"))
    assert "CIFAR-10 is not at data.root=here" in error
    assert "Give data.root=FOLDER with cifar-10-batches-py or cifar-10-python.tar.gz" in error


def folder_without_pictures(root: Path) -> str:
    (root / "a").mkdir(parents=True)
    (root / "b").mkdir()
    return "a holds no pictures"


def folder_that_is_empty(root: Path) -> str:
    root.mkdir()
    return "holds no sub-folder"


def folder_that_is_missing(root: Path) -> str:
    near = root.parent / f"{root.name}s"
    near.mkdir()
    return f"data.root={root}: there is no such file or folder. Closest: {near.name}."


def folder_with_a_broken_picture(root: Path) -> str:
    pictures(root)
    (root / "b" / "1.png").write_bytes(b"broken")
    return "b/1.png cannot be read as a picture"


def folder_with_another_size(root: Path) -> str:
    pictures(root)
    Image.new("RGB", (9, 12)).save(root / "b" / "1.png")
    return "b/1.png is 12x9 pixels"


@pytest.mark.parametrize(
    "make",
    [
        folder_without_pictures,
        folder_that_is_empty,
        folder_that_is_missing,
        folder_with_a_broken_picture,
        folder_with_another_size,
    ],
)
def test_folders(make: Callable[[Path], str], measure: Type, error_of: ErrorOf) -> None:
    message = make(Path("pics"))
    assert message in error_of(measure("--data", "folder", "data.root=pics"))


def test_folder_without_a_root(measure: Type, error_of: ErrorOf) -> None:
    assert "data=folder needs data.root=FOLDER" in error_of(measure("--data", "folder"))


def test_checkpoint_that_does_not_fit(measure: Type, error_of: ErrorOf) -> None:
    torch.save({"conv.weight": torch.zeros(4, 3, 3, 3), "head.bias": torch.zeros(2)}, "w.pt")
    error = error_of(measure("--weights", "w.pt"))
    assert "w.pt does not fit Net: 3 missing (conv.bias, fc.weight, fc.bias); 1 unexpected (head.bias)" in error


def test_checkpoint_of_another_number_of_classes(measure: Type, error_of: ErrorOf) -> None:
    sizes = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "fc.weight": (7, 4), "fc.bias": (7,)}
    torch.save({name: torch.zeros(size) for name, size in sizes.items()}, "w.pt")
    assert "fc.weight (7, 4) instead of (10, 4)" in error_of(measure("--weights", "w.pt"))


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize("content", [Trap(), nn.Linear(2, 2)], ids=["code", "whole network"])
def test_pickle_that_needs_full_unpickling(content: object, measure: Type, error_of: ErrorOf) -> None:
    torch.save({"state_dict": content}, "w.pt")
    assert "under 'state_dict', and loading that would run code" in error_of(measure("--weights", "w.pt"))
    assert not Path("trapped").exists()


def test_bare_pickle(measure: Type, error_of: ErrorOf) -> None:
    Path("w.pt").write_bytes(pickle.dumps(Trap()))
    assert "w.pt holds a posix.mkdir, and loading that would run code" in error_of(measure("--weights", "w.pt"))
    assert not Path("trapped").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["epochs=0"], "epochs=0 must be at least 1."),
        (["batch_size=1"], "batch_size=1 must be at least 2"),
        (["optim=adm"], "unknown optim 'adm'. Closest: adamw. optim can be adamw, sgd."),
        (["optim.lr=0"], "optim.lr=0.0 must lie in (0, 100)."),
        (["regularizer=lfs"], "FILE.py:FUNCTION. Closest: lsf."),
        (["regularizer=target"], "regularizer=target needs regularizer.file=SPECTRUM.csv."),
        (["--data", "folder", "data.root=nowhere"], "data.root=nowhere: there is no such file or folder."),
        (["data.train_size=20", "batch_size=64"], "batch_size=64 exceeds the"),
        (["--resume", "nothing"], "there is no run at nothing"),
    ],
)
def test_training(arguments: list[str], message: str, fsens: Type, error_of: ErrorOf) -> None:
    assert message in error_of(fsens("train", "--model", "net.py:make", *arguments))


def test_debug_shows_the_traceback(measure: Type) -> None:
    result = measure("--debug", "--weights", "none.pt")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "CheckpointError"


def test_a_real_process_says_one_line_and_exits_with_2(somewhere: Path) -> None:
    command = [sys.executable, "-m", "fsens_cli", "measure", "num_images=0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=somewhere)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: num_images=0 must be at least 1.\n"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["mesure"], "no such command 'mesure'. Did you mean 'measure'? `fsens -h` shows what there is."),
        (
            ["measure", "--modle", "resnet8"],
            "no such option: --modle. Did you mean --model? `fsens measure -h` shows what there is.",
        ),
        (["--out", "x", "measure"], "no such option: --out. `fsens measure -h` shows what there is."),
        (["runs", "--out"], "option '--out' requires an argument. `fsens runs -h` shows what there is."),
        (["compare"], "missing argument 'RUN...'. `fsens compare -h` shows what there is."),
    ],
)
def test_a_mistyped_command_line_is_told_like_any_other_error(
    typed: list[str], message: str, fsens: Type, error_of: ErrorOf
) -> None:
    assert error_of(fsens(*typed)) == message


def test_no_command_is_a_question_for_help(fsens: Type) -> None:
    said = fsens()
    assert said.exit_code == 2
    assert "Which spatial frequencies a vision model listens to" in said.output
    assert "error" not in said.output
