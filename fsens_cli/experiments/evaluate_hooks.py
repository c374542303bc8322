"""The user's own functions of an evaluation: imported, and tried on two images before the run.

Shape letters: N images, C channels, H, W pixels.
"""

import torch
from torch import Tensor

from fsens_cli.experiments.answers import measured
from fsens_cli.experiments.evaluate_settings import SuiteConfig
from fsens_cli.experiments.evaluate_shared import Setting
from fsens_cli.guest.hook import Hook, load_hook
from fsens_cli.guest.hooks import packaged
from fsens_cli.guest.names import is_own_code
from fsens_cli.perturb.attacks.own import returned_images
from fsens_cli.perturb.attacks.verify import size_of
from fsens_cli.perturb.corruptions.own import corrupt_by

NUM_TRIED = 2
# How far beyond its budget an attack may go on the [0, 1] pixel scale, for rounding.
ROUNDING = 1e-5


def hooks_of(suite: SuiteConfig) -> dict[tuple[str, str], Hook]:
    """Return the user's functions by kind and name.

    Raises:
        ModelError: one cannot be imported, or is not there.
    """
    asked = {"corruptions": suite.corruption_names(), "attacks": suite.attacks, "metrics": suite.metrics}
    hooks = [
        load_hook(f"suite.{kind}", name, kind)
        for kind, names in asked.items()
        for name in names
        if is_own_code(name) or name in packaged(kind)
    ]
    return {(hook.kind, hook.name): hook for hook in hooks}


def own_code(suite: SuiteConfig) -> dict[str, str]:
    """Return the SHA-256 of the file of each of the user's functions, by kind and name."""
    return {f"{kind}.{name}": hook.sha256 for (kind, name), hook in hooks_of(suite).items()}


def try_hooks(setting: Setting, suite: SuiteConfig) -> None:
    """Call each of the user's functions on two images, as the run will.

    Raises:
        ModelError: one fails, or returns what it should not.
    """
    if not setting.hooks:
        return
    images, labels, index = next(setting.batches(setting.images.sample(NUM_TRIED, setting.seed)))
    for (kind, _), hook in setting.hooks.items():
        if kind == "corruptions":
            for severity in suite.severities:
                corrupt_by(hook, images, severity, index_N=index, seed=setting.seed)
        elif kind == "metrics":
            with torch.no_grad():
                measured(hook, setting.classifier(images), labels)
        else:
            _try_attack(hook, setting, suite, images, labels)


def _try_attack(hook: Hook, setting: Setting, suite: SuiteConfig, images: Tensor, labels: Tensor) -> None:
    for norm in suite.norms:
        for eps in suite.eps_of(norm):
            with torch.enable_grad():
                found = hook(setting.classifier, images.clone(), labels.clone(), eps, norm, setting.generator())
            point = returned_images(hook, found, images)
            low, high = (float(v) for v in point.aminmax())
            if low < -ROUNDING or high > 1 + ROUNDING:
                raise hook.refuse(f"returned values from {low:.3g} to {high:.3g}")
            size = float(size_of(point.double() - images.double(), norm).max())
            if size > eps + ROUNDING:
                raise hook.refuse(f"went {size:.4g} away in {norm}, beyond eps = {eps:.4g}")
