"""A verb of a test: how bright the images are. It is all that a new verb has to be, in one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fsens_cli.commands.options import Flags
from fsens_cli.commands.probing import probing
from fsens_cli.commands.verbs.verb import PROBE, Verb
from fsens_cli.config.jobs import ImagesFields, JobFields
from fsens_cli.data.images import to_unit
from fsens_cli.experiments.quantities import Findings, Line, quantity, sample
from fsens_cli.runs.figures.style import figure_style, save_figure, subplots
from fsens_cli.runs.findings_files import FigureFile, write_figures, write_results
from fsens_cli.runs.json_files import Fields
from fsens_cli.statistics.intervals import mean_intervals

BRIGHTNESS = Verb(
    name="brightness-check",
    panel=PROBE,
    help="Show how bright images are.",
    question="How bright are the images?",
    reading="Means over pixels and images.",
    job="toy_verb:BrightnessJob",
    task="toy_verb:brightness_task",
    draw="toy_verb:draw_brightness",
    columns=("brightness",),
    settings=[("factor=1", "what pixels are multiplied by")],
    examples=["fsens brightness-check"],
    results="Results: outputs/brightness-check/MODEL-DATA/v001.",
    order="brightness",
)
CONFIG = """
defaults: [schema/brightness_check, model: resnet8, data: dualband, frontend: none, _self_]
num_images: 12
"""


@dataclass(kw_only=True)
class BrightnessJob(ImagesFields):
    """Settings of the test's verb."""

    factor: float = 1.0


def brightness_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    assert isinstance(job, BrightnessJob)
    with probing(job, BRIGHTNESS.name, config_yaml, flags) as at:
        images, subject = at.images, at.subject
        value_N = job.factor * to_unit(images.images_NCHW).double().mean(dim=(1, 2, 3))
        (mean,) = mean_intervals(value_N[:, None])
        answers = sample("mean", images.index_N, value_N)
        found = Findings(
            verdict=f"as bright as {mean.value:.3f} of white",
            quantities=(
                quantity(mean, "brightness", "mean brightness", leading=True, role="stands", sample=answers),
                quantity(mean, "brightness", "mean brightness", group="again", note="a doubt"),
            ),
            warnings=("all of this is a toy.",),
            lines=(
                Line(plot="sorted", title="Brightness, sorted", x_label="rank", y_label="brightness",
                     x=[float(i) for i in range(len(value_N))], y=value_N.sort().values.tolist()),
            ),
            asked={"split": job.split},
        )  # fmt: skip
        results = {"model": subject.model, "weights": subject.weights, "data": subject.data_title,
                   "num_images": len(images), "mean": mean.value}  # fmt: skip
        write_results(at.run.path, results, found, [f"brightness {mean.value:.3f} of {len(images)} images"])
        write_figures(at.run.path, draw_brightness(at.run.path, ["png"]))
    return at.run.path


def draw_brightness(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    value = Fields.read(folder / "results.json", f"{folder} is not finished").number("mean")
    with figure_style():
        figure, axes = subplots(figsize=(1, 1))
        axes.bar([0], [value])
    save_figure(figure, folder, "bar", formats)
    return [FigureFile(name="bar", caption=f"Mean brightness {value:.3f}.", alt="One bar.")]
