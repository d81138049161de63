"""Merge LoRA adapters into their 16-bit base, shard by shard on the CPU, without ever holding the model."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.common import locks
from engine.common.errors import MachineError, ModelError, reason_of
from engine.common.versions import versions
from engine.export.merge.lora import Adapter, Output, blocks, open_adapter
from engine.export.merge.plan import Plan, Shard, config_of, make_plan
from engine.export.tensor_files import DTYPES, NAMES, TensorFile, TensorWriter
from engine.machine.host import read_host
from engine.models.adapter.match import match, require_match
from engine.models.card import read_card
from engine.models.tokenizer_files import brings_tokenizer, read_tokens
from engine.models.weights import hash_files

Progress = Callable[[int, int], None]
_SPARE_DISK_BYTES = 64 << 20
_SPARE_MEMORY_BYTES = 256 << 20
_TEMPLATE = "chat_template.jinja"
_INDEX = "model.safetensors.index.json"
_WEIGHT_ENDINGS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".ot")
_NOT_CARRIED = {"config.json", "README.md", "tunedeck.json", "adapter_config.json"}
_TOKENIZER = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
              "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model", "chat_template.jinja",
              "chat_template.json"}  # fmt: skip
SUFFIX = ".merging"
MARK = "tunedeck-merge.json"
_INSIDE = "model"


@dataclass(frozen=True)
class Merged:
    """A finished merge: its folder, bytes of weights, and how many tensors the adapters changed."""

    path: Path
    size_bytes: int
    tensors: int
    changed: int


def merge(
    base: Path,
    adapters: Sequence[tuple[str | Path, float]],
    target: Path,
    on_progress: Progress = lambda done, total: None,
    dtype: str | None = None,
    trust_base: bool = False,
) -> Merged:
    """Write the model in ``base`` with ``adapters`` (each a folder or run, and its weight) merged in to ``target``.

    Of each adapter ``weight`` times its change is added, in float32; the result has ``dtype`` (bfloat16, float16,
    float32), None: the base's own. ``on_progress`` gets bytes done and in all; whatever it raises ends the merge,
    and nothing of it stays. ``trust_base`` takes it on trust that this is the adapters' base where hash or name say
    otherwise. Raises ModelError for files that don't fit together, a quantized base, numbers that are not finite;
    MachineError when disk or memory do not suffice.
    """
    card, config = read_card(base), config_of(base)
    with ExitStack() as stack:
        opened: list[Adapter] = []
        for name, weight in adapters:
            opened.append(open_adapter(name, weight))
            stack.callback(opened[-1].source.close)
        plan = make_plan(base, config, opened, NAMES[getattr(torch, dtype)] if dtype else None)
        stack.callback(plan.close)
        files = files_to_carry(base, [adapter.folder for adapter in opened])
        folder = stack.enter_context(MergeFolder(target))
        check_room(plan, target, sum(path.stat().st_size for path in files.values()))
        hashing = sum(shard.source.path.stat().st_size for shard in plan.shards)
        total = hashing + plan.size_bytes
        on_progress(0, total)
        hashes = hash_files([shard.source.path for shard in plan.shards], lambda done, _: on_progress(done, total))
        for adapter in opened:
            require_match(match(adapter.card, card), adapter.card, card, trust_base)
        origin = {"name": card.name, "path": str(base.absolute()), "weights_sha256": hashes}
        try:
            _write(plan, origin, opened, folder, files, _merged_config(config, plan, dtype),
                   lambda done: on_progress(hashing + done, total))  # fmt: skip
            path = folder.publish()
        except OSError as error:
            raise _cannot_write(target, error) from error
        return Merged(path, plan.size_bytes, sum(len(shard.outputs) for shard in plan.shards), plan.changed)


def check_room(plan: Plan, target: Path, other_bytes: int = 0) -> None:
    """Raises MachineError when the merged model does not fit on the disk, or its largest tensor into memory."""
    host = read_host([target.parent])
    free, needed = host.disks[0].free_bytes, plan.size_bytes + other_bytes + _SPARE_DISK_BYTES
    if free is not None and free < needed:
        raise MachineError("export.disk-small", folder=target.parent, free=free, needed=needed)
    memory = plan.memory_bytes + _SPARE_MEMORY_BYTES
    if host.ram_available_bytes < memory:
        raise MachineError("export.memory-small", available=host.ram_available_bytes, needed=memory)


def _write(
    plan: Plan, origin: dict[str, Any], adapters: Sequence[Adapter], folder: MergeFolder, files: dict[str, Path],
    config: dict[str, Any], on_progress: Callable[[int], None],
) -> None:  # fmt: skip
    folder.announce([*files, *(shard.name for shard in plan.shards), "config.json", "tunedeck.json",
                     _INDEX, _TEMPLATE])  # fmt: skip
    copy_files(files, folder.path, Path(origin["path"]))
    done = 0

    def wrote(count: int) -> None:
        nonlocal done
        done += count
        on_progress(done)

    written = {shard.name: _write_shard(shard, folder.path, wrote) for shard in plan.shards}
    write_json(folder.path / "config.json", config)
    if len(plan.shards) > 1:
        write_json(folder.path / _INDEX, _index_of(plan))
    ancestors = [
        {"path": str(adapter.folder.absolute()), "run": adapter.card.run, "weight": adapter.weight,
         "sha256": hash_files([adapter.card.file])[adapter.card.file.name], "base": adapter.card.base}
        for adapter in adapters
    ]  # fmt: skip
    write_json(folder.path / "tunedeck.json", _record(origin, ancestors, written, versions()))


def _write_shard(shard: Shard, folder: Path, wrote: Callable[[int], None]) -> str:
    """One weight file, tensor by tensor; its SHA-256."""
    tensors = [(output.name, output.dtype, output.shape) for output in shard.outputs]
    writer = TensorWriter(folder / shard.name, tensors, shard.source.metadata or {"format": "pt"})
    try:
        for output in shard.outputs:
            if not output.parts and output.dtype == shard.source.slots[output.base].dtype:
                for chunk in shard.source.chunks(output.base):
                    wrote(writer.write(chunk))
            else:
                _write_rows(shard.source, output, writer, wrote)
        return writer.finish()
    except BaseException:
        writer.abandon()
        raise


def _write_rows(source: TensorFile, output: Output, writer: TensorWriter, wrote: Callable[[int], None]) -> None:
    """A tensor that changes, a block of rows at a time."""
    for _, exact in blocks(source, output):
        rows = exact.to(DTYPES[output.dtype])
        if output.parts and not torch.isfinite(rows).all():
            adapters = [part.source.path for part in output.parts]
            raise ModelError("export.not-finite", tensor=output.name, adapters=adapters)
        wrote(writer.write(rows))


def _cannot_write(target: Path, error: OSError) -> MachineError:
    if error.errno == errno.ENOSPC:
        return MachineError("export.disk-full", target=target)
    return MachineError("export.not-written", path=error.filename or target, reason=reason_of(error))


def files_to_carry(base: Path, adapters: Iterable[Path]) -> dict[str, Path]:
    """Name and origin of every file to copy: the base's, and the tokenizer of the first adapter that has one.

    What an adapter was trained with counts: it may know new tokens and another template.
    """
    carried = {path.name: path for path in sorted(base.iterdir()) if _is_carried(path)}
    for folder in adapters:
        own = {path.name: path for path in folder.iterdir() if path.name in _TOKENIZER and path.is_file()}
        if brings_tokenizer(folder):
            template = {name: path for name, path in carried.items() if name.startswith("chat_template")}
            others = {name: path for name, path in carried.items() if name not in _TOKENIZER}
            return {**others, **template, **own}
    return carried


def _is_carried(path: Path) -> bool:
    name = path.name
    hidden = name.startswith(".") or name in _NOT_CARRIED or name.endswith((".index.json", *_WEIGHT_ENDINGS))
    return not hidden and path.is_file()


def copy_files(files: Mapping[str, Path], folder: Path, base: Path) -> None:
    """Copy them to ``folder``; a template that the base keeps in settings which were not taken over comes along too."""
    for name, origin in files.items():
        shutil.copyfile(origin, folder / name)  # follows the links of the hub's cache; rights are the folder's
    template = read_tokens(base, {}).chat_template
    if template and not read_tokens(folder, {}).chat_template:
        (folder / _TEMPLATE).write_text(template, "utf-8")


def _merged_config(config: Mapping[str, Any], plan: Plan, dtype: str | None) -> dict[str, Any]:
    """The base's config with what the merge changed: vocabulary, tie of the head, dtype."""
    changes: dict[str, Any] = {}
    if plan.vocab_size is not None:
        changes["vocab_size"] = plan.vocab_size
    if plan.tied is not None:
        changes["tie_word_embeddings"] = plan.tied
    merged = dict(config)
    inner = config.get("text_config")
    if isinstance(inner, dict):
        merged["text_config"] = inner | changes
        changes = {name: value for name, value in changes.items() if name in config or name == "tie_word_embeddings"}
    merged |= changes
    if dtype is not None:
        merged.pop("torch_dtype", None)
        merged["dtype"] = dtype
    return merged


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _index_of(plan: Plan) -> dict[str, Any]:
    """The list of shards as the field's loaders read it."""
    names = {output.name: shard.name for shard in plan.shards for output in shard.outputs}
    return {"metadata": {"total_size": plan.size_bytes}, "weight_map": dict(sorted(names.items()))}


def _record(
    base: Mapping[str, Any],
    adapters: Sequence[Mapping[str, Any]],
    merged: Mapping[str, str],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """``tunedeck.json`` of a merged model: its ancestors by hash, so that lineage and later matches can rely on it."""
    return {
        "kind": "merge",
        "base": dict(base),
        "adapters": [dict(adapter) for adapter in adapters],
        "weights_sha256": dict(merged),
        "versions": dict(versions),
    }


class MergeFolder:
    """``with MergeFolder(target) as folder:`` write into ``folder.path``, then ``folder.publish()``.

    Leaving without ``publish`` removes what was written. A process that is killed leaves ``<target>.merging`` behind,
    which the next merge to the same target recognises by its mark and removes: the files the mark names, no others.
    """

    def __init__(self, target: Path) -> None:
        self.target = target.absolute()
        self.outer = self.target.with_name(self.target.name + SUFFIX)
        self.path = self.outer / _INSIDE
        self._mark = self.outer / MARK
        self._fd = -1
        self._names: list[str] = []

    def __enter__(self) -> MergeFolder:
        """Raises ModelError when the target is taken or another merge works on it, MachineError without rights."""
        try:
            self._remove_leftover()
            if self.target.exists() and (not self.target.is_dir() or any(self.target.iterdir())):
                raise ModelError("export.folder-taken", folder=self.target)
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self.outer.mkdir(mode=0o700)
            self._fd = os.open(self._mark, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._lock()
            self.announce([])
            self.path.mkdir(mode=0o700)
        except OSError as error:
            if self._fd >= 0:  # the mark is ours: a disk may be full at its first bytes
                self.__exit__()
            raise _cannot_write(self.target, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._remove(self._names)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def announce(self, names: list[str]) -> None:
        """Say which files will be made, before they are."""
        self._names = sorted({*self._names, *names})
        data = json.dumps({"made_by": "tunedeck", "files": self._names}).encode()
        os.pwrite(self._fd, data + b"\n", 0)
        os.fsync(self._fd)

    def publish(self) -> Path:
        """Give the folder its name; until here the target did not exist, from here on it is whole."""
        for path in (*self.path.iterdir(), self.path):
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        self.path.rename(self.target)
        return self.target

    def _remove_leftover(self) -> None:
        if not self.outer.exists():
            return
        if not self._mark.is_file():
            if any(self.outer.iterdir()):
                raise ModelError("export.folder-in-the-way", folder=self.outer)
            self.outer.rmdir()
            return
        self._fd = os.open(self._mark, os.O_RDWR)
        try:
            self._lock()
            self._remove(_named(self._mark))
        finally:
            os.close(self._fd)
            self._fd = -1
        if self.outer.exists():
            raise ModelError("export.leftover", folder=self.outer)

    def _lock(self) -> None:
        if locks.taken(self._fd) is False:  # without locks two merges to one target are the user's to avoid
            raise ModelError("export.merge-under-way", folder=self.target)

    def _remove(self, names: list[str]) -> None:
        """Remove the named files, then the folders if nothing else is in them; the mark goes last."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)
        try:
            if self.path.exists():
                self.path.rmdir()
            if [path.name for path in self.outer.iterdir()] == [MARK]:
                self._mark.unlink()
                self.outer.rmdir()
        except OSError:
            pass  # somebody put files there: they stay, and the next merge says so


def _named(mark: Path) -> list[str]:
    """The files a mark names. One cut off while it was written precedes every file."""
    try:
        names = json.loads(mark.read_bytes())["files"]
    except (ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str) and Path(name).name == name]
