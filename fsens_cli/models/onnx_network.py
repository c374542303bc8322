"""A network in an ONNX file, ``NET.onnx``, made into one of PyTorch by onnx2torch, and held against onnxruntime."""

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

from fsens_cli.errors import ModelError, in_one_line
from fsens_cli.models.user_file import network_file

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from torch import Tensor, nn

    from fsens_cli.models.catalog import ImageShape

SUFFIX = ".onnx"
# Two images tell whether both runtimes agree, and whether the gradient is one.
NUM_TRIED = 2
# Of the largest logit, or of 1 where these are smaller.
AGREEMENT = 1e-4
STEP, SLOPE_AGREEMENT = 1e-2, 0.05
AGAIN = "export it again with opset 13 to 16"


def is_onnx(name: str) -> bool:
    """Return whether a model's name is a file of ONNX.

    >>> is_onnx("nets/a.onnx"), is_onnx("net.py:make")
    (True, False)
    """
    return name.endswith(SUFFIX) and ":" not in name


def build(name: str, shape: "ImageShape") -> "nn.Module":
    """Return the network, checked on two random images.

    Raises:
        ModelError: a library is missing, the file is damaged or keeps weights elsewhere, an operator is not supported,
            or the network made of it does not answer, or has no gradient, as it should.
    """
    onnx, convert, runtime = _libraries(name)
    path = network_file(name)
    content = path.read_bytes()
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's own classes are no public interface
        raise ModelError(f"model={name} is damaged or no ONNX file ({in_one_line(error)}).") from error
    if any(tensor.data_location == tensor.EXTERNAL for tensor in model.graph.initializer):
        raise ModelError(f"model={name} keeps weights in other files: save it with all of them inside.")
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    try:
        network: nn.Module = convert(model)
    except (NotImplementedError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ModelError(
            f"model={name} of opset {opset} cannot be made a network of PyTorch ({in_one_line(error)}): {AGAIN}."
        ) from error
    network.eval()
    _check(name, network, runtime(content, providers=["CPUExecutionProvider"]), shape)
    return network


def _libraries(name: str) -> tuple[ModuleType, "Callable[[object], nn.Module]", "type[InferenceSession]"]:
    try:
        import onnx
        from onnx2torch import convert
        from onnxruntime import InferenceSession
    except ImportError as error:
        raise ModelError(f"model={name} needs onnx, onnx2torch, onnxruntime: pip install 'fsens[onnx]'.") from error
    return onnx, convert, InferenceSession


def _check(name: str, network: "nn.Module", session: "InferenceSession", shape: "ImageShape") -> None:
    import torch

    generator = torch.Generator().manual_seed(0)
    images = torch.rand(NUM_TRIED, shape.channels, shape.height, shape.width, generator=generator)
    try:
        expected = torch.from_numpy(session.run(None, {session.get_inputs()[0].name: images.numpy()})[0])
    except Exception as error:  # onnxruntime's own classes are no public interface
        raise ModelError(
            f"model={name} takes no {NUM_TRIED} images of {shape} ({in_one_line(error)}): it has to be exported with a "
            "batch of any size, for images of this size."
        ) from error
    try:
        with torch.no_grad():
            found = network(images)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ModelError(f"model={name}: as a network of PyTorch it fails ({in_one_line(error)}): {AGAIN}.") from error
    furthest = float((found - expected).abs().max()) if found.shape == expected.shape else float("inf")
    if not furthest <= AGREEMENT * max(1.0, float(expected.abs().max())):
        raise ModelError(
            f"model={name} answers otherwise as a network of PyTorch than in onnxruntime, by {furthest:.2g}: {AGAIN}."
        )
    _check_slope(name, network, images)


def _check_slope(name: str, network: "nn.Module", images: "Tensor") -> None:
    """Compare the gradient's length with the difference that a small step along it makes."""
    import torch

    def value(at: "Tensor") -> "Tensor":
        logits = network(at)
        largest: Tensor = logits.logsumexp(dim=1) - logits[:, 0]
        return largest.sum()

    images = images.clone().requires_grad_()
    with torch.enable_grad():
        total = value(images)
        grad = torch.autograd.grad(total, images)[0] if total.requires_grad else torch.zeros_like(images)
    length = float(grad.norm())
    if not 0 < length < float("inf"):
        raise ModelError(f"model={name}: its gradient with respect to the image is zero or not a number.")
    with torch.no_grad():
        step = STEP * grad / length
        slope = float(value(images + step) - value(images - step)) / (2 * STEP)
    if abs(slope - length) > SLOPE_AGREEMENT * length:
        raise ModelError(
            f"model={name}: along its gradient of length {length:.3g} the output changes by {slope:.3g}: it is none of "
            "this network."
        )
