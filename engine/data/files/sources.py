"""From a source in the config to its raw rows: which files it means and which reader each of them needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.common.clean_text import clean
from engine.common.errors import DataError
from engine.common.paths import nearest
from engine.config.schema import RUN_PREFIX, DataSource
from engine.data.files import dataset_info, hub
from engine.data.files.columnar import read_arrow, read_parquet
from engine.data.files.documents import read_markdown, read_text
from engine.data.files.folders import is_pattern, matching, walk
from engine.data.files.jsonrows import read_json
from engine.data.files.opened import PACKINGS, kind_of
from engine.data.files.tables import read_csv
from engine.data.rows.messages import RawRow
from engine.messages.message import Message

Reader = Callable[[Path, str], Iterator[RawRow]]

TABLES: dict[str, Reader] = {
    ".json": read_json,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
}
TEXTS: dict[str, Reader] = {".txt": read_text, ".md": read_markdown}
READERS: dict[str, Reader] = TABLES | TEXTS
READABLE = Message("data.readable", suffixes=" ".join(READERS))


@dataclass(frozen=True)
class DataFile:
    """One file of a source. ``source`` is how to read it; ``entry`` describes it in LLaMA-Factory's manner, if any."""

    path: Path
    source: DataSource
    entry: dataset_info.Entry | None = None

    def reading(self, sample: Sequence[RawRow]) -> DataSource:
        """The source with what its description says of rows like ``sample``. Raises DataError."""
        if self.entry is None:
            return self.source
        return self.entry.reading(self.source, {name for raw in sample for name in raw.values})


def read_file(path: Path, name: str) -> Iterator[RawRow]:
    """The raw rows of one file, by its suffix."""
    reader = READERS.get(kind_of(path))
    if reader is None:
        if not path.suffix:
            raise DataError("data.without-suffix", path=path, kinds=READABLE)
        raise DataError("data.unknown-kind", path=path, suffix=path.suffix, kinds=READABLE)
    return reader(path, name)


def source_files(source: DataSource, fetch: bool = True) -> list[Path]:
    """The files a source means, in order of their names; see ``data_files``."""
    return [file.path for file in data_files(source, fetch)]


def data_files(source: DataSource, fetch: bool = True) -> list[DataFile]:
    """A source's files with how to read each: itself, those of a pattern, or those of a folder and the folders in it.

    In a folder the tables (JSON, CSV, parquet, Arrow) count; text files only where there are none. Where names tell
    splits apart (train-0001.parquet, test.jsonl), only those of ``source.split`` count: tests are not for training.
    A dataset of a ``dataset_info.json`` is its file, one of the hub the files it was exported to (with ``fetch``, now
    if need be). Not for an earlier run. Raises DataError.
    """
    try:
        path = Path(source.path).expanduser()
        exists = path.exists()
        entry = dataset_info.named(source.path)
        if entry is not None:
            described = entry.source(source)
            if described.path == source.path:
                raise _missing(source)
            return [DataFile(file.path, file.source, entry) for file in data_files(described, fetch)]
        if path.is_dir():
            return _described(_folder_files(path, source.split), source)
        if exists:
            return _described([path], source)
        if is_pattern(source.path):
            return _described(matching(source.path, READERS), source)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError("data.path-unusable", path=source.path, reason=str(error)) from None
    if hub.is_hub_id(source.path):
        return [DataFile(file, source) for file in hub.rows_of(source, fetch)]
    raise _missing(source)


def _described(paths: list[Path], source: DataSource) -> list[DataFile]:
    return [DataFile(path, source, entry) for path, entry in zip(paths, dataset_info.about(paths), strict=True)]


def source_names(sources: Sequence[DataSource]) -> list[str]:
    """A short name for each source, unique among them: the file's stem, numbered where stems meet."""
    names: list[str] = []
    for source in sources:
        stem = clean(_stem(source), keep_newlines=False).strip() or "data"
        name, count = stem, 2
        while name in names:
            name, count = f"{stem}-{count}", count + 1
        names.append(name)
    return names


def _stem(source: DataSource) -> str:
    if source.is_run:
        return source.path.replace(RUN_PREFIX, "run-", 1)
    place, mark, dataset = source.path.partition("#")
    if mark and dataset:
        return dataset
    path = Path(place)
    if path.suffix.lower() in PACKINGS:
        path = path.with_suffix("")
    stem = path.stem
    # Of data/*.jsonl the folder says more than the star.
    return path.parent.name or "data" if is_pattern(stem) else stem


def _folder_files(folder: Path, split: str) -> list[Path]:
    found = list(walk(folder))
    for readers in (TABLES, TEXTS):
        files_of_kind = [path for path in found if kind_of(path) in readers]
        if files_of_kind:
            return _of_split(files_of_kind, folder, split)
    raise DataError("data.folder-without-data", path=folder, files=len(found), kinds=READABLE)


def _of_split(files: list[Path], folder: Path, split: str) -> list[Path]:
    """The files named after ``split``, by themselves or by their folder; all of them where none is."""
    named = re.compile(rf"(?:^|[-_./]){re.escape(split)}(?:[-_./]|$)", re.IGNORECASE)
    return [path for path in files if named.search(str(path.relative_to(folder)))] or files


def _missing(source: DataSource) -> DataError:
    near = nearest(Path(source.path.partition("#")[0]).expanduser())
    if near:
        return DataError("data.no-place-but-near", path=source.path, near=near)
    return DataError("data.no-place", path=source.path)
