"""``fsens layers``: what does each block of a network do to spatial frequencies?"""

from pathlib import Path

from fsens_cli.commands.console import progress
from fsens_cli.commands.inputs import check_before_loading, load_for
from fsens_cli.commands.networks import build_for, named_weights
from fsens_cli.commands.options import Flags
from fsens_cli.commands.record import named_after, provenance, record_inputs, run_name, subject_of
from fsens_cli.commands.tables import table
from fsens_cli.commands.wording import interval_text, percent_interval
from fsens_cli.config.jobs import JobFields, LayersJob
from fsens_cli.experiments.layers import layers
from fsens_cli.experiments.layers_result import LayerRow, LayersResult
from fsens_cli.models.catalog import check_model_name
from fsens_cli.models.device import pick_device
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.layers_files import write_layers
from fsens_cli.runs.measure_files import Subject
from fsens_cli.runs.provenance import peak_memory_mib
from fsens_cli.statistics.intervals import Interval


def layers_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Measure spectra by depth and write the run folder."""
    assert isinstance(job, LayersJob), "the verb decides the type"
    device = pick_device(job.device)
    check_model_name(job.model.name)
    weights = named_weights(job, flags)
    check_before_loading(job, weights, job.split)
    record = provenance(job, device)
    with RunFolder.create(Path(job.out), "layers", run_name(job), config_yaml=config_yaml, record=record) as run:
        images = load_for(job, weights, job.split, flags, num_images=job.num_images, seed=job.seed)
        classifier = build_for(job, weights, images).to(device)
        record_inputs(run, weights, classifier, images)
        subject = named_after(subject_of(job, weights), images)
        with progress("layers", len(images), flags) as advance:
            result = layers(classifier, images, job, on_progress=advance)
        with run.reporting_disk_errors():
            formats = job.plot.all_formats()
            write_layers(run.path, result, subject, formats, summary=layers_lines(result, subject))
        run.save(peak_memory_mib=round(peak_memory_mib(device), 1))
    return run.path


def layers_lines(result: LayersResult, subject: Subject) -> list[str]:
    """Return the table of states as lines of text."""
    head = (
        f"{subject.model} ({subject.weights}) on {subject.data_title}, {len(result.label_N):,} images, "
        f"accuracy {percent_interval(result.accuracy)}"
    )
    return [head, "", *table([_line(row) for row in result.rows])]


def _line(row: LayerRow) -> dict[str, str]:
    tap = row.table.tap
    return {
        "layer": tap.name,
        "kind": tap.kind,
        "grid": f"{tap.grid[0]}x{tap.grid[1]}",
        "channels": f"{tap.channels}" + (f" ({row.table.num_dead} dead)" if row.table.num_dead else ""),
        "DC": f"{row.dc_share.value:.3f}",
        "low mid high": _shares(row.own),
        "high/low dB": "" if row.ratio is None else interval_text(row.ratio, 1),
        "gain dB": "" if row.gain is None else f"{row.gain.value:+.1f}",
        "gradient low mid high": _shares(row.gradient_own),
    }


def _shares(shares: tuple[Interval, ...] | None) -> str:
    return "" if shares is None else " ".join(f"{s.value:.3f}" for s in shares)
