"""Models that the attacks cannot judge are recognised."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.errors import DataError, ModelError
from fsens_cli.perturb.attacks.inspection import inspect_model

Case = tuple[nn.Module, Tensor, Tensor]


def through_numpy(model: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.from_numpy(model(x).numpy() if not x.requires_grad else x.numpy())


@pytest.mark.parametrize(
    ("wrap", "kinds", "word"),
    [
        (lambda m: m, [], ""),
        (lambda m: lambda x: m(x).log_softmax(dim=1), [], ""),
        (lambda m: lambda x: m(x).softmax(dim=1), ["probabilities"], "softmax"),
        (lambda m: lambda x: m(x) + 0.01 * torch.randn(len(x), 5), ["random"], "attack.eot"),
        (lambda m: lambda x: m(x).detach(), ["no-gradient"], "attack=square"),
        (through_numpy, ["no-gradient"], "attack=square"),
        (lambda m: lambda x: m((x * 16).round() / 16), ["zero-gradient"], "16 of 16 images"),
        (lambda m: lambda x: (50 * m(x)).softmax(dim=1).round(), ["probabilities", "zero-gradient"], "softmax"),
    ],
    ids=["fine", "log-softmax", "softmax", "random", "detached", "numpy", "rounded input", "hard probabilities"],
)
def test_findings(
    curved: Case, wrap: Callable[[nn.Module], Callable[[Tensor], Tensor]], kinds: list[str], word: str
) -> None:
    model, images, labels = curved
    torch.manual_seed(0)
    with torch.no_grad():
        model.requires_grad_(False)
    found = inspect_model(wrap(model), images, labels)
    assert [f.kind for f in found] == kinds
    assert word in "".join(f.message for f in found)
    assert not any("\n" in f.message for f in found)


def test_refuses_labels_and_outputs(curved: Case) -> None:
    model, images, labels = curved
    with pytest.raises(DataError, match=r"labels must lie in 0..4 for this model, got 9"):
        inspect_model(model, images, labels + 9 - labels)
    with pytest.raises(ModelError, match=r"logits of at least two classes, got shape \(16, 1\)"):
        inspect_model(lambda x: model(x)[:, :1], images, labels * 0)


def test_a_model_that_takes_gradients_in_its_forward_pass_is_named() -> None:
    plain = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))

    def purified(images: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            inner = images.detach().requires_grad_()
            (grad,) = torch.autograd.grad(plain(inner).amax(dim=1).sum(), inner)
        logits: torch.Tensor = plain(images - 0.1 * grad)
        return logits

    images, labels = torch.rand(4, 3, 2, 2), torch.zeros(4, dtype=torch.int64)
    assert "dynamic" in {finding.kind for finding in inspect_model(purified, images, labels)}
    assert "dynamic" not in {finding.kind for finding in inspect_model(plain, images, labels)}
