"""DeepFool: step onto the nearest linearised class boundary until one is crossed (Moosavi-Dezfooli et al., CVPR 2016).

Shape letters: N images, S of them still standing, L classes, T rival classes, C channels, H, W pixels.
"""

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Goal, Model, decide
from fsens_cli.perturb.attacks.gradient import require_gradient
from fsens_cli.perturb.attacks.streams import Streams

# How far beyond the boundary, and how many of the likeliest classes are tried, as published.
OVERSHOOT = 0.02
NUM_RIVALS = 9


def deepfool(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    streams: Streams | None = None,
) -> tuple[Tensor, Tensor]:
    """Return one point for each image and which ones the model was seen to fall for.

    Section 3.3 with p = 2 or infinity: of the rivals l with margin f_l and gradient w_l, the nearest is that of least
    |f_l| / ||w_l||_q with 1/p + 1/q = 1; the step is |f| / ||w||_2^2 w, or |f| / ||w||_1 sign(w). With a target that
    class is the only rival.
    """
    del streams  # nothing is random
    point_NCHW = images_NCHW.clone()
    claimed_N = torch.zeros(len(images_NCHW), dtype=torch.bool, device=images_NCHW.device)
    row = torch.arange(len(images_NCHW), device=images_NCHW.device)
    images = x = images_NCHW
    total = torch.zeros_like(images)
    rivals = _rivals(decide(model, images, eot=config.eot), goal)
    for _ in range(config.num_steps):
        logits, margins, grads = _boundaries(model, x, goal, rivals, config.eot)
        fell = goal.reached(logits)
        if bool(fell.any()):
            point_NCHW[row[fell]] = x[fell]
            claimed_N[row[fell]] = True
            stand = ~fell
            row, images, x, total, rivals = (t[stand] for t in (row, images, x, total, rivals))
            margins, grads, goal = margins[:, stand], grads[:, stand], goal[stand]
            if len(row) == 0:
                return point_NCHW, claimed_N
        total = total + _nearest_step(margins, grads, config.norm)
        x = (images + (1 + OVERSHOOT) * total).clamp(0, 1)
    point_NCHW[row] = x
    return point_NCHW, claimed_N


def _rivals(logits_NL: Tensor, goal: Goal) -> Tensor:
    """Return the likeliest classes of each clean image beside its own, or the target, shape (N, T)."""
    if goal.target_N is not None:
        return goal.target_N[:, None]
    others = logits_NL.scatter(1, goal.label_N[:, None], float("-inf"))
    # Masked classes have the logit -inf too, and nothing may tie with the image's own.
    num_open = int((others > -torch.inf).sum(dim=1).min())
    return others.topk(min(NUM_RIVALS, max(1, num_open)), dim=1).indices


def _boundaries(model: Model, x: Tensor, goal: Goal, rivals_NT: Tensor, eot: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, margins of the rivals (T, N) and their gradients (T, N, C, H, W), means over ``eot`` passes."""
    logits_sum, margins_sum, grads_sum = _boundaries_once(model, x, goal, rivals_NT)
    for _ in range(eot - 1):
        logits, margins, grads = _boundaries_once(model, x, goal, rivals_NT)
        logits_sum, margins_sum, grads_sum = logits_sum + logits, margins_sum + margins, grads_sum + grads
    return logits_sum / eot, margins_sum / eot, grads_sum / eot


def _boundaries_once(model: Model, x: Tensor, goal: Goal, rivals_NT: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    images = x.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
        require_gradient(logits)
        if goal.target_N is None:
            own = goal.label_N
        else:
            own = logits.detach().scatter(1, goal.target_N[:, None], float("-inf")).argmax(dim=1)
        margins = logits.gather(1, rivals_NT) - logits.gather(1, own[:, None])
    grads = [
        torch.autograd.grad(margins[:, t].sum(), images, retain_graph=True, materialize_grads=True)[0]
        for t in range(rivals_NT.shape[1])
    ]
    for grad in grads:
        goal.see_gradient(grad)
    return logits.detach(), margins.detach().T, torch.stack(grads).nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)


def _nearest_step(margin_TN: Tensor, grad_TNCHW: Tensor, norm: str) -> Tensor:
    """Return the step onto the nearest boundary, (N, C, H, W)."""
    flat = grad_TNCHW.flatten(2)
    dual_TN = (flat.abs().sum(dim=2) if norm == "linf" else flat.norm(dim=2)).to(margin_TN).clamp_min(1e-30)
    distance_TN = margin_TN.abs() / dual_TN
    distance_N, nearest_N = distance_TN.min(dim=0)
    ids = torch.arange(len(nearest_N), device=nearest_N.device)
    grad = grad_TNCHW[nearest_N, ids]
    unit = grad.sign() if norm == "linf" else grad / dual_TN[nearest_N, ids].to(grad)[:, None, None, None]
    return distance_N.to(grad)[:, None, None, None] * unit
