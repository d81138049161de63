"""Rows from columns: parquet, and Arrow files as ``datasets`` saves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.errors import DataError
from engine.data.files.opened import PACKINGS, check_file
from engine.data.rows.messages import RawRow

if TYPE_CHECKING:
    import pyarrow

_BATCH_ROWS = 1024
_ARROW_FILE = b"ARROW1"


def read_parquet(path: Path, source: str) -> Iterator[RawRow]:
    """Rows of a parquet file, batch by batch. Raises DataError when it can't be read as one."""
    _check(path)

    def batches() -> Iterator[pyarrow.RecordBatch]:
        import pyarrow.parquet as parquet

        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=_BATCH_ROWS)

    return _rows(path, source, "parquet", batches)


def read_arrow(path: Path, source: str) -> Iterator[RawRow]:
    """Rows of an Arrow file or stream, mapped into memory and not copied. Raises DataError."""
    _check(path)

    def batches() -> Iterator[pyarrow.RecordBatch]:
        for batch in _arrow_batches(path):
            for start in range(0, batch.num_rows, _BATCH_ROWS):
                part = batch.slice(start, _BATCH_ROWS)
                part.validate(full=True)  # offsets that point beyond the file would end the process
                yield part

    return _rows(path, source, "Arrow", batches)


def row_count(path: Path) -> int:
    """Number of rows from the file's own description; the caller has read from it before."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as parquet

        with parquet.ParquetFile(path) as file:
            return int(file.metadata.num_rows)
    return sum(batch.num_rows for batch in _arrow_batches(path))


def _arrow_batches(path: Path) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow as arrow

    with path.open("rb") as file:
        is_file = file.read(len(_ARROW_FILE)) == _ARROW_FILE
    with arrow.memory_map(str(path)) as mapped:
        if is_file:
            with arrow.ipc.open_file(mapped) as reader:
                for index in range(reader.num_record_batches):
                    yield reader.get_batch(index)
        else:
            with arrow.ipc.open_stream(mapped) as stream:
                yield from stream


def _check(path: Path) -> None:
    if path.suffix.lower() in PACKINGS:
        raise DataError("data.packed-columns", path=path)
    check_file(path)


def _rows(path: Path, source: str, kind: str, batches: Callable[[], Iterator[pyarrow.RecordBatch]]) -> Iterator[RawRow]:
    import pyarrow as arrow

    number = 0
    names: dict[str, list[str]] | None = None
    try:
        for batch in batches():
            if names is None:
                names = _class_names(batch.schema.metadata)
            for values in _with_short_floats(batch).to_pylist():
                number += 1
                yield RawRow(_named(values, names), source, str(path), number)
    except (arrow.ArrowException, OSError, ValueError, OverflowError, TypeError, KeyError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(
            "data.columns-unreadable", kind=kind, path=path, rows=number, reason=said[0][:200].rstrip(".")
        ) from None


def _with_short_floats(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """``batch`` with floats of 32 bits as the numbers they were written for: 0.1, not 0.10000000149011612."""
    import pyarrow as arrow

    for at, field in enumerate(batch.schema):
        text, number = _with_floats_as(field.type, arrow.string()), _with_floats_as(field.type, arrow.float64())
        if text != field.type:
            batch = batch.set_column(at, field.name, batch.column(at).cast(text).cast(number))
    return batch


def _with_floats_as(kind: pyarrow.DataType, wanted: pyarrow.DataType) -> pyarrow.DataType:
    """``kind`` with ``wanted`` for each float of 32 bits in it, in lists and structs too."""
    import pyarrow as arrow

    if arrow.types.is_float32(kind):
        return wanted
    if arrow.types.is_struct(kind):
        return arrow.struct([field.with_type(_with_floats_as(field.type, wanted)) for field in kind])
    if arrow.types.is_list(kind):
        return arrow.list_(kind.value_field.with_type(_with_floats_as(kind.value_type, wanted)))
    if arrow.types.is_large_list(kind):
        return arrow.large_list(kind.value_field.with_type(_with_floats_as(kind.value_type, wanted)))
    return kind


def _class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Names of the classes by column, where ``datasets`` has written them into the file; {} for none."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {
            str(column): [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _named(values: dict[str, Any], names: Mapping[str, list[str]]) -> dict[str, Any]:
    """``values`` with classes by their names; -1 stands for "not labelled"."""
    for column, known in names.items():
        value = values.get(column)
        if isinstance(value, int) and not isinstance(value, bool):
            values[column] = known[value] if 0 <= value < len(known) else None if value == -1 else str(value)
    return values
