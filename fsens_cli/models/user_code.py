"""An error that comes out of a model, told in one line."""

import traceback

from fsens_cli.guest.place import in_words, is_users
from fsens_cli.models.classifier import Classifier


def told_of_model(error: BaseException) -> str:
    """Return in one line what the model's code raised; empty where the error came from elsewhere."""
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    if Classifier.forward.__code__ in frames or any(is_users(code.co_filename) for code in frames):
        return f"the model failed: {in_words(error)}."
    return ""
