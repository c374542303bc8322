"""Cascades of attacks: AutoAttack's two published ones, and a short one of our own.

AutoAttack: Croce & Hein, ICML 2020; order and settings of its released code (``standard`` and ``rand``).
"""

from dataclasses import replace

from fsens_cli.perturb.attacks.config import ATTACKS, RANDOM_EOT, AttackConfig

# The first attack of the short cascade is a short one, to take away what falls easily.
SHORT_PGD_STEPS = 10


def stages_of(config: AttackConfig, num_classes: int) -> list[AttackConfig]:
    """Return the attacks that ``config`` stands for, in order; each gets the images that still stand.

    Targeted DLR needs four classes: with three its place is taken by plain DLR, and with two, where cross-entropy and
    margin climb the same way, by nothing.
    """
    last = {2: (), 3: ("apgd-dlr",)}.get(num_classes, ("apgd-t",))
    if config.name == "none":
        return []
    if config.name == "cascade":
        short = replace(config, name="pgd", steps=SHORT_PGD_STEPS)
        return [short, *(replace(config, name=name, steps=config.num_steps) for name in ("apgd-ce", *last))]
    if config.name == "autoattack":
        return [replace(config, name=name) for name in ("apgd-ce", *last, "fab-t", "square")]
    if config.name == "autoattack-rand":
        names = ("apgd-ce", "apgd-dlr") if num_classes > 2 else ("apgd-ce",)
        return [replace(config, name=name, eot=RANDOM_EOT) for name in names]
    return [config]


def shortened(name: str, num_classes: int) -> str:
    """Return what a cascade leaves out for want of classes, in words; empty where nothing.

    >>> shortened("autoattack", 3)
    'apgd-t needs 4 classes, the model has 3: apgd-dlr in its place'
    """
    needed = {"cascade": "apgd-t", "autoattack": "apgd-t", "autoattack-rand": "apgd-dlr"}.get(name)
    if needed is None or num_classes >= ATTACKS[needed].classes:
        return ""
    instead = "apgd-dlr in its place" if num_classes == 3 else "left out, since apgd-ce climbs the same way"
    return f"{needed} needs {ATTACKS[needed].classes} classes, the model has {num_classes}: {instead}"
