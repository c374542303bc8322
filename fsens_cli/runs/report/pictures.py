"""Pictures of each run, made small: a page is to be passed on by mail."""

import base64
import io
from dataclasses import dataclass, field

from PIL import Image

from fsens_cli.runs.comparison import Report

WIDTH = 480  # pixels: about twice what a picture has on a page, for sharp screens
COLOURS = 32
MOST_BYTES = 980_000  # of a page; pictures beyond that stay in the run folders
FRAME = 100  # bytes around a picture


@dataclass(slots=True)
class Pictures:
    """The pictures of one verb's runs, and how many were left out."""

    kept: list[dict[str, str]] = field(default_factory=list)
    left_out: int = 0


def pictures(report: Report, room: int) -> list[Pictures]:
    """Return for each verb the figures of each run that no plot of the page shows already, the first runs first.

    Args:
        room: bytes for all of them.
    """
    found = [Pictures() for _ in report.comparisons]
    used = 0
    for turn in range(max((len(c.runs) for c in report.comparisons), default=0)):
        for mine, comparison in zip(found, report.comparisons, strict=True):
            for figure in comparison.runs[turn].run.figures if turn < len(comparison.runs) else ():
                if figure.has_lines:
                    continue
                compared = comparison.runs[turn]
                data = _small((compared.run.folder / f"{figure.name}.png").read_bytes())
                caption = f"{compared.label}: {figure.caption}"
                bytes_of_it = len(data) + len(caption.encode()) + len(figure.alt.encode()) + FRAME
                if used + bytes_of_it > room:
                    mine.left_out += 1
                    continue
                used += bytes_of_it
                mine.kept.append({"alt": figure.alt, "caption": caption, "data": data})
    return found


def _small(png: bytes) -> str:
    """Return a picture with fewer pixels and colours as text."""
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    if picture.width > WIDTH:
        picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        written, "png", optimize=True
    )
    return base64.b64encode(written.getvalue()).decode()
