"""The run directory: create it, find it, lock it, delete what tunedeck made of it."""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common import locks, paths
from engine.common.errors import MachineError, NoSuchRun, RunError, reason_of
from engine.common.files import MOST_JSON_BYTES, read_json, write_atomic
from engine.common.regular_files import open_regular, what_is_wrong
from engine.common.work_folder import left_behind
from engine.messages.message import Message

MOST_LOG_BYTES = 4 << 30
"""Larger files were not written by a run."""
_RUN_ID = re.compile(r"\d{8}-\d{6}-.+-[0-9a-f]{4}")
MIX = "mix.json"
"""What a mix of adapters was made of, in the folder of one."""
COMPLETE = "COMPLETE"
"""Written last into a checkpoint: one without it does not exist."""
DUPLICATED_FROM = "duplicated_from"
"""The key of run.json for the run that was duplicated and edited."""


@dataclass(frozen=True)
class RunDir:
    """Paths inside one run directory; nothing is read until asked for."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def name(self) -> str:
        """What a person called it, its id where nobody did; as it is written."""
        return str(self.read_run_json().get("name") or self.id)

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def control(self) -> Path:
        return self.path / "control.json"

    @property
    def log(self) -> Path:
        return self.path / "runner.log"

    @property
    def exit_json(self) -> Path:
        """How the runner's process ended, written by the process that waits for it."""
        return self.path / "exit.json"

    @property
    def parents(self) -> Path:
        """Which older adapters this run goes back to, noted at its start."""
        return self.path / "parents.json"

    @property
    def origins(self) -> Path:
        """What it is made from, by the hash of each file, noted at its start."""
        return self.path / "origins.json"

    @property
    def held_out(self) -> Path:
        """The rows it validates and tests with, by their hashes."""
        return self.path / "held_out.npy"

    @property
    def viewers(self) -> Path:
        """Who has it open on a screen, a file for each; there only while somebody has."""
        return self.path / "viewers"

    @property
    def report(self) -> Path:
        """What ``tunedeck report`` writes."""
        return self.path / "report.html"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def merged(self) -> Path:
        """The base of strategy merge with the old adapter in it; there only when it is whole."""
        return self.path / "merged"

    @property
    def has_adapter(self) -> bool:
        """Whether there is one to go on from: the result, or a complete checkpoint."""
        return _is_file(self.adapter / "adapter_config.json") or bool(self.complete_checkpoints())

    @property
    def begins_anew(self) -> bool:
        """Whether a resume starts at the first step: there is no checkpoint, and no result that it would replace."""
        return not self.has_adapter

    def checkpoint(self, step: int) -> Path:
        return self.path / f"checkpoint-{step}"

    def complete_checkpoints(self) -> list[Path]:
        """Checkpoints whose COMPLETE marker exists, oldest first; the others do not count."""
        found = [p for p in self.path.glob("checkpoint-*") if _is_file(p / COMPLETE) and _step_of(p) >= 0]
        return sorted(found, key=_step_of)

    def read_run_json(self) -> dict[str, Any]:
        """The runner's cache of facts, {} when absent or unreadable."""
        return read_json(self.run_json)

    @property
    def duplicated_from(self) -> str:
        """The id of the run whose settings this one began with; "" where it was made otherwise, or long ago."""
        found = self.read_run_json().get(DUPLICATED_FROM)
        return found if isinstance(found, str) and _RUN_ID.fullmatch(found) else ""

    def is_alive(self) -> bool:
        """Whether a runner holds the lock now."""
        return is_locked(self.lock)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered
        return False


def _step_of(path: Path) -> int:
    suffix = path.name.removeprefix("checkpoint-")
    return int(suffix) if suffix.isdigit() else -1


def create(
    model: str, config_text: str, name: str = "", root: Path | None = None, more: Mapping[str, Any] | None = None
) -> RunDir:  # fmt: skip
    """A new run directory, mode 0700, with its ``config.toml``; ``name`` is what people call the run.

    ``more`` are further facts for lists of runs, kept in run.json.

    Raises MachineError when the folder can't be written.
    """
    root = root or paths.runs_dir()
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", Path(model.rstrip("/")).name).strip("-.")[:40].lower() or "model"
    try:
        paths.private_dir(root)
        while True:
            path = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{slug}-{secrets.token_hex(2)}"
            try:
                path.mkdir(mode=0o700)
                break
            except FileExistsError:
                continue
        run = RunDir(path)
        write_atomic(run.config, config_text)
        facts = {"name": name or path.name, "model": Path(model.rstrip("/")).name, "created_t": time.time()}
        write_atomic(run.run_json, json.dumps(facts | dict(more or {})))
    except OSError as error:
        where = error.filename or root
        raise MachineError("runs.cannot-create", path=where, reason=reason_of(error)) from error
    return run


def list_runs(root: Path | None = None) -> list[RunDir]:
    """All runs, newest first; those too whose files are damaged or can't be read."""
    root = root or paths.runs_dir()
    try:
        found = [RunDir(Path(entry.path)) for entry in os.scandir(root) if _is_run(entry)]
    except OSError:
        return []
    return sorted(found, key=_age, reverse=True)


def _is_run(entry: os.DirEntry[str]) -> bool:
    try:
        os.lstat(Path(entry.path) / "config.toml")
    except PermissionError:
        return bool(_RUN_ID.fullmatch(entry.name))
    except (OSError, ValueError):
        return False
    return True


def damage_of(run: RunDir) -> Message | None:
    """Which file of ``run`` is no file that a run wrote, and why; None for none. Opens nothing."""
    for path, most_bytes in (
        (run.config, MOST_JSON_BYTES), (run.run_json, MOST_JSON_BYTES), (run.exit_json, MOST_JSON_BYTES),
        (run.events, MOST_LOG_BYTES), (run.log, MOST_LOG_BYTES),
    ):  # fmt: skip
        why = what_is_wrong(path, most_bytes)
        if why:
            return Message("runs.damaged-file", file=path.name, why=why)
    return None


def _age(run: RunDir) -> tuple[str, int]:
    """Sorts runs by the date in their id; within one second by the config, which is written once."""
    try:
        written_ns = run.config.stat().st_mtime_ns
    except OSError:
        written_ns = 0
    return run.id[:15], written_ns


def find(name: str, root: Path | None = None) -> RunDir:
    """A run by its path, its id, the beginning of its id, its ``[run] name``, or the word ``last``.

    Raises RunError when none or several match.
    """
    try:
        as_path = Path(name).expanduser()
        if name and (as_path / "config.toml").is_file():
            return RunDir(as_path.resolve())
    except (OSError, ValueError, RuntimeError):
        pass  # no path, so it may be a name
    runs = list_runs(root)
    if name == "last" and runs:
        return runs[0]
    matches = [run for run in runs if run.id == name] or [
        run for run in runs if (name and run.id.startswith(name)) or run.read_run_json().get("name") == name
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise RunError("runs.ambiguous", name=name, runs=[run.id for run in matches[:5]])
    raise NoSuchRun("runs.no-such-run" if runs else "runs.no-runs-yet", name=name)


class RunLock:
    """Held for a runner's whole life. The kernel frees it however the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self, patience_s: float = 1.0) -> None:
        """Take the lock or raise RunError naming who holds it, MachineError when it can't be written.

        A viewer that asks ``is_locked`` holds it for an instant; that is what the patience is for.
        """
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise MachineError("runs.lock-unwritable", path=self.path, reason=reason_of(error)) from error
        if not _flock_within(fd, self.path.parent, patience_s):
            holder = os.pread(fd, 64, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise RunError("runs.locked", run=self.path.parent.name, process=holder)
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
        except OSError:
            pass  # a full disk hides the holder's number, nothing else
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _flock_within(fd: int, run: Path, patience_s: float) -> bool:
    """Lock ``fd`` for this process alone. Where there are no locks, the process recorded in ``run`` decides."""
    deadline = time.monotonic() + patience_s
    while (found := locks.taken(fd)) is False:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return found is True or not _recorded_process_lives(run)


def is_locked(path: Path) -> bool:
    """Whether another open file holds the lock. Where there are no locks, pid and start time decide."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        found = locks.taken(fd, shared=True)
    finally:
        os.close(fd)
    return found is False or (found is None and _recorded_process_lives(path.parent))


def _recorded_process_lives(run: Path) -> bool:
    import psutil

    record = read_json(run / "run.json")
    try:
        pid, started = int(record["pid"]), float(record["pid_start_time"])
        return pid != os.getpid() and abs(psutil.Process(pid).create_time() - started) < 1.0
    except (KeyError, TypeError, ValueError, psutil.Error):
        return False


START_GRACE_S = 120.0


def is_starting(run: RunDir) -> bool:
    """Whether ``run`` was launched a moment ago and its runner has neither taken the lock nor ended yet."""
    facts = read_json(run.run_json)
    launched, lock_ns = facts.get("launched_t"), facts.get("launched_lock_ns")
    if not isinstance(launched, (int, float)) or run.exit_json.exists() or abs(time.time() - launched) > START_GRACE_S:
        return False
    if isinstance(lock_ns, int):
        return lock_stamp(run) == lock_ns  # the lock is written to when it is taken
    try:
        return run.lock.stat().st_mtime < launched
    except OSError:
        return True


def lock_stamp(run: RunDir) -> int:
    """Changes whenever a runner takes the lock, whichever way the clock goes."""
    try:
        return run.lock.stat().st_mtime_ns
    except OSError:
        return 0


def report_mark(run_id: str) -> str:
    """What stands among the first lines of the report of the run of this id."""
    return f'<meta name="tunedeck-run" content="{html.escape(run_id)}">'


def is_report_of(path: Path, run_id: str) -> bool:
    """Whether the file at ``path`` is a report that was made of this run."""
    try:
        with open_regular(path) as file:
            return report_mark(run_id).encode() in file.read(2000)
    except OSError:
        return False


_MADE_HERE = ("config.toml", "run.json", "lock", "events.jsonl", "control.json", "runner.log", "exit.json",
              "parents.json", "origins.json", "held_out.npy", "rows_sample.jsonl", "mix_changes.json",
              "interventions.json", ".events.reserve", MIX, "exports.jsonl", "failures.json")  # fmt: skip


def what_delete_removes(run: RunDir) -> list[Path]:
    """The files and folders of ``run`` that tunedeck made; whatever a person put there is not among them."""
    named = [run.path / name for name in (*_MADE_HERE, "adapter", "merged", "cache", "evaluations", "viewers")]
    named += [run.report] if is_report_of(run.report, run.id) else []
    numbered = [p for p in run.path.glob("checkpoint-*") if _step_of(p) >= 0]
    numbered += [p for p in run.path.glob("config.*.toml") if p.suffixes[0][1:].isdigit()]  # before a change
    for kind in ("damaged", "abandoned"):
        numbered += [p for p in run.path.glob(f"checkpoint-*.{kind}*") if _step_of(p.with_suffix("")) >= 0]
    unfinished = [p for p in run.path.glob("*.partial") if p.stem == "adapter" or _step_of(p.with_suffix("")) >= 0]
    temporary = [p for name in _MADE_HERE for p in run.path.glob(f".{name}.*tmp")]
    temporary += left_behind(run.path)
    return [p for p in [*named, *numbered, *unfinished, *temporary] if p.exists() or p.is_symlink()]


def delete(run: RunDir) -> None:
    """Remove a run that is not running; the folder itself goes only if nothing else is in it.

    Raises RunError while it runs, MachineError when something can't be removed.
    """
    if run.is_alive() or is_starting(run):
        raise RunError("runs.running-not-deleted", run=run.id)
    try:
        for path in what_delete_removes(run):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if not any(run.path.iterdir()):
            run.path.rmdir()
    except OSError as error:
        where = error.filename or run.path
        raise MachineError("runs.cannot-delete", path=where, reason=reason_of(error)) from error
