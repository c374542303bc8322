"""Which files a data set of the Hugging Face Hub has, at which commit; kept, so that a run repeats itself offline."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fsens_cli.cache.hub import HubPlace, told_of_the_hub
from fsens_cli.cache.places import cache_folder, offline_switch
from fsens_cli.errors import FetchError


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFiles:
    """The files of a repository at a commit."""

    commit: str
    names: tuple[str, ...]


def files_of_data_set(place: HubPlace) -> HubFiles:
    """Return the files of a data set; asked of the Hub unless they are known from before.

    Raises:
        FetchError: forbidden, unreachable, or no such data set or revision.
    """
    kept = cache_folder("hub") / f"{place.repo.replace('/', '--')}@{place.revision.replace('/', '--')}.json"
    if kept.is_file():
        try:
            known = json.loads(kept.read_text(encoding="utf-8"))
            return HubFiles(commit=str(known["commit"]), names=tuple(str(name) for name in known["names"]))
        except (ValueError, KeyError, TypeError):
            kept.unlink()  # damaged: asked again
    if switch := offline_switch():
        raise FetchError(f"{place.repo} is not known here and {switch} forbids downloading", absent=True)
    from huggingface_hub import HfApi

    with told_of_the_hub(place):
        info = HfApi().dataset_info(place.repo, revision=place.revision)
    names: Sequence[str] = [file.rfilename for file in info.siblings or ()]
    found = HubFiles(commit=str(info.sha), names=tuple(names))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"commit": found.commit, "names": found.names}), encoding="utf-8")
    return found
