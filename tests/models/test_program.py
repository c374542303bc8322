"""``NET.pt2`` and TorchScript: only where they are trusted, with the numbers and gradients of the network they hold."""

import json
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner, Result

from fsens_cli.app import app
from fsens_cli.errors import ModelError
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.program import build
from fsens_cli.models.settings import ModelConfig

SHAPE = ImageShape(3, 32, 32)


class Small(nn.Module):
    """A smooth network with the layers whose mode matters."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 5, stride=4),
            nn.BatchNorm2d(4),
            nn.Tanh(),
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(196, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def scripted(tmp_path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Small().eval()), str(tmp_path / "net.pt"))
    return str(tmp_path / "net.pt")


def exported(tmp_path: Path, *, training: bool = False, any_batch: bool = True) -> str:
    net = Small().train(training)
    dims = ({0: torch.export.Dim("batch")},) if any_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(net, (torch.rand(2, 3, 32, 32),), dynamic_shapes=dims)
        torch.export.save(program, tmp_path / "net.pt2")
    return str(tmp_path / "net.pt2")


def measure(*arguments: str) -> Result:
    few = ("num_images=4", "data.test_size=20", "plot.formats=[]")
    return CliRunner().invoke(app, ["measure", *arguments, *few])


def same_as_the_network(name: str) -> None:
    network = build(name, SHAPE)
    images = torch.rand(3, 3, 32, 32, requires_grad=True)
    logits = network.eval()(images)
    expected = Small().eval()(images)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(network.train()(images), expected)  # its mode is its own
    (grad,) = torch.autograd.grad(logits.square().sum(), images, create_graph=True)
    (known,) = torch.autograd.grad(expected.square().sum(), images)
    torch.testing.assert_close(grad, known)
    assert bool(torch.autograd.grad(grad.square().sum(), images)[0].any())


def test_torchscript_where_it_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    same_as_the_network(scripted(tmp_path))
    refused = measure("--model", "net.pt")
    assert refused.exit_code == 2
    assert "a program in a file can do anything as it is loaded" in " ".join(refused.stderr.split())
    assert not Path("outputs").exists()
    done = measure("--model", "net.pt", "--trust-checkpoint")
    assert done.exit_code == 0, done.output
    assert "net.pt: TorchScript, which PyTorch has deprecated" in " ".join(done.stderr.split())
    record = json.loads(Path("outputs/measure/net.pt-dualband/v001/run.json").read_text())
    assert record["weights"] == "net.pt"
    assert len(record["weights_sha256"]) == 64
    assert any("deprecated" in remark for remark in record["weights_remarks"])


def test_what_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such file"):
        build(str(tmp_path / "none.pt2"), SHAPE)
    torch.save(Small().state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="holds no program: weights alone are given as --model NETWORK --weights"):
        build(str(tmp_path / "weights.pt"), SHAPE)
    (tmp_path / "text.pt2").write_text("no archive")
    with pytest.raises(ModelError, match="is damaged or no program of torch"):
        build(str(tmp_path / "text.pt2"), SHAPE)
    with pytest.raises(ModelError, match="give --trust-checkpoint"):
        ModelConfig(name="text.pt2")
    assert ModelConfig(name="text.pt2", trust_checkpoint=True).name == "text.pt2"


@pytest.mark.slow
def test_an_exported_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.export itself takes seconds to import."""
    monkeypatch.chdir(tmp_path)
    same_as_the_network(exported(tmp_path))
    done = measure("--model", "net.pt2", "--trust-checkpoint")
    assert done.exit_code == 0, done.output
    with pytest.raises(ModelError, match=r"was exported in training mode .*: export net\.eval\(\) again"):
        build(exported(tmp_path, training=True), SHAPE)
    with pytest.raises(ModelError, match=r"takes no 1 images of 3x32x32 .*Dim\('batch'\)"):
        build(exported(tmp_path, any_batch=False), SHAPE)
    with pytest.raises(ModelError, match="takes no 1 images of 3x64x64"):
        build(exported(tmp_path), ImageShape(3, 64, 64))
