"""The regularizers that can be named."""

from fsens_cli.objectives.regularizer import Regularizer
from fsens_cli.objectives.spectral_regularizers import ASF, HSF, LSF, MSF, TARGET

REGULARIZERS: dict[str, Regularizer] = {entry.name: entry for entry in (LSF, MSF, HSF, ASF, TARGET)}
