"""Where are the official files of a published data set: on disk, or fetched and checked?"""

import os
from dataclasses import dataclass
from pathlib import Path

from fsens_cli.cache.download import Checksum, download
from fsens_cli.cache.places import Meter, cache_folder, offline_switch, shown
from fsens_cli.data.settings import FetchedSettings
from fsens_cli.errors import DataError, FetchError


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialFile:
    """A file as its authors publish it."""

    name: str
    url: str
    md5: str


def root_of(config: FetchedSettings) -> Path:
    """Return the folder (or archive) that the settings name; a folder of the cache by default."""
    return Path(config.root).expanduser() if config.root else cache_folder(config.name)


def fetch(file: OfficialFile, folder: Path, config: FetchedSettings, meter: Meter, *, files: str) -> Path:
    """Return the file in ``folder``, downloaded from the mirror or its authors and checked.

    Args:
        files: what of the data set can be supplied, in words.

    Raises:
        DataError: it cannot be had; the message says what can be given instead.
    """
    variable = f"FSENS_{config.name.upper().replace('-', '_')}_URL"
    mirror = config.mirror or os.environ.get(variable, "")
    url = f"{mirror}{file.name}" if mirror.endswith("/") else mirror or file.url
    where = f"data.root={shown(folder)}"
    supply = supply_words(files)
    try:
        download(url, folder / file.name, Checksum(algorithm="md5", digest=file.md5), meter=meter)
    except FetchError as error:
        if offline_switch():
            raise DataError(f"{config.title} is not at {where} and {error}. {supply}") from error
        raise DataError(f"{config.title} is neither at {where} nor downloadable ({error}). {supply}") from error
    return folder / file.name


def supply_words(files: str) -> str:
    """Return the ways on for a data set that is not there."""
    return (
        f"Give data.root=FOLDER with {files}, set data.mirror=URL, keep downloads elsewhere with FSENS_CACHE=FOLDER, "
        "or try --data dualband."
    )
