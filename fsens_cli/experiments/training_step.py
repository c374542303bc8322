"""What happens in one training step: vary the images, perturb them, add up the losses, move the weights.

Shape letters: N images, C channels, H, W pixels.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from fsens_cli.data.augment import augment
from fsens_cli.data.images import to_unit
from fsens_cli.data.policy_versions import policy_versions
from fsens_cli.experiments.adversary import worst_neighbours
from fsens_cli.experiments.companion import NOTHING_BESIDE, Companion
from fsens_cli.experiments.pair_set import PairBatch
from fsens_cli.experiments.task_loss import Batch, task_loss
from fsens_cli.experiments.train_settings import StepConfig
from fsens_cli.models.classifier import Classifier
from fsens_cli.objectives.double_backward import cheap_double_backward, shared_batch_norm
from fsens_cli.objectives.fourier_penalty import Penalty, PreparedPenalty, fourier_penalty
from fsens_cli.parallel.world import ALONE, World


@dataclass(frozen=True, slots=True)
class StepSums:
    """Totals of one step, left on the device: no step waits for another."""

    loss: Tensor
    penalty: Tensor
    penalised_steps: int
    num_skipped: Tensor
    num_correct: Tensor
    num_images: int


def prepare_images(
    images_u8: Tensor,
    labels: Tensor,
    rows: Tensor,
    classifier: Classifier,
    config: StepConfig,
    *,
    epoch: int,
    seed: int,
    generator: torch.Generator,
    world: World = ALONE,
) -> Batch:
    """Return the [0, 1] images that the step trains on: varied, noisy, by the policy, then moved by the adversary.

    Of a batch that several processes share, every one draws the random numbers of the whole and takes its part, so
    that an image is varied in the same way whoever has it.
    """
    varied = augment(images_u8, rows, config.augment, epoch=epoch, seed=seed, generator=generator)
    # A policy may take parts of other images, so it is given the whole batch.
    whole = to_unit(varied) if config.augment.policy != "none" else to_unit(world.part_of(varied))
    if config.noise_sd > 0:
        noise = torch.randn(varied.shape, generator=generator).to(whole)
        own_noise = noise if config.augment.policy != "none" else world.part_of(noise)
        whole = (whole + config.noise_sd * own_noise).clamp_(0, 1)
    images, own_labels = whole, world.part_of(labels)
    if config.augment.policy != "none":
        images, *beside = (world.part_of(v) for v in policy_versions(whole, config.augment, generator))
        if beside:
            return Batch(images, tuple(beside))
    if config.adversary.norm == "none":
        return Batch(images)
    neighbours = worst_neighbours(
        classifier,
        images,
        own_labels,
        config.adversary,
        num_images=len(varied),
        generator=generator,
        world=world,
    )
    return Batch(images, (neighbours,)) if config.adversary.is_trades else Batch(neighbours)


def losses(
    classifier: Classifier,
    batch: Batch,
    labels: Tensor,
    config: StepConfig,
    prepared: PreparedPenalty | PairBatch | None,
    world: World = ALONE,
    companion: Companion = NOTHING_BESIDE,
) -> tuple[Tensor, Penalty | None, Tensor]:
    """Return (loss of the task, penalty or None, logits); one forward pass where the whole batch is penalised.

    Images, labels, logits and the task's loss are this process's; the penalty is that of the whole batch.
    """
    of_gradients = isinstance(prepared, PreparedPenalty)
    whole = of_gradients and config.regularizer.fraction == 1.0
    images = batch.images.requires_grad_(whole)
    with _forward_mode(images.device, config, world, penalised=of_gradients):
        loss, logits = task_loss(classifier, batch, labels, config, companion.norms)
        if prepared is None:
            return loss, None, logits
        if isinstance(prepared, PairBatch):
            return loss, prepared.penalty(classifier), logits
        if whole:
            return loss, fourier_penalty(logits, images, labels, prepared, std=classifier.std, world=world), logits
        count = world.part_of_first(config.regularizer.images_of(len(images) * world.size))
        part = images[:count].detach().requires_grad_()
        penalty = fourier_penalty(classifier(part), part, labels[:count], prepared, std=classifier.std, world=world)
        return loss, penalty, logits


@contextlib.contextmanager
def _forward_mode(device: torch.device, config: StepConfig, world: World, *, penalised: bool) -> Iterator[None]:
    """Autocast where asked for; layers in twice differentiable forms where a penalty needs them."""
    with contextlib.ExitStack() as stack:
        if config.precision == "bf16":
            stack.enter_context(torch.autocast(device.type, dtype=torch.bfloat16))
        if penalised:
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(cheap_double_backward(world) if penalised else shared_batch_norm(world))
        yield


def take_step(
    classifier: Classifier,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    labels: Tensor,
    config: StepConfig,
    prepared: PreparedPenalty | PairBatch | None,
    world: World = ALONE,
    *,
    strength: float = 1.0,
    companion: Companion = NOTHING_BESIDE,
) -> StepSums:
    """Move the weights once down the gradient of loss + weight x penalty and return the step's totals.

    Args:
        strength: a factor on the weight, from its ramp.
        companion: what is trained beside the classifier; the optimizer has its parameters too.

    Of a batch that several processes share, ``batch`` and ``labels`` are this one's part, and the totals are those of
    the whole. What all processes differentiate adds up to the loss of the whole batch: each has a ``world.size``-th of
    the mean over its equally large part, and of the penalty, which is the same for all.
    """
    loss, penalty, logits = losses(classifier, batch, labels, config, prepared, world, companion)
    own = loss
    if penalty is not None:
        own = loss + strength * config.regularizer.weight * config.regularizer.every * penalty.value
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(own / world.size if world.is_shared else own)
    world.add_gradients([*classifier.parameters(), *companion.parameters()])
    optimizer.step()
    zero = torch.zeros((), device=loss.device)
    skipped = zero if penalty is None else penalty.num_skipped
    correct = (logits.detach().argmax(dim=1) == labels).sum()
    sums = world.total(torch.stack([loss.detach().double() / world.size, skipped.double(), correct.double()]))
    return StepSums(
        loss=sums[0].to(loss.dtype),
        penalty=zero if penalty is None else penalty.value.detach(),
        penalised_steps=0 if penalty is None else 1,
        num_skipped=sums[1],
        num_correct=sums[2],
        num_images=len(labels) * world.size,
    )
