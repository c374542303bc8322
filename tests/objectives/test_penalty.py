"""The penalty as a component: the definition's numbers in anyone's training loop, leaving everything as it was."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from two_processes import in_two_processes

from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.objectives.penalty import FourierPenalty
from fsens_cli.parallel.world import World

NUM_CLASSES = 5


def network(norm: str = "batch", seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layer = nn.BatchNorm2d(8) if norm == "batch" else nn.GroupNorm(2, 8)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), layer, nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.Flatten(), nn.LazyLinear(5)
    )


def batch(num_images: int = 6, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(num_images, 3, 16, 16, generator=generator), torch.arange(num_images) % NUM_CLASSES


def initialised(norm: str = "batch", seed: int = 0) -> nn.Sequential:
    model = network(norm, seed)
    averages = copy.deepcopy(model[1].state_dict())
    model(batch()[0])
    model[1].load_state_dict(averages)
    return model


def gradients(model: nn.Module) -> list[Tensor]:
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    return found


def written_out(model: nn.Module, images: Tensor, labels: Tensor, *, keep: tuple[int, int]) -> Tensor:
    """The definition as a loop over images and radii, with PyTorch's own derivatives: 1 - share of the kept band."""
    pixels = images.clone().requires_grad_()
    loss = nn.functional.cross_entropy(model(pixels), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, pixels, create_graph=True)
    outside = []
    for each in gradient.mean(dim=1):
        power = torch.fft.fft2(each, norm="ortho").abs().square()
        kept, total = torch.zeros(()), torch.zeros(())
        for u in range(16):
            for v in range(16):
                r = round((min(u, 16 - u) ** 2 + min(v, 16 - v) ** 2) ** 0.5)
                if r > 0:
                    total = total + power[u, v]
                    if keep[0] <= r <= keep[1]:
                        kept = kept + power[u, v]
        outside.append(1 - kept / total)
    return torch.stack(outside).mean()


@pytest.mark.parametrize(("name", "keep"), [("lsf", (1, 2)), ("msf", (3, 5)), ("hsf", (6, 11))])
def test_value_and_parameter_gradient_are_those_of_the_definition_written_out(name: str, keep: tuple[int, int]) -> None:
    model, (images, labels) = initialised(), batch(3)
    penalty = FourierPenalty(name, weight=0.7)
    value = penalty(model, images, labels)
    value.backward()
    ours = gradients(model)
    expected = 0.7 * written_out(model, images, labels, keep=keep)
    expected.backward()
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-6)
    for mine, theirs in zip(ours, gradients(model), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)


def test_one_pass_and_two_passes_give_the_same_loss_and_gradients() -> None:
    model, (images, labels) = initialised(), batch()
    penalty = FourierPenalty("asf")
    separate = nn.functional.cross_entropy(model(images), labels) + penalty(model, images, labels)
    separate.backward()
    two = gradients(model)
    together, logits = penalty.with_loss(model, images, labels)
    together.backward()
    torch.testing.assert_close(together, separate)
    assert logits.shape == (6, NUM_CLASSES)
    for one, other in zip(gradients(model), two, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_running_averages_move_once_a_step_either_way() -> None:
    images, labels = batch()
    plain, separate, together, part = (initialised() for _ in range(4))
    plain(images)
    separate(images)
    FourierPenalty()(separate, images, labels)
    FourierPenalty().with_loss(together, images, labels)
    FourierPenalty(fraction=0.5).with_loss(part, images, labels)
    for model in (separate, together, part):
        for name, value in plain[1].state_dict().items():
            torch.testing.assert_close(model[1].state_dict()[name], value, msg=name)


def test_images_labels_flags_and_gradients_of_the_caller_stay_as_they_were() -> None:
    model, (images, labels) = initialised(), batch()
    before = images.clone()
    FourierPenalty()(model, images, labels)
    assert not images.requires_grad
    assert images.grad is None
    torch.testing.assert_close(images, before, rtol=0, atol=0)
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert model[1].track_running_stats


def test_std_makes_the_penalty_of_normalised_images_that_of_pixels() -> None:
    model, (images, labels) = initialised("group"), batch()
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ([0.4, 0.5, 0.6], [0.1, 0.2, 0.4]))

    class Inside(nn.Module):
        def forward(self, pixels: Tensor) -> Tensor:
            return model((pixels - mean) / std)

    of_pixels = FourierPenalty()(Inside(), images, labels)
    normalised = (images - mean) / std
    torch.testing.assert_close(FourierPenalty(std=(0.1, 0.2, 0.4))(model, normalised, labels), of_pixels)
    of_normalised = FourierPenalty()(model, normalised, labels)
    assert abs(float((of_normalised - of_pixels).detach())) > 1e-4


def test_every_and_fraction() -> None:
    model, (images, labels) = initialised("group"), batch()
    plain = FourierPenalty()(model, images, labels)
    third = FourierPenalty(every=3)
    values = [third(model, images, labels) for _ in range(4)]
    torch.testing.assert_close(values[0], 3 * plain)
    assert [float(v) for v in values[1:3]] == [0.0, 0.0]
    torch.testing.assert_close(values[3], values[0])
    half = FourierPenalty(fraction=0.5)
    torch.testing.assert_close(half(model, images, labels), FourierPenalty()(model, images[:3], labels[:3]))
    assert half.last is not None
    assert half.last.num_images == 3


def test_autocast_around_the_call_changes_nothing() -> None:
    model, (images, labels) = initialised("group"), batch()
    outside = FourierPenalty()(model, images, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = FourierPenalty()(model, images, labels)
        together, _ = FourierPenalty().with_loss(model, images, labels)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, outside, rtol=0, atol=0)
    torch.testing.assert_close(together - outside, nn.functional.cross_entropy(model(images), labels))


def test_channels_last_and_accumulated_halves() -> None:
    model, (images, labels) = initialised("group"), batch()
    whole = FourierPenalty()(model, images, labels)
    whole.backward()
    expected = gradients(model)
    for rows in (slice(3), slice(3, 6)):
        last = images[rows].contiguous(memory_format=torch.channels_last)
        (FourierPenalty()(model, last, labels[rows]) / 2).backward()
    for one, other in zip(gradients(model), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_a_target_is_followed() -> None:
    model, (images, labels) = initialised("group"), batch()
    penalty = FourierPenalty("lsf")
    penalty(model, images, labels)
    assert penalty.last is not None
    found = penalty.last.share_K[1:]
    same = FourierPenalty("target", target=found)(model, images, labels)
    assert abs(float(same.detach())) < 1e-5
    flat = FourierPenalty("target", target=[1.0] * len(found))(model, images, labels)
    assert float(flat.detach()) > 0.01


def test_last_and_repr_are_short() -> None:
    model, (images, labels) = initialised(), batch()
    penalty = FourierPenalty("lsf", weight=0.5)
    assert repr(penalty) == "FourierPenalty('lsf', weight=0.5)"
    value = penalty(model, images, labels)
    assert penalty.last is not None
    assert sum(penalty.last.shares.values()) == pytest.approx(1, abs=1e-5)
    assert float(value.detach()) == pytest.approx(0.5 * (1 - penalty.last.shares["low"]), rel=1e-5)
    assert len(repr(penalty)) < 120


def test_an_image_without_a_gradient_is_counted_and_switches_nothing_off() -> None:
    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = initialised("group")

        def forward(self, images: Tensor) -> Tensor:
            return self.inner(images * (images.detach().mean(dim=(1, 2, 3), keepdim=True) > 0.1))

    images, labels = batch()
    images[2] = 0
    penalty, model = FourierPenalty(), Blind()
    value = penalty(model, images, labels)
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(value, FourierPenalty()(model, images[others], labels[others]))
    assert penalty.last is not None
    assert int(penalty.last.num_skipped) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "lfs"}, "regularizer=lfs is not known"),
        ({"name": "none"}, "has no penalty"),
        ({"weight": -1.0}, "regularizer.weight=-1.0"),
        ({"name": "target"}, "needs"),
        ({"name": "target", "target": [0.0, 0.0]}, "not all 0"),
        ({"std": (0.2, 0.0, 0.2)}, "positive"),
    ],
)
def test_refused_settings(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        FourierPenalty(**settings)  # type: ignore[arg-type]


def test_refused_batches() -> None:
    model, (images, labels) = initialised(), batch()
    penalty = FourierPenalty()
    with pytest.raises(DataError, match="floating point"):
        penalty(model, (255 * images).byte(), labels)
    with pytest.raises(DataError, match="class numbers"):
        penalty(model, images, nn.functional.one_hot(labels, NUM_CLASSES))
    with pytest.raises(ModelError, match="no_grad"), torch.no_grad():
        penalty(model, images, labels)
    with pytest.raises(ModelError, match="logits of shape"):
        penalty(nn.Identity(), images, labels)


def distributed_gradients(world: World) -> list[Tensor]:
    images, labels = batch()
    model = DistributedDataParallel(initialised("group"))
    mine = slice(world.rank, None, 2)
    penalty = FourierPenalty()
    loss, _ = penalty.with_loss(model, images[mine], labels[mine])
    loss.backward()
    return gradients(model)


def twice_called_gradients(world: World) -> list[Tensor]:
    images, labels = batch()
    model = DistributedDataParallel(initialised("group"))
    mine = slice(world.rank, None, 2)
    logits = model(images[mine])
    loss = nn.functional.cross_entropy(logits, labels[mine])
    (loss + FourierPenalty()(model, images[mine], labels[mine])).backward()
    return gradients(model)


@pytest.mark.parametrize("work", [distributed_gradients, twice_called_gradients])
def test_under_distributed_data_parallel_lsf_is_that_of_the_whole_batch(work: object, tmp_path: Path) -> None:
    model, (images, labels) = initialised("group"), batch()
    loss, _ = FourierPenalty().with_loss(model, images, labels)
    loss.backward()
    expected = gradients(model)
    for found in in_two_processes(work, tmp_path):  # type: ignore[arg-type]
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_compiled_model_is_penalised_uncompiled() -> None:
    model, (images, labels) = initialised("group"), batch()
    compiled = torch.compile(model, backend="eager")
    torch.testing.assert_close(FourierPenalty()(compiled, images, labels), FourierPenalty()(model, images, labels))
