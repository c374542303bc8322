"""The training figure: losses, accuracy, and the bands that the network listens to, over the epochs."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fsens_cli.runs.figures.labels import label_ends
from fsens_cli.runs.figures.style import BLACK, BLUE, GRAY, GREEN, ORANGE, RED, figure_style, new_figure

# Column of training.csv, word, colour.
LOSSES = (("train_loss", "cross-entropy", GRAY), ("penalty", "penalty", ORANGE))
ACCURACIES = (("train_accuracy", "training", GRAY), ("val_accuracy", "validation", BLACK))
TAPS = (BLUE, GREEN, ORANGE, RED, GRAY)
BANDS = (("probe_low_share", "low", BLUE), ("probe_mid_share", "mid", GREEN), ("probe_high_share", "high", RED))

# Words of the axis; column, label and colour of each line; factor on the values.
Panel = tuple[str, Sequence[tuple[str, str, str]], float]


def training_figure(history: Mapping[str, Sequence[float]], *, best_epoch: int, title: str) -> Figure:
    """Draw the training loss and its penalty, both accuracies, and the probe images' band shares over the epochs."""
    epochs = history["epoch"]
    with figure_style():
        compared = _comparisons(history)
        figure, panels = new_figure(4.6 + 1.5 * len(compared), rows=3 + len(compared), share_x=True)
        shown = [row for row in LOSSES if any(history.get(row[0], ()))]
        drawn: list[Panel] = [
            ("loss", shown, 1.0),
            ("accuracy (%)", ACCURACIES, 100.0),
            ("share of sensitivity", BANDS, 1.0),
            *compared,
        ]
        for axes, (words, rows, scale) in zip(panels, drawn, strict=True):
            for column, _, colour in rows:
                axes.plot(epochs, [scale * v for v in history[column]], color=colour, marker="o", markersize=2)
            axes.axvline(best_epoch, color=GRAY, linewidth=0.6, linestyle=":")
            axes.set(ylabel=words)
        panels[0].set_title(f"{title}\ndotted: epoch {best_epoch}, the best by validation")
        # A word at the end of a line near 0 stands clear of the axis.
        panels[2].set(ylim=(-0.05, 1.05))
        panels[-1].set(xlabel="epoch")
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        # Room for the labels behind the last epoch.
        span = epochs[-1] - epochs[0]
        panels[2].set_xlim(epochs[0] - 0.05 * span, epochs[-1] + 0.28 * span)
        for axes, (_, rows, scale) in zip(panels, drawn, strict=True):
            label_ends(axes, epochs[-1], [(scale * history[column][-1], word, colour) for column, word, colour in rows])
    return figure


def _comparisons(history: Mapping[str, Sequence[float]]) -> list[Panel]:
    """Return the panels of a training towards a similarity: correlation with the target, and the taps' weights."""
    if "target_correlation" not in history:
        return []
    names = [name.removeprefix("tap_").removesuffix("_weight") for name in history if name.endswith("_weight")]
    taps = [(name, TAPS[number % len(TAPS)]) for number, name in enumerate(names)]
    correlations = [(f"tap_{name}_correlation", name, colour) for name, colour in taps]
    weights = [(f"tap_{name}_weight", name, colour) for name, colour in taps]
    weighted = ("target_correlation", "weighted", BLACK)
    return [("correlation", [*correlations, weighted], 1.0), ("weight of tap", weights, 1.0)]
