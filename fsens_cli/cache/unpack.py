"""Taking an archive apart, into a folder that appears in one step, and never outside of it."""

import glob
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from fsens_cli.errors import FetchError
from fsens_cli.home import shown

FORGOTTEN_SECONDS = 86_400.0


def unpack(archive: Path, folder: str, into: Path) -> Path:
    """Return ``into/folder`` with the files that the archive keeps under ``folder``; does nothing where it exists.

    Raises:
        FetchError: no readable archive, no such folder in it, or ``into`` cannot be written.
    """
    target = into / folder
    _remove_forgotten(into, folder)
    if target.is_dir():
        return target
    try:
        into.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=into, prefix=f".{folder}."))
    except OSError as error:
        raise FetchError(f"{shown(into)} cannot be written: {error.strerror}") from error
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _take_out(tar, member, folder, temporary)
        if not (temporary / folder).is_dir():
            raise FetchError(f"{shown(archive)} holds no folder {folder}")
        _take_place(temporary / folder, target)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise FetchError(f"{shown(archive)} is damaged or no tar archive") from error
    except OSError as error:
        raise FetchError(
            f"{shown(archive)} cannot be unpacked into {shown(into)}: {error.strerror or error}"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _remove_forgotten(into: Path, folder: str) -> None:
    """Remove what a process unpacked that was killed; nobody unpacks for a day."""
    for left in into.glob(f".{glob.escape(folder)}.*"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > FORGOTTEN_SECONDS:
                shutil.rmtree(left)


def _take_out(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: str, into: Path) -> None:
    """Write a plain file whose name lies below ``folder``; leave links, devices and names that lead elsewhere.

    Python's own filter for that is younger than the oldest 3.11.
    """
    parts = PurePosixPath(member.name).parts
    packed = tar.extractfile(member) if member.isfile() else None
    if packed is None or parts[:1] != (folder,) or ".." in parts:
        return
    into.joinpath(*parts[:-1]).mkdir(parents=True, exist_ok=True)
    with packed, into.joinpath(*parts).open("wb") as file:
        shutil.copyfileobj(packed, file)


def _take_place(made: Path, target: Path) -> None:
    """Give the folder its name; another process that was faster has made the same."""
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def writable(folder: Path) -> bool:
    """Return whether files can be made in the folder, or in the nearest one above it that exists."""
    nearest = next(f for f in (folder, *folder.parents) if f.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK)
