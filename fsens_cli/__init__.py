"""fsens: which spatial frequencies a vision model listens to, how to change that, and what it does to robustness.

    import fsens_cli as fsens

Verbs, ``(model, data, config=None, **settings)`` to a result that shows, tabulates, plots and saves itself: `measure`,
`hybrid_probe`, `evaluate`, `blur_defense`, `critical_band`, `layers`; `compare` two results, `load` a saved one.

Instruments, tensors in and tensors out: `corrupt`, `hybrid`, `band_filter`, `GaussianBlur`; `spectrum` of a gradient
and `sensitivity` of a model, image by image; `attack` and `minimal_perturbation`.

The penalty for a training loop of your own: `FourierPenalty`.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fsens_cli.data.images import ImageSet as ImageSet
    from fsens_cli.errors import FsensError as FsensError
    from fsens_cli.experiments.critical_band_settings import CriticalBandConfig as CriticalBandConfig
    from fsens_cli.experiments.defense_settings import DefenseConfig as DefenseConfig
    from fsens_cli.experiments.evaluate_settings import EvaluateConfig as EvaluateConfig
    from fsens_cli.experiments.evaluate_settings import SuiteConfig as SuiteConfig
    from fsens_cli.experiments.evaluation import EvaluateResult as EvaluateResult
    from fsens_cli.experiments.hybrid_curve import HybridResult as HybridResult
    from fsens_cli.experiments.hybrid_settings import HybridConfig as HybridConfig
    from fsens_cli.experiments.layers_settings import LayersConfig as LayersConfig
    from fsens_cli.experiments.measure_result import MeasureResult as MeasureResult
    from fsens_cli.experiments.measure_settings import MeasureConfig as MeasureConfig
    from fsens_cli.models.classifier import Classifier as Classifier
    from fsens_cli.models.front_end import GaussianBlur as GaussianBlur
    from fsens_cli.objectives.gradient_penalties import GradientNormPenalty as GradientNormPenalty
    from fsens_cli.objectives.gradient_penalties import JacobianFrequencyPenalty as JacobianFrequencyPenalty
    from fsens_cli.objectives.pair_penalty import SimilarityPenalty as SimilarityPenalty
    from fsens_cli.objectives.penalty import FourierPenalty as FourierPenalty
    from fsens_cli.perturb.attacks.attack import AttackResult as AttackResult
    from fsens_cli.perturb.attacks.minimal import MinimalResult as MinimalResult
    from fsens_cli.python.attacks import attack as attack
    from fsens_cli.python.attacks import minimal_perturbation as minimal_perturbation
    from fsens_cli.python.calls import blur_defense as blur_defense
    from fsens_cli.python.calls import compare as compare
    from fsens_cli.python.calls import critical_band as critical_band
    from fsens_cli.python.calls import evaluate as evaluate
    from fsens_cli.python.calls import hybrid_probe as hybrid_probe
    from fsens_cli.python.calls import layers as layers
    from fsens_cli.python.calls import load as load
    from fsens_cli.python.calls import measure as measure
    from fsens_cli.python.images import band_filter as band_filter
    from fsens_cli.python.images import corrupt as corrupt
    from fsens_cli.python.images import hybrid as hybrid
    from fsens_cli.python.results import Differences as Differences
    from fsens_cli.python.results import Loaded as Loaded
    from fsens_cli.python.results import Result as Result
    from fsens_cli.python.spectra import sensitivity as sensitivity
    from fsens_cli.python.spectra import spectrum as spectrum
    from fsens_cli.statistics.intervals import Interval as Interval

# Public names by the module where they live: imported on first use, so that the command line starts without torch.
_NAMES = {
    "data.images": "ImageSet",
    "errors": "FsensError",
    "experiments.critical_band_settings": "CriticalBandConfig",
    "experiments.defense_settings": "DefenseConfig",
    "experiments.evaluate_settings": "EvaluateConfig SuiteConfig",
    "experiments.evaluation": "EvaluateResult",
    "experiments.hybrid_curve": "HybridResult",
    "experiments.hybrid_settings": "HybridConfig",
    "experiments.layers_settings": "LayersConfig",
    "experiments.measure_result": "MeasureResult",
    "experiments.measure_settings": "MeasureConfig",
    "models.classifier": "Classifier",
    "models.front_end": "GaussianBlur",
    "objectives.gradient_penalties": "GradientNormPenalty JacobianFrequencyPenalty",
    "objectives.pair_penalty": "SimilarityPenalty",
    "objectives.penalty": "FourierPenalty",
    "perturb.attacks.attack": "AttackResult",
    "perturb.attacks.minimal": "MinimalResult",
    "python.attacks": "attack minimal_perturbation",
    "python.calls": "blur_defense compare critical_band evaluate hybrid_probe layers load measure",
    "python.images": "band_filter corrupt hybrid",
    "python.results": "Differences Loaded Result",
    "python.spectra": "sensitivity spectrum",
    "statistics.intervals": "Interval",
}
_PUBLIC = {name: f"{__name__}.{module}" for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(["__version__", *_PUBLIC])


if not TYPE_CHECKING:  # to a type checker a name that is not above is an error

    def __getattr__(name: str) -> object:
        """Import a public name on first use."""
        import importlib

        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    """Return the public names, for completion."""
    return __all__
