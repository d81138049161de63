"""Checkpoints that exist only when whole: written aside, marked COMPLETE, then given their name."""

from __future__ import annotations

import json
import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from engine.common.errors import MachineError, RunError, own_words, reason_of
from engine.distributed.ranks import Ranks
from engine.memory.disk import what_helps_full
from engine.messages.message import Message
from engine.modeling.out_of_memory import is_out_of_memory
from engine.modeling.peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from engine.modeling.randomness import set_torch_state, torch_state
from engine.models.card import PADDING
from engine.runs import events as ev
from engine.runs.checkpoints import STATE, damage, has_hashes, mark_of, set_aside, step_of
from engine.runs.directory import COMPLETE, RunDir
from engine.runs.phases import Sink

_SCALER = "scaler.pt"
"""The loss scale and how long it has held: where they differ, so do the gradients' last bits."""


@dataclass(frozen=True)
class TrainerState:
    """Where a run stands after ``step``; with config and seed this fixes all that follows."""

    step: int
    num_tokens: int = 0
    supervised_tokens: int = 0
    evaluated_step: int = 0
    start_measure: float | None = None  # of the validation set, as ``eval.best_by`` says, the lower the better
    best_measure: float | None = None
    best_step: int = 0
    last_measure: float | None = None
    worse_evals: int = 0
    train_seconds: float = 0.0
    micro_batch_tokens: int | None = None  # what running out of memory left of the budget
    larger_tokens: int | None = None  # what is to be tried again some time after ``short_at``
    short_at: int = 0
    spike_step: int = 0  # the newest whose loss was out of line
    coarsest: int = PADDING  # padding of rows, as at the first start
    settings: dict[str, Any] = field(default_factory=dict)  # what ``auto`` became at the first start


def save(
    run: RunDir, state: TrainerState, model: PeftModel, tokenizer: Any, optimizer: torch.optim.Optimizer, keep: int
) -> tuple[Path, int]:
    """Write ``checkpoint-<step>`` and remove all but the ``keep`` newest; returns its path and size in bytes.

    That of the best step so far stays too, and the last one before the newest spike.

    Raises MachineError when the disk refuses; what was there before stays as it was.
    """
    final = run.checkpoint(state.step)
    partial = run.path / f"checkpoint-{state.step}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(mode=0o700)
        save_adapter(partial, model, tokenizer)
        torch.save(optimizer.state_dict(), partial / "optimizer.pt")
        scaler = getattr(optimizer, "scaler", None)  # accelerate's, in float16
        if scaler is not None:
            torch.save(scaler.state_dict(), partial / _SCALER)
        torch.save(_rng_state(), partial / "rng_state_0.pth")
        (partial / STATE).write_text(json.dumps(asdict(state), indent=1))
        with ThreadPoolExecutor(1) as beside:  # the files are hashed while the disk takes them
            synced = beside.submit(_sync, partial)
            mark = mark_of(partial)
            synced.result()
        with (partial / COMPLETE).open("w") as file:
            file.write(mark)
            file.flush()
            os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(final)
        partial.replace(final)
    except Exception as error:  # safetensors and torch report a full disk in ways of their own
        shutil.rmtree(partial, ignore_errors=True)
        before = run.complete_checkpoints()
        code = "training.checkpoint-unwritable-again" if before else "training.checkpoint-unwritable"
        raise MachineError(
            code, path=final, reason=own_words(error, 200), help=what_helps_full(run.path),
            newest=before[-1].name if before else "",
        ) from error  # fmt: skip
    there = run.complete_checkpoints()
    before_spike = [folder for folder in there if step_of(folder) < state.spike_step][-1:]
    for old in there[:-keep]:
        if old not in (run.checkpoint(state.best_step), *before_spike):
            shutil.rmtree(old, ignore_errors=True)
    return final, folder_bytes(final)


def save_adapter(folder: Path, model: PeftModel, tokenizer: Any) -> None:
    """The adapter as PEFT saves it, with tokenizer and chat template beside it."""
    card = folder / "README.md"
    card.write_text("---\nlibrary_name: peft\n---\n")  # else PEFT makes an empty form of one, for 0.1 s
    model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
    card.unlink()
    tokenizer.save_pretrained(folder)


def newest_sound(run: RunDir, sink: Sink) -> Path | None:
    """The newest checkpoint that can be gone on from, None if there is none at all.

    Damaged ones before it are renamed, so that they count no more, and told of. Raises RunError when all of them are
    damaged; they then keep their names.
    """
    damaged: list[tuple[Path, Message]] = []
    sound = None
    for folder in reversed(run.complete_checkpoints()):
        why = damage(folder) or (None if has_hashes(folder) else _cant_load(folder))
        if not why:
            sound = folder
            break
        damaged.append((folder, why))
    if damaged and sound is None:
        each = [Message("runs.damaged-checkpoint", checkpoint=folder.name, reason=why) for folder, why in damaged]
        raise RunError("runs.no-whole-checkpoint", damage=each, config=run.config)
    for folder, why in damaged:
        try:
            kept = set_aside(folder).name
        except OSError as error:
            raise MachineError("runs.checkpoint-not-renamed", path=folder, reason=reason_of(error)) from error
        told = Message("events.checkpoint-damaged", checkpoint=folder.name, reason=why, kept=kept,
                       used=sound.name if sound else "")  # fmt: skip
        sink(ev.Warn(message=told))
    return sound


def _cant_load(folder: Path) -> Message | None:
    """Why a checkpoint without hashes can't be loaded, None if it can."""
    try:
        load_file(folder / "adapter_model.safetensors")
        for name in ("optimizer.pt", "rng_state_0.pth"):
            torch.load(folder / name, weights_only=True, map_location="cpu")
        read_state(folder)
    except Exception as error:  # a damaged file fails in any way
        if is_out_of_memory(error):
            raise
        return Message.literal(" ".join(str(error.__cause__ or error).split())[:200] or type(error).__name__)
    return None


def restore(folder: Path, model: PeftModel, optimizer: torch.optim.Optimizer) -> TrainerState:
    """Put adapter, optimizer, loss scale and random state back as after the checkpoint's step. Raises RunError."""
    try:
        _load_adapter(folder, model)
        # weights_only: nothing in these files may run code.
        remembered = torch.load(folder / "optimizer.pt", weights_only=True, map_location="cpu")
        if _is_32_bit(remembered) == isinstance(getattr(optimizer, "optimizer", optimizer), torch.optim.AdamW):
            optimizer.load_state_dict(remembered)  # of another kind: what it remembers of past steps starts anew
        scaler = getattr(optimizer, "scaler", None)
        if scaler is not None and (folder / _SCALER).is_file():  # older checkpoints have none
            scaler.load_state_dict(torch.load(folder / _SCALER, weights_only=True, map_location="cpu"))
        _restore_rng(torch.load(folder / "rng_state_0.pth", weights_only=True, map_location="cpu"))
    except RunError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise _unreadable(folder, own_words(error, 200)) from error
    return read_state(folder)


def restore_adapter(folder: Path, model: PeftModel) -> None:
    """Put the adapter alone back as after the checkpoint's step. Raises RunError."""
    try:
        _load_adapter(folder, model)
    except RunError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise _unreadable(folder, own_words(error, 200)) from error


def _load_adapter(folder: Path, model: PeftModel) -> None:
    weights = load_file(folder / "adapter_model.safetensors")
    expected = get_peft_model_state_dict(model, save_embedding_layers=False)
    if weights.keys() != expected.keys():
        raise _unreadable(folder, Message("training.checkpoint-of-another"))
    set_peft_model_state_dict(model, weights)


def _is_32_bit(remembered: dict[str, Any]) -> bool:
    """Whether an optimizer's saved state is that of torch's AdamW, not of one with 8-bit states."""
    states = remembered["state"].values()
    return all("exp_avg" in state for state in states)


def read_state(folder: Path) -> TrainerState:
    """Where the run stood at this checkpoint; needs no model. Raises RunError."""
    try:
        values = json.loads((folder / STATE).read_text())
        if "best_eval_loss" in values:  # of an earlier version: its step is not known
            values["best_measure"] = values.pop("best_eval_loss")
        return TrainerState(**values)
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(folder, own_words(error, 200)) from error


def _unreadable(folder: Path, reason: Message | str) -> RunError:
    return RunError("training.checkpoint-unreadable", path=folder, reason=reason)


def _rng_state() -> dict[str, Any]:
    return {"python": json.dumps(random.getstate()), **torch_state()}


def _restore_rng(state: dict[str, Any]) -> None:
    version, internal, gauss = json.loads(state["python"])
    random.setstate((version, tuple(internal), gauss))
    set_torch_state(state)


def _sync(folder: Path) -> None:
    """Force the files to disk, so that COMPLETE never precedes them."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def begun(ranks: Ranks, state: TrainerState, budget_tokens: int, eval_tokens: int) -> tuple[TrainerState, int, int]:
    """Where all processes start from: the first one's ``state`` and its budgets for training and for evaluation."""
    values, *tokens = ranks.from_first((asdict(state), budget_tokens, eval_tokens))
    return TrainerState(**values), tokens[0], tokens[1]
