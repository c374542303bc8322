"""``fsens hybrid-probe``: whom does a model believe, the low frequencies or the high ones?"""

from pathlib import Path
from typing import Any

from fsens_cli.commands.console import progress, warn
from fsens_cli.commands.inputs import check_before_loading, load_for
from fsens_cli.commands.networks import build_for, named_weights
from fsens_cli.commands.options import Flags
from fsens_cli.commands.outcome import Outcome
from fsens_cli.commands.record import named_after, provenance, record_inputs, run_name, subject_of
from fsens_cli.commands.wording import percent_interval
from fsens_cli.config.jobs import HybridJob, JobFields
from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.hybrid_curve import HybridResult
from fsens_cli.experiments.hybrid_probe import hybrid_probe
from fsens_cli.experiments.pairing import require_pairable
from fsens_cli.models.catalog import check_model_name
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.device import pick_device
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.hybrid_files import VERB, subject_text, write_hybrid
from fsens_cli.runs.provenance import peak_memory_mib


def hybrid_task(job: JobFields, config_yaml: str, flags: Flags) -> Outcome:
    """Do one probe and write its run folder."""
    assert isinstance(job, HybridJob), "the verb decides the type"
    device = pick_device(job.device)
    check_model_name(job.model.name)
    weights = named_weights(job, flags)
    check_before_loading(job, weights, job.split)
    subject = subject_of(job, weights)
    with RunFolder.create(
        Path(job.out), VERB, run_name(job), config_yaml=config_yaml, record=provenance(job, device)
    ) as run:
        images = load_for(job, weights, job.split, flags, num_images=job.num_images, seed=job.seed)
        require_pairable(images.label_N, images.class_names)
        classifier = build_for(job, weights, images).to(device)
        record_inputs(run, weights, classifier, images)
        result = _probe(classifier, images, job, flags)
        with run.reporting_disk_errors():
            results = write_hybrid(run.path, result, images, named_after(subject, images), job.plot.all_formats())
        run.save(peak_memory_mib=round(peak_memory_mib(device), 1))
    warn_about(result)
    return Outcome(status="done", folder=run.path, results=results)


def _probe(classifier: Classifier, images: ImageSet, job: HybridJob, flags: Flags) -> HybridResult:
    """Probe with a progress bar."""
    with progress("hybrids", job.num_hybrids(len(images)), flags) as advance:
        return hybrid_probe(classifier, images, config=job, on_progress=advance)


def warn_about(result: HybridResult) -> None:
    """Warn of a model at chance level."""
    chance = 1 / result.num_classes
    if result.accuracy.low <= chance:
        warn(
            f"accuracy {100 * result.accuracy.value:.1f} % on the unmixed images is at chance level "
            f"({100 * chance:.1f} %): check weights, model.mean and model.std before reading anything into this."
        )


def hybrid_lines(results: dict[str, Any]) -> list[str]:
    """Return the table of one probe as lines of text."""
    clipped = "clipped" if results["clip"] else "not clipped"
    chosen = "" if results["pairs"] == "all" else ", both images classified correctly"
    f_rev = results["f_rev"]
    note = [f"[yellow]{f_rev['note']}[/]"] if f_rev["note"] else []
    return [
        f"[bold]{subject_text(results)}[/] on [bold]{results['data']}[/], "
        f"{results['num_images']:,} images, accuracy {percent_interval(results['accuracy'])}",
        "",
        f"[bold]Hybrid images[/]  {results['mask']} mask, {clipped}, {results['num_pairings']} pairings, "
        f"{results['num_pairs']:,} pairs{chosen}",
        "[dim] mixed at   c/image    label of the     label of the     neither   low - high[/]",
        "[dim] (Nyquist)            low image (%)    high image (%)     (%)          (%)[/]",
        *(_curve_line(row) for row in results["curve"]),
        f"f_rev {reversal_text(f_rev)}",
        *note,
    ]


def _curve_line(row: dict[str, Any]) -> str:
    def cell(name: str) -> str:
        interval = row[name]
        bounds = f"[{100 * interval['low']:.1f}, {100 * interval['high']:.1f}]"
        return f"{100 * interval['value']:>5.1f} {bounds:<14}"

    return (
        f"   {row['mixing_nyquist']:.3f}  {row['mixing_cycles_per_image']:>8.2f}   {cell('p_low')} {cell('p_high')}"
        f"{100 * row['neither']['value']:>6.1f}  {cell('difference').rstrip()}"
    )


def reversal_text(f_rev: dict[str, Any]) -> str:
    """Return the reversal frequency with its interval in Nyquist units, and in the other two."""
    if f_rev["nyquist"]["value"] is None:
        return str(f_rev["status"])
    pixel, image = f_rev["cycles_per_pixel"], f_rev["cycles_per_image"]
    return f"{_bounded(f_rev['nyquist'], 3)} Nyquist = {_bounded(pixel, 3)} c/px = {_bounded(image, 2)} c/image"


def _bounded(interval: dict[str, Any], digits: int) -> str:
    low, high = ("?" if v is None else f"{v:.{digits}f}" for v in (interval["low"], interval["high"]))
    return f"{interval['value']:.{digits}f} [{low}, {high}]"


def sweep_columns(results: dict[str, Any]) -> dict[str, str]:
    """Return the columns of a sweep's table for one probe."""
    f_rev = results["f_rev"]
    columns = {"accuracy": percent_interval(results["accuracy"])}
    if f_rev["nyquist"]["value"] is None:
        return columns | {"f_rev (Nyquist)": str(f_rev["status"])}
    return columns | {
        "f_rev (Nyquist)": _bounded(f_rev["nyquist"], 3),
        "c/px": _bounded(f_rev["cycles_per_pixel"], 3),
        "c/image": f"{f_rev['cycles_per_image']['value']:.2f}",
    }
