"""Exporting an adapter: what each target is for and takes, what speaks against it, and the process that does it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain, count
from pathlib import Path

import msgspec

from engine.app import export_time
from engine.common.child import run_answering
from engine.common.errors import ConfigError, MachineError, ModelError, reason_of
from engine.common.files import sha256, write_atomic
from engine.common.versions import versions
from engine.common.work_folder import remove_left_behind
from engine.machine.host import read_host
from engine.messages.message import Message
from engine.models import gguf, vllm
from engine.models.adapter.card import AdapterCard
from engine.models.adapter.config import CONFIG_FILE
from engine.models.card import ModelCard
from engine.models.for_use import ForUse, Trust, check, find_for_use
from engine.models.licence import licence_of, restriction
from engine.runs import exports, failures
from engine.runs.directory import RunDir
from engine.runs.exports import Export

TARGETS = ("adapter", "merged", "gguf", "gguf-lora", "ollama", "vllm")
PROVABLE = ("merged", "gguf", "gguf-lora", "ollama", "vllm")
WITH_KINDS = ("gguf", "ollama")
DEFAULT_KINDS = ("q8_0",)
CARD = "README.md"
_SPARE_BYTES = 64 << 20
_TENSOR_BYTES = 100
"""Of a tensor's name and place in the head of a GGUF file."""

Progress = Callable[[int, int | None, Message], None]


@dataclass(frozen=True)
class Plan:
    """An export that nothing speaks against. Sizes in bytes, about; ``seconds`` too, and ``proof_seconds`` after them.

    ``work_bytes`` are needed on the way beside ``out_bytes``. ``done`` are files of this very adapter that are there
    already.
    """

    target: str
    kinds: tuple[str, ...]
    found: ForUse
    adapter: AdapterCard
    out: Path
    adapter_sha256: str
    config_sha256: str
    out_bytes: int
    work_bytes: int
    seconds: float
    done: frozenset[str] = frozenset()
    base_id: str = ""
    proof_seconds: float = 0.0

    @property
    def base(self) -> ModelCard:
        return self.found.card

    @property
    def licence(self) -> Message | None:
        """What the base's licence says against sharing the result, as far as it is known."""
        return restriction(licence_of(self.found.model.name_or_path, self.base.path))

    @property
    def base_name(self) -> str:
        """What others call the base: its hub id where one is known, else the name of its folder."""
        named = self.base_id or self.found.model.name_or_path
        return Path(named).name if Path(named).is_absolute() or Path(named).expanduser().is_dir() else named

    @property
    def run(self) -> RunDir | None:
        return self.found.run


@dataclass(frozen=True)
class Subject:
    """An adapter that can be exported, checked once for all targets: its base, and the hashes of weights and config."""

    found: ForUse
    adapter: AdapterCard
    sha256: str
    config_sha256: str

    def plan(self, target: str, kinds: Sequence[str] = (), out: Path | None = None, base_id: str = "") -> Plan:
        """What exporting to ``target`` takes; changes nothing but that what a killed export left there goes.

        ``kinds`` are GGUF types, for targets gguf and ollama. ``out``: the folder for it, else one beside the run or
        adapter that holds nothing else. ``base_id`` takes the place of the base's folder in PEFT's config. Raises
        TunedeckError for all that speaks against it.
        """
        kinds = _kinds(target, kinds)
        adapter, base = self.adapter, self.found.card
        if target == "gguf-lora" and (lacking := gguf.what_gguf_cannot_hold(adapter)):
            raise ModelError("gguf.adapter-beyond-gguf", adapter=adapter.path, parts=lacking)
        if target == "vllm" and (lacking := vllm.what_vllm_cannot_serve(adapter)):
            raise ModelError("exporting.beyond-vllm", adapter=adapter.path, parts=lacking)
        if not set(kinds) <= set(gguf.PLAIN) and find_spec(gguf.QUANTIZER) is None:
            raise MachineError("gguf.no-library", library=gguf.QUANTIZER)
        for folder in (out, *self._folders) if out is not None else self._folders:
            remove_left_behind(folder)
        where = (out or self._free_folder(target)).absolute()
        done = _done(where, self.sha256, self.config_sha256)
        out_bytes, work_bytes = _sizes(target, kinds, adapter, base)
        _check_disk(where, out_bytes + work_bytes)
        return Plan(
            target, kinds, self.found, adapter, where, self.sha256, self.config_sha256, out_bytes, work_bytes,
            export_time.of_export(target, kinds, base), done, base_id, self._proof_seconds(target, kinds),
        )  # fmt: skip

    def _proof_seconds(self, target: str, kinds: Sequence[str]) -> float:
        run = self.found.run
        return export_time.of_proof(target, kinds, self.found.card, run) if run and is_proved(target, run) else 0.0

    @property
    def _beside(self) -> Path:
        """Where its exports are put that no folder is named for."""
        run = self.found.run
        return (run.path if run else self.adapter.path.absolute()) / exports.FOLDER

    @property
    def _folders(self) -> list[Path]:
        """Where an export or a proof of it works."""
        run = self.found.run
        there = [each for each in self._beside.iterdir() if each.is_dir()] if self._beside.is_dir() else []
        return [*([run.path] if run else []), *there]

    def _free_folder(self, target: str) -> Path:
        """The target's own folder, numbered where that holds what is not of this very adapter."""
        beside = self._beside
        names = chain([target], (f"{target}-{number}" for number in count(2)))
        return next(beside / name for name in names if not _is_taken(beside / name, self.sha256, self.config_sha256))


def is_proved(target: str, run: RunDir | None) -> bool:
    """Whether a program here can answer with the files of ``target``, and a run has rows to ask."""
    return run is not None and target in PROVABLE and (target != "vllm" or shutil.which("vllm") is not None)


def subject(name: str, trust_base: bool = False, base: str = "") -> Subject:
    """The adapter of ``name``, a run or a folder. Hashes the base once. Raises TunedeckError."""
    found = find_for_use(name, Trust(base=trust_base), base=base)
    if found.adapter is None:
        raise ModelError("exporting.no-adapter", name=name)
    check(found, Trust(base=trust_base))
    return Subject(found, found.adapter, sha256(found.adapter.file), sha256(found.adapter.path / CONFIG_FILE))


def plan_export(
    name: str, target: str, kinds: Sequence[str] = (), out: Path | None = None, trust_base: bool = False,
    base_id: str = "", base: str = "",
) -> Plan:  # fmt: skip
    """What exporting the adapter of ``name`` (a run or a folder) to ``target`` takes: see ``Subject.plan``."""
    _kinds(target, kinds)  # before the hashes
    return subject(name, trust_base, base).plan(target, kinds, out, base_id)


def _kinds(target: str, kinds: Sequence[str]) -> tuple[str, ...]:
    """The GGUF types that are meant, each once. Raises ConfigError."""
    if target not in TARGETS:
        raise ConfigError("exporting.no-target", target=target, known=(*TARGETS, "hub"))
    kinds = tuple(dict.fromkeys(kinds)) or (DEFAULT_KINDS if target in WITH_KINDS else ())
    unknown = [kind for kind in kinds if kind not in gguf.BITS]
    if unknown or (kinds and target not in WITH_KINDS):
        raise ConfigError("exporting.no-gguf-type", kinds=unknown or kinds, known=tuple(gguf.BITS), target=target)
    return kinds


def export(
    plan: Plan, on_progress: Progress = lambda done, total, message: None,
    on_silence: Callable[[], None] = lambda: None,
) -> Export:  # fmt: skip
    """Carry it out in a process of its own. Raises TunedeckError.

    ``on_silence`` is called twice a second while nothing is said; what it or ``on_progress`` raises ends the process
    and leaves nothing half-made.
    """
    before = exports.read(plan.out) if plan.done else None
    adapter, base = str(plan.adapter.path.absolute()), str(plan.base.path.absolute())
    if plan.target == "merged" and before is not None and before.is_there:
        stands = msgspec.structs.replace(before, path=str(plan.out), adapter=adapter, base=base)
        return noted(stands, plan.run)  # as the newest: it is what a server is to take
    request = {
        "target": plan.target, "kinds": list(plan.kinds), "model": plan.found.model.model_dump(mode="json"),
        "adapter": adapter, "base": base, "out": str(plan.out),
        "name": file_name(plan.run, plan.adapter.path), "base_name": plan.base_name, "done": sorted(plan.done),
    }  # fmt: skip
    arguments = ["engine.export", json.dumps(request)]
    with failures.noted(plan.run, "export", plan.target):
        said = run_answering(arguments, "exporting.ended", on_progress, on_silence=on_silence)
    now: dict[str, int] = said["files"]
    files = {name: _size(plan.out / name) for name in sorted(plan.done - now.keys())} | now  # those of now are last
    kinds = [kind for kind in (before.kinds if before else ()) if kind not in plan.kinds] + list(plan.kinds)
    made = Export(
        target=plan.target, path=str(plan.out), adapter=adapter, adapter_sha256=plan.adapter_sha256,
        config_sha256=plan.config_sha256, base=base,
        run=plan.run.id if plan.run else "",
        kinds=kinds, files=files, made=time.time(), versions=versions(),
    )  # fmt: skip
    return noted(made, plan.run)


def noted(made: Export, run: RunDir | None) -> Export:
    """``made`` with its model card beside the files, kept with them and with its run. Raises MachineError.

    The card is written anew, unless somebody edited it; only a run knows what it says.
    """
    card, record = (Path(made.path) / name for name in (CARD, exports.RECORD))
    edited = run is not None and _is_edited(card)
    try:
        if run is not None:
            made = _with_card(made, run)
        exports.keep(run, made)
        if edited:  # still, when it is looked at the next time
            os.utime(card, ns=(record.stat().st_mtime_ns + 1,) * 2)
    except OSError as error:
        raise MachineError("exporting.unnoted", folder=made.path, reason=reason_of(error)) from error
    return made


def _with_card(made: Export, run: RunDir) -> Export:
    from engine.report.facts import read
    from engine.report.model_card import model_card

    path = Path(made.path) / CARD
    if not _is_edited(path):
        write_atomic(path, model_card(read(run), file_name(run, Path(made.adapter))))
    return msgspec.structs.replace(made, files={**made.files, CARD: path.stat().st_size})


def _is_edited(card: Path) -> bool:
    """Whether somebody wrote to the card after the record beside it, which is written behind a card that nobody did."""
    record = card.with_name(exports.RECORD)
    return card.is_file() and record.is_file() and card.stat().st_mtime_ns > record.stat().st_mtime_ns


def _done(out: Path, digest: str, of_config: str) -> frozenset[str]:
    """Files of an earlier export of the same adapter to the same folder. Raises ConfigError for a folder in use."""
    if _is_taken(out, digest, of_config):
        raise ConfigError("exporting.out-not-empty", folder=out)
    before = exports.read(out)
    return (
        frozenset(name for name, size in before.files.items() if _size(out / name) == size) if before else frozenset()
    )


def _is_taken(out: Path, digest: str, of_config: str) -> bool:
    """Whether something else than an export of the adapter with these hashes is there."""
    if not out.exists():
        return False
    before = exports.read(out) if out.is_dir() else None
    return not out.is_dir() or (any(out.iterdir()) if before is None else not before.is_of(digest, of_config))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _sizes(target: str, kinds: Sequence[str], adapter: AdapterCard, base: ModelCard) -> tuple[int, int]:
    """Bytes that stay, and those needed on the way."""
    if target == "gguf-lora":
        lora = 4 * (adapter.parameters or 0) + _TENSOR_BYTES * len(adapter.tensors)  # in 32 bits
        return lora, lora
    if target in ("adapter", "vllm"):
        return sum(_size(path) for path in adapter.path.iterdir() if path.is_file()), 0
    if target == "merged":
        return base.weight_bytes, 0
    plain = [kind for kind in kinds if kind in gguf.PLAIN]
    merged, between = gguf.size_of(base, gguf.merged_as(kinds)), 0 if plain else gguf.size_of(base, "f16")
    return sum(gguf.size_of(base, kind) for kind in kinds), merged + between


def _check_disk(out: Path, needed: int) -> None:
    free = read_host([out]).disks[0].free_bytes
    if free is not None and free < needed + _SPARE_BYTES:
        raise MachineError("exporting.disk-small", folder=out, free=free, needed=needed + _SPARE_BYTES)


def file_name(run: RunDir | None, adapter: Path) -> str:
    """What files are named after: the run, or the adapter's folder."""
    name = run.name if run else adapter.absolute().name
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name).strip(".-") or "model"
