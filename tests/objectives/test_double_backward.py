"""The cheap double backward of convolution, batch norm and ReLU against automatic differentiation and PyTorch's own."""

import copy
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.models.cifar_resnet import CifarResNet
from fsens_cli.objectives.batch_norm import batch_norm
from fsens_cli.objectives.convolution import MOST_WEIGHTS_ON_CPU, conv2d
from fsens_cli.objectives.double_backward import cheap_double_backward
from fsens_cli.objectives.relu import relu


# A large eps makes the variance of x^ differ from 1, which a formula that forgets eps would not survive.
@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_first_and_second_derivatives_of_batch_norm(eps: float) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 2, 2, 3, dtype=torch.float64, generator=generator) + 4
    weight = torch.tensor([-1.2, 0.4], dtype=torch.float64)
    inputs = tuple(t.requires_grad_() for t in (x, weight, torch.zeros(2, dtype=torch.float64)))

    def f(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return batch_norm(x, None, None, weight, bias, training=True, eps=eps)

    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


def test_a_weight_of_zero_has_second_derivatives_too() -> None:
    x = torch.linspace(-1, 2, 24, dtype=torch.float64).square().reshape(3, 2, 4).requires_grad_()
    weight, bias = torch.zeros(2, dtype=torch.float64, requires_grad=True), torch.ones(2, dtype=torch.float64)

    def f(x: Tensor, weight: Tensor) -> Tensor:
        return batch_norm(x, None, None, weight, bias, training=True)

    assert torch.autograd.gradgradcheck(f, (x, weight))


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": (2, 1), "padding": 1}, {"padding": (1, 0), "dilation": 2}, {"groups": 2}, {"padding": "valid"}],
)
@pytest.mark.parametrize("has_bias", [True, False])
def test_second_derivatives_of_convolution(options: dict[str, Any], has_bias: bool) -> None:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    inputs = [random(2, 4, 5, 6), random(4, 4 // options.get("groups", 1), 3, 2)] + [random(4)] * has_bias
    torch.testing.assert_close(conv2d(*inputs, **options), nn.functional.conv2d(*inputs, **options))
    assert torch.autograd.gradcheck(lambda *given: conv2d(*given, **options), inputs)
    assert torch.autograd.gradgradcheck(lambda *given: conv2d(*given, **options), inputs)


def test_a_single_image_and_large_weights_are_left_to_pytorch() -> None:
    image, weight = torch.rand(4, 6, 6), torch.rand(3, 4, 3, 3)
    torch.testing.assert_close(conv2d(image, weight), nn.functional.conv2d(image, weight))
    large = torch.ones(MOST_WEIGHTS_ON_CPU // 9 // 4 + 1, 4, 3, 3, requires_grad=True)
    assert type(conv2d(image[None], large).grad_fn).__name__ == "ConvolutionBackward0"


def test_convolution_under_autocast_computes_in_the_narrow_type_in_both_derivatives() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 2, 8, 8, generator=generator)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3))

    def second(cheap: bool) -> list[Tensor]:
        x = images.clone().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16), cheap_double_backward() if cheap else nullcontext():
            y = net(x)
            assert y.dtype == torch.bfloat16
        (grad,) = torch.autograd.grad(y.float().square().sum(), x, create_graph=True)
        assert grad.dtype == torch.float32
        return list(torch.autograd.grad(grad.square().sum(), [p for p in net.parameters() if p.ndim == 4]))

    for own, theirs in zip(second(True), second(False), strict=True):
        torch.testing.assert_close(own, theirs, rtol=0.03, atol=0.03 * float(theirs.abs().max()))


def test_second_derivatives_of_relu() -> None:
    x = torch.tensor([-2.0, -0.3, 0.4, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(relu, (x,))
    assert torch.autograd.gradgradcheck(relu, (x,))
    (grad,) = torch.autograd.grad(relu(x).square().sum(), x, create_graph=True)
    assert grad.tolist() == [0, 0, 0.8, 6]
    (second,) = torch.autograd.grad(grad.sum(), x)
    assert second.tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize("part", [lambda x: x * 1, lambda x: (x * 1)[:, 1:3], lambda x: (x * 1).view(4, 2)])
def test_relu_in_place_overwrites_what_it_is_given(part: Callable[[Tensor], Tensor]) -> None:
    def penalty(f: Callable[[Tensor], object]) -> list[Tensor]:
        x = torch.linspace(-1, 1, 8).reshape(2, 4).requires_grad_()
        y = part(x)
        f(y)
        (grad,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
        return [y.detach(), grad.detach(), *torch.autograd.grad(grad.square().sum(), x)]

    for own, theirs in zip(penalty(lambda y: relu(y, inplace=True)), penalty(torch.relu_), strict=True):
        torch.testing.assert_close(own, theirs)


@pytest.mark.parametrize(
    "written",
    [
        nn.functional.relu, torch.relu, Tensor.relu, nn.ReLU(), nn.ReLU(inplace=True),
        lambda x: torch.relu(input=x), lambda x: nn.functional.relu(input=x),
    ],
)  # fmt: skip
def test_a_relu_is_taken_over_however_it_is_written(written: Callable[[Tensor], Tensor]) -> None:
    x = torch.linspace(-1, 1, 8).requires_grad_()
    with cheap_double_backward():
        assert type(written(x * 1).grad_fn).__name__ == "_ReLUBackward"
    assert type(written(x * 1).grad_fn).__name__ == "ReluBackward0"


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
    with cheap_double_backward():
        found = penalised_gradient(cheap, images)
    for own, theirs in zip(found, expected, strict=True):
        scale = float(theirs.abs().max()) + 1e-12
        torch.testing.assert_close(own / scale, theirs / scale, rtol=0, atol=tolerance)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(cheap.state_dict()[name], value)


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm2d(4, affine=False),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.BatchNorm2d(4, momentum=None),
        nn.BatchNorm2d(4).eval(),
    ],
)
def test_every_kind_of_batch_norm_is_what_it_was(norm: nn.BatchNorm2d) -> None:
    images = torch.rand(3, 4, 5, 5, generator=torch.Generator().manual_seed(2))
    own = copy.deepcopy(norm)
    for _ in range(2):
        expected = norm(images)
        with cheap_double_backward():
            torch.testing.assert_close(own(images), expected)
    for name, value in norm.state_dict().items():
        torch.testing.assert_close(own.state_dict()[name], value)


def test_leaving_out_the_weights_is_a_thread_s_own() -> None:
    """While one thread asks for the images alone, another one's weights get their gradient."""
    import threading

    from fsens_cli.objectives.convolution import conv2d, for_inputs_alone

    found: list[bool] = []

    def elsewhere() -> None:
        x, weight = torch.rand(1, 3, 5, 5, requires_grad=True), torch.rand(2, 3, 3, 3, requires_grad=True)
        conv2d(x, weight).sum().backward()
        found.append(weight.grad is not None)

    with for_inputs_alone():
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        elsewhere()
    assert found == [True, False]
