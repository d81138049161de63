"""From the directory of a run that memory ended to its post-mortem; light, but not for the screen's own thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.common.errors import TunedeckError
from engine.machine.gpu_specs import GIB
from engine.memory.out_of_memory import Failure, Remedy, named, remedies, shortage, title, what_did_not_fit
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.follow import KILLED, KILLED_FOR_MEMORY
from engine.runs.state import RunState

if TYPE_CHECKING:
    from engine.machine.gpus import Gpu
    from engine.memory.from_config import Setup

CONTEXT_BYTES = 1 * GIB
"""At most what a process holds of a GPU beside torch's blocks: context and libraries."""
HIDDEN_OTHERS = 0.5 * GIB
SCARCE_SHARE = 0.03
"""Of the RAM: with less free, a process that was killed was killed for it."""
OUT_OF_MEMORY, OUT_OF_RAM = "OutOfMemory", "runs.out-of-ram"
"""The class of the errors that end a run for lack of memory, and the code of the one that Python raises."""
_AUTO_FIELDS = ("model.quantization", "train.micro_batch_tokens", "train.gradient_checkpointing", "train.optim")
_ONE_ROW_PHASES = ("loss", "backward", "backward_end")


@dataclass(frozen=True)
class PostMortem:
    """What a screen or a verb tells. ``what`` did not fit; ``settled`` is what ``auto`` was, by dotted field."""

    title: Message
    what: Message | None
    shortage: tuple[Message, ...]
    others: tuple[Message, ...]
    remedies: tuple[Remedy, ...]
    failure: Failure
    settled: dict[str, Any]

    @property
    def is_explained(self) -> bool:
        """Whether config and model were there to tell which part did not fit."""
        return self.what is not None

    @property
    def source(self) -> str:
        """What the config says beside a value that a remedy changed."""
        return text("app.after-shortage", when=self.failure.when)


def ended_for_memory(state: RunState) -> bool:
    """Whether lack of memory ended the run, as far as log and system tell."""
    if state.state == "failed":
        newest = state.out_of_memory
        told = state.failure is not None and (
            state.failure.error == OUT_OF_MEMORY or state.failure.reason.code == OUT_OF_RAM
        )
        return told or (newest is not None and newest.retry_tokens is None)
    if state.state != "crashed" or state.reason is None:
        return False
    killed = state.reason == Message(KILLED, signal="SIGKILL")
    return state.reason.code == KILLED_FOR_MEMORY or (killed and _ram_was_scarce(state))


def examine_here(run: RunDir, state: RunState) -> PostMortem | None:
    """``examine`` with this machine's GPUs in mind, which are only read where memory ended the run."""
    from engine.machine import snapshot

    if not ended_for_memory(state):
        return None
    machine = snapshot.read_machine_now()
    return examine(run, state, machine.gpus if machine else ())


def examine(run: RunDir, state: RunState, gpus: Sequence[Gpu] = ()) -> PostMortem | None:
    """The post-mortem of ``run``; None unless memory ended it. ``gpus``: those of the machine now.

    Never raises: what a config or a model that is gone can't tell is left out.
    """
    if not ended_for_memory(state):
        return None
    failure = failure_of(state)
    setup, settled = _setup(run, state, failure)
    return PostMortem(
        title(failure), what_did_not_fit(failure, setup) if setup else None, shortage(failure, setup),
        tuple(named(failure.others)), remedies(failure, setup, gpus), failure, settled,
    )  # fmt: skip


def failure_of(state: RunState) -> Failure:
    """How memory ran out, from what the log last said."""
    event = state.out_of_memory if state.out_of_memory and state.out_of_memory.retry_tokens is None else None
    plan, gpu = state.memory_plan, state.own_gpu
    killed = state.state == "crashed"
    said = (event.device if event else "") or (plan.device if plan else "")
    on_gpu = not killed and (said.startswith("cuda") if said else gpu is not None)
    failure = Failure(
        "cuda" if on_gpu else "cpu", event.step if event else _step(state), _phase(event, state.phase), killed=killed
    )  # fmt: skip
    return _on_gpu(failure, event, state) if on_gpu else _in_ram(failure, event, state)


def _on_gpu(failure: Failure, event: ev.OutOfMemory | None, state: RunState) -> Failure:
    plan, gpu = state.memory_plan, state.own_gpu
    others = next((found for found in (event and event.others, gpu and gpu.others, plan and plan.others) if found), [])
    total = (event and event.total_bytes) or (gpu and gpu.total) or (plan and plan.total_bytes)
    held_by_others = float(sum(other.memory or 0 for other in others))
    if gpu is not None and gpu.used is not None and gpu.reserved is not None:
        hidden = gpu.used - gpu.reserved - CONTEXT_BYTES  # in a container others' processes can't be seen
        held_by_others = max(held_by_others, hidden) if hidden > HIDDEN_OTHERS else held_by_others
    return replace(
        failure,
        held_bytes=event.allocated_bytes if event else gpu.reserved if gpu else None,
        asked_bytes=event.asked_bytes if event else None,
        total_bytes=total or None,
        room_bytes=total - held_by_others if total else plan.available_bytes if plan else None,
        others=tuple(others),
        gpu=gpu.index if gpu else None,
    )


def _in_ram(failure: Failure, event: ev.OutOfMemory | None, state: RunState) -> Failure:
    plan, device = state.memory_plan, state.device
    rss = device.rss if device else None
    available = device.ram_available if device else None
    room = rss + available if rss is not None and available is not None else plan.available_bytes if plan else None
    total = (event and event.total_bytes) or (device and device.ram_total) or (plan and plan.total_bytes)
    held = (event.allocated_bytes if event else None) or rss
    asked = event.asked_bytes if event else None
    return replace(failure, held_bytes=held, asked_bytes=asked, total_bytes=total or None, room_bytes=room)


def _phase(event: ev.OutOfMemory | None, phase: ev.Phase | None) -> str:
    """A phase of the estimate: as the event says, else from what the runner was doing; "" where that is open."""
    if event is not None and event.phase:
        return event.phase
    doing = phase.name if phase else ""
    if doing in ("load", "download"):
        return "load"
    return "evaluation" if doing.startswith(("evaluate", "answer")) else ""


def _step(state: RunState) -> int | None:
    training = state.phase is not None and state.phase.name == "train"
    return state.done_steps + 1 if training else state.done_steps or None


def _ram_was_scarce(state: RunState) -> bool:
    device = state.device
    if device is None or device.ram_available is None or not device.ram_total:
        return False
    return device.ram_available < SCARCE_SHARE * device.ram_total


def _setup(run: RunDir, state: RunState, failure: Failure) -> tuple[Setup | None, dict[str, Any]]:
    """The run as it failed, its ``auto`` as the plan settled it; and those settings."""
    from engine.config import toml
    from engine.memory.from_config import Setup
    from engine.models.dims import from_folder
    from engine.models.local import model_folder

    plan = state.memory_plan
    try:
        config = toml.load(run.config).config
        settled = _settled(config, plan.settings if plan else {})
        folder = model_folder(config)
        if folder is None:
            return None, settled
        longest = plan.longest_row if plan and (plan.longest_row or 0) > 0 else None
        setup = Setup(config, from_folder(folder), failure.device, longest_row=longest)
    except TunedeckError:
        return None, {}
    setup = setup.with_settings(settled)
    tokens = state.micro_batch_tokens
    if not failure.killed and failure.phase in _ONE_ROW_PHASES:
        tokens = setup.row_tokens  # the runner gives up only when one row at a time is too much
    if tokens is not None:
        setup = setup.with_settings({"train.micro_batch_tokens": tokens})
    return setup, settled


def _settled(config: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """Values for the fields that are still auto; a log may say anything, so each is checked."""
    copy, found = config.model_copy(deep=True), {}
    for dotted in _AUTO_FIELDS:
        section, field = dotted.split(".")
        if getattr(getattr(config, section), field) == "auto" and dotted in settings:
            try:
                setattr(getattr(copy, section), field, settings[dotted])
            except ValueError:
                continue
            found[dotted] = getattr(getattr(copy, section), field)
    return {dotted: value for dotted, value in found.items() if value != "auto"}
