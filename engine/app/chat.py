"""Talking to a model: whether there is room for it beside what runs, its process, and what is kept of a dialogue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from engine.app.plan import fit_on
from engine.common import http_json
from engine.common.child import record_of
from engine.common.clean_text import clean
from engine.common.errors import ConfigError, DataError, MachineError, TunedeckError, reason_of
from engine.common.files import write_atomic
from engine.config.schema import DataSource, RunConfig
from engine.machine import snapshot
from engine.machine.snapshot import Machine
from engine.messages.message import Message
from engine.models.chat_request import BASE, Asked, ChatRequest, Turn
from engine.models.for_use import ForUse, Trust, find_for_use
from engine.runs.directory import RunDir, list_runs
from engine.runs.follow import load_state

COMMAND = (sys.executable, "-P", "-m", "engine.jobs.chat")
TO_SERVER = (sys.executable, "-P", "-m", "engine.jobs.chat_server")
_POSITIONS = 4096
"""Positions whose keys and values are counted in what a chat needs."""
_MOST_ROW_BYTES = 1 << 20
_ENDS = {
    "stop": "", "stop-string": "chat.ended-stop-string", "limit": "chat.ended-limit",
    "positions": "chat.ended-positions", "stopped": "chat.ended-stopped",
}  # fmt: skip


def command(request: ChatRequest) -> list[str]:
    """How the process of ``engine.jobs.chat`` is started, or that of ``engine.jobs.chat_server``."""
    return [*(TO_SERVER if request.server else COMMAND), msgspec.json.encode(request).decode()]


def line_of(asked: Asked) -> bytes:
    """What the process is told to answer."""
    return json.dumps({"ask": "answer", **msgspec.to_builtins(asked)}).encode() + b"\n"


def stop(upto: int) -> bytes:
    """What ends the answer under way and takes back what waits, up to the request of that number."""
    return json.dumps({"ask": "stop", "upto": upto}).encode() + b"\n"


def found_by(request: ChatRequest) -> ForUse:
    """The model on this machine that ``request`` means. Raises TunedeckError for a name that means none."""
    trust = Trust(request.trust_remote_code, request.allow_pickle, request.trust_base)
    if request.beside and request.beside != BASE:
        find_for_use(request.beside, trust)
    found = find_for_use(
        request.target, trust, base=request.base, checkpoint=request.checkpoint, quantization=request.quantization
    )
    if request.beside == BASE and found.adapter is None:
        raise ConfigError("chat.no-base", name=found.title)
    return found


def checked_server(address: str, key_from: str = "") -> str:
    """``address`` without a path, for the requests of a chat; ``key_from`` names the variable with the key, if any.

    Raises ConfigError for an address that is none, a variable that is empty, and a key that would go out in clear text.
    """
    try:
        parts = urllib.parse.urlsplit(address if "://" in address else f"http://{address}")
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named or parts.path.rstrip("/") not in ("", "/v1"):
        raise ConfigError("chat.bad-server", given=address)
    server = f"{parts.scheme}://{parts.netloc}"
    if key_from and not os.environ.get(key_from):
        raise ConfigError("chat.no-key", variable=key_from)
    if key_from and parts.scheme == "http" and not http_json.is_loopback(server):
        raise ConfigError("chat.key-in-clear", server=server)
    return server


@dataclass(frozen=True)
class Room:
    """Bytes that a chat needs, and that are free on its device but for what the trainings of ``runs`` there grow by.

    ``slows``: those compute on the same processor.
    """

    needed_bytes: float
    free_bytes: float
    runs: tuple[str, ...] = ()
    slows: bool = False

    @property
    def fits(self) -> bool:
        return self.needed_bytes <= self.free_bytes

    @property
    def refusal(self) -> MachineError | None:
        """Why the chat must not begin: a training beside it could run out of memory."""
        if self.fits or not self.runs:
            return None
        return MachineError("chat.no-room", needed=self.needed_bytes, free=self.free_bytes, runs=self.runs)

    @property
    def warnings(self) -> list[Message]:
        found = [Message("chat.slows", runs=self.runs)] if self.slows else []
        if not self.fits and not self.runs:
            found.append(Message("chat.tight", needed=self.needed_bytes, free=self.free_bytes))
        return found


def room_for(found: ForUse, gpus: str = "", machine: Machine | None = None, root: Path | None = None) -> Room | None:
    """Whether there is room for ``found`` beside the trainings in ``root``; None where the machine can't tell.

    Raises MachineError for a GPU that is not there.
    """
    machine = machine or snapshot.read_machine_now()
    config = found.config or RunConfig(model=found.model, data=[DataSource(path="-")])
    launch = config.launch.model_copy(update={"gpus": (gpus or config.launch.gpus).split(",")[0]})
    config = config.model_copy(update={"model": found.model, "launch": launch})
    fit = fit_on(config, machine, history=()) if machine is not None else None
    if fit is None:
        return None
    card, estimate = found.card, fit.estimate
    length = min(_POSITIONS, card.max_position_embeddings or _POSITIONS)
    cache = 2 * card.num_layers * card.num_kv_heads * card.head_dim * 2 * length
    needed = estimate.phase("load").bytes + cache + estimate.profile.context_bytes
    on_cpu = fit.budget.device == "cpu"
    grows, runs = 0.0, []
    for run in list_runs(root):
        if run.is_alive():
            growth = _growth(run, on_cpu)
            if growth is not None:
                grows += growth
                runs.append(run.name)
    return Room(needed, max(0.0, fit.budget.available_bytes - grows), tuple(runs), on_cpu and bool(runs))


def _growth(run: RunDir, on_cpu: bool) -> float | None:
    """Bytes that the training of ``run`` may still take on this kind of device; None where it is on another."""
    state = load_state(run)
    plan, device = state.memory_plan, state.device
    if plan is None:
        return 0.0  # nothing is known yet
    if (plan.device == "cpu") != on_cpu:
        return None
    if on_cpu:
        now = (device.rss or 0) if device else 0
    else:
        now = sum(gpu.reserved or 0 for gpu in device.gpus) if device else 0
    return max(0.0, float(plan.needed_bytes) - now)


class Talk:
    """The process of a chat for a program that waits: ``ready`` once it is loaded, then one answer after the other."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0

    def __enter__(self) -> Talk:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints,
            process_group=0,  # Ctrl+C is for whoever asks
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        if process.stdin is not None:
            process.stdin.close()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._complaints.close()

    def records(self, until: str) -> Iterator[dict[str, Any]]:
        """Its lines up to the one of type ``until``. Raises TunedeckError for an error, or a process that ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            record = record_of(line)
            if record is None:
                continue
            if record["type"] == "error":
                raise TunedeckError.from_json(record)
            yield record
            if record["type"] == until:
                return
        raise ended_by_itself(self._process.wait(), self._complaints)

    def ask(self, turns: Sequence[Turn], voices: Sequence[str], **how: Any) -> Iterator[dict[str, Any]]:
        """Pieces and answers of each of ``voices``. Raises TunedeckError."""
        self._asked += 1
        self._send(line_of(Asked(id=self._asked, turns=[*turns], voices=[*voices], **how)))
        yield from self.records("done")

    def stop(self) -> Iterator[dict[str, Any]]:
        """End the answer under way; what is left of its records. Raises TunedeckError."""
        self._send(stop(self._asked))
        yield from self.records("done")

    def _send(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ended_by_itself(self._process.wait(), self._complaints) from None


def ended_by_itself(code: int, complaints: IO[bytes]) -> TunedeckError:
    """What to say of a chat process that ended with ``code``: the system ends it first where RAM runs out."""
    if code == -9:
        return MachineError("chat.killed")
    complaints.seek(0)
    lines = [line for line in complaints.read().decode("utf-8", "replace").splitlines() if line.strip()]
    last = clean(lines[-1], keep_newlines=False)[:300] if lines else "-"
    return TunedeckError("chat.ended", code=str(code), words=last)


def ending(said: Mapping[str, Any]) -> Message | None:
    """What is to be said of how an answer ended; None where the model ended it itself."""
    code = _ENDS.get(str(said.get("ended")), "")
    return Message(code, tokens=int(said.get("tokens") or 0)) if code else None


# What is kept of a dialogue


def row_of(turns: Sequence[Turn]) -> str:
    """The dialogue as a line of a file of messages rows."""
    return json.dumps({"messages": [msgspec.to_builtins(turn) for turn in turns]}, ensure_ascii=False)


def append_row(path: Path, turns: Sequence[Turn]) -> int:
    """Append the dialogue to the JSONL file ``path``, which need not exist yet; returns its rows then.

    Raises DataError for a file of another kind, MachineError where it can't be written. What was there stays.
    """
    path = path.expanduser()
    if path.suffix.lower() not in (".jsonl", ".ndjson"):
        raise DataError("chat.not-jsonl", path=path)
    try:
        rows, tail = 0, b"\n"
        if path.exists():
            if not path.is_file():
                raise DataError("chat.not-jsonl", path=path)
            rows, tail = _read_rows(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(fd, "ab") as file:
            file.write((b"" if tail == b"\n" else b"\n") + row_of(turns).encode("utf-8", "replace") + b"\n")
    except OSError as error:
        raise MachineError("chat.unwritable", path=path, reason=reason_of(error)) from error
    return rows + 1


def _read_rows(path: Path) -> tuple[int, bytes]:
    """How many rows there are, which must be messages rows, and the last byte."""
    rows, last = 0, b"\n"
    with path.open("rb") as file:
        for line in file:
            last = line[-1:]
            if not line.strip():
                continue
            if rows == 0 and len(line) < _MOST_ROW_BYTES:
                try:
                    first = json.loads(line)
                except ValueError:
                    first = None
                if not isinstance(first, dict) or not isinstance(first.get("messages"), list):
                    raise DataError("chat.other-rows", path=path)
            rows += 1
    return rows, last


def add_sample_prompt(path: Path, prompt: str) -> int:
    """Add ``prompt`` to ``sample.prompts`` of the config in ``path``; returns how many there are then.

    Comments and order of the file stay. Raises ConfigError for a file that is no config, or a run's own, and
    MachineError where it can't be written.
    """
    import tomlkit
    import tomlkit.exceptions

    from engine.config import toml

    path = path.expanduser()
    if path.suffix.lower() != ".toml" or not path.is_file():
        raise ConfigError("chat.not-config", path=path)
    if (path.parent / "run.json").exists():
        raise ConfigError("chat.run-config", path=path)
    toml.load(path)  # says what is wrong with it
    try:
        document = tomlkit.parse(path.read_text("utf-8"))
        section = document.setdefault("sample", tomlkit.table())
        prompts = section.setdefault("prompts", tomlkit.array())
        if prompt not in prompts:
            prompts.append(prompt)
        write_atomic(path, tomlkit.dumps(document))
    except (OSError, UnicodeDecodeError, tomlkit.exceptions.TOMLKitError) as error:
        raise MachineError("chat.unwritable", path=path, reason=str(error)) from error
    return len(prompts)
