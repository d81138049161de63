"""Tables of published measurements, as people write them: any line ends, empty or missing columns, several units."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.machine.gpu_specs import GIB
from engine.models.dims import ModelShape

Row = Mapping[str, str]

UNITS = {
    "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "bytes": 1.0, "kib": 2.0**10, "mib": 2.0**20,
    "gib": float(GIB), "tib": 2.0**40,
}  # fmt: skip
NEEDED = ("model", "method", "seq_len", "micro_batch")
"""Columns without which no row can be computed."""


class _Cells(dict[str, str]):
    """A row whose missing columns read as empty."""

    def __missing__(self, column: str) -> str:
        return ""


def read_rows(path: Path, needed: Iterable[str] = ()) -> list[Row]:
    """The rows of a CSV file, cells without surrounding blanks; columns that are not there read as empty.

    Raises SystemExit, in words, when the file can't be read or lacks a column of ``needed``.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = [column.strip() for column in reader.fieldnames or ()]
            missing = [column for column in needed if column not in columns]
            if missing:
                raise SystemExit(f"{path}: the column {', '.join(missing)} is missing; there are {', '.join(columns)}.")
            return [
                _Cells({key.strip(): (value or "").strip() for key, value in row.items() if isinstance(key, str)})
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SystemExit(f"{path} can't be read: {error}") from None


def from_row(row: Row) -> ModelShape:
    """A shape from a row of a ``model_configs.csv``."""
    return ModelShape(
        name=row["model"],
        hidden=int(row["hidden"]),
        layers=int(row["layers"]),
        heads=int(row["heads"]),
        kv_heads=int(row["kv_heads"]),
        head_dim=int(row["head_dim"]),
        intermediate=int(row["intermediate"]),
        vocab=int(row["vocab"]),
        tied=row["tied"] == "True",
        gated_mlp=row["mlp"] == "gated",
        mlp_bias=row["mlp_bias"] == "True",
        qkv_bias=row["attn_bias"] in ("qkv", "all"),
        output_bias=row["attn_bias"] == "all",
        norms_per_layer=int(row["norms_per_layer"]),
        layer_norm=row["norm"] == "layernorm",
        qk_norm=row["qk_norm"] if row["qk_norm"] in ("head", "full") else "",  # type: ignore[arg-type]
        experts=int(row["n_experts"]),
        experts_per_token=int(row["experts_per_tok"]),
        expert_intermediate=int(row["moe_intermediate"]),
        shared_intermediate=int(row["shared_intermediate"]),
        head_bias=row["head_bias"] == "True",
        family=row["hf_id"].split("/")[-1].split("-")[0].lower(),
    )


def read_shapes(path: Path) -> dict[str, ModelShape]:
    """Dimensions by model name and by hub id; raises SystemExit that names the row with a cell that makes no sense."""
    shapes = {}
    for row in read_rows(path, ("model", "hidden", "layers", "heads", "vocab")):
        try:
            shapes[row["model"]] = shape = from_row(row)
            shapes.setdefault(row["hf_id"] or row["model"], shape)
        except ValueError as error:
            raise SystemExit(f"{path}: {row['model'] or 'an unnamed model'}: {error}") from None
    return shapes


def shape_of(row: Row, shapes: Mapping[str, ModelShape]) -> ModelShape:
    """The dimensions of a row's model, by its name or its exact one. Raises ValueError when there are none."""
    found = shapes.get(row["model"]) or shapes.get(row["model_exact"])
    if found is None:
        raise ValueError(f"no dimensions of {row['model'] or 'an unnamed model'}")
    return found


def number(row: Row, column: str, default: float | None = None) -> float:
    """A finite number of 0 or more; ``default`` for an empty cell. Raises ValueError that names the column."""
    text = row[column].replace(",", "")
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{column} is {row[column]!r}")
    return value


def count(row: Row, column: str, default: float | None = None) -> int:
    """A whole number of 1 or more."""
    value = number(row, column, default)
    if value < 1 or value != int(value):
        raise ValueError(f"{column} is {row[column]!r}")
    return int(value)


def measured_bytes(row: Row) -> float:
    """What was measured, from ``measured_gib`` or from ``measured`` and its ``unit``."""
    if row["measured_gib"]:
        value = number(row, "measured_gib") * GIB
    elif row["unit"].lower() in UNITS:
        value = number(row, "measured") * UNITS[row["unit"].lower()]
    else:
        raise ValueError(f"unit is {row['unit']!r}")
    if not value:
        raise ValueError("nothing was measured")
    return value
