"""Words beside points that do not lie on each other."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

from fsens_cli.runs.figures.style import SMALLEST_TEXT

# Where a label may stand, as seen from its point: offset in points, horizontal and vertical alignment.
PLACES = (
    (4, 0, "left", "center"), (-4, 0, "right", "center"), (0, 4, "center", "bottom"), (0, -4, "center", "top"),
    (4, 6, "left", "bottom"), (4, -6, "left", "top"), (-4, 6, "right", "bottom"), (-4, -6, "right", "top"),
    (4, 13, "left", "bottom"), (4, -13, "left", "top"), (-4, 13, "right", "bottom"), (-4, -13, "right", "top"),
)  # fmt: skip


def label_points(
    axes: Axes, points: Sequence[tuple[float, float, str, str]], avoid: Sequence[tuple[float, float]] = ()
) -> None:
    """Write a label beside each point, where it covers neither another label nor a point nor the axes' edge.

    A label for which there is no such place is left out.

    Args:
        axes: with its limits set.
        points: x, y, label, colour; earlier ones choose first.
        avoid: further points to keep free.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None, "axes are always part of a figure"
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    taken = [_around(axes, x, y) for x, y in (*((p[0], p[1]) for p in points), *avoid)]
    inside = axes.get_window_extent()
    for x, y, words, colour in points:
        for dx, dy, across, up in PLACES:
            text = axes.annotate(
                words, (x, y), xytext=(dx, dy), textcoords="offset points", fontsize=SMALLEST_TEXT, color=colour,
                ha=across, va=up, annotation_clip=False,
            )  # fmt: skip
            # Labels take no part in the layout, which has been made.
            text.set_in_layout(False)
            box = text.get_window_extent()
            if _within(box, inside) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def _around(axes: Axes, x: float, y: float) -> Bbox:
    (across, up), half = axes.transData.transform((x, y)), 3.0
    return Bbox.from_extents(across - half, up - half, across + half, up + half)


def _within(box: Bbox, outer: Bbox) -> bool:
    return box.x0 >= outer.x0 and box.x1 <= outer.x1 and box.y0 >= outer.y0 and box.y1 <= outer.y1


def label_ends(axes: Axes, x: float, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write a label behind the right end of each line, moved apart where the ends are close.

    Args:
        axes: with its limits set.
        x: of the ends.
        ends: y, label, colour of each.
    """
    low, high = axes.get_ylim()
    figure = axes.get_figure(root=True)
    assert figure is not None, "axes are always part of a figure"
    figure.draw_without_rendering()
    height = axes.get_window_extent().height / figure.dpi * 72
    least = 1.25 * SMALLEST_TEXT / height * (high - low)
    placed: list[float] = []
    for y, words, colour in sorted(ends):
        at = max(y, placed[-1] + least) if placed else y
        placed.append(at)
        axes.annotate(
            words, (x, y), xytext=(4, (at - y) / (high - low) * height), textcoords="offset points", color=colour,
            fontsize=SMALLEST_TEXT, va="center", annotation_clip=False,
        )  # fmt: skip
