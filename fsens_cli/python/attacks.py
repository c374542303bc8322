"""Attacks as functions of a model and images.

Shape letters: N images, C channels, H, W pixels, L classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Generator, Tensor, nn

from fsens_cli.models.classifier import Classifier, device_of, held_still
from fsens_cli.perturb.attacks import attack as budgeted
from fsens_cli.perturb.attacks import minimal
from fsens_cli.perturb.attacks.attack import AttackResult
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.minimal import MinimalResult
from fsens_cli.python.given import as_batch, as_labels, as_tensor
from fsens_cli.python.given_model import Numbers, as_given
from fsens_cli.python.images import whole_seed


def attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    name: str = "cascade",
    *,
    norm: str = "linf",
    eps: float = 8 / 255,
    steps: int = 0,
    restarts: int = 1,
    eot: int = 1,
    target: Tensor | None = None,
    seed: int | Generator = 0,
    mean: Numbers = None,
    std: Numbers = None,
) -> AttackResult:
    """Attack a batch of images within a budget; every claim is checked by a fresh forward pass, box and ball.

    Sources: FGSM, Goodfellow et al., ICLR 2015; PGD, Madry et al., ICLR 2018; APGD, FAB-T and AutoAttack, Croce & Hein,
    ICML 2020; Square, Andriushchenko et al., ECCV 2020.

    Args:
        model: any module from [0, 1] images (N, C, H, W) to logits (N, L); asked in evaluation mode, left as it was.
        images: floating point in [0, 1] or 8 bits, a tensor or an array; one batch, which has to fit into memory.
        labels: the true classes (N,).
        name: ``fgsm``, ``pgd``, ``apgd-ce``, ``apgd-dlr``, ``apgd-t``, ``square``, ``fab-t``, or one after the other
            ``cascade`` (PGD, APGD on two losses), ``autoattack``, ``autoattack-rand``.
        norm: ``linf`` or ``l2``.
        eps: radius of the ball on the [0, 1] pixel scale: ``linf`` a pixel's change, ``l2`` a length.
        steps: gradients of one start (queries, for ``square``); 0 takes the attack's own number.
        restarts: starts of an attack that is random.
        eot: passes averaged at each point, for models that are random.
        target: classes to reach (N,); without them any wrong class counts.
        seed: of the random numbers. A generator goes on from batch to batch, so batches of any size give the same.
        mean, std: of the images, where the model expects normalised ones.

    Returns:
        Images, where one was found (``found_N``, also where the model is wrong without an attack) and how large the
        change is. It shows itself as the accuracy that is left.

    Raises:
        ConfigError, DataError, ModelError: what was given cannot be used; says what is allowed.

    >>> import torch
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> images, labels = torch.rand(6, 3, 16, 16), torch.arange(6) % 5
    >>> result = attack(model, images, labels, "pgd", eps=0.1, steps=5)
    >>> bool(((result.adversarial_NCHW - images).abs() <= 0.1 + 1e-6).all())
    True
    """
    config = AttackConfig(name=name, norm=norm, eps=eps, steps=steps, restarts=restarts, eot=eot)
    with _opened(model, images, labels, target, mean, std) as given:
        return budgeted.attack(
            given.classifier, given.batch, given.labels, config, generator=_generator(seed), target_N=given.targets
        )


def minimal_perturbation(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    name: str = "minimal",
    *,
    norm: str = "linf",
    steps: int = 0,
    restarts: int = 1,
    eot: int = 1,
    target: Tensor | None = None,
    seed: int | Generator = 0,
    mean: Numbers = None,
    std: Numbers = None,
) -> MinimalResult:
    """Search the smallest change of each image that fools ``model``; every claim is checked by a fresh forward pass.

    Sources: DeepFool, Moosavi-Dezfooli et al., CVPR 2016; DDN, Rony et al., CVPR 2019; FMN, Pintor et al., NeurIPS
    2021; FAB-T, Croce & Hein, ICML 2020.

    Args:
        model: any module from [0, 1] images (N, C, H, W) to logits (N, L); asked in evaluation mode, left as it was.
        images, labels: one batch and the true classes (N,), in the forms of `attack`.
        name: ``minimal`` (FMN and DeepFool, for ``l2`` DDN too, the smallest of each image, brought back to the
            border), or one of ``fmn``, ``deepfool``, ``ddn``, ``fab-t``.
        norm, steps, restarts, eot, target, seed, mean, std: as in `attack`.

    Returns:
        Images (N, C, H, W) and sizes ``size_N`` in the norm, on the [0, 1] pixel scale: 0 where the model is wrong
        without a change, infinite where nothing was found. ``accuracy([...])`` is the share that stands at each radius.

    Raises:
        ConfigError, DataError, ModelError: what was given cannot be used; says what is allowed.

    >>> import torch
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> images = torch.rand(6, 3, 16, 16)
    >>> result = minimal_perturbation(model, images, model(images).argmax(1), norm="l2", steps=20)
    >>> bool((result.size_N > 0).all()), float(result.accuracy([0.0])[0])
    (True, 1.0)
    """
    config = AttackConfig(name=name, norm=norm, steps=steps, restarts=restarts, eot=eot)
    with _opened(model, images, labels, target, mean, std) as given:
        return minimal.minimal_perturbation(
            given.classifier, given.batch, given.labels, config, generator=_generator(seed), target_N=given.targets
        )


@dataclass(frozen=True, slots=True)
class _Given:
    """What attacks start from, all on one device."""

    classifier: Classifier
    batch: Tensor
    labels: Tensor
    targets: Tensor | None


@contextmanager
def _opened(
    model: nn.Module, images: object, labels: object, target: object, mean: Numbers, std: Numbers
) -> Iterator[_Given]:
    """Give model, images and labels in the form that attacks take, and hold the model still meanwhile."""
    classifier = as_given(model, mean, std)
    device = device_of(classifier)
    batch = as_batch(images).detach().to(device).clamp(0, 1)
    label_N = as_labels(as_tensor(labels, "labels"), len(batch)).to(device)
    target_N = None if target is None else as_labels(as_tensor(target, "target"), len(batch)).to(device)
    with held_still(classifier):
        yield _Given(classifier, batch, label_N, target_N)


def _generator(seed: int | Generator) -> Generator | int:
    return seed if isinstance(seed, Generator) else whole_seed(seed)
