"""Every part of a suite in turn; what a recorder has kept is not computed again.

Shape letters: N images, C channels, H, W pixels, K conditions.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import nn

from fsens_cli.data.corrupted import CorruptedSets, open_corrupted
from fsens_cli.data.imagenet import are_wordnet_ids
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError, DataError
from fsens_cli.experiments.evaluate_calibration import calibration_rows
from fsens_cli.experiments.evaluate_corruption_error import corruption_error
from fsens_cli.experiments.evaluate_hooks import hooks_of, try_hooks
from fsens_cli.experiments.evaluate_parts import run_part, warnings_of
from fsens_cli.experiments.evaluate_settings import EvaluateConfig, SuiteConfig
from fsens_cli.experiments.evaluate_shared import NothingKept, PartRecorder, Setting
from fsens_cli.experiments.evaluation import EvaluateResult
from fsens_cli.experiments.own_metrics import metric_rows
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.suite import plan, require_fit
from fsens_cli.guest.hooks import packaged
from fsens_cli.guest.names import is_own_code
from fsens_cli.models.classifier import Classifier, as_classifier, device_of, held_still
from fsens_cli.perturb.attacks.config import record_of

NUM_IMAGENET = 1000


Progress = Callable[[str, int, int], None]


def evaluate(
    model: nn.Module,
    images: ImageSet,
    config: EvaluateConfig | None = None,
    *,
    recorder: PartRecorder | None = None,
    on_progress: Progress = lambda name, done, total: None,
) -> EvaluateResult:
    """Ask ``model`` every question of the suite about ``images``.

    Args:
        model: a Classifier, or any module that maps [0, 1] images to logits.
        images: labelled images; parts that cost much use the first few of a random order.
        config: settings; the default is the quick suite.
        recorder: keeps finished parts.
        on_progress: called with the part's name, how many parts are done and how many there are.

    The same seed, device and batch size give the same answers. The model is left as it was.

    Raises:
        DataError: images, labels or a folder of corrupted images cannot be used.
        ModelError: the model's output is not a number.
    """
    config = config or EvaluateConfig()
    recorder = recorder or NothingKept()
    classifier = as_classifier(model)
    if not len(images):
        raise DataError("there are no images to ask the model about.")
    channels, height, width = images.images_NCHW.shape[1:]
    require_fit(config.suite, (channels, height, width))
    parts = plan(config.suite, num_images=len(images), image_size=(height, width))
    setting = _setting(classifier, images, config, recorder)
    results: dict[str, PartResult] = {}
    with held_still(classifier):
        num_classes, warnings = warnings_of(setting, attacked=any(p.kind in ("attack", "minimal") for p in parts))
        _require_classes(config.suite, num_classes)
        try_hooks(setting, config.suite)
        for number, part in enumerate(parts):
            on_progress(part.name, number, len(parts))
            kept = recorder.load(part)
            if kept is None:
                kept = run_part(part, setting)
                recorder.save(kept)
            results[part.name] = kept
    on_progress("", len(parts), len(parts))
    result = EvaluateResult(
        parts=results,
        image_size=(height, width),
        num_classes=num_classes,
        warnings=(*warnings, *_notes(results)),
        metrics=metric_rows(list(results.values()), setting.metrics()),
        own_code={f"{hook.kind}.{hook.name}": hook.sha256 for hook in setting.hooks.values()},
    )
    return _with_averages(result, images, config) if result.told_from_chance else result


def _notes(results: Mapping[str, PartResult]) -> list[str]:
    """Return what the parts say, each thing once where several say the same."""
    by_note: dict[str, list[str]] = {}
    for result in results.values():
        for note in result.notes:
            by_note.setdefault(note, []).append(result.part.name)
    return [
        f"{names[0]}: {note}" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more: {note}"
        for note, names in by_note.items()
    ]


def _with_averages(result: EvaluateResult, images: ImageSet, config: EvaluateConfig) -> EvaluateResult:
    """Return the same with calibration and the published averages over corruptions."""
    corrupted = result.of_kind("corruption")
    is_imagenet = images.num_classes == NUM_IMAGENET and are_wordnet_ids(images.class_names)
    return replace(
        result,
        calibration=calibration_rows(result.clean, corrupted, seed=config.seed),
        corruption_error=corruption_error(
            result.clean,
            corrupted,
            is_imagenet=is_imagenet,
            image_size=result.image_size,
            suite=config.suite.name,
        ),
    )


def _setting(classifier: Classifier, images: ImageSet, config: EvaluateConfig, recorder: PartRecorder) -> Setting:
    return Setting(
        classifier=classifier,
        device=device_of(classifier),
        images=images,
        corrupted=_official(config, images),
        corruption=config.corruption,
        attack=config.attack,
        heat_map_l2=config.suite.heat_map_l2,
        heat_map_cycles=config.suite.heat_map_cycles,
        band_fill=config.suite.band_fill,
        hooks=hooks_of(config.suite),
        batch_size=config.batch_size,
        seed=config.seed,
        recorder=recorder,
    )


def _require_classes(suite: SuiteConfig, num_classes: int) -> None:
    for name in suite.attacks:
        needed = record_of(name).classes
        if num_classes < needed:
            raise ConfigError(
                f"suite.attacks: {name} needs {needed} classes, the model has {num_classes}: take apgd-ce."
            )


def _official(config: EvaluateConfig, images: ImageSet) -> CorruptedSets | None:
    """Open the folder of official pictures and check that it has what is asked for, before anything is computed."""
    names = [n for n in config.suite.corruption_names() if not is_own_code(n) and n not in packaged("corruptions")]
    if not config.corruption.root or not names:
        return None
    sets = open_corrupted(config.corruption.root, images)
    missing = [name for name in names if name not in sets.names]
    if missing:
        raise ConfigError(
            f"corruption.root={config.corruption.root} has no {missing[0]}, it has {', '.join(sets.names)}: "
            "give suite.corruptions=[...] from these."
        )
    return sets
