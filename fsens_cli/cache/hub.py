"""Files of the Hugging Face Hub, fetched by its own client into its own cache.

A file that is there already is taken without asking the network, so a run repeats itself; the client honours
``HF_ENDPOINT``, ``HF_HOME``, ``HF_HUB_CACHE`` and ``HF_TOKEN``.
"""

import hashlib
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

from fsens_cli.cache.download import is_page
from fsens_cli.cache.places import Meter, offline_switch, silent
from fsens_cli.errors import FetchError

PROBE_SECONDS = 10.0
REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
COMMIT = re.compile(r"[0-9a-f]{40}")
# What the client calls files whose content has a published SHA-256.
SHA256_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubPlace:
    """A repository, one revision of it, and a file in it (empty: to be found).

    ``kind`` is ``model`` or ``dataset``, of which the Hub has names of their own.
    """

    repo: str
    revision: str
    file: str = ""
    kind: str = "model"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``OWNER/NAME[@REVISION][/FILE]``.

        >>> HubPlace.parse("timm/resnet18.a1_in1k@main/model.safetensors")
        HubPlace(repo='timm/resnet18.a1_in1k', revision='main', file='model.safetensors', kind='model')
        """
        owner, _, rest = text.partition("/")
        name, _, file = rest.partition("/")
        name, _, revision = name.partition("@")
        repo = f"{owner}/{name}"
        if not REPO.fullmatch(repo):
            raise FetchError(f"'{text}' is not of the form OWNER/NAME, OWNER/NAME@REVISION or OWNER/NAME/FILE")
        return cls(repo, revision or "main", file)


def commit_of(path: Path) -> str:
    """Return the commit that a file of the Hub's cache belongs to; empty for any other file.

    >>> commit_of(Path("hub/models--a--b/snapshots/0123456789abcdef0123456789abcdef01234567/onnx/model.onnx"))
    '0123456789abcdef0123456789abcdef01234567'
    >>> commit_of(Path("weights.pt"))
    ''
    """
    parts = path.parts
    after = [part for before, part in pairwise(parts) if before == "snapshots"]
    return next((part for part in after if COMMIT.fullmatch(part)), "")


def find_in_hub_cache(place: HubPlace) -> Path | None:
    """Return the file if it was fetched before."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(place.repo, place.file, revision=place.revision, repo_type=place.kind)
    return Path(found) if isinstance(found, str) else None


def fetch_from_hub(place: HubPlace, *, meter: Meter = silent) -> Path:
    """Return the file, fetched where it is not in the client's cache.

    Raises:
        FetchError: forbidden, unreachable, no such repository or file, or not the file that the Hub describes.
    """
    found = find_in_hub_cache(place)
    if found is not None:
        return found
    switch = offline_switch()
    if switch:
        raise FetchError(
            f"{place.repo}/{place.file} is not in the Hub's cache and {switch} forbids downloading", absent=True
        )
    _require_reachable(place)
    path = _download(place, meter)
    _require_intact(path, place)
    return path


def _require_reachable(place: HubPlace) -> None:
    """Ask once, because the client itself tries for half a minute before it says that there is no network."""
    from huggingface_hub import hf_hub_url

    request = urllib.request.Request(hf_hub_url(place.repo, place.file, repo_type=place.kind), method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()  # somebody answers; the client reads the answer better
    except (urllib.error.URLError, OSError) as error:
        cause = getattr(error, "reason", error)
        words = getattr(cause, "strerror", None) or str(cause)
        raise FetchError(f"no network: {request.host} cannot be reached ({words})") from error


def _download(place: HubPlace, meter: Meter) -> Path:
    from huggingface_hub import hf_hub_download

    with told_of_the_hub(place), _quiet_client():
        return Path(
            hf_hub_download(
                place.repo,
                place.file,
                repo_type=place.kind,
                revision=place.revision,
                tqdm_class=_bar_of(meter),
            )
        )


@contextmanager
def told_of_the_hub(place: HubPlace) -> Iterator[None]:
    """Turn what the client raises about a place into one line.

    Raises:
        FetchError: says what is wrong.
    """
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise FetchError(f"the Hub lets only some in to {place.repo}: ask there, then set HF_TOKEN") from error
    except errors.RepositoryNotFoundError as error:
        what = "repository" if place.kind == "model" else "data set"
        raise FetchError(f"the Hub has no {what} {place.repo} (a private one needs HF_TOKEN)") from error
    except errors.RevisionNotFoundError as error:
        raise FetchError(f"{place.repo} has no revision {place.revision}") from error
    except errors.EntryNotFoundError as error:
        if not isinstance(error, errors.LocalEntryNotFoundError):
            raise FetchError(f"{place.repo} has no file {place.file}", absent=True) from error
        raise _unfetched(place, error) from error
    except _failures() as error:
        raise _unfetched(place, error) from error


def _failures() -> tuple[type[BaseException], ...]:
    """Return what the client raises where a download fails, by its documentation and through what it downloads with.

    A connection that breaks raises an error of its HTTP library, of which versions have different ones: it is what
    `HfHubHTTPError` is derived from. Its part for large files, in Rust, raises `RuntimeError`, since version 2
    `XetDownloadError`.
    """
    from huggingface_hub import errors

    of_http: type[BaseException] = errors.HfHubHTTPError.__bases__[0]
    return OSError, ValueError, of_http, getattr(errors, "XetDownloadError", RuntimeError), RuntimeError


def _unfetched(place: HubPlace, error: BaseException) -> FetchError:
    """Return the error with the first line of its cause; one that is no Hub's answer says so."""
    cause = error.__cause__ or error
    if type(cause).__name__ == "FileMetadataError":
        return FetchError(f"{_endpoint()} answers, but not as a Hub does (HF_ENDPOINT?)")
    first_line = str(cause).split("\n", 1)[0].rstrip(".")
    return FetchError(f"{place.repo}/{place.file} could not be fetched ({first_line})")


def _require_intact(path: Path, place: HubPlace) -> None:
    """Refuse, and forget, a page instead of a file and a file whose published SHA-256 is another one."""
    published = path.resolve().name
    with path.open("rb") as file:
        page = is_page(file.read(64))
        file.seek(0)
        differs = (
            bool(SHA256_NAME.fullmatch(published)) and hashlib.file_digest(file, "sha256").hexdigest() != published
        )
    if page or differs:
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        what = "an HTML page, not the file" if page else "not the published file (SHA256 differs)"
        raise FetchError(f"{place.repo}/{place.file} is {what}")


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keep the client's remarks on retries from the terminal; what matters arrives as an exception."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _bar_of(meter: Meter) -> type:
    """Return what the client takes for a progress bar: it opens the meter and tells it the bytes done."""

    class Bar:
        def __init__(
            self, *_: object, total: int | None = None, initial: int = 0, desc: str = "", **__: object
        ) -> None:
            self.stack = ExitStack()
            self.done = initial
            self.advance = self.stack.enter_context(meter(desc, total or 0))

        def update(self, count: float | None = 1) -> None:
            self.done += int(count or 0)
            self.advance(self.done)

        def close(self) -> None:
            self.stack.close()

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def __getattr__(self, name: str) -> object:
            # The rest of a bar's methods change how it looks.
            return lambda *_, **__: None

    return Bar
