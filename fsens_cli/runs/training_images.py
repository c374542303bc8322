"""The fingerprints of a training's images, kept in its run folder beside the weights."""

from pathlib import Path

import numpy as np

from fsens_cli.data.trained_on import FILES, PIXELS, TrainedImages
from fsens_cli.errors import OutputError
from fsens_cli.runs.files import write_arrays
from fsens_cli.runs.stored_tables import read_arrays

NAME = "training_images.npz"


def write_training_images(run: Path, trained: TrainedImages) -> None:
    """Write the fingerprints into a run folder."""
    prints = np.array(sorted(trained.prints), dtype=np.uint64)
    write_arrays(run / NAME, {"prints": prints, "kind": np.array(trained.kind)})


def read_training_images(weights: Path | None) -> TrainedImages | None:
    """Return the fingerprints that lie in the run folder of a weights file; None for weights of another origin.

    Raises:
        OutputError: the file is there and damaged.
    """
    file = None if weights is None else weights.parent.parent / NAME
    if file is None or not file.is_file():
        return None
    try:
        arrays = read_arrays(file, ("prints", "kind"))
        prints, kind = arrays["prints"], str(arrays["kind"])
        if prints.dtype != np.uint64 or kind not in (FILES, PIXELS):
            raise ValueError(kind)
        return TrainedImages(kind, frozenset(prints.ravel().tolist()))
    except ValueError as error:  # an error of ours is one
        raise OutputError(f"{file} is damaged: remove it, and nothing is known of the training's images.") from error
