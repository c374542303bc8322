"""Pictures and labels in the parquet files of a data set of the Hub; nothing of a repository is run.

Shape letters: N images.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

import numpy as np
import torch

from fsens_cli.cache.hub import HubPlace, fetch_from_hub
from fsens_cli.cache.hub_files import files_of_data_set
from fsens_cli.data.arrays import MAX_CLASSES
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.hub_data import HubDataConfig
from fsens_cli.data.imagenet import wordnet_ids
from fsens_cli.data.images import ImageSet
from fsens_cli.data.picture_file import RULES, read_picture_bytes
from fsens_cli.data.wanted import EVERYTHING, Wanted
from fsens_cli.errors import DataError, FetchError, in_one_line
from fsens_cli.memory import require_memory

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# What names a split in the path of a file, in order of preference.
SPLIT_WORDS = {"train": ("train", "training"), "test": ("test", "validation", "valid", "val")}
SHARD = re.compile(r"(?:^|[-_./])({})(?:[-_./]|$)", re.IGNORECASE)


class Feature(TypedDict, total=False):
    """What the library datasets writes of a column; anybody may have written it."""

    _type: str
    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where pictures and labels are, and what the classes are called."""

    images: str
    labels: str
    names: tuple[str, ...]


def load_hub_data(config: HubDataConfig, split: str, wanted: Wanted = EVERYTHING) -> ImageSet:
    """Read the wanted pictures of one split into memory.

    Raises:
        DataError: it cannot be had, has no parquet files of this split, no column of pictures or of labels, or one of
            them is not what it says.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(f"data.repo={config.repo} needs pyarrow: pip install 'fsens[hf-data]'.") from error
    place = HubPlace.parse(config.repo)
    try:
        listed = files_of_data_set(place)
        names = _of_split(listed.names, config, split)
        paths = [
            fetch_from_hub(HubPlace(place.repo, listed.commit, name, kind="dataset"), meter=wanted.meter)
            for name in names
        ]
    except FetchError as error:
        raise DataError(f"data.repo={config.repo}: {error}.") from error
    where = f"data.repo={config.repo}"
    try:
        tables = [pq.ParquetFile(path) for path in paths]
        columns = _columns(tables[0].schema_arrow.metadata or {}, tables[0].schema_arrow.names, config)
        num_rows = sum(table.metadata.num_rows for table in tables)
        require_memory(8 * num_rows, f"{num_rows:,} labels", "give a smaller data.part or another data set")
        label_N = torch.cat([_labels(table, columns, where) for table in tables])
        rows = wanted.rows(label_N, config)
        pixels = _pixels(tables, rows.tolist(), columns, config, wanted)
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where}: its parquet files cannot be read ({in_one_line(error)}).") from error
    class_names = columns.names or tuple(str(i) for i in range(max(int(label_N.max()) + 1, 2)))
    if config.classes == "imagenet":
        class_names = wordnet_ids()
    return ImageSet(
        images_NCHW=pixels,
        label_N=label_N[rows],
        index_N=rows,
        class_names=class_names,
        title=config.title or place.repo,
        split=split,
        rules=RULES,
        notes=(f"{place.repo} as of commit {listed.commit}, {', '.join(names[:2])}{', ...' if names[2:] else ''}",),
    )


def _of_split(names: Sequence[str], config: HubDataConfig, split: str) -> list[str]:
    """Return the parquet files of a split, in order."""
    where = f"data.repo={config.repo}"
    parquet = sorted(name for name in names if name.endswith(".parquet"))
    if not parquet:
        raise DataError(f"{where} holds no parquet files: its revision refs/convert/parquet may ({config.repo}@...).")
    inside = [name for name in parquet if name.startswith(f"{config.part}/")] if config.part else parquet
    for word in SPLIT_WORDS[split]:
        pattern = re.compile(SHARD.pattern.format(word), re.IGNORECASE)
        found = [name for name in inside if pattern.search(name.removesuffix(".parquet"))]
        parts = sorted({name.split("/")[0] for name in found if "/" in name})
        if len(parts) > 1:
            raise DataError(f"{where} has several parts, {', '.join(parts[:8])}: give data.part=NAME.")
        if found:
            return found
    few = ", ".join(inside[:4]) or "none"
    raise DataError(
        f"{where} has no parquet file of the {split} split ({' or '.join(SPLIT_WORDS[split])}); it has {few}."
    )


def _columns(metadata: Mapping[bytes, bytes], names: Sequence[str], config: HubDataConfig) -> Columns:
    try:
        info = json.loads(metadata.get(b"huggingface", b"{}"))
        features = cast(Mapping[str, Feature], info.get("info", {}).get("features", {}))
        kinds = {name: str(features.get(name, {}).get("_type", "")) for name in names}
    except (ValueError, AttributeError, TypeError, RecursionError):
        features, kinds = {}, dict.fromkeys(names, "")
    images = config.images or _only("images", "Image", ("image", "img"), kinds, config)
    labels = config.labels or _only("labels", "ClassLabel", ("label", "labels"), kinds, config)
    for setting, name in (("images", images), ("labels", labels)):
        if name not in names:
            raise DataError(f"data.{setting}={name}: data.repo={config.repo} has the columns {', '.join(names[:12])}.")
    called = features.get(labels, {}).get("names") if labels in features else None
    words = tuple(called) if isinstance(called, list) and all(isinstance(word, str) for word in called) else ()
    return Columns(images=images, labels=labels, names=words)


def _only(setting: str, kind: str, usual: Sequence[str], kinds: Mapping[str, str], config: HubDataConfig) -> str:
    """Return the only column of a kind, or of a usual name."""
    found = [name for name, each in kinds.items() if each == kind] or [name for name in usual if name in kinds]
    if len(found) == 1:
        return found[0]
    what = f"several ({', '.join(found)})" if found else f"none among {', '.join(list(kinds)[:12])}"
    raise DataError(
        f"data.repo={config.repo} has no single column of {setting}, but {what}: give data.{setting}=COLUMN."
    )


def _labels(table: "pq.ParquetFile", columns: Columns, where: str) -> torch.Tensor:
    column = table.read(columns=[columns.labels]).column(0)
    if column.null_count:
        raise DataError(f"{where}: {column.null_count:,} of {len(column):,} pictures have no label.")
    values = column.to_numpy()
    if values.dtype.kind not in "iu":
        raise DataError(f"{where}: the column {columns.labels} is {column.type}, and labels are whole numbers.")
    lowest, highest = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    if lowest < 0 or highest >= MAX_CLASSES:
        raise DataError(
            f"{where}: the column {columns.labels} holds {lowest if lowest < 0 else highest:,}, and labels lie in "
            f"0..{MAX_CLASSES - 1:,} (negative ones usually mean unlabelled)."
        )
    return torch.from_numpy(values.astype(np.int64))


def _pixels(
    tables: Sequence["pq.ParquetFile"], rows: Sequence[int], columns: Columns, config: HubDataConfig, wanted: Wanted
) -> torch.Tensor:
    """Return the pictures at ``rows``, uint8 (N, C, H, W); of row groups without any nothing is read."""
    geometry = Geometry(height=config.size[0], width=config.size[1]) if config.size else wanted.native
    where = f"data.repo={config.repo}"
    pixels: np.ndarray = np.empty(0, dtype=np.uint8)
    with wanted.meter("decoding pictures", len(rows)) as advance:
        for done, (row, content) in enumerate(_contents(tables, rows, columns)):
            if not isinstance(content, bytes) or not content:
                raise DataError(f"{where}: row {row} of {columns.images} holds no picture file.")
            picture = read_picture_bytes(content, f"{where}: picture {row}", config.channels, geometry)
            if done == 0:
                height, width = picture.shape[:2]
                require_memory(
                    len(rows) * picture.size,
                    f"{len(rows):,} pictures of {height}x{width} pixels",
                    "give fewer (num_images, data.subset) or a smaller data.size=[HEIGHT,WIDTH]",
                )
                pixels = np.empty((len(rows), config.channels, height, width), dtype=np.uint8)
            if picture.shape[:2] != pixels.shape[2:]:
                raise DataError(
                    f"{where}: picture {row} is {picture.shape[0]}x{picture.shape[1]} pixels and the first "
                    f"{pixels.shape[2]}x{pixels.shape[3]}: give data.size=[HEIGHT,WIDTH] to make them alike."
                )
            pixels[done] = picture.transpose(2, 0, 1)
            advance(done + 1)
    return torch.from_numpy(pixels)


def _contents(
    tables: Sequence["pq.ParquetFile"], rows: Sequence[int], columns: Columns
) -> Iterator[tuple[int, object]]:
    """Yield the picture files at ``rows``, which ascend."""
    start, left = 0, list(rows)
    for table in tables:
        for group in range(table.num_row_groups):
            count = table.metadata.row_group(group).num_rows
            inside = [row for row in left if row < start + count]
            left = left[len(inside) :]
            if inside:
                column = table.read_row_group(group, columns=[columns.images]).column(0)
                for row in inside:
                    cell = column[row - start].as_py()
                    yield row, cell.get("bytes") if isinstance(cell, dict) else cell
            start += count
