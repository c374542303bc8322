"""``fsens layers``: what each block of a network does to spatial frequencies."""

from pathlib import Path

from fsens_cli.commands.console import progress
from fsens_cli.commands.options import Flags
from fsens_cli.commands.probing import probing
from fsens_cli.commands.tables import table
from fsens_cli.commands.wording import interval_text, percent_interval
from fsens_cli.config.jobs import JobFields, LayersJob
from fsens_cli.experiments.layers import layers
from fsens_cli.experiments.layers_result import LayerRow, LayersResult
from fsens_cli.runs.layers_files import write_layers
from fsens_cli.runs.subject import Subject
from fsens_cli.statistics.intervals import Interval


def layers_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Measure spectra by depth and write the run folder."""
    assert isinstance(job, LayersJob), "the verb decides the type"
    with probing(job, "layers", config_yaml, flags) as at:
        with progress("layers", len(at.images), flags) as advance:
            result = layers(at.classifier, at.images, job, on_progress=advance)
        with at.run.reporting_disk_errors():
            formats = job.plot.all_formats()
            write_layers(at.run.path, result, at.subject, formats, summary=layers_lines(result, at.subject))
    return at.run.path


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
        "grid": f"{tap.grid[0]}x{tap.grid[1]}",
        "high/low dB": "" if row.ratio is None else interval_text(row.ratio, 1),
        "gain dB": "" if row.gain is None else f"{row.gain.value:+.1f}",
        "low mid high": _shares(row.own),
        "gradient low mid high": _shares(row.gradient_own),
        "DC": f"{row.dc_share.value:.3f}",
        "channels": f"{tap.channels}" + (f" ({row.table.num_dead} dead)" if row.table.num_dead else ""),
        "kind": tap.kind,
    }


def _shares(shares: tuple[Interval, ...] | None) -> str:
    return "" if shares is None else " ".join(f"{s.value:.3f}" for s in shares)
