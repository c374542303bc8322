"""Warnings of models that cannot be told from guessing."""

from fsens_cli.statistics.intervals import Interval, wilson


def is_at_chance(accuracy: Interval, num_classes: int) -> bool:
    """Return whether the accuracy cannot be told from that of guessing among ``num_classes``.

    >>> is_at_chance(wilson(60, 100), 2), is_at_chance(wilson(61, 100), 2)
    (False, False)
    >>> is_at_chance(wilson(1, 1), 3)
    True
    """
    return accuracy.low <= 1 / num_classes


def chance_warnings(accuracy: Interval, num_classes: int, *, images: str = "") -> list[str]:
    """Return a warning where the accuracy cannot be told from chance; ``images`` says which they were."""
    if not is_at_chance(accuracy, num_classes):
        return []
    chance, found = f"{100 / num_classes:.1f} %", f"{100 * accuracy.value:.1f} %{images}"
    if wilson(accuracy.n, accuracy.n).low <= 1 / num_classes:
        plural = "" if accuracy.n == 1 else "s"
        return [f"accuracy {found} cannot be told from chance ({chance}): {accuracy.n} image{plural} are too few."]
    return [
        f"accuracy {found} is at chance level ({chance}): check weights, model.mean and model.std before reading "
        "anything into this."
    ]
