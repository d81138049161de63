"""A metric of the user's: a Python file with ``def score(answer, reference, row)``, run in a process of its own.

It is never imported here. Its process gets neither our environment nor a terminal, has a limit of time for each row and
for all, and of memory; whatever goes wrong in it costs the score of a row, with a note, and never the evaluation.
"""

from __future__ import annotations

import ast
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import engine
from engine.common.child import record_of
from engine.common.errors import ConfigError, reason_of
from engine.common.regular_files import read_regular
from engine.messages.message import Message

ROW_S, ALL_S, LOAD_S = 10.0, 600.0, 60.0
"""Seconds that one row, all rows, and loading the file may take."""
_TELL_EVERY_S = 0.5
"""While nothing is heard of the process, so often somebody is told that it is waited for."""
_MOST_ENDED = 3
"""So often the process may be lost before the rest is left without scores."""
_MOST_NOTES = 5
_MOST_BYTES = 1 << 20
_LARGEST = 1e100
"""A larger score is none: its square, or the sum over rows, would be infinite."""
_PASSED_ON = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "VIRTUAL_ENV",
    "CONDA_PREFIX", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "HF_HOME",
    "HF_HUB_OFFLINE", "NLTK_DATA",
)  # fmt: skip
"""What of the environment a metric gets, and LC_…: what it needs to run. Tokens and keys are not among it."""


@dataclass(frozen=True)
class Item:
    """One answer to score. ``row`` is what ``score`` gets as third argument, ``where`` the row's place for a person."""

    answer: str
    reference: str
    row: Mapping[str, Any]
    where: str


@dataclass
class Scored:
    """A score for each item, None where there is none; ``notes`` say why, with the row."""

    scores: list[float | None]
    notes: list[Message] = field(default_factory=list)


def check(path: Path) -> None:
    """Raises ConfigError for a file that can be no metric: not there, not Python, no ``score`` of three arguments."""
    try:
        tree = ast.parse(read_regular(path, _MOST_BYTES))
    except FileNotFoundError:
        raise ConfigError("user-metric.no-such-file", path=path) from None
    except OSError as error:
        raise ConfigError("user-metric.unreadable", path=path, reason=reason_of(error)) from None
    except SyntaxError as error:  # also of bytes that are not UTF-8
        raise ConfigError("user-metric.not-python", path=path, row=str(error.lineno or 1), reason=error.msg) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigError("user-metric.not-python", path=path, row="1", reason=str(error)) from None
    found = [node for node in tree.body if _binds_score(node)]
    if not found:
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        raise ConfigError("user-metric.no-score", path=path, functions=names or ["-"])
    last = found[-1]
    if isinstance(last, ast.AsyncFunctionDef) or (isinstance(last, ast.FunctionDef) and not _takes_three(last.args)):
        raise ConfigError("user-metric.wrong-arguments", path=path, row=str(last.lineno))


def try_on(path: Path, item: Item, row_s: float = ROW_S) -> None:
    """Score ``item`` once. Raises ConfigError where that gives no score, with what the file did and in which line."""
    found = measure(path, [item], row_s)
    if found.scores[0] is None:
        reason = found.notes[0].args["reason"]
        if found.notes[0].code == "user-metric.not-loaded":
            raise ConfigError("user-metric.unloadable", path=path, reason=reason)
        raise ConfigError("user-metric.fails", path=path, where=item.where, reason=reason)


def measure(
    path: Path, items: Sequence[Item], row_s: float = ROW_S, all_s: float = ALL_S, load_s: float = LOAD_S,
    on_row: Callable[[int, int], None] = lambda done, total: None,
) -> Scored:  # fmt: skip
    """What the metric in ``path`` gives for each item. It never raises for what the file does.

    ``on_row`` gets rows done and rows of all, before each row and while one is waited for; what it raises ends the
    process of the file first.
    """
    scored = Scored([None] * len(items))
    failures: list[tuple[int, Message]] = []
    ends, switched, at, lost = time.monotonic() + all_s, 0, 0, 0
    while at < len(items) and lost < _MOST_ENDED:
        child = _Child(path, lambda: on_row(at, len(items)))  # noqa: B023 - called while the loop stands there
        try:
            ready = child.hear(min(load_s, ends - time.monotonic()))
            if ready is None or ready["type"] != "ready":
                scored.notes.append(_unloaded(path, child, ready, load_s))
                return scored
            while at < len(items):
                on_row(at, len(items))
                left = ends - time.monotonic()
                if left <= 0:
                    break
                said = child.ask(at, items[at], min(row_s, left))
                if said is None:
                    why = child.ended()
                    if why is not None or left > row_s:
                        failures.append((at, why or Message("user-metric.row-too-slow", seconds=row_s)))
                        at, lost = at + 1, lost + 1
                    break
                score, failure = _read(said)
                switched += said.get("kind") == "bool"
                if failure is not None:
                    failures.append((at, failure))
                scored.scores[at] = score
                at += 1
        finally:
            child.stop()
        if ends <= time.monotonic():
            break
    for place, why in failures[:_MOST_NOTES]:
        scored.notes.append(Message("user-metric.row-failed", where=items[place].where, reason=why))
    if len(failures) > _MOST_NOTES:
        scored.notes.append(Message("user-metric.more-failed", rows=len(failures) - _MOST_NOTES))
    if at < len(items):
        code = "user-metric.given-up" if lost >= _MOST_ENDED else "user-metric.out-of-time"
        scored.notes.append(Message(code, rows=len(items) - at, of=len(items), seconds=all_s, times=lost))
    if switched:
        scored.notes.append(Message("user-metric.true-or-false", rows=switched))
    return scored


class _Child:
    """The process of the file, and what it says line by line. ``waiting`` is called while it says nothing."""

    def __init__(self, path: Path, waiting: Callable[[], None]) -> None:
        self._waiting = waiting
        passed = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("LC_")}
        home = str(Path(engine.__file__).parent.parent)
        passed["PYTHONPATH"] = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.metrics.user_metric_child", str(path)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=passed, start_new_session=True,
        )  # fmt: skip
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(target=_listen, args=(self._process.stdout, self._lines), daemon=True).start()

    def ask(self, number: int, item: Item, within_s: float) -> dict[str, Any] | None:
        """What it says to row ``number``; None where it is lost or silent."""
        asked = {"number": number, "answer": item.answer, "reference": item.reference, "row": dict(item.row)}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asked, default=str).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return None
        ends = time.monotonic() + within_s
        while (said := self.hear(ends - time.monotonic())) is not None and said.get("number") != number:
            pass  # a process that the file forked says it twice
        return said

    def hear(self, within_s: float) -> dict[str, Any] | None:
        ends = time.monotonic() + within_s
        while (left := ends - time.monotonic()) > 0:
            with suppress(queue.Empty):
                return self._lines.get(timeout=min(left, _TELL_EVERY_S))
            self._waiting()
        return None

    def ended(self) -> Message | None:
        """How it ended, None where it still runs."""
        with suppress(subprocess.TimeoutExpired):
            status = self._process.wait(0.2)
            if status < 0:
                names = {each.value: each.name for each in signal.Signals}
                return Message("user-metric.killed", signal=names.get(-status, str(-status)))
            return Message("user-metric.exited", status=str(status))
        return None

    def stop(self) -> None:
        """End it with all that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()


def _listen(stream: IO[bytes], lines: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    with stream:
        for line in stream:
            record = record_of(line)
            if record is not None:
                lines.put(record)
    lines.put(None)


def _read(said: Mapping[str, Any]) -> tuple[float | None, Message | None]:
    """The score in a record, or why there is none."""
    if said["type"] == "raised":
        return None, Message(
            "user-metric.raised", error=str(said.get("error"))[:300], line=str(said.get("line") or "?")
        )
    value = said.get("value")
    if said["type"] != "score" or not isinstance(value, (int, float)):
        return None, Message("user-metric.no-number", kind=str(said.get("kind")), value=str(said.get("shown"))[:60])
    if not abs(value) <= _LARGEST:  # nor NaN
        return None, Message("user-metric.not-finite", value=str(value))
    return float(value), None


def _unloaded(path: Path, child: _Child, said: Mapping[str, Any] | None, load_s: float) -> Message:
    if said is not None:
        failure = _read(said)[1]
        return Message("user-metric.not-loaded", path=path, reason=failure)
    why = child.ended() or Message("user-metric.row-too-slow", seconds=load_s)
    return Message("user-metric.not-loaded", path=path, reason=why)


def _binds_score(node: ast.stmt) -> bool:
    """Whether a statement of the file gives the name ``score`` something."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name == "score"
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return any((each.asname or each.name) in ("score", "*") for each in node.names)
    if isinstance(node, ast.Assign):
        return any(isinstance(each, ast.Name) and each.id == "score" for each in node.targets)
    if isinstance(node, (ast.If, ast.Try, ast.With)):
        return any(_binds_score(each) for each in _inside(node))
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "score"


def _inside(node: ast.If | ast.Try | ast.With) -> Iterable[ast.stmt]:
    yield from node.body
    yield from getattr(node, "orelse", ())
    for handler in getattr(node, "handlers", ()):
        yield from handler.body


def _takes_three(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    named = [each for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    return needed <= 3 and (positional >= 3 or arguments.vararg is not None) and not named
