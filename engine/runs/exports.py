"""What was exported from a run, and to where: a line in ``exports.jsonl``, and a record beside the files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from engine.common.files import MOST_JSON_BYTES, read_struct, write_atomic
from engine.common.regular_files import open_to_append, read_regular
from engine.runs.directory import RunDir

FOLDER, LOG, RECORD = "exports", "exports.jsonl", "tunedeck-export.json"


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """``files`` (name and bytes) of ``target`` in the folder ``path``, made at ``made`` (Unix time).

    ``adapter`` is its folder with the SHA-256 of its weights, ``base`` the base model's folder. ``kinds`` are the GGUF
    types.
    """

    target: str
    path: str
    adapter: str
    adapter_sha256: str
    base: str
    run: str = ""
    kinds: list[str] = []
    files: dict[str, int] = {}
    made: float = 0.0
    versions: dict[str, str] = {}

    @property
    def is_there(self) -> bool:
        """Whether all of its files still lie where they were put."""
        return all((Path(self.path) / name).is_file() for name in self.files)


def keep(run: RunDir | None, export: Export) -> None:
    """Note it beside its files, and with the run it is of. Raises OSError."""
    write_atomic(Path(export.path) / RECORD, msgspec.json.encode(export).decode("utf-8"))
    if run is not None:
        fd = open_to_append(run.path / LOG)
        with open(fd, "ab") as file:  # noqa: PTH123 - of a descriptor
            file.write(msgspec.json.encode(export) + b"\n")


def read(folder: Path) -> Export | None:
    """The record beside exported files; None where there is none that can be read."""
    return read_struct(folder / RECORD, Export)


def all_of(run: RunDir) -> list[Export]:
    """The exports of a run, each target and folder once, the newest last; also those whose files are gone."""
    try:
        raw = read_regular(run.path / LOG, MOST_JSON_BYTES)
    except OSError:
        return []
    found: dict[tuple[str, str], Export] = {}
    for line in raw.split(b"\n"):
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            if line:
                export = msgspec.json.decode(line, type=Export)
                found.pop((export.target, export.path), None)
                found[export.target, export.path] = export
    return list(found.values())
