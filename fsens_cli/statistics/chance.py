"""Whether an accuracy can be told from guessing."""

from fsens_cli.statistics.intervals import Interval

# What stands in place of a number that would rest on guesses.
NOT_TOLD = "not told from chance"


def told_from_chance(accuracy: Interval, num_classes: int) -> bool:
    """Return whether the whole interval of the accuracy lies above that of guessing, 1 / ``num_classes``."""
    return accuracy.low > 1 / num_classes


def chance_sentence(accuracy: Interval, num_classes: int) -> str:
    """Return what has to be said of an accuracy that guessing may explain; empty where it cannot.

    It *is* at chance level where the whole interval lies less than a tenth of the way from guessing to 100 %, and below
    twice guessing. An interval that reaches further up cannot tell: there are too few images.

    >>> from fsens_cli.statistics.intervals import wilson
    >>> chance_sentence(wilson(1, 1), 3)
    'accuracy 100.0 % [20.7, 100.0] of 1 image cannot be told from chance (33.3 %)'
    >>> chance_sentence(wilson(100, 1000), 10)
    'accuracy 10.0 % [8.3, 12.0] of 1,000 images is at chance level (10.0 %)'
    """
    if told_from_chance(accuracy, num_classes):
        return ""
    chance = 1 / num_classes
    images = f"{accuracy.n:,} image{'' if accuracy.n == 1 else 's'}"
    is_at_chance = accuracy.high < min(chance + (1 - chance) / 10, 2 * chance)
    verdict = "is at chance level" if is_at_chance else "cannot be told from chance"
    return f"accuracy {accuracy.text(1, scale=100, unit=' %')} of {images} {verdict} ({100 * chance:.1f} %)"


def chance_warnings(accuracy: Interval, num_classes: int) -> list[str]:
    """Return `chance_sentence` with what to do, if there is anything to say."""
    sentence = chance_sentence(accuracy, num_classes)
    advice = "check weights, model.mean and model.std before reading anything into this."
    return [f"{sentence}: {advice}"] if sentence else []
