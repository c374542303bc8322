"""The private operators: a change of PyTorch is one sentence here, and its own derivatives for the user."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.models.cifar_resnet import CifarResNet
from fsens_cli.objectives import aten, batch_norm
from fsens_cli.objectives.double_backward import cheap_double_backward
from fsens_cli.parallel.world import ALONE


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    aten.is_known.cache_clear()
    yield
    aten.is_known.cache_clear()


@pytest.mark.parametrize("name", aten.SIGNATURES)
def test_pytorch_has_the_operator_as_it_is_called(name: str) -> None:
    if sentence := aten.difference(name):
        pytest.fail(sentence, pytrace=False)


def operator(arguments: str, results: int) -> SimpleNamespace:
    schema = SimpleNamespace(
        arguments=[SimpleNamespace(name=name) for name in arguments.split()], returns=[None] * results
    )
    return SimpleNamespace(default=SimpleNamespace(_schema=schema))


def second_derivatives(net: nn.Module, images: Tensor) -> tuple[list[Tensor], set[str]]:
    images = images.clone().requires_grad_()
    nodes: dict[int, object] = {}  # kept alive: older PyTorch makes them anew when they are asked for
    with cheap_double_backward():
        logits = net(images)
        todo = [logits.grad_fn]
        while todo:
            node = todo.pop()
            if node is not None and id(node) not in nodes:
                nodes[id(node)] = node
                todo += [parent for parent, _ in node.next_functions]
        (grad,) = torch.autograd.grad(logits[:, 0].sum(), images, create_graph=True)
        found = torch.autograd.grad(grad.square().sum(), list(net.parameters()), allow_unused=True)
    return [f for f in found if f is not None], {type(node).__name__ for node in nodes.values()}


def test_without_an_operator_or_with_another_signature_pytorch_derives_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net, images = CifarResNet(1, num_classes=10, width=8).double(), torch.rand(4, 3, 8, 8, dtype=torch.float64)
    own, names = second_derivatives(net, images)
    assert {"_ConvolutionBackward", "_BatchNormBackward", "_ReLUBackward"} <= names

    another = operator("grad_out input mask", 3)
    monkeypatch.setattr(aten, "OPERATORS", SimpleNamespace(native_batch_norm_backward=another))
    aten.is_known.cache_clear()
    assert "has no operator aten::convolution_backward" in aten.difference("convolution_backward")
    assert "another aten::native_batch_norm_backward, (grad_out input mask) -> 3 instead of" in aten.difference(
        "native_batch_norm_backward"
    )
    theirs, names = second_derivatives(net, images)
    assert {"ConvolutionBackward0", "NativeBatchNormBackward0", "ReluBackward0"} <= names
    assert not any(name.startswith("_") for name in names)
    torch.testing.assert_close(own, theirs)


def test_processes_that_share_batch_norm_do_without_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    v, dy = (torch.randn(3, 2, 4, 5, generator=generator) for _ in range(2))
    mean = v.mean(dim=(0, 2, 3))
    own = batch_norm._covariance(v, mean, dy, 60.0, ALONE)
    monkeypatch.setattr(aten, "OPERATORS", SimpleNamespace())
    aten.is_known.cache_clear()
    torch.testing.assert_close(batch_norm._covariance(v, mean, dy, 60.0, ALONE), own)


def test_where_pytorch_no_longer_tells_views_every_tensor_may_be_one() -> None:
    whole = torch.zeros(4)
    assert (aten.is_view(whole), aten.is_view(whole[:2])) == (False, True)
    assert aten.is_view(SimpleNamespace())  # type: ignore[arg-type]
