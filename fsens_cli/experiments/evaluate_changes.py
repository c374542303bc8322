"""A batch of images, changed under each condition.

Shape letters: N images, C channels, H, W pixels.
"""

from collections.abc import Callable

from torch import Tensor

from fsens_cli.experiments.answers import Perturb
from fsens_cli.experiments.evaluate_shared import Setting
from fsens_cli.experiments.suite import Condition
from fsens_cli.perturb.catalog import FILTERS, NOISES
from fsens_cli.perturb.corruptions.apply import corrupt
from fsens_cli.perturb.corruptions.own import corrupt_by
from fsens_cli.perturb.shuffle import shuffle_patches


def _clean(condition: Condition, setting: Setting) -> Perturb:
    del condition, setting
    return unchanged


def unchanged(batch: Tensor, index: Tensor) -> Tensor:
    """Return the batch as it is."""
    del index
    return batch


def _corrupted(condition: Condition, setting: Setting) -> Perturb:
    config = setting.corruption
    hook = setting.hooks.get(("corruptions", condition.probe))
    if hook is not None:
        return lambda batch, index: corrupt_by(hook, batch, condition.severity, index_N=index, seed=setting.seed)
    return lambda batch, index: corrupt(
        batch,
        condition.probe,
        condition.severity,
        index_N=index,
        seed=setting.seed,
        table=config.table,
        frost_root=config.frost_root or None,
    )


def _filtered(condition: Condition, setting: Setting) -> Perturb:
    del setting
    record = FILTERS[condition.probe]
    edges = (condition.parameter, condition.upper) if record.is_band else (condition.parameter,)
    return lambda batch, index: record.keep(batch, *edges)


def _shuffled(condition: Condition, setting: Setting) -> Perturb:
    return lambda batch, index: shuffle_patches(batch, int(condition.parameter), index_N=index, seed=setting.seed)


def _noisy(condition: Condition, setting: Setting) -> Perturb:
    add = NOISES[condition.probe]
    return lambda batch, index: add(batch, condition.parameter, index_N=index, seed=setting.seed)


# How the images of each kind of part are changed.
CHANGES: dict[str, Callable[[Condition, Setting], Perturb]] = {
    "clean": _clean,
    "corruption": _corrupted,
    "filter": _filtered,
    "shuffle": _shuffled,
    "noise": _noisy,
}
