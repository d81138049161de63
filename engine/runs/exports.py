"""What was exported from a run, and to where: a line in ``exports.jsonl``, and a record beside the files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from engine.common.files import MOST_JSON_BYTES, read_struct, write_atomic
from engine.common.regular_files import open_to_append, read_regular
from engine.runs.directory import RunDir, list_runs

FOLDER, LOG, RECORD = "exports", "exports.jsonl", "tunedeck-export.json"


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """``files`` (name and bytes) of ``target`` in the folder ``path``, made at ``made`` (Unix time).

    ``adapter`` is its folder with the SHA-256 of its weights and of its config, which holds its strength; ``base`` is
    the base model's folder. ``kinds`` are the GGUF types.
    """

    target: str
    path: str
    adapter: str
    adapter_sha256: str
    base: str
    config_sha256: str = ""
    run: str = ""
    kinds: list[str] = []
    files: dict[str, int] = {}
    made: float = 0.0
    versions: dict[str, str] = {}

    @property
    def is_there(self) -> bool:
        """Whether all of its files still lie where they were put."""
        return all((Path(self.path) / name).is_file() for name in self.files)

    def is_of(self, adapter_sha256: str, config_sha256: str) -> bool:
        """Whether it was made of the adapter with these hashes; earlier versions did not note the config's."""
        return self.adapter_sha256 == adapter_sha256 and self.config_sha256 in ("", config_sha256)


def keep(run: RunDir | None, export: Export) -> None:
    """Note it beside its files, and with the run it is of. Raises OSError.

    The files may leave this machine, so the note beside them has names in the place of paths.
    """
    beside = msgspec.structs.replace(export, path="", adapter=_name(export.adapter), base=_name(export.base))
    write_atomic(Path(export.path) / RECORD, msgspec.json.encode(beside).decode("utf-8"))
    if run is not None:
        fd = open_to_append(run.path / LOG)
        with open(fd, "ab") as file:  # noqa: PTH123 - of a descriptor
            file.write(msgspec.json.encode(export) + b"\n")


def read(folder: Path) -> Export | None:
    """The record beside exported files, of ``folder``; None where there is none that can be read."""
    found = read_struct(folder / RECORD, Export)
    return None if found is None else msgspec.structs.replace(found, path=str(folder))


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


def base_of(folder: Path) -> str:
    """The folder of the base model of what this machine exported to ``folder``; "" where no run knows of it."""
    beside = read(folder)
    if beside is None:
        return ""
    for run in list_runs():
        for made in reversed(all_of(run) if run.id == beside.run else []):
            if made.adapter_sha256 == beside.adapter_sha256 and Path(made.base).is_dir():
                return made.base
    return ""


def _name(path: str) -> str:
    return Path(path).name
