"""The training figure: accuracy, and the bands that the network listens to, over the epochs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fsens_cli.runs.figures.style import BLACK, BLUE, COLUMN_WIDTH, GRAY, GREEN, RED, figure_style


def training_figure(history: Mapping[str, Sequence[float]], *, best_epoch: int, title: str) -> Figure:
    """Draw training and validation accuracy above the band shares of the probe images, against the epoch."""
    epochs = history["epoch"]
    with figure_style():
        figure, (above, below) = plt.subplots(2, 1, figsize=(COLUMN_WIDTH, 3.4), sharex=True)
        above.plot(epochs, [100 * a for a in history["train_accuracy"]], color=GRAY, label="training")
        above.plot(epochs, [100 * a for a in history["val_accuracy"]], color=BLACK, label="validation")
        above.axvline(best_epoch, color=GRAY, linewidth=0.6, linestyle=":")
        above.set(ylabel="accuracy (%)", title=title)
        above.legend(frameon=False, loc="lower right")
        for band, colour in (("low", BLUE), ("mid", GREEN), ("high", RED)):
            values = history[f"probe_{band}_share"]
            below.plot(epochs, values, color=colour, marker="o", markersize=2)
            below.annotate(
                band, (epochs[-1], values[-1]), xytext=(3, 0), textcoords="offset points", color=colour, va="center"
            )
        below.set(xlabel="epoch", ylabel="share of sensitivity", ylim=(0, 1))
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
