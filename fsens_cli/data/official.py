"""The official files of a published data set: on disk, or fetched and checked."""

import os
from dataclasses import dataclass
from pathlib import Path

from fsens_cli.cache.address import has_mask, is_folder, within
from fsens_cli.cache.download import Checksum, download
from fsens_cli.cache.places import Meter, cache_folder, offline_switch
from fsens_cli.data.settings import FetchedSettings
from fsens_cli.errors import DataError, FetchError
from fsens_cli.home import expanded, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialFile:
    """A file as its authors publish it; ``size`` in bytes."""

    name: str
    url: str
    md5: str
    size: int


def root_of(config: FetchedSettings) -> Path:
    """Return the folder (or archive) that the settings name; a folder of the cache by default."""
    return expanded(config.root) if config.root else cache_folder(config.name)


def fetch(file: OfficialFile, folder: Path, config: FetchedSettings, meter: Meter, *, files: str) -> Path:
    """Return the file in ``folder``, downloaded from the mirror or its authors and checked.

    Args:
        files: what of the data set can be supplied, in words.

    Raises:
        DataError: it cannot be had; the message says what can be given instead.
    """
    where = f"data.root={shown(folder)}"
    supply = supply_words(files)
    try:
        checksum = Checksum(algorithm="md5", digest=file.md5)
        download(_source(file, config), folder / file.name, checksum, largest=file.size, meter=meter)
    except FetchError as error:
        if offline_switch():
            raise DataError(f"{config.title} is not at {where} and {error}. {supply}") from error
        raise DataError(f"{config.title} is neither at {where} nor downloadable ({error}). {supply}") from error
    return folder / file.name


def mirror_variable(name: str) -> str:
    """Return the environment variable that names a mirror of a data set.

    >>> mirror_variable("fashion-mnist")
    'FSENS_FASHION_MNIST_URL'
    """
    return f"FSENS_{name.upper().replace('-', '_')}_URL"


def _source(file: OfficialFile, config: FetchedSettings) -> str:
    """Return where a file is asked for: at the mirror of the settings or of the environment, or at its authors'."""
    variable = mirror_variable(config.name)
    mirror = config.mirror or os.environ.get(variable, "")
    if has_mask(mirror):  # of a run that is resumed: its record keeps no secrets
        mirror = os.environ.get(variable, "")
        if not mirror:
            raise FetchError(f"the user and the query of data.mirror are not kept with a run: give them in {variable}")
    if not mirror:
        return file.url
    return within(mirror, file.name) if is_folder(mirror) else mirror


def supply_words(files: str) -> str:
    """Return the ways on for a data set that is not there."""
    return (
        f"Give data.root=FOLDER with {files}, set data.mirror=URL, keep downloads elsewhere with FSENS_CACHE=FOLDER, "
        "or try --data dualband."
    )
