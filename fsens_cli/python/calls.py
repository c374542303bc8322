"""The verbs as functions. All take ``(model, data, config=None, **settings)`` and return a `Result`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError, require
from fsens_cli.experiments import critical_band as masking
from fsens_cli.experiments import evaluate as evaluation
from fsens_cli.experiments import hybrid_probe as probing
from fsens_cli.experiments import layers as depth
from fsens_cli.experiments import measure as measuring
from fsens_cli.experiments.critical_band_findings import critical_band_findings
from fsens_cli.experiments.critical_band_result import CriticalBandResult
from fsens_cli.experiments.critical_band_settings import CriticalBandConfig
from fsens_cli.experiments.defense import DefenseRow, defend, with_front_end
from fsens_cli.experiments.defense_findings import defense_findings
from fsens_cli.experiments.defense_settings import DefenseConfig
from fsens_cli.experiments.evaluate_findings import evaluate_findings
from fsens_cli.experiments.evaluate_settings import EvaluateConfig
from fsens_cli.experiments.evaluate_shared import NothingKept, PartRecorder
from fsens_cli.experiments.evaluation import EvaluateResult
from fsens_cli.experiments.hybrid_curve import HybridResult
from fsens_cli.experiments.hybrid_findings import hybrid_findings
from fsens_cli.experiments.hybrid_settings import HybridConfig
from fsens_cli.experiments.layers_findings import layers_findings
from fsens_cli.experiments.layers_result import LayersResult
from fsens_cli.experiments.layers_settings import LayersConfig
from fsens_cli.experiments.measure_findings import measure_findings
from fsens_cli.experiments.measure_result import MeasureResult
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.fourier.bases import Basis
from fsens_cli.home import expanded
from fsens_cli.models.classifier import Classifier, device_of
from fsens_cli.models.front_end import build_front_end
from fsens_cli.python.given import as_tensor, batches_of, in_memory
from fsens_cli.python.given_model import Numbers, as_given, name_of
from fsens_cli.python.outputs import doubts_about
from fsens_cli.python.results import Differences, Loaded, Result, Shown, folder_of, random_untouched
from fsens_cli.python.settings import configured

if TYPE_CHECKING:
    from fsens_cli.runs.subject import Subject

MADE_HERE = "made here"


def measure(
    model: nn.Module,
    data: object,
    config: MeasureConfig | None = None,
    *,
    mean: Numbers = None,
    std: Numbers = None,
    progress: bool = False,
    index_N: Tensor | None = None,
    basis: str | Basis | None = None,
    on_progress: Callable[[int], None] | None = None,
    **settings: object,
) -> Result[MeasureResult]:
    """Measure which spatial frequencies ``model`` listens to: the spectrum of its input gradient.

    Method: Krishnamachari, Ng, Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022.

    Args:
        model: any module from [0, 1] images (N, C, H, W) to logits (N, L).
        data: a DataLoader or another iterable of (images, labels), a Dataset of pairs, (X, Y), or an ImageSet; it is
            read once.
        config: settings; keywords of the same names as on the command line replace single ones (``target="margin"``).
        mean: per channel of [0, 1] images, where the model expects normalised ones.
        std: the same.
        progress: whether to show a bar.
        index_N: names of the images; 0, 1, 2, ... if not given.
        basis: ``fourier``, ``dct``, ``haar`` (the setting), or any other unitary transform.
        on_progress: called with the number of images done.

    The model and all global state stay as they are, and nothing is written.

    Raises:
        ConfigError, DataError, ModelError: what was given cannot be used; says what is allowed.

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> result = measure(model, (torch.rand(20, 3, 16, 16), torch.arange(20) % 5))
    >>> result["share-low"].n, result.plots
    (20, ('spectrum',))
    """
    if basis is not None and not isinstance(basis, Basis):
        settings |= {"basis": basis}
    settled = configured(MeasureConfig, config, settings)
    require(on_progress is None or callable(on_progress), "on_progress must be a function of the images done.")
    classifier = as_given(model, mean, std)
    title = _title(model, data)
    names = data.index_N if isinstance(data, ImageSet) and index_N is None else index_N
    with doubts_about(classifier) as doubts, _bar("measuring", _length(data), progress) as advance:
        raw = measuring.measure(
            classifier,
            batches_of(data, settled.batch_size),
            settled,
            index_N=None if names is None else as_tensor(names, "index_N"),
            basis=basis if isinstance(basis, Basis) else None,
            on_progress=on_progress or advance,
        )
    record = _record("measure", model, data, doubts)
    return Result("measure", title, measure_findings(raw), raw, record, partial(_write_measure, raw, model, data))


def _write_measure(raw: MeasureResult, model: nn.Module, data: object, folder: Path, figures: bool) -> None:
    from fsens_cli.commands.measure import measure_lines
    from fsens_cli.runs.measure_files import write_measure
    from fsens_cli.runs.plot_settings import PlotConfig

    subject = _subject(model, data)
    write_measure(folder, raw, subject, PlotConfig(), summary=measure_lines(raw, subject), figures=figures)


def hybrid_probe(
    model: nn.Module,
    data: object,
    config: HybridConfig | None = None,
    *,
    mean: Numbers = None,
    std: Numbers = None,
    progress: bool = False,
    **settings: object,
) -> Result[HybridResult]:
    """Mix the low frequencies of one image with the high ones of another, and find out whom ``model`` believes.

    Method: Li et al., PLoS Comput Biol 19(3) e1010932 (2023). Arguments and errors are those of `measure`.
    """
    settled = configured(HybridConfig, config, settings)
    images, classifier = in_memory(data), as_given(model, mean, std)
    total = len(images) * settled.pairings * len(settled.frequencies())
    with doubts_about(classifier) as doubts, _bar("mixing", total, progress) as advance:
        raw = probing.hybrid_probe(classifier, images, config=settled, on_progress=advance)

    def write(folder: Path, figures: bool) -> None:
        from fsens_cli.commands.hybrid_probe import hybrid_lines
        from fsens_cli.runs.hybrid_files import write_hybrid

        subject, formats = _subject(model, data), ["png"] if figures else []
        write_hybrid(folder, raw, images, subject, formats, summary=hybrid_lines(raw, subject))

    record = _record("hybrid-probe", model, images, doubts)
    return Result("hybrid-probe", _title(model, data), hybrid_findings(raw), raw, record, write)


def evaluate(
    model: nn.Module,
    data: object,
    config: EvaluateConfig | None = None,
    *,
    mean: Numbers = None,
    std: Numbers = None,
    progress: bool = False,
    recorder: PartRecorder | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    **settings: object,
) -> Result[EvaluateResult]:
    """Ask how robust ``model`` is: corruptions, filters, shuffled patches, noise, attacks, the Fourier heat map.

    ``suite="full"`` takes the settings of a paper, ``suite={"attacks": []}`` replaces single ones. Images are rounded
    to 8-bit levels. Other arguments and errors are those of `measure`; ``recorder`` keeps finished parts.
    """
    settled = configured(EvaluateConfig, config, settings)
    require(recorder is None or isinstance(recorder, PartRecorder), "recorder must have load(part) and save(result).")
    require(on_progress is None or callable(on_progress), "on_progress must be a function of name, done, total.")
    images = in_memory(data)
    with _bar("evaluating", 0, progress) as advance:
        raw = evaluation.evaluate(
            as_given(model, mean, std), images, settled, recorder=recorder,
            on_progress=on_progress or (lambda name, done, total: advance(done, name, total)),
        )  # fmt: skip
    found = evaluate_findings(raw, settled, source=MADE_HERE)

    def write(folder: Path, figures: bool) -> None:
        from fsens_cli.commands.evaluate import evaluate_lines
        from fsens_cli.runs.evaluate_files import write_evaluate

        subject, formats = _subject(model, data), ["png"] if figures else []
        lines = evaluate_lines(raw, subject)
        write_evaluate(folder, raw, settled, subject, source=MADE_HERE, formats=formats, summary=lines)

    return Result("evaluate", _title(model, data), found, raw, _record("evaluate", model, images), write)


def critical_band(
    model: nn.Module,
    data: object,
    config: CriticalBandConfig | None = None,
    *,
    mean: Numbers = None,
    std: Numbers = None,
    progress: bool = False,
    **settings: object,
) -> Result[CriticalBandResult]:
    """Find how much noise in each band of frequencies costs ``model`` its accuracy: its frequency channel.

    Method: Solomon and Pelli, Nature 369 (1994); Subramanian et al., NeurIPS 2023. Images are rounded to 8-bit levels;
    arguments and errors are those of `measure`. The published procedure is the command's, ``procedure=reference``.
    """
    settled = configured(CriticalBandConfig, config, settings)
    if settled.procedure == "reference":
        raise ConfigError("procedure=reference is `fsens critical-band procedure=reference`.")
    images, classifier = in_memory(data), as_given(model, mean, std)
    with doubts_about(classifier) as doubts, _bar("masking", 0, progress) as advance:
        raw = masking.critical_band(classifier, images, settled, on_progress=advance)
        # Now, since the model may be another when the result is written.
        batches = images.batches(settled.batch_size, device_of(classifier))
        gradient = measuring.measure(classifier, batches, index_N=images.index_N)

    def write(folder: Path, figures: bool) -> None:
        from fsens_cli.commands.critical_band import channel_lines
        from fsens_cli.runs.critical_band_files import write_critical_band

        subject, formats = _subject(model, data), ["png"] if figures else []
        write_critical_band(folder, raw, gradient, subject, formats, summary=channel_lines(raw, subject))

    found = critical_band_findings(raw)
    record = _record("critical-band", model, images, doubts)
    return Result("critical-band", _title(model, data), found, raw, record, write)


def layers(
    model: nn.Module,
    data: object,
    config: LayersConfig | None = None,
    *,
    mean: Numbers = None,
    std: Numbers = None,
    progress: bool = False,
    **settings: object,
) -> Result[LayersResult]:
    """Measure the spectrum of each state of ``model``, and of the gradient with respect to it.

    Images are rounded to 8-bit levels; arguments and errors are those of `measure`.
    """
    settled = configured(LayersConfig, config, settings)
    images, classifier = in_memory(data), as_given(model, mean, std)
    with doubts_about(classifier) as doubts, _bar("layers", len(images), progress) as advance:
        raw = depth.layers(classifier, images, settled, on_progress=advance)

    def write(folder: Path, figures: bool) -> None:
        from fsens_cli.commands.layers import layers_lines
        from fsens_cli.runs.layers_files import write_layers

        subject, formats = _subject(model, data), ["png"] if figures else []
        write_layers(folder, raw, subject, formats, summary=layers_lines(raw, subject))

    record = _record("layers", model, images, doubts)
    return Result("layers", _title(model, data), layers_findings(raw), raw, record, write)


@dataclasses.dataclass(slots=True)
class _Kept:
    """A row's pieces in memory."""

    parts: PartRecorder = dataclasses.field(default_factory=NothingKept)

    def load_piece(self, name: str) -> object:
        del name
        return None

    def save_piece(self, name: str, content: object) -> None:
        del name, content


def blur_defense(
    model: nn.Module,
    data: object,
    config: DefenseConfig | None = None,
    *,
    mean: Numbers = None,
    std: Numbers = None,
    progress: bool = False,
    **settings: object,
) -> Result[list[DefenseRow]]:
    """Put filters of several strengths in front of ``model`` and ask what each does to its robustness.

    The filter is added at test time, a control; networks trained through one are compared with `compare`. Arguments and
    errors are those of `measure`.
    """
    settled = configured(DefenseConfig, config, {"suite": "defense"} | settings if config is None else settings)
    settled = dataclasses.replace(settled, mode="test_time") if settled.mode == "auto" and not settled.runs else settled
    if settled.mode != "test_time" or settled.defense == "pca":
        raise ConfigError("in Python mode is test_time, and defense blur, high-pass or random-blur.")
    images = in_memory(data)
    classifier = as_given(model, mean, std)
    rows: list[DefenseRow] = []
    undefended: Classifier | None = None
    strengths = settled.strengths()
    with _bar("defending", len(strengths), progress) as advance:
        for number, strength in enumerate(strengths):
            filtered = with_front_end(classifier, build_front_end(settled.front_end(strength)))
            rows.append(defend(filtered, images, settled, _Kept(), strength=strength, undefended=undefended))
            undefended = filtered if strength == 0 else undefended
            advance(number + 1)

    def write(folder: Path, figures: bool) -> None:
        from fsens_cli.commands.blur_defense_lines import defense_lines
        from fsens_cli.runs.defense_files import write_defense

        subject, formats = _subject(model, data), ["png"] if figures else []
        lines = defense_lines(rows, settled, subject)
        write_defense(folder, rows, settled, subject, source=MADE_HERE, formats=formats, summary=lines)

    found = defense_findings(rows, settled, source=MADE_HERE)
    return Result("blur-defense", _title(model, data), found, rows, _record("blur-defense", model, images), write)


def compare(first: Shown, second: Shown) -> Differences:
    """Return second less first in every headline number that both have, paired by image.

    Raises:
        ConfigError: results of two different verbs.
    """
    for each in (first, second):
        if not isinstance(each, Shown):
            raise ConfigError(f"compare takes two results, or what fsens.load gives; got {type(each).__name__}.")
    if first.verb != second.verb:
        raise ConfigError(f"a {first.verb} and a {second.verb} answer different questions: compare two of one verb.")
    return Differences(first, second)


def load(folder: str | Path) -> Loaded:
    """Return what a run folder says, also one that ``result.save`` wrote.

    Raises:
        OutputError: it is no finished run, or damaged.
    """
    from fsens_cli.runs.selection import read_run

    run = read_run(expanded(folder_of(folder)))
    about = f"{run.results.text('model', '')} on {run.data}"
    return Loaded(run.verb, about, dataclasses.replace(run.findings, warnings=run.warnings), run.folder)


def _title(model: nn.Module, data: object) -> str:
    about = data.subject if isinstance(data, ImageSet) else "given images"
    return f"{name_of(model)} on {about}"


def _subject(model: nn.Module, data: object) -> Subject:
    from fsens_cli.runs.subject import Subject

    about = data.subject if isinstance(data, ImageSet) else "given images"
    return Subject(model=name_of(model), weights="as given", data="given", data_title=about)


def _record(verb: str, model: nn.Module, data: object, doubts: Sequence[str] = ()) -> dict[str, object]:
    """Return what a saved folder says of model and images; ``doubts`` are those about the model's outputs."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    record: dict[str, object] = {"verb": verb, "model": name_of(model), "weights": "as given", "data": "given"}
    record |= {"weights_sha256": digest.hexdigest(), "weights_warnings": list(doubts)}
    if isinstance(data, ImageSet):
        record["data_fingerprint"] = data.fingerprint()
    return record


def _length(data: object) -> int:
    if isinstance(data, ImageSet):
        return len(data)
    inner = getattr(data, "dataset", data)
    return len(inner) if isinstance(inner, Sized) and not isinstance(inner, tuple | list) else 0


@contextmanager
def _bar(label: str, total: int, shown: bool) -> Iterator[Callable[..., None]]:
    """Show a bar on standard error, in a terminal or a notebook; nothing unless asked."""
    if not shown:
        yield lambda *_: None
        return
    with random_untouched():
        from fsens_cli.commands.console import progress
        from fsens_cli.commands.options import Flags
    with progress(label, total, Flags()) as advance:
        yield advance
