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
