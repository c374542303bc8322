"""The cheap double backward of batch norm against automatic differentiation and PyTorch's own."""

import copy

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.models.cifar_resnet import CifarResNet
from fsens_cli.objectives.batch_norm import batch_norm, cheap_double_backward


def layer(channels: int, *, eps: float = 1e-5) -> nn.BatchNorm2d:
    torch.manual_seed(1)
    built = nn.BatchNorm2d(channels, eps=eps).double()
    with torch.no_grad():
        built.weight.uniform_(-1.5, 1.5)
        built.bias.uniform_(-1, 1)
    return built


# A large eps makes the variance of x^ differ from 1, which a formula that forgets eps would not survive.
@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_first_and_second_derivatives(eps: float) -> None:
    norm = layer(2, eps=eps)
    x = (torch.randn(3, 2, 2, 3, dtype=torch.float64) + 4).requires_grad_()

    def f(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(Applied(norm), {"norm.weight": weight, "norm.bias": bias}, (x,))

    inputs = (x, norm.weight.detach().requires_grad_(), norm.bias.detach().requires_grad_())
    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


class Applied(nn.Module):
    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.norm = norm
        self.norm.track_running_stats = False

    def forward(self, x: Tensor) -> Tensor:
        return batch_norm(self.norm, x)


def penalised_gradient(net: nn.Module, images: Tensor) -> list[Tensor]:
    images = images.clone().requires_grad_()
    loss = nn.functional.cross_entropy(net(images), torch.arange(len(images)) % 10)
    (grad,) = torch.autograd.grad(loss, images, create_graph=True)
    power = torch.fft.rfft2(grad.mean(dim=1), norm="ortho").abs().square()
    total = loss + 0.5 * power[:, :5].sum() / power.sum()
    return list(torch.autograd.grad(total, list(net.parameters())))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-3)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_pytorch_in_a_residual_network(
    dtype: torch.dtype, tolerance: float, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    plain = CifarResNet(1, num_classes=10, width=8).to(dtype).to(memory_format=layout)
    cheap = copy.deepcopy(plain)
    images = torch.rand(6, 3, 16, 16, dtype=dtype)
    expected = penalised_gradient(plain, images)
    with cheap_double_backward(cheap):
        found = penalised_gradient(cheap, images)
    for own, theirs in zip(found, expected, strict=True):
        scale = float(theirs.abs().max()) + 1e-12
        torch.testing.assert_close(own / scale, theirs / scale, rtol=0, atol=tolerance)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(cheap.state_dict()[name], value)


def test_leaves_the_module_as_it_was() -> None:
    net = CifarResNet(1, num_classes=10, width=4)
    before = [vars(m).keys() for m in net.modules()]
    with cheap_double_backward(net):
        net.eval()
        evaluated = net(torch.ones(2, 3, 8, 8))
    assert [vars(m).keys() for m in net.modules()] == before
    torch.testing.assert_close(net(torch.ones(2, 3, 8, 8)), evaluated)
