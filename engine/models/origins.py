"""What a run is made from, by size, time and hash of each file: noted at its start, compared before it goes on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.common import file_hash
from engine.common.errors import RunError, TunedeckError
from engine.common.files import read_json, write_atomic
from engine.config import toml
from engine.config.schema import DataSource, RunConfig
from engine.data import run_source
from engine.data.files.sources import data_files, read_file
from engine.messages.message import Message
from engine.models.adapter.card import read_adapter
from engine.models.local import model_folder
from engine.models.weights import hash_files, read_weights
from engine.runs.directory import RunDir

COUNTED_BYTES = 32 << 20
"""Rows of larger files are not counted again: their sizes are told instead."""
_SMALL_BYTES = 64 << 20
_OF_MODEL = ("config.json", "generation_config.json", "tokenizer*", "*.model", "vocab*", "merges.txt", "*.tiktoken",
             "special_tokens_map.json", "added_tokens.json", "chat_template*", "*.py")  # fmt: skip
_NAMES = {
    "data": "origins.part-data", "model": "origins.part-model", "template": "origins.part-template",
    "adapter": "origins.part-adapter", "run": "origins.part-run", "settings": "origins.part-settings",
}  # fmt: skip
_OF_SPLIT = {"eval_share", "eval_rows", "test_share", "test_rows", "stratify"}
_OF_READING = {"subset", "split", "format", "columns", "tags", "labels", "max_rows", "streaming"}


@dataclass(frozen=True)
class Origin:
    """One file. ``part`` is a key of ``_NAMES``, ``source`` numbers the sources of data.

    ``sha256`` is "" until it was hashed; ``rows`` None where they were not counted.
    """

    part: str
    source: int
    path: str
    size: int
    mtime_ns: int
    sha256: str = ""
    rows: int | None = None


def note(run: RunDir, config: RunConfig, model: Path, changes: Sequence[Message] = ()) -> None:
    """Write down what ``run`` is made from now; of large weights only size and time, see ``hash_weights``.

    ``changes`` are those since its start that a person accepted; they are kept with earlier ones. Raises
    TunedeckError for data that is not there, OSError.
    """
    found = [_noted(each) for each in (*_files(config, model), _settings(run, config))]
    accepted = [*accepted_changes(run), *({"t": time.time(), "said": said.as_json()} for said in changes)]
    _write(run, found, accepted)
    file_hash.keep()


def note_rows(run: RunDir, rows: Mapping[str, int]) -> None:
    """Add how many ``rows`` were read of each data file; a full disk is no error."""
    found = [
        replace(each, rows=rows[each.path]) if each.part == "data" and each.rows is None and each.path in rows else each
        for each in read(run)
    ]
    with suppress(OSError):
        _write(run, found, accepted_changes(run))


def hash_weights(run: RunDir) -> None:
    """Fill in the hashes that ``note`` left out, of files that are still as they were then. Takes a second a GB."""
    found = read(run)
    for number, origin in enumerate(found):
        path = Path(origin.path)
        with suppress(OSError, TunedeckError):
            if not origin.sha256 and _is_as_it_was(origin):
                (digest,) = hash_files([path]).values()
                found[number] = replace(origin, sha256=digest) if _is_as_it_was(origin) else origin
    with suppress(OSError):
        _write(run, found, accepted_changes(run))


def read(run: RunDir) -> list[Origin]:
    """What was noted; [] for a run of an earlier version, or where the note can't be read."""
    try:
        return [Origin(**each) for each in read_json(run.origins)["files"]]
    except (KeyError, TypeError):
        return []


def accepted_changes(run: RunDir) -> list[dict[str, object]]:
    """Changes that the run went on with: when (``t``) and which (``said``: code and arguments)."""
    found = read_json(run.origins).get("accepted")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def changes(
    run: RunDir, config: RunConfig | None = None, model: Path | None = None, *, thorough: bool = False
) -> list[Message]:
    """What of data, model, chat template and old adapter is no longer what it was.

    A file whose size and time are the same counts as unchanged; with ``thorough`` all but weights are hashed.
    Raises ConfigError.
    """
    before = read(run)
    if not before:
        return []
    config = config or toml.load(run.config).config
    if model is None:
        model = run.merged if config.strategy.kind == "merge" else model_folder(config)
    try:
        now = [*_files(config, model), _settings(run, config)]
    except TunedeckError as error:
        return [Message("origins.unreadable", error=error.reason)]
    if model is None:
        before = [each for each in before if each.part not in ("model", "template")]
        gone = _change("model", config.model.name_or_path, Message("origins.model-gone"))
        return [gone, *_compared(before, now, thorough)]
    return _compared(before, now, thorough)


def base_changes(run: RunDir, model: Path, allow_pickle: bool = False) -> list[Message]:
    """What of the base in folder ``model``, wherever it lies now, is not what ``run`` was trained on."""
    noted = [each for each in read(run) if each.part == "model"]
    before = [replace(each, path=str(model / Path(each.path).name)) for each in noted]
    now = [origin for path in model_files(model, allow_pickle) for origin in _file("model", path)]
    return _compared(before, now, thorough=False) if before else []


def refuse(run: RunDir, changes: Sequence[Message]) -> RunError:
    """The error for a run that is not to go on with these ``changes`` before a person agreed."""
    return RunError("origins.changed", run=run.id, changes=changes)


def _change(part: str, path: str, how: Message) -> Message:
    return Message("origins.change", part=Message(_NAMES[part]), path=path, how=how)


def _compared(before: Sequence[Origin], now: Sequence[Origin], thorough: bool) -> list[Message]:
    said: list[Message] = []
    for key in dict.fromkeys((each.part, each.source) for each in (*before, *now)):
        old = [each for each in before if (each.part, each.source) == key]
        new = [each for each in now if (each.part, each.source) == key]
        if key[0] == "adapter" and not new:
            continue  # a checkpoint holds all of it that matters
        if key[0] == "settings" and not old:
            continue  # noted by an earlier version
        if len(old) == len(new) and all(_same(a, b, thorough) for a, b in zip(old, new, strict=True)):
            continue
        by_path = {each.path: each for each in new}
        for each in old:
            there = by_path.pop(each.path, None)
            if there is None:
                said.append(_change(each.part, each.path, Message("origins.file-gone")))
            elif not _same(each, there, thorough):
                said.append(_change(each.part, each.path, _how(each, there)))
        said += [_change(each.part, each.path, Message("origins.file-new")) for each in by_path.values()]
    return said


def _same(before: Origin, now: Origin, thorough: bool) -> bool:
    """Whether both hold the same; of files noted without a hash only their size and time can tell."""
    unmoved = (before.path, before.size, before.mtime_ns) == (now.path, now.size, now.mtime_ns)
    if before.part in ("run", "settings"):
        return before.sha256 == now.sha256
    if unmoved and not (thorough and before.sha256 and before.size <= _SMALL_BYTES):
        return True
    if before.size != now.size or not before.sha256:
        return False
    with suppress(OSError):
        return before.sha256 == file_hash.sha256_of(Path(now.path))
    return False


def _how(before: Origin, now: Origin) -> Message:
    if before.part == "run":
        return Message("origins.run-reads-otherwise")
    if before.part == "settings":
        return Message("origins.settings-otherwise")
    if before.size == now.size and not before.sha256:
        return Message("origins.written-again")
    rows = _rows(Path(now.path), now.size) if before.rows is not None else None
    if rows is not None and rows == before.rows:
        return Message("origins.other-rows")
    if rows is not None:
        return Message("origins.other-count", before=before.rows, now=rows)
    if before.size != now.size:
        return Message("origins.other-size", before=before.size, now=now.size)
    return Message("origins.other-content")


def _files(config: RunConfig, model: Path | None) -> Iterator[Origin]:
    """Every file behind a run, without hashes. Raises TunedeckError for data that is not there."""
    for number, source in enumerate(config.data):
        yield from _of_source(source, number, ())
    if model is not None:
        for path in model_files(model, config.model.allow_pickle):
            yield from _file("model", path)
    yield from _file("template", Path(config.model.chat_template or "/").expanduser())
    if config.strategy.kind == "continue":
        with suppress(TunedeckError):
            card = read_adapter(config.strategy.adapter, config.model.allow_pickle)
            yield from _file("adapter", card.file)
            yield from _file("adapter", Path(card.path) / "adapter_config.json")


def _settings(run: RunDir, config: RunConfig) -> Origin:
    """What decides which rows are held out; edited by hand, rows of the test would be trained on."""
    deciding = [config.run.drawn_by, config.dataset.model_dump(mode="json", include=_OF_SPLIT)]
    deciding += [each.model_dump(mode="json", include=_OF_READING) for each in config.data]
    digest = hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()
    return Origin("settings", 0, str(run.config), 0, 0, digest)


def _of_source(source: DataSource, number: int, within: Sequence[str]) -> Iterator[Origin]:
    if not source.is_run:
        for file in data_files(source, fetch=False):
            yield from _file("data", file.path, number)
        return
    for path in run_source.files(source):
        yield from _file("data", path, number)
    run = run_source.run_of(source)
    if run.id not in within:
        with suppress(TunedeckError):  # of a run whose config is gone the recorded rows stand
            config = toml.load(run.config).config
            deciding = [config.dataset.model_dump(mode="json"), config.run.drawn_by]
            deciding += [each.model_dump(mode="json") for each in config.data]
            yield Origin(
                "run", number, str(run.config), 0, 0, hashlib.sha256(json.dumps(deciding).encode()).hexdigest()
            )
            for each in config.data:
                if each.is_run:
                    yield from (part for part in _of_source(each, number, (*within, run.id)) if part.part == "run")


def model_files(folder: Path, allow_pickle: bool) -> list[Path]:
    """The files of the model in ``folder`` that decide over what it answers, its weights first."""
    weights: tuple[Path, ...] = ()
    with suppress(TunedeckError):
        weights = read_weights(folder, allow_pickle).files
    return [*weights, *sorted({path for pattern in _OF_MODEL for path in folder.glob(pattern)} - set(weights))]


def _file(part: str, path: Path, source: int = 0) -> Iterator[Origin]:
    with suppress(OSError):
        found = path.stat()
        if path.is_file():
            yield Origin(part, source, str(path), found.st_size, found.st_mtime_ns)


def _noted(origin: Origin) -> Origin:
    path = Path(origin.path)
    if origin.part in ("run", "settings") or (origin.part == "model" and origin.size > _SMALL_BYTES):
        return origin
    return replace(origin, sha256=file_hash.sha256_of(path))


def _rows(path: Path, size: int) -> int | None:
    """Rows of a file; None for one that is large or can't be read to its end."""
    if size > COUNTED_BYTES:
        return None
    try:
        return sum(1 for _ in read_file(path, ""))
    except (TunedeckError, OSError):
        return None


def _is_as_it_was(origin: Origin) -> bool:
    found = Path(origin.path).stat()
    return (found.st_size, found.st_mtime_ns) == (origin.size, origin.mtime_ns)


def _write(run: RunDir, found: Sequence[Origin], accepted: Sequence[dict[str, object]]) -> None:
    write_atomic(
        run.origins, json.dumps({"files": [asdict(each) for each in found], "accepted": list(accepted)}, indent=1)
    )
