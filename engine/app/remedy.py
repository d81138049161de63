"""Change an ended run as a remedy says and start it again: from its last checkpoint, from its beginning, or anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.app.start import facts_of, launch
from engine.common.errors import MachineError, RunError, reason_of
from engine.common.files import write_atomic
from engine.config import toml
from engine.memory.out_of_memory import named
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import directory
from engine.runs.directory import RunDir, RunLock, is_starting
from engine.runs.events import ProcessUse

if TYPE_CHECKING:
    from engine.app.post_mortem import PostMortem
    from engine.machine.snapshot import Machine
    from engine.memory.out_of_memory import Remedy

Kind = Literal["resume", "restart", "new run"]
Launch = Callable[[RunDir, bool], object]


@dataclass(frozen=True)
class Way:
    """How a remedy goes on. ``lines`` say what will happen, for a person to agree to."""

    kind: Kind
    lines: tuple[Message, ...]


def require_ended(run: RunDir) -> None:
    """Raise RunError while ``run`` is running."""
    if run.is_alive():
        raise RunError("remedy.running", run=run.id)


def numbered(run: RunDir, found: PostMortem | None, number: int) -> Remedy:
    """Remedy ``number``, from 1. Raises RunError where memory did not end the run, or there are fewer."""
    if found is None:
        raise RunError("remedy.not-needed", run=run.id)
    if not 1 <= number <= len(found.remedies):
        raise RunError("remedy.no-such", run=run.id, number=number, count=len(found.remedies))
    return found.remedies[number - 1]


def way_of(run: RunDir, found: PostMortem, remedy: Remedy) -> Way:
    """What applying ``remedy`` to ``run`` does; changes nothing."""
    checkpoints = run.complete_checkpoints()
    lines = [Message("remedy.sets", field=field, value=_toml(value)) for field, value in remedy.settings.items()]
    if checkpoints and remedy.carries == "nothing":
        kind: Kind = "new run"
        lines += [Message("remedy.new-run"), Message("remedy.run-kept")]
    elif checkpoints:
        kind = "resume"
        lines.append(Message("remedy.resumes", checkpoint=checkpoints[-1].name))
        if remedy.carries == "without optimizer":
            lines.append(Message("remedy.optimizer-anew"))
    else:
        kind = "restart"
        lines.append(Message("remedy.restarts"))
    if kind != "new run" and remedy.settings:
        lines.append(Message("remedy.config-kept", file=_kept_as(run).name))
    return Way(kind, tuple(lines))


def apply(
    run: RunDir, found: PostMortem, remedy: Remedy, launch: Launch = launch, machine: Machine | None = None
) -> RunDir:
    """Change the config as ``remedy`` says and launch; returns the run that now runs.

    The settings that ``auto`` had become are written down too: chosen anew they could undo the remedy.
    Raises RunError while the run is alive or a GPU to be waited for is still taken (by ``machine``, where given),
    ConfigError when the config was broken meanwhile, MachineError when the disk or the system refuses.
    """
    _mind_others(found, remedy, machine)
    kind = way_of(run, found, remedy).kind
    lock = RunLock(run.lock)
    if is_starting(run):
        raise RunError("remedy.running", run=run.id)
    lock.acquire(patience_s=0.5)
    try:
        target = _as_new_run(run, found, remedy) if kind == "new run" else _rewritten(run, found, remedy)
    except OSError as error:
        raise MachineError(
            "remedy.config-not-written", path=error.filename or run.config, reason=reason_of(error)
        ) from error  # fmt: skip
    finally:
        lock.release()
    launch(target, kind == "resume")
    return target


def _rewritten(run: RunDir, found: PostMortem, remedy: Remedy) -> RunDir:
    """The same run with its config changed in one go; the earlier file stays beside it. Raises OSError."""
    before = run.config.read_text("utf-8")
    after = _changed(before, found, remedy)
    if after != before:
        write_atomic(_kept_as(run), before)
        write_atomic(run.config, after)
    return run


def _as_new_run(run: RunDir, found: PostMortem, remedy: Remedy) -> RunDir:
    """Another run directory with the changed config. Raises OSError, MachineError."""
    config = toml.load(run.config).config
    name = _another_name(config.run.name, run.path.parent) if config.run.name else ""
    changed = _changed(run.config.read_text("utf-8"), found, remedy)
    if name:
        changed = toml.with_values(
            changed, {"run.name": name}, text("app.source-of-run", source=found.source, run=run.id)
        )
    more = facts_of(config, duplicated_from=run.id)
    return directory.create(config.model.name_or_path, changed, name, run.path.parent, more)


def _changed(config: str, found: PostMortem, remedy: Remedy) -> str:
    config = toml.with_values(config, remedy.settings, found.source) if remedy.settings else config
    kept = {field: value for field, value in found.settled.items() if field not in remedy.settings}
    if not (kept and remedy.settings):
        return config
    return toml.with_values(config, kept, text("app.what-auto-was", source=found.source))


def _kept_as(run: RunDir) -> Path:
    """``config.<n>.toml`` with the first free number."""
    number = 1
    while (path := run.path / f"config.{number}.toml").exists():
        number += 1
    return path


def _another_name(name: str, root: Path) -> str:
    taken = {str(each.read_run_json().get("name")) for each in directory.list_runs(root)}
    number = 2
    while f"{name} {number}" in taken:
        number += 1
    return f"{name} {number}"


def _mind_others(found: PostMortem, remedy: Remedy, machine: Machine | None) -> None:
    """A remedy that waits for others starts nothing before they are gone. Raises RunError."""
    if remedy.wait_bytes is None or machine is None or found.failure.gpu is None:
        return
    gpu = next((gpu for gpu in machine.gpus if gpu.index == found.failure.gpu and gpu.mig_of is None), None)
    if gpu is None or gpu.free_bytes is None or gpu.free_bytes >= remedy.wait_bytes:
        return
    others = named([_use(process) for process in gpu.others()]) or [Message("remedy.unknown-processes")]
    raise RunError("remedy.gpu-taken", free=gpu.free_bytes, needed=remedy.wait_bytes, others=others)


def _use(process: Any) -> ProcessUse:
    return ProcessUse(
        pid=process.pid, user=process.user, program=process.program, memory=process.memory_bytes
    )  # fmt: skip


def _toml(value: object) -> str:
    return json.dumps(value) if isinstance(value, (str, bool)) else str(value)
