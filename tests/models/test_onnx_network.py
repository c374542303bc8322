"""``NET.onnx``: against the same network written in PyTorch, and what cannot be taken; files made by onnx itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from fsens_cli.app import app
from fsens_cli.errors import ModelError
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.onnx_network import build, is_onnx

SHAPE = ImageShape(3, 32, 32)
Write = Callable[..., Path]


def test_without_a_file(tmp_path: Path) -> None:
    assert is_onnx("a/net.onnx")
    assert not is_onnx("net.py:make")
    result = CliRunner().invoke(app, ["measure", "--model", str(tmp_path / "net.onnx")])
    assert result.exit_code == 2
    assert "there is no such file" in " ".join(result.stderr.split())


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A convolution, a smooth activation, a mean and a linear layer."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnx2torch")
    pytest.importorskip("onnxruntime")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    random = np.random.default_rng(0)
    tensors = {
        "kernel": random.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32),
        "linear": random.normal(0, 1, (10, 4)).astype(np.float32),
        "bias": random.normal(0, 0.1, 10).astype(np.float32),
    }

    def write_(activation: str = "Tanh", opset: int = 13, batch: object = "N") -> Path:
        nodes = [
            helper.make_node("Conv", ["image", "kernel"], ["a"], kernel_shape=[3, 3], strides=[2, 2]),
            helper.make_node(activation, ["a"], ["b"]),
            helper.make_node("GlobalAveragePool", ["b"], ["c"]),
            helper.make_node("Flatten", ["c"], ["d"]),
            helper.make_node("Gemm", ["d", "linear", "bias"], ["logits"], transB=1),
        ]
        graph = helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info("image", 1, [batch, 3, 32, 32])],
            [helper.make_tensor_value_info("logits", 1, [batch, 10])],
            [numpy_helper.from_array(value, name) for name, value in tensors.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.save(model, str(tmp_path / "net.onnx"))
        return tmp_path / "net.onnx"

    return write_


def test_the_same_network_in_pytorch(write: Write) -> None:
    path = write()
    onnx = pytest.importorskip("onnx")
    held = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in onnx.load(path).graph.initializer}
    images = torch.rand(3, 3, 32, 32)
    hidden = torch.nn.functional.conv2d(images, held["kernel"], stride=2).tanh().mean((2, 3))
    expected = torch.nn.functional.linear(hidden, held["linear"], held["bias"])
    torch.testing.assert_close(build(str(path), SHAPE)(images), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"activation": "Sign"}, "gradient with respect to the image is zero"),
        ({"batch": 1}, "takes no 2 images"),
        ({"activation": "Mish", "opset": 18}, r"of opset 18 cannot be made .*: export it again with opset 13 to 16"),
    ],
)
def test_what_cannot_be_taken(write: Write, settings: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        build(str(write(**settings)), SHAPE)


def test_a_damaged_file(write: Write) -> None:
    path = write()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ModelError, match="is damaged or no ONNX file"):
        build(str(path), SHAPE)


def test_through_the_command_line(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    monkeypatch.chdir(tmp_path)
    few = ("num_images=6", "data.test_size=20", "plot.formats=[]")
    done = CliRunner().invoke(app, ["measure", "--model", "net.onnx", *few])
    assert done.exit_code == 0, done.output
    assert "does not say how images are normalised" in " ".join(done.stderr.split())
    assert "net.onnx" in done.stdout
