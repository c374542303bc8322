"""A target spectrum read from a table, such as another run's ``spectrum.csv``."""

from fsens_cli.errors import ConfigError
from fsens_cli.home import expanded

SHARE_COLUMNS = ("share", "share_mean")
SUM_TOLERANCE = 0.02


def read_target(file: str) -> list[float]:
    """Return the shares of the radii 1, 2, 3, ... from a CSV with the columns ``radius`` and ``share``.

    A column ``share_mean`` serves too. A row for radius 0 is passed over. The shares are divided by their sum.

    Raises:
        ConfigError: no such file, missing columns or radii, negative shares, or a sum further than 0.02 from 1.
    """
    path = expanded(file)
    prefix = f"regularizer.file={file}"
    if not path.is_file():
        raise ConfigError(f"{prefix}: there is no such file.")
    try:
        import pandas as pd

        table = pd.read_csv(path)
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{prefix} cannot be read as CSV ({str(error).splitlines()[0]}).") from error
    column = next((c for c in SHARE_COLUMNS if c in table.columns), None)
    if "radius" not in table.columns or column is None:
        raise ConfigError(f"{prefix} needs the columns radius and share, got {', '.join(map(str, table.columns))}.")
    try:
        radius = [int(r) for r in table["radius"]]
        share = [float(s) for s in table[column]]
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{prefix}: radius and {column} must be numbers ({error}).") from error
    by_radius = dict(zip(radius, share, strict=True))
    by_radius.pop(0, None)
    if len(set(radius)) != len(radius):
        raise ConfigError(f"{prefix} names a radius twice.")
    missing = [r for r in range(1, max(by_radius, default=0) + 1) if r not in by_radius]
    if missing or not by_radius or min(by_radius) < 1:
        listed = ", ".join(str(r) for r in missing[:5]) or "all"
        raise ConfigError(f"{prefix} lacks the radii {listed}: give a share for every radius from 1 on.")
    values = [by_radius[r] for r in sorted(by_radius)]
    if not all(v >= 0 for v in values):  # NaN fails too
        raise ConfigError(f"{prefix}: shares must be numbers from 0 up.")
    total = sum(values)
    if abs(total - 1) > SUM_TOLERANCE:
        raise ConfigError(f"{prefix}: the shares of the radii from 1 on add up to {total:.4g}, expected 1.")
    return [v / total for v in values]
