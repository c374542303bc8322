"""fsens: which spatial frequencies a vision model listens to, how to change that, and what it does to robustness."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fsens_cli.data.images import ImageSet as ImageSet
    from fsens_cli.errors import FsensError as FsensError
    from fsens_cli.experiments.evaluate_settings import EvaluateConfig as EvaluateConfig
    from fsens_cli.experiments.evaluate_settings import SuiteConfig as SuiteConfig
    from fsens_cli.experiments.evaluation import EvaluateResult as EvaluateResult
    from fsens_cli.experiments.hybrid_curve import HybridResult as HybridResult
    from fsens_cli.experiments.hybrid_settings import HybridConfig as HybridConfig
    from fsens_cli.experiments.measure_result import MeasureResult as MeasureResult
    from fsens_cli.experiments.measure_settings import MeasureConfig as MeasureConfig
    from fsens_cli.models.classifier import Classifier as Classifier
    from fsens_cli.objectives.penalty import FourierPenalty as FourierPenalty
    from fsens_cli.python.calls import blur_defense as blur_defense
    from fsens_cli.python.calls import compare as compare
    from fsens_cli.python.calls import critical_band as critical_band
    from fsens_cli.python.calls import evaluate as evaluate
    from fsens_cli.python.calls import hybrid_probe as hybrid_probe
    from fsens_cli.python.calls import layers as layers
    from fsens_cli.python.calls import load as load
    from fsens_cli.python.calls import measure as measure

# Public names and where they live: imported on first use, so that the command line starts without torch.
_PUBLIC = {
    "Classifier": "fsens_cli.models.classifier",
    "EvaluateConfig": "fsens_cli.experiments.evaluate",
    "EvaluateResult": "fsens_cli.experiments.evaluation",
    "FourierPenalty": "fsens_cli.objectives.penalty",
    "FsensError": "fsens_cli.errors",
    "HybridConfig": "fsens_cli.experiments.hybrid_curve",
    "HybridResult": "fsens_cli.experiments.hybrid_curve",
    "ImageSet": "fsens_cli.data.images",
    "MeasureConfig": "fsens_cli.experiments.measure_result",
    "MeasureResult": "fsens_cli.experiments.measure_result",
    "SuiteConfig": "fsens_cli.experiments.suite",
    "blur_defense": "fsens_cli.python.calls",
    "compare": "fsens_cli.python.calls",
    "critical_band": "fsens_cli.python.calls",
    "evaluate": "fsens_cli.python.calls",
    "hybrid_probe": "fsens_cli.python.calls",
    "layers": "fsens_cli.python.calls",
    "load": "fsens_cli.python.calls",
    "measure": "fsens_cli.python.calls",
}

__all__ = [
    "Classifier",
    "EvaluateConfig",
    "EvaluateResult",
    "FourierPenalty",
    "FsensError",
    "HybridConfig",
    "HybridResult",
    "ImageSet",
    "MeasureConfig",
    "MeasureResult",
    "SuiteConfig",
    "__version__",
    "blur_defense",
    "compare",
    "critical_band",
    "evaluate",
    "hybrid_probe",
    "layers",
    "load",
    "measure",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    import importlib

    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    """Return the public names, for completion."""
    return __all__
