"""``fsens measure``: the spatial frequencies that a model listens to."""

from pathlib import Path

from torch import Tensor

from fsens_cli.commands.console import progress
from fsens_cli.commands.options import Flags
from fsens_cli.commands.probing import probing
from fsens_cli.commands.tables import table
from fsens_cli.commands.wording import interval_text, percent_interval
from fsens_cli.config.jobs import JobFields, MeasureJob
from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.measure_result import MeasureResult
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.models.classifier import Classifier
from fsens_cli.runs.measure_files import require_published, write_measure
from fsens_cli.runs.subject import Subject


def measure_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Do one measurement and write its run folder."""
    assert isinstance(job, MeasureJob), "the verb decides the type"
    require_published(job.plot.published)
    with probing(job, "measure", config_yaml, flags, bands_of=job) as at:
        result = measure_images(at.classifier, at.images, job, flags)
        with at.run.reporting_disk_errors():
            write_measure(
                at.run.path,
                result,
                at.subject,
                job.plot,
                summary=measure_lines(result, at.subject),
                class_names=at.images.class_names,
            )
    return at.run.path


def measure_images(classifier: Classifier, images: ImageSet, config: MeasureConfig, flags: Flags) -> MeasureResult:
    """Measure with a progress bar."""
    device = next(classifier.buffers()).device
    with progress("measuring", len(images), flags) as advance:
        return measure(
            classifier,
            images.batches(config.batch_size, device),
            config,
            index_N=images.index_N,
            on_progress=advance,
        )


def measure_lines(result: MeasureResult, subject: Subject) -> list[str]:
    """Return the table of one measurement as lines of text."""
    head = (
        f"{subject.model} ({subject.weights}) on {subject.data_title}, {result.num_images:,} images, "
        f"accuracy {percent_interval(result.accuracy)}"
    )
    return [head, *spectrum_lines(result)]


def spectrum_lines(result: MeasureResult) -> list[str]:
    """Return the sensitivity by band, and what a reader should know of it."""
    config, bins, peak = result.config, result.bins, result.peak_bin
    bands = [
        {
            " band": f" {b.band.name}",
            "c/image": f"{b.band.first}-{b.band.last}",
            "share, 95 % interval": interval_text(b.share, 3),
            "x white": "" if b.density is None else f"{b.density:.2f}",
        }
        for b in result.bands
    ]
    error, zero = result.self_check.relative_error, result.num_zero_gradient
    checked = f"not run: {result.self_check.note}" if error is None else f"first-order error {100 * error:.2g} %"
    return [
        f"Fourier sensitivity  {config.target}, {config.space} space, channels {config.channels}, {config.basis} basis",
        *table(bands),
        f"peak {float(bins.cycles_per_image_K[peak]):.3g} c/image ({float(bins.cycles_per_pixel_K[peak]):.2f} c/px), "
        f"centroid {interval_text(result.centroid, 2)} c/image, "
        f"median gradient norm {middle(result.per_image.gradient_norm_N):.3g}",
        f"self-check: {checked}; {zero} image{'' if zero == 1 else 's'} with zero gradient",
    ]


def middle(value_N: Tensor) -> float:
    """Return the median; of an even count the mean of the two middle ones."""
    return float(value_N.double().quantile(0.5))
