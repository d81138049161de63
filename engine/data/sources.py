"""From a source in the config to its raw rows: which files it means and which reader each of them needs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engine.config.schema import DataSource
from engine.data import earlier
from engine.data.documents import read_markdown, read_text
from engine.data.jsonrows import read_json
from engine.data.messages import RawRow
from engine.data.tables import read_csv, read_parquet
from engine.data.text import clean
from engine.errors import DataError

Reader = Callable[[Path, str], Iterator[RawRow]]

TABLES: dict[str, Reader] = {
    ".json": read_json,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
}
TEXTS: dict[str, Reader] = {".txt": read_text, ".md": read_markdown}
READERS: dict[str, Reader] = TABLES | TEXTS
# What lies beside data in a dataset's folder without being data.
_NOT_ROWS = re.compile(r"readme|licen[cs]e|dataset_infos?\.|dataset_dict\.|state\.json|\.", re.IGNORECASE)


def read_source(source: DataSource, name: str) -> Iterator[RawRow]:
    """All raw rows of a source, file by file, read as they are asked for.

    Raises DataError with file, row and what to do for the first thing that can't be read.
    """
    for path in source_files(source):
        yield from read_file(path, name)


def read_file(path: Path, name: str) -> Iterator[RawRow]:
    """The raw rows of one file, by its suffix."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            "This kind of file can't be read",
            f"{path} ends in '{path.suffix}'" if path.suffix else f"{path} has no suffix",
            "Readable are: " + " ".join(READERS) + ". Unpack archives first.",
        )
    return reader(path, name)


def source_files(source: DataSource) -> list[Path]:
    """The files a source means, in order of their names: itself, or those of a folder and the folders in it.

    In a folder the tables (JSON, CSV, parquet) count; text files only where there are none. Where names tell splits
    apart (train-0001.parquet, test.jsonl), only those of ``source.split`` count: tests are not for training.
    Those of an earlier run are the files that it read.
    """
    if earlier.is_run(source):
        return earlier.files(source)
    try:
        path = Path(source.path).expanduser()
        if path.is_dir():
            return _folder_files(path, source.split)
        exists = path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError("The path can't be used", f"{source.path}: {error}", "Name a file or a folder.") from None
    if not exists:
        hint = "Check the path; relative ones start at the current folder."
        if re.fullmatch(r"[\w.-]+/[\w.-]+", source.path) and path.suffix.lower() not in READERS:
            hint += " Datasets on the hub can't be read by this version: download one and name its folder."
        raise DataError("No such file or folder", source.path, hint)
    return [path]


def source_names(sources: Sequence[DataSource]) -> list[str]:
    """A short name for each source, unique among them: the file's stem, numbered where stems meet."""
    names: list[str] = []
    for source in sources:
        path = source.path.replace(earlier.PREFIX, "run-", 1) if earlier.is_run(source) else Path(source.path).stem
        stem = clean(path, keep_newlines=False).strip() or "data"
        name, count = stem, 2
        while name in names:
            name, count = f"{stem}-{count}", count + 1
        names.append(name)
    return names


def _folder_files(folder: Path, split: str) -> list[Path]:
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(parent) / name for name in sorted(files) if not _NOT_ROWS.match(name)]
    for readers in (TABLES, TEXTS):
        files_of_kind = [path for path in found if path.suffix.lower() in readers]
        if files_of_kind:
            return _of_split(files_of_kind, folder, split)
    raise DataError(
        "The folder holds no data",
        f"{folder}: none of its {len(found):,} files can be read as rows",
        "Readable are: " + " ".join(READERS),
    )


def _of_split(files: list[Path], folder: Path, split: str) -> list[Path]:
    """The files named after ``split``, by themselves or by their folder; all of them where none is."""
    named = re.compile(rf"(?:^|[-_./]){re.escape(split)}(?:[-_./]|$)", re.IGNORECASE)
    return [path for path in files if named.search(str(path.relative_to(folder)))] or files
