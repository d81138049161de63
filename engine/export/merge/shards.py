"""Merge LoRA adapters into their 16-bit base, shard by shard on the CPU, without ever holding the model."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import MachineError, ModelError
from engine.common.versions import versions
from engine.export.merge import carry
from engine.export.merge.adapter_change import Adapter, open_adapter
from engine.export.merge.blocks import blocks
from engine.export.merge.folder import MergeFolder
from engine.export.merge.plan import Output, Plan, Shard, config_of, make_plan
from engine.export.tensor_files import DTYPES, NAMES, TensorFile, TensorWriter
from engine.machine.host import read_host
from engine.models.adapter.match import match, require_match
from engine.models.card import read_card
from engine.models.weight_hash import hash_files

Progress = Callable[[int, int], None]
_SPARE_DISK_BYTES = 64 << 20
_SPARE_MEMORY_BYTES = 256 << 20


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
        files = carry.files_to_carry(base, [adapter.folder for adapter in opened])
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
            _write(plan, origin, opened, folder, files, carry.merged_config(config, plan, dtype),
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
        raise MachineError(
            "The disk is too small for the merged model",
            f"{target.parent} has {free / 1e9:.2f} GB free, the merged model takes {needed / 1e9:.2f} GB.",
            "Free space, or name a folder on a larger disk.",
        )
    memory = plan.memory_bytes + _SPARE_MEMORY_BYTES
    if host.ram_available_bytes < memory:
        raise MachineError(
            "The memory is too small to merge",
            f"{host.ram_available_bytes / 1e9:.2f} GB are available, the largest tensor takes {memory / 1e9:.2f} GB.",
            "End other programs, or merge on a larger machine; the result can be copied.",
        )


def _write(
    plan: Plan, origin: dict[str, Any], adapters: Sequence[Adapter], folder: MergeFolder, files: dict[str, Path],
    config: dict[str, Any], on_progress: Callable[[int], None],
) -> None:  # fmt: skip
    folder.announce([*files, *(shard.name for shard in plan.shards), "config.json", "tunedeck.json",
                     carry.INDEX, carry.TEMPLATE])  # fmt: skip
    carry.copy(files, folder.path, Path(origin["path"]))
    done = 0

    def wrote(count: int) -> None:
        nonlocal done
        done += count
        on_progress(done)

    written = {shard.name: _write_shard(shard, folder.path, wrote) for shard in plan.shards}
    carry.write_json(folder.path / "config.json", config)
    if len(plan.shards) > 1:
        carry.write_json(folder.path / carry.INDEX, carry.index_of(plan))
    ancestors = [
        {"path": str(adapter.folder.absolute()), "run": adapter.card.run, "weight": adapter.weight,
         "sha256": hash_files([adapter.card.file])[adapter.card.file.name], "base": adapter.card.base}
        for adapter in adapters
    ]  # fmt: skip
    carry.write_json(folder.path / "tunedeck.json", carry.record(origin, ancestors, written, versions()))


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
            raise ModelError(
                "The merged weights are not finite",
                f"{output.name} would hold NaN or Inf: {', '.join(str(part.source.path) for part in output.parts)}",
                "The adapter's training went wrong (see its losses), or the weights are too large for this dtype.",
            )
        wrote(writer.write(rows))


def _cannot_write(target: Path, error: OSError) -> MachineError:
    if error.errno == errno.ENOSPC:
        return MachineError("The disk is full", f"while writing {target}; nothing of it is left.", "Free space first.")
    what = error.strerror or str(error)
    return MachineError("The merged model can't be written", f"{error.filename or target}: {what}", "Check its rights.")
