"""What can be told from chance."""

import pytest

from fsens_cli.statistics.chance import chance_sentence, told_from_chance
from fsens_cli.statistics.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "n", "classes", "words"),
    [
        (1, 1, 3, "cannot be told from chance"),  # all right, of one image
        (5, 50, 10, "cannot be told from chance"),
        (100, 1000, 10, "is at chance level"),
        (0, 200, 10, "is at chance level"),
        (0, 50, 1000, "cannot be told from chance"),  # a network with 5 % right would often have none of 50
        (3, 3000, 1000, "cannot be told from chance"),
        (9, 10_000, 1000, "is at chance level"),
        (10, 10, 3, ""),
        (200, 1000, 10, ""),
    ],
)
def test_two_thresholds_two_sentences(successes: int, n: int, classes: int, words: str) -> None:
    accuracy = wilson(successes, n)
    sentence = chance_sentence(accuracy, classes)
    assert words in sentence
    assert bool(sentence) is bool(words)
    assert told_from_chance(accuracy, classes) is not bool(words)
